"""Studies as data, their runs on the disk, and the page that shows them."""

import json
import statistics
import subprocess
import sys
import time

import pytest

from course import cli
from course.studies import STUDIES, Study, Variant, get_study, runs, tables
from course.training import options

TINY = Study(
    "Does the optimizer matter?",
    "nobody",
    {
        "name": "lenet5_modern",
        "dataset": "digits",
        "image_size": (32, 32),
        "epochs": 3,
        "limit": 300,
        "test_limit": 100,
        "recipe_changes": {"label_smoothing": 0.1},
    },
    {
        "flipped": Variant({"recipe_changes": {"augmentations": (("flip",),)}}, "1.5"),
        "plain": Variant({}),
    },
    seeds=(0, 4),
)


@pytest.fixture(scope="module", autouse=True)
def tiny():
    STUDIES["tiny"] = TINY
    yield
    del STUDIES["tiny"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with a record of a run that was not disturbed, and one of a run that was killed."""
    folder = tmp_path_factory.mktemp("records")
    places = {name: {"folder": folder / name, "scratch": folder / f"{name} runs"} for name in "ab"}
    runs.record("tiny", "flipped", 4, **places["a"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.subprocess, "run", _kill_after_a_checkpoint)
        with pytest.raises(ValueError, match="flipped with seed 4 failed \\(exit code -9\\)"):
            runs.record("tiny", "flipped", 4, **places["b"])
    assert runs.load("tiny", folder / "b") == []
    runs.record("tiny", "flipped", 4, **places["b"])
    return folder


def _kill_after_a_checkpoint(words):
    folder = runs.Path(words[words.index("--resume") + 1])
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while not list(folder.glob("checkpoints/*.ckpt")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    return subprocess.CompletedProcess(words, process.wait())


def test_a_run_is_recorded(recorded):
    (run,) = runs.load("tiny", recorded / "a")
    assert (run.variant, run.seed) == ("flipped", 4)
    assert {len(values) for values in run.history.values()} == {3}
    assert {"loss", "accuracy", "test_loss", "test_accuracy", "learning_rate"} <= set(run.history)
    assert run.result == {key: values[-1] for key, values in run.history.items()}
    assert run.error == pytest.approx(100 - 100 * run.history["test_accuracy"][-1])
    assert run.seconds > 0
    assert "CPU" in run.hardware
    assert "keras" in run.versions
    text = (recorded / "a" / "tiny" / "flipped-seed4.json").read_text()
    assert len(text) < 4000


def test_the_options_are_the_studys(recorded):
    about = json.loads((recorded / "a runs" / "tiny" / "flipped-seed4" / "run.json").read_text())
    assert about["plan"]["augment"] == "flip"
    assert "label_smoothing=0.1" in about["plan"]["changes"]
    assert "300 to train on, 100 to evaluate on" in about["plan"]["dataset"]


def test_a_killed_run_is_gone_on_with(recorded):
    (whole,), (killed,) = (runs.load("tiny", recorded / name) for name in "ab")
    assert killed.history == whole.history
    about = json.loads((recorded / "b runs" / "tiny" / "flipped-seed4" / "run.json").read_text())
    assert "--resume" in about["command"]


def test_the_command_is_the_one_that_trains(recorded):
    (run,) = runs.load("tiny", recorded / "a")
    words = runs.shlex.split(run.command)
    parsed = cli._parser(words[1:]).parse_args(words[1:])
    assert options.Options(**options.given(parsed)) == TINY.options("flipped", 4)


def test_what_is_recorded_is_not_missing(recorded, monkeypatch):
    left = [("flipped", 0), ("plain", 0), ("plain", 4)]
    assert runs.missing("tiny", folder=recorded / "a") == left
    assert runs.missing("tiny", "flipped", folder=recorded / "a") == left[:1]
    assert runs.missing("tiny", seed=4, folder=recorded / "a") == left[2:]
    # A study that has changed has to be measured anew.
    monkeypatch.setitem(TINY.common, "epochs", 5)
    assert ("flipped", 4) in runs.missing("tiny", folder=recorded / "a")


def write(folder, variant, seed, accuracy):
    record = {
        "variant": variant,
        "seed": seed,
        "history": {"test_accuracy": [accuracy]},
        "result": {"test_accuracy": accuracy, "accuracy": accuracy / 2},
        "command": "course train",
        "seconds": 3.0 + seed,
        "hardware": "a CPU",
        "versions": {},
    }
    path = folder / "tiny" / f"{variant}-seed{seed}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record))


def test_the_table_has_mean_and_deviation(tmp_path):
    write(tmp_path, "plain", 0, 0.5)
    write(tmp_path, "flipped", 0, 0.7)
    write(tmp_path, "flipped", 4, 0.8)
    flipped, plain = runs.table("tiny", tmp_path)
    assert (flipped.variant, flipped.runs, flipped.paper) == ("flipped", 2, "1.5")
    assert flipped.error == pytest.approx(25)
    assert flipped.deviation == pytest.approx(statistics.stdev([30, 20]))
    assert flipped.training_error == pytest.approx(62.5)
    assert (plain.runs, plain.deviation, plain.paper) == (1, None, "")
    text = tables.markdown("tiny", tmp_path)
    assert "| flipped | 2 | 25.0 ± 7.1 | 62.5 | 1.5 |" in text
    assert "| plain | 1 | 50.0 | 75.0 | – |" in text
    assert "3 epochs" in text
    assert "a CPU; 3 to 7 seconds" in text


def test_a_page_is_filled_between_its_marks(tmp_path):
    page = "before\n<!-- study tiny -->\nold\n<!-- end -->\nafter\n"
    filled = tables.fill(page, tmp_path)
    assert filled.startswith("before\n<!-- study tiny -->\nNo runs are recorded.")
    assert filled.endswith("\n<!-- end -->\nafter\n")
    assert tables.fill(filled, tmp_path) == filled


def test_the_docs_show_every_study_as_it_is_recorded(root):
    page = (root / "docs" / "runs.md").read_text()
    assert tables.fill(page) == page, "course study show --write docs/runs.md"
    for name in STUDIES.keys() - {"tiny"}:
        assert f"<!-- study {name} -->" in page


def test_records_are_of_the_studies_own_commands():
    for name in STUDIES:
        for run in runs.load(name):
            expected = runs.command(get_study(name).options(run.variant, run.seed))
            assert run.command == expected


@pytest.mark.parametrize("name", ["activation_order", "shortcuts"])
def test_papers_errors_are_those_of_the_ablations(name):
    from course.blocks.residual_variants import ABLATIONS, FAILS

    for label, variant in get_study(name).variants.items():
        error = ABLATIONS[label].resnet110
        assert variant.paper == ("fails" if error == FAILS else f"{error:.2f}")


def test_papers_errors_are_those_of_the_registry():
    from course import architectures

    for variant in get_study("degradation").variants.values():
        entry = architectures.describe(variant.options["name"])
        assert variant.paper == str(entry.error("cifar10") or "")


@pytest.mark.parametrize(
    "line, message",
    {
        "study show no_study": "received study='no_study'",
        "study run no_study": "received study='no_study'",
        "study run tiny --variant curved": "tiny has flipped, plain; received curved",
        "study run tiny --seed 7": "tiny has 0, 4; received 7",
        "train lenet5 --dataset digits --recipe-set speed=3": "received speed",
        "train lenet5 --dataset digits --recipe-set augmentations=(('blur',),)": "('blur',)",
        "train efficientnet_v2_s --dataset digits --recipe-set augmentations=()": "without phases",
    }.items(),
)
def test_the_command_line_says_what_is_wrong(line, message, capsys):
    assert cli.main(line.split()) == 1
    assert message in capsys.readouterr().err


def test_a_dry_run_prints_the_commands(capsys):
    assert cli.main(["study", "run", "tiny", "--seed", "4", "--dry-run"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("course train lenet5_modern --dataset digits --epochs 3 --seed 4")
    assert "--recipe-set 'augmentations=((' " not in second


def test_reading_runs_loads_no_keras():
    code = (
        "import sys; from course import cli\n"
        "cli.main(['study', 'show'])\n"
        "assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in STUDIES.keys() - {"tiny"}:
        assert f"{name}:" in done.stdout
