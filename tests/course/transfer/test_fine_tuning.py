"""Fine-tuning through the course's trainer: phases, rates, resumed runs, weights to start from."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

from course import cli, transfer
from course.architectures import load
from course.errors import UsageError
from course.training import Options, checkpoints, distribution, network, train
from course.training import data as training_data
from course.training.plan import resolve
from course.transfer import TuningOptions
from tests.course.transfer.tiny import NAME, Interrupted, run

# 4 steps an epoch: 4 of the head, 8 of all.
SHORT = {"limit": 64, "test_limit": 50, "batch_size": 16, "epochs": 3}
PHASES = (("head", 1.0), ("all", 2.0))


@pytest.fixture(scope="module")
def source(registered, tmp_path_factory):
    """A finished run with weights to start from."""
    folder = tmp_path_factory.mktemp("source") / "run"
    train(Options(registered, "digits", **SHORT | {"epochs": 1}), folder, quiet=True)
    return folder


def options(source, **changes) -> TuningOptions:
    return TuningOptions(
        NAME, "digits", **SHORT | {"weights": str(source), "phases": PHASES} | changes
    )


def plan_of(chosen: TuningOptions):
    return resolve(chosen, training_data.load(chosen))


def trainee_of(chosen: TuningOptions, number: int):
    """A plan, and the compiled model of one of its phases."""
    plan = plan_of(chosen)
    keras.backend.clear_session()
    return plan, network.build(plan, plan.phases[number][1], distribution.setup("none"))


def arrays_at(folder, step: int) -> dict:
    return checkpoints.read(folder / "checkpoints" / f"step-{step:010d}.ckpt").arrays


def layer_values(arrays: dict, layer: str) -> list:
    """A layer's weights in a checkpoint."""
    return [v for k, v in arrays.items() if k.startswith("model/") and f"/{layer}/" in k]


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "whole"
    run(options(source, layer_decay=0.5, batch_norm="training"), folder)
    return folder


# Within the head's phase, at its last step, at the first one after it, and within the next phase.
@pytest.mark.parametrize("steps", [(2, 4), (5, 10)])
def test_a_resumed_run_ends_with_the_same_bits(source, whole, tmp_path, steps):
    chosen = options(source, layer_decay=0.5, batch_norm="training")
    for step in steps:
        with pytest.raises(KeyboardInterrupt):
            run(chosen, tmp_path / "run", resume=True, observers=[Interrupted(step)])
    run(chosen, tmp_path / "run", resume=True)
    one, other = (checkpoints.newest(f / "checkpoints") for f in (whole, tmp_path / "run"))
    assert one.values["step"] == other.values["step"] == 12
    assert one.arrays.keys() == other.arrays.keys()
    for key, value in one.arrays.items():
        assert value.tobytes() == other.arrays[key].tobytes(), key
    for name in ("history.json", "history.csv"):
        assert (whole / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_the_run_has_phases_and_rates(whole):
    rows = json.loads((whole / "history.json").read_text())
    # The cosine's last rates; a tenth where all is trained.
    rates = [row["learning_rate"] for row in rows]
    peak = 1e-3 * 16 / 32
    cosine = [0.5 * (1 + np.cos(np.pi * part)) for part in (3 / 4, 3 / 8, 7 / 8)]
    np.testing.assert_allclose(rates, [peak * cosine[0], *(peak / 10 * c for c in cosine[1:])])
    said = json.loads((whole / "run.json").read_text())
    assert said["plan"]["phases"].startswith("head for 1 epochs at 0.0005, then all for 2 epochs")
    assert said["paper"] is None


def test_in_the_head_s_phase_the_body_keeps_every_bit(source, tmp_path):
    chosen = options(source, phases=(("head", 1.0),))
    run(chosen, tmp_path / "run")
    before, after = (load(folder / "model.keras") for folder in (source, tmp_path / "run"))
    for old, new in zip(before.layers[:-1], after.layers[:-1], strict=True):
        for one, other in zip(old.get_weights(), new.get_weights(), strict=True):
            assert one.tobytes() == other.tobytes(), old.name
    old, new = (model.layers[-1].get_weights() for model in (before, after))
    assert (old[0] != new[0]).any()


def test_then_all_but_batch_normalization_is_trained(source, tmp_path):
    run(options(source), tmp_path / "run")
    before, after = (load(folder / "model.keras") for folder in (source, tmp_path / "run"))
    for name, same in {"conv1": False, "conv2": False, "bn1": True, "bn2": True}.items():
        for old, new in zip(
            before.get_layer(name).get_weights(), after.get_layer(name).get_weights(), strict=True
        ):
            assert (old.tobytes() == new.tobytes()) is same, name


def test_a_phase_can_begin_at_a_layer(source):
    chosen = options(source, phases=(("conv2", 1.0),))
    _, trainee = trainee_of(chosen, 0)
    names = {w.path.partition("/")[0] for w in trainee.model.trainable_variables}
    assert names == {"conv2", "predictions"}


def test_learning_rates_by_group_are_applied(source):
    """One step of plain SGD moves each weight by its own rate times the gradient."""
    changes = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant"}
    moved = {}
    for decay in (1.0, 0.5):
        chosen = options(
            source, recipe_changes=changes, layer_decay=decay, tuning_factor=1.0, learning_rate=0.1
        )
        plan, trainee = trainee_of(chosen, 1)
        for layer in trainee.net.layers:
            if layer.name.startswith("drop"):
                layer.rate = 0.0
        before = {w.path: np.array(w) for w in trainee.net.trainable_variables}
        trainee.model.train_on_batch(*plan.batch_source(plan.phases[1][1]).batch(0, 0))
        moved[decay] = {
            w.path: np.array(w) - before[w.path] for w in trainee.net.trainable_variables
        }
    # Four layers with weights in the body, a group each.
    for path, factor in {
        "conv1/kernel": 1 / 16,
        "conv2/kernel": 1 / 4,
        "predictions/bias": 1,
    }.items():
        assert np.abs(moved[1.0][path]).max() > 1e-4
        np.testing.assert_allclose(
            moved[0.5][path], factor * moved[1.0][path], rtol=2e-2, atol=2e-6, err_msg=path
        )


def test_factors_by_layer():
    names = [f"layer{n}" for n in range(5)]
    rows = [keras.layers.Dense(2, name=name) for name in names]
    model = keras.Sequential([keras.Input((2,)), *rows])
    assert transfer.learning_rate_factors(model, 0.5, groups=2) == {
        "layer0": 0.25,
        "layer1": 0.25,
        "layer2": 0.5,
        "layer3": 0.5,
        "layer4": 1.0,
    }
    assert list(transfer.learning_rate_factors(model, 0.1, groups=4).values()) == pytest.approx(
        [1e-4, 1e-3, 1e-2, 0.1, 1]
    )
    with pytest.raises(UsageError, match="layer_decay must be positive and at most 1"):
        transfer.learning_rate_factors(model, 1.5)
    with pytest.raises(UsageError, match="groups must be at least 1"):
        transfer.learning_rate_factors(model, 0.5, groups=0)


def test_colors_are_those_of_the_source(source, tmp_path):
    copied = shutil.copytree(source, tmp_path / "copy")
    said = json.loads((copied / "run.json").read_text())
    said["normalization"] = {"mean": [7.0], "deviation": [3.0]}
    (copied / "run.json").write_text(json.dumps(said))
    plan = plan_of(options(copied))
    assert (plan.data.mean, plan.data.std) == ([7.0], [3.0])
    found = transfer.load_pretrained(str(copied))
    assert np.asarray(found.preprocess(np.full((1, 8, 8, 1), 13, "uint8"))).max() == 2


def test_arguments_of_the_architecture_are_those_of_the_source(registered, tmp_path):
    wide = Options(registered, "digits", **SHORT | {"steps": 1}, arguments={"width": 9})
    train(wide, tmp_path / "wide", quiet=True)
    _, trainee = trainee_of(options(tmp_path / "wide"), 0)
    assert trainee.net.get_layer("conv1").kernel.shape[-1] == 9


def test_forgetting_is_measured(source, tmp_path):
    chosen = options(source, phases=(("head", 1.0),), source_dataset="digits", epochs=1)
    result = run(chosen, tmp_path / "run")
    (line,) = chosen.remarks(result, None)
    numbers = re.findall(r"([0-9.]+) % (?:error )?(before|after)", line)
    assert [when for _, when in numbers] == ["before", "after"]
    assert numbers[0][0] == numbers[1][0]  # the body was frozen
    assert line.startswith("digits, with its own head")


def refused(source, **changes):
    with pytest.raises(UsageError) as error:
        plan = plan_of(options(source, **changes))
        network.build(plan, plan.phases[-1][1], distribution.setup("none"))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_input_is_told_in_one_line(source, tmp_path):
    assert "there is no" in refused("nowhere")
    assert "needs a network of keras.applications; received name='tiny_tuned'" in refused(
        "imagenet"
    )
    assert "Each phase needs an epoch; received 1 epochs for head:1, all:2" in refused(
        source, epochs=1
    )
    assert "received 'conv3'. Did you mean conv" in refused(source, phases=(("conv3", 1),))
    assert "'conv1' has [(3, 3, 1, 6)] instead of [(3, 3, 1, 8)]" in refused(
        source, arguments={"width": 8}
    )
    copied = shutil.copytree(source, tmp_path / "copy")
    (copied / "run.json").unlink()
    assert "needs the run.json of its run" in refused(copied)
    with pytest.raises(UsageError, match="must be those of lenet5; .* which are those of tiny"):
        transfer.load_pretrained(str(source), "lenet5")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases": ()}, "phases must look like"),
        ({"phases": (("head", 0),)}, "phases must look like"),
        ({"phases": (("head",),)}, "phases must look like"),
        ({"tuning_factor": 0}, "tuning_factor must be positive"),
        ({"layer_decay": 1.1}, "layer_decay must be positive and at most 1"),
        ({"batch_norm": "frozen"}, "batch_norm must be one of inference, training"),
    ],
)
def test_options_refuse(changes, message):
    with pytest.raises(UsageError, match=message):
        TuningOptions("lenet5", "digits", **changes)


def test_options_survive_json_and_the_command_line(source):
    from argparse import ArgumentParser

    from course.training import options as common

    chosen = options(source, layer_decay=0.5, phases=(("head", 1.0), ("conv2", 0.5), ("all", 2.0)))
    values = json.loads(json.dumps(chosen.as_json()))
    assert common.from_json(values, {}, TuningOptions) == chosen
    parser = ArgumentParser()
    common.add_arguments(parser, TuningOptions)
    words = chosen.as_arguments()
    assert "head:1,conv2:0.5,all:2" in words
    assert TuningOptions(**common.given(parser.parse_args(words), TuningOptions)) == chosen


def test_each_command_resumes_its_own_runs(source, whole, capsys):
    assert cli.main(["train", "--resume", str(whole)]) == 1
    assert "received a run of `course finetune`" in capsys.readouterr().err
    assert cli.main(["finetune", "--resume", str(source)]) == 1
    assert "received a run of `course train`" in capsys.readouterr().err


def test_the_command_says_what_is_missing(capsys):
    assert cli.main(["finetune", "lenet5"]) == 1
    assert "course finetune resnet20_cifar --dataset digits" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["finetune", "lenet5", "--dataset", "digits", "--phases", "head"])
    assert "must look like head:1,all:3" in capsys.readouterr().err


def test_the_command_trains_and_says_what_was_forgotten(source, tmp_path, capsys):
    words = options(source, source_dataset="digits", epochs=1, phases=(("all", 1),)).as_arguments()
    assert cli.main(["finetune", *words, "--out", str(tmp_path / "run"), "--dry-run"]) == 0
    assert "all for 1 epochs at 5e-05" in capsys.readouterr().out
    assert cli.main(["finetune", *words, "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    assert "epoch 1/1" in said and "digits, with its own head" in said
    assert (tmp_path / "run" / "model.keras").exists()
