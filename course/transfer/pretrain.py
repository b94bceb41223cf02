"""Train the small network that comes with the course, to be tuned in lectures and assignments.

    python -m course.transfer.pretrain data/weights/course_shapes

takes five minutes on two free cores. It writes the run's ``model.keras``, ``run.json`` and
``history.json``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from course._files import replacing, write_text
from course.training import Options, train

# ResNet-8: one block for each size.
OPTIONS = Options(
    "resnet20_cifar",
    "course_shapes/source",
    recipe="default",
    epochs=12,
    learning_rate=3e-3,
    arguments={"depth": 8},
    recipe_changes={"augmentations": (("crop", 2),)},
)
FILES = ("model.keras", "history.json")


def keep(run: Path, folder: Path) -> None:
    """Copy what tuning needs of a finished run, with the command that made it.

    Args:
        run: folder of a run with :data:`OPTIONS`.
        folder: gets the files; created if needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with replacing(folder / name) as temporary:
            shutil.copyfile(run / name, temporary)
    record = json.loads((run / "run.json").read_text())
    record["command"] = " ".join(["python -m course.transfer.pretrain", *sys.argv[1:2]])
    write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")


def main(folder: str) -> None:
    """Train the network and keep it in a folder."""
    with tempfile.TemporaryDirectory() as made:
        run = Path(made) / "run"
        result = train(OPTIONS, run)
        keep(run, Path(folder))
    print(f"{result.error:.2f} % error; written: {folder}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/weights/course_shapes")
