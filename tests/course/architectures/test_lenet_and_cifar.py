"""The registry, LeNet-5 and the CIFAR residual networks."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, recipes, sizing
from course.architectures import registry

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("shortcut", ["A", "B", "C", None])
def test_resnet_shortcuts_add_what_the_paper_says(shortcut):
    model = architectures.build("resnet20_cifar", shortcut=shortcut)
    trainable = sum(np.prod(w.shape) for w in model.trainable_weights)
    projections = {  # weights and batch normalization of the projections, by hand
        "A": 0,
        None: 0,
        "B": 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64,
        "C": 3 * (16 * 16 + 2 * 16) + 16 * 32 + 2 * (32 * 32) + 3 * 2 * 32
        + 32 * 64 + 2 * (64 * 64) + 3 * 2 * 64,
    }  # fmt: skip
    assert trainable == 269_722 + projections[shortcut]


def test_shortcut_a_subsamples_and_pads_with_zeros():
    from course.blocks.residual import shortcut_path

    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, shortcut_path(inputs, 7, strides=2, kind="A", name="s"))
    x = np.random.default_rng(0).random((2, 5, 6, 3), "float32")
    y = model.predict(x, verbose=0)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert y.shape == (2, 3, 3, 7)
    assert not y[..., 3:].any()


def test_a_residual_block_starts_from_its_input():
    """With its last normalization's scale at zero, a block returns its input."""
    from course.blocks.residual import basic_block

    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, basic_block(inputs, 4, name="b"))
    model.get_layer("b_2_bn").gamma.assign(np.zeros(4))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.maximum(x, 0))


def test_lenet5_has_the_papers_connections():
    """Section II.B counts 340,908 connections, 60,000 of its parameters trainable."""
    connections = {
        "C1": sizing.conv_connections(1, 6, 5, 28),
        "S2": 14 * 14 * 6 * (4 + 1),
        "C3": 10 * 10 * (60 * 25 + 16),
        "S4": 5 * 5 * 16 * (4 + 1),
        "C5": sizing.conv_connections(16, 120, 5, 1),
        "F6": sizing.dense_params(120, 84),
        "output": 84 * 10,
    }
    assert sum(connections.values()) == 340_908
    model = architectures.build("lenet5")
    trainable = {
        layer.name: sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
        for layer in model.layers
    }
    assert {k: v for k, v in trainable.items() if v} == {
        "C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48120, "F6": 10164,
    }  # fmt: skip


def test_table_convolution_is_a_dense_one_with_zeros():
    from course.architectures.lenet import C3_TABLE
    from course.blocks.classic import ConnectionTableConv2D

    layer = ConnectionTableConv2D(C3_TABLE, 5)
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 6)).astype("float32")
    y = np.array(layer(x))
    own, dense = np.array(layer.kernel), np.zeros((5, 5, 6, 16), "float32")
    for link, (i, o) in enumerate((i, o) for o, row in enumerate(C3_TABLE) for i in row):
        dense[:, :, i, o] = own[:, :, link]
    expected = keras.ops.conv(x, dense, padding="valid")
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_table_i_is_the_papers():
    from course.architectures.lenet import C3_TABLE

    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    seen = [sum(i in row for row in C3_TABLE) for i in range(6)]
    assert seen == [10] * 6  # each map of S2 feeds ten of C3's
    assert len(set(C3_TABLE)) == 16


def test_the_digits_codes_are_ten_different_pictures():
    from course.architectures.lenet import digit_codes

    codes = np.array(digit_codes())
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    distance = (codes[:, None] != codes[None]).sum(-1)
    assert distance[~np.eye(10, dtype=bool)].min() >= 5


def test_other_sizes_and_classes_work_or_are_refused():
    model = architectures.build("resnet20_cifar", input_shape=(48, 40, 1), classes=7)
    assert model.output_shape == (None, 7)
    assert architectures.build("lenet5_modern", input_shape=(28, 28, 1)).count_params() > 0
    with pytest.raises(ValueError, match="32x32 images.*28"):
        architectures.build("lenet5", input_shape=(28, 28, 1))
    with pytest.raises(ValueError, match="ten digits.*classes=3"):
        architectures.build("lenet5", classes=3)


def test_classifier_activation_none_gives_logits():
    model = architectures.build("lenet5_modern", classifier_activation=None, name="logits")
    assert model.name == "logits"
    assert model.layers[-1].activation.__name__ == "linear"


def test_unknown_names_suggest_similar_ones():
    with pytest.raises(ValueError, match="Did you mean resnet20_cifar"):
        architectures.build("resnet20")
    with pytest.raises(ValueError, match="does not take shortcuts.*depth, shortcut"):
        architectures.build("resnet20_cifar", shortcuts="B")
    with pytest.raises(ValueError, match="6n \\+ 2.*depth=21"):
        architectures.build("resnet20_cifar", depth=21)
    with pytest.raises(ValueError, match="shortcut must be one of.*'D'"):
        architectures.build("resnet20_cifar", shortcut="D")
    for shape in ((32, 32), 32, (32, 32, True), (32.0, 32, 3)):
        with pytest.raises(ValueError, match="three positive integers.*32"):
            architectures.build("resnet20_cifar", input_shape=shape)
    with_numpys = architectures.build("lenet5_modern", input_shape=np.array([32, 40, 1]))
    assert with_numpys.input_shape == (None, 32, 40, 1)
    lenet = architectures.describe("lenet5")
    with pytest.raises(ValueError, match="already registered"):
        architectures.register("lenet5", lenet.builder, **_facts(lenet))
    with pytest.raises(ValueError, match="needs its year; 'lenet6' has 'LeCun et al.'"):
        architectures.register("lenet6", lenet.builder, **_facts(lenet) | {"paper": "LeCun et al."})
    with pytest.raises(ValueError, match="No architecture named 'lenet6'"):
        architectures.describe("lenet6")


def test_names_may_be_chosen():
    assert architectures.names("resnet?0_cifar") == ["resnet20_cifar"]
    assert architectures.names("no*") == []


def test_a_family_that_cannot_be_imported_leaves_its_names_free(monkeypatch):
    lenet, real = architectures.describe("lenet5"), registry.import_module
    broken = [True]

    def imported(name):
        if name.endswith(".zfnet"):
            architectures.register("half", lenet.builder, **_facts(lenet))
            if broken.pop():
                raise ImportError("unfinished")
        return real(name)

    monkeypatch.setattr(registry, "import_module", imported)
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    with pytest.raises(ImportError, match="unfinished"):
        architectures.names()
    broken.append(False)
    assert "half" in architectures.names()


def _facts(entry):
    facts = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return {key: value for key, value in facts.items() if key not in ("name", "builder")}


def test_every_module_of_the_folder_registers_a_family():
    folder = Path(architectures.__file__).parent
    families = {architectures.describe(name).family for name in architectures.names()}
    assert families == {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "architecture",
        "published",
        "registry",
    }


def test_recipes_are_there_or_their_absence_is_said():
    for name in architectures.names():
        recipe = architectures.describe(name).recipe
        assert recipe is None or recipes.get_recipe(recipe)
    assert "none published" in str(architectures.describe("lenet5"))
    assert "recipe      resnet_cifar" in str(architectures.describe("resnet20_cifar"))


def test_published_errors_are_data():
    entry = architectures.describe("resnet34")
    assert entry.error("imagenet") is None
    assert entry.error("imagenet", crops=10) == 24.52
    assert entry.error("imagenet", "top-5 error", crops=10) == 7.46
    assert entry.published[1].label == "ImageNet top-5 error, 10 crops"
    assert "CIFAR-10 test error 8.75 %" in str(architectures.describe("resnet20_cifar"))


def test_names_are_ordered_by_family():
    """Whichever family's module was imported first."""
    code = (
        "import course.architectures.vgg; from course import architectures as a; "
        "print(a.names()[0], a.names()[-1])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = architectures.names()
    assert run.stdout.split() == [names[0], names[-1]] == ["alexnet", "zfnet_wide"]
