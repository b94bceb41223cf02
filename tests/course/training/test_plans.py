"""Recipes, options, schedules and plans: what needs no Keras."""

import argparse
import dataclasses
from dataclasses import fields

import numpy as np
import pytest

from course import recipes
from course.recipes import Phase
from course.regularization import augmentations
from course.training import evaluation, options, schedules
from course.training.data import TrainingData, load
from course.training.options import Options
from course.training.plan import resolve


def data(count: int = 1000, shape=(32, 32, 3), classes: int = 10) -> TrainingData:
    images = np.zeros((count, *shape), "uint8")
    labels = np.arange(count) % classes
    channels = shape[-1]
    return TrainingData(
        (images, labels), (images, labels), "test", classes, [0.0] * channels, [1.0] * channels
    )


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_is_complete(name):
    recipe = recipes.RECIPES[name]
    assert recipe.cite
    assert recipe.schedule in schedules.KINDS
    assert recipe.optimizer in ("sgd", "rmsprop", "adam", "adamw")
    assert recipe.decay_on in ("all", "kernels")
    assert set(recipe.tta_views) <= set(evaluation.VIEWS)
    assert all(0 < m < recipe.epochs for m in recipe.milestones)
    assert list(recipe.milestones) == sorted(recipe.milestones)
    assert bool(recipe.milestones) == (recipe.schedule == "steps")
    for part in (recipe, *recipe.phases):
        assert all(step[0] in augmentations.AUGMENTATIONS for step in part.augmentations)
    if recipe.phases:
        assert [stage.until for stage in recipe.phases] == sorted({s.until for s in recipe.phases})
        assert recipe.phases[-1].until == recipe.phases[-1].size == 1


@pytest.mark.parametrize(
    "name, recipe",
    {
        "resnet20_cifar": "resnet_cifar",
        "resnet110_cifar": "resnet110_cifar",
        "resnet110_v2_cifar": "preactivation_cifar",
        "resnet110_stochastic_depth_cifar": "stochastic_depth",
        "resnet50": "resnet",
        "resnet50_v2": "preactivation",
        "resnext29_8x64d_cifar": "resnext_cifar",
        "resnext50_32x4d": "resnext",
        "se_resnet50": "senet",
        "se_inception": "inception",
        "densenet_bc_100_12": "densenet_cifar",
        "densenet121": "densenet",
        "efficientnet_b0": "efficientnet",
        "efficientnet_v2_s": "efficientnet_v2",
        "mobilenet_050": "mobilenet",
        "mobilenet_v3_small": "mobilenet_v3",
        "wrn_28_10": "wide_resnet",
        "lenet5": "default",
    }.items(),
)
def test_an_architecture_has_its_papers_recipe(name, recipe):
    assert recipes.for_architecture(name) == recipe


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(ValueError, match="received recipe='resnet_cifr'.*Did you mean resnet_cif"):
        recipes.get_recipe("resnet_cifr")


def test_resnet_cifar_is_the_papers():
    plan = resolve(Options("resnet20_cifar", "cifar10"), data(50_000))
    assert plan.batch_size == 128
    assert plan.steps_per_epoch == 390
    assert abs(plan.steps - 64_000) < 100
    assert plan.schedule(0) == 0.1
    assert plan.schedule(31_900) == pytest.approx(0.1)
    assert plan.schedule(32_100) == pytest.approx(0.01)
    assert plan.schedule(48_100) == pytest.approx(0.001)


def test_milestones_move_with_the_length():
    plan = resolve(Options("resnet20_cifar", "cifar10", steps=100, learning_rate=0.1), data())
    assert plan.epochs == 10
    assert [plan.schedule(s) for s in (49, 50, 74, 75)] == pytest.approx([0.1, 0.01, 0.01, 0.001])


def test_the_rate_follows_the_batch_with_warm_up():
    small, large = (
        resolve(Options("resnet20_cifar", "cifar10", batch_size=b, epochs=100), data(5000))
        for b in (64, 512)
    )
    assert small.learning_rate == pytest.approx(0.05)
    assert small.schedule(0) == pytest.approx(0.05)
    assert large.learning_rate == pytest.approx(0.4)
    assert large.schedule.warmup == 5 * large.steps_per_epoch
    rates = [large.schedule(step) for step in range(large.schedule.warmup + 1)]
    assert rates[0] < 0.01
    assert np.all(np.diff(rates[:-1]) > 0)
    assert rates[-2] == rates[-1] == pytest.approx(0.4)


def test_each_device_has_the_recipes_batch():
    plan = resolve(Options("resnet20_cifar", "cifar10"), data(50_000), devices=4)
    assert plan.batch_size == 512
    assert plan.learning_rate == pytest.approx(0.4)


def test_a_batch_that_devices_cannot_share_is_refused():
    with pytest.raises(ValueError, match=r"received batch_size=130.*--batch-size 128"):
        resolve(Options("lenet5", "digits", batch_size=130), data(), devices=4)


@pytest.mark.parametrize("kind", schedules.KINDS)
def test_a_schedule_ends_where_it_should(kind):
    schedule = schedules.Schedule(
        kind, 0.5, 1000, warmup=100, boundaries=(500,), factor=0.5, period=300
    )
    assert schedule(0) == pytest.approx(0.005)
    assert schedule(99) == schedule(100) == pytest.approx(0.5)
    end = {"constant": 0.5, "steps": 0.25, "exponential": 0.0625, "cosine": 0, "linear": 0}[kind]
    assert schedule(999) == pytest.approx(end, abs=1e-3)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="received kind='stairs'"):
        schedules.Schedule("stairs", 0.1, 10)


def test_phases_grow_and_end_with_epochs():
    chosen = Options("efficientnet_v2_s", "cifar10", epochs=8, batch_size=100)
    plan = resolve(chosen, data(shape=(30, 30, 3)))
    ends = [end for end, _ in plan.phases]
    assert ends == [20, 40, 60, 80]
    assert [plan.size(phase) for _, phase in plan.phases] == [
        (13, 13),
        (19, 19),
        (24, 24),
        (30, 30),
    ]
    rates = [phase.arguments["dropout"] for _, phase in plan.phases]
    assert rates == pytest.approx([0.1, 1 / 6, 0.7 / 3, 0.3])
    assert plan.batch_source(plan.phases[0][1]).batch(0, 0)[0].shape == (100, 13, 13, 3)


def test_small_images_are_moved_less():
    plan = resolve(Options("resnet20_cifar", "digits"), data(shape=(8, 8, 1)))
    assert plan.recipe.augmentations[0] == ("crop", 1)


def test_small_images_of_a_phase_are_moved_less(monkeypatch):
    phases = (Phase(0.5, 0.5, (("crop", 4), ("flip",))), Phase(1.0, 1.0, (("crop", 4),)))
    recipe = dataclasses.replace(recipes.RECIPES["default"], phases=phases)
    monkeypatch.setitem(recipes.RECIPES, "growing", recipe)
    plan = resolve(Options("lenet5", "digits", "growing"), data(shape=(32, 32, 1)))
    found = [phase.augmentations for _, phase in plan.phases]
    assert found == [(("crop", 2), ("flip",)), (("crop", 4),)]


def test_no_phase_ends_after_the_run():
    plan = resolve(Options("efficientnet_v2_s", "cifar10", steps=3, batch_size=100), data())
    assert [end for end, _ in plan.phases] == [0, 0, 3, 3]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "epochs must be at least 1; received epochs=0"),
        ({"batch_size": -1}, "received batch_size=-1"),
        ({"seed": -1}, "received seed=-1"),
        ({"learning_rate": 0.0}, "received learning_rate=0.0"),
        ({"learning_rate": float("nan")}, "received learning_rate=nan"),
        ({"learning_rate": float("inf")}, "received learning_rate=inf"),
        ({"image_size": (0, 8)}, r"received image_size=\(0, 8\)"),
        ({"image_size": (8, 8, 3)}, r"received image_size=\(8, 8, 3\)"),
        ({"recipe": "nothing"}, "received recipe='nothing'"),
        ({"distribute": "some"}, "received 'some'"),
        ({"mixed_precision": "int8"}, "received 'int8'"),
        ({"validation": 1.0}, "received validation=1.0"),
        ({"early_stop": 3}, "never by the test set"),
    ],
)
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Options("lenet5", "digits", **changes)


def test_options_survive_json():
    chosen = Options("lenet5", "digits", image_size=(32, 32), arguments={"shortcut": "B"})
    assert options.from_json(chosen.as_json(), {}) == chosen


def test_a_run_goes_on_with_its_own_options():
    stored = Options("lenet5", "digits", epochs=3).as_json()
    assert options.from_json(stored, {"epochs": 3, "name": "lenet5"}).epochs == 3
    with pytest.raises(ValueError, match="received epochs=4 instead of 3"):
        options.from_json(stored, {"epochs": 4})


def test_a_run_recorded_under_earlier_names_of_fields_goes_on():
    changes = {"whiten": "conv1", "views": ["plain", "flip"], "decayed": "kernels"}
    stored = Options("lenet5", "digits").as_json() | {"recipe_changes": changes}
    chosen = options.from_json(stored, {"recipe_changes": changes})
    assert chosen.as_json() == stored
    recipe = resolve(chosen, data(shape=(32, 32, 1))).recipe
    assert (recipe.whitened_layer, recipe.decay_on) == ("conv1", "kernels")
    assert recipe.tta_views == ("plain", "flip")


def test_the_command_line_gives_what_was_given():
    line = "lenet5 --dataset digits --set shortcut=B --set depth=20 --image-size 32x32"
    assert options.given(parsed(*line.split())) == {
        "name": "lenet5",
        "dataset": "digits",
        "arguments": {"shortcut": "B", "depth": 20},
        "image_size": (32, 32),
    }
    assert options.given(parsed()) == {}


def test_every_option_has_its_place_on_the_command_line():
    assert {f.name for f in fields(Options)} <= set(vars(parsed()))


def test_held_out_examples_are_not_trained_on():
    chosen = Options("lenet5", "digits", validation=0.2)
    loaded = load(chosen)
    assert (len(loaded.train[0]), len(loaded.evaluation[0])) == (1200, 300)
    assert loaded.evaluation_name == "held out of train"
    whole = load(Options("lenet5", "digits"))
    assert (len(whole.train[0]), len(whole.evaluation[0])) == (1500, 297)
    both = np.concatenate([loaded.train[1], loaded.evaluation[1]])
    assert sorted(both) == sorted(whole.train[1])
    assert len(load(Options("lenet5", "digits", limit=100)).train[0]) == 100
