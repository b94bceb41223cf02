"""DenseNets and FractalNet, besides what holds for every architecture."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from course.architectures.densenet import cifar_repeats

keras = pytest.importorskip("keras")

from course.blocks.dense import dense_layer
from course.blocks.fractal import ColumnChoice, FractalJoin

RNG = np.random.default_rng(0)


def _images(*shape):
    return RNG.normal(size=shape).astype("float32")


class TestDenseNet:
    def test_feature_maps_at_the_end_of_each_block(self, facts):
        known = facts("blocks.json")["facts"]["densenet_channels"]
        for depth in ("121", "169"):
            model = architectures.build(f"densenet{depth}", input_shape=(32, 32, 3), classes=2)
            ends = [model.get_layer(f"transition{n}_bn").input.shape[-1] for n in (1, 2, 3)]
            assert [*ends, model.get_layer("last_bn").input.shape[-1]] == known[depth]

    @pytest.mark.parametrize("bottleneck", [True, False])
    def test_a_layer_concatenates_its_output_to_its_input(self, bottleneck):
        inputs = keras.Input((6, 6, 5))
        model = keras.Model(inputs, dense_layer(inputs, 3, bottleneck=bottleneck, name="l"))
        x = _images(2, 6, 6, 5)
        y = np.asarray(model(x))
        assert y.shape == (2, 6, 6, 8)
        np.testing.assert_array_equal(y[..., :5], x)

    def test_depths_of_table_2(self):
        assert cifar_repeats(250, True) == (41, 41, 41)
        assert cifar_repeats(40, False) == (12, 12, 12)

    @pytest.mark.parametrize(("depth", "bottleneck", "rule"), [(99, True, "6n"), (41, False, "3n")])
    def test_refuses_uneven_depths(self, depth, bottleneck, rule):
        with pytest.raises(ValueError, match=rf"{rule} \+ 4 .* received depth={depth}"):
            cifar_repeats(depth, bottleneck)

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ({"compression": 0}, "above 0 and at most 1; received compression=0"),
            ({"input_shape": (3, 32, 3)}, r"4 x 4 pixels; received .*\(3, 32, 3\)"),
        ],
    )
    def test_refusals(self, override, message):
        with pytest.raises(ValueError, match=message):
            architectures.build("densenet_40_12", **override)

    def test_dropout_after_every_convolution_but_the_first(self):
        model = architectures.build("densenet_40_12", repeats=(2, 2, 2), dropout=0.2)
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("Dropout") == kinds.count("Conv2D") - 1 == 8


class TestJoin:
    CHOICES = np.eye(3, dtype="float32")
    NONE = np.zeros(3, "float32")

    def test_is_the_mean_at_inference(self):
        paths = [_images(4, 2, 2, 3) for _ in range(3)]
        y = FractalJoin(0.9)([self.CHOICES[0], *paths], training=False)
        np.testing.assert_allclose(y, np.mean(paths, axis=0), rtol=1e-5, atol=1e-6)

    def test_keeps_at_least_one_and_takes_the_mean_of_what_is_kept(self):
        paths = [np.full((1, 1), 10.0**n, "float32") for n in range(3)]
        subsets = [s for s in np.ndindex(2, 2, 2) if any(s)]
        means = {float(np.mean([10.0**n for n in range(3) if s[n]])) for s in subsets}
        join = FractalJoin(0.5, seed=1)
        seen = [round(float(join([self.NONE, *paths], training=True)[0, 0]), 3) for _ in range(200)]
        assert set(seen) == {round(mean, 3) for mean in means}
        # All three survive together in an eighth of the steps.
        assert 10 <= seen.count(37.0) <= 45

    def test_lets_the_chosen_column_through(self):
        paths = [_images(4, 2) for _ in range(3)]
        for choice, path in zip(self.CHOICES, paths, strict=True):
            y = FractalJoin(0.5)([choice, *paths], training=True)
            np.testing.assert_array_equal(y, path)

    def test_knows_its_columns_from_the_deepest(self):
        paths = [_images(4, 2) for _ in range(2)]
        y = FractalJoin(0.5)([self.CHOICES[1], *paths], training=True)
        np.testing.assert_array_equal(y, paths[0])

    def test_is_never_empty_without_the_chosen_column(self):
        paths = [np.ones((4, 2), "float32")] * 2
        y = FractalJoin(0.5)([self.CHOICES[0], *paths], training=True)
        np.testing.assert_array_equal(y, paths[0])

    @pytest.mark.parametrize("rate", [-0.1, 1])
    def test_refuses_invalid_rates(self, rate):
        with pytest.raises(ValueError, match=f"received rate={rate}"):
            FractalJoin(rate)


class TestChoice:
    def test_shares(self):
        layer = ColumnChoice(3, 0.6, seed=0)
        draws = np.stack([layer(np.zeros(1), training=True) for _ in range(500)])
        assert set(draws.sum(axis=1)) == {0.0, 1.0}
        np.testing.assert_allclose(draws.mean(axis=0), 0.2, atol=0.06)

    def test_none_at_inference(self):
        assert not np.any(ColumnChoice(3, 1.0)(np.zeros(1), training=False))

    def test_refuses_invalid_shares(self):
        with pytest.raises(ValueError, match=r"received global_share=1.5"):
            ColumnChoice(3, 1.5)


class TestFractalNet:
    BLOCKS = ((4, 0.0), (6, 0.0))

    def _build(self, **arguments):
        return architectures.build(
            "fractalnet20", input_shape=(8, 8, 3), blocks=self.BLOCKS, **arguments
        )

    @pytest.mark.parametrize("columns", [1, 2, 4])
    def test_columns_double_in_depth(self, columns):
        names = [layer.name for layer in self._build(columns=columns).layers]
        for column in range(1, columns + 1):
            convolutions = [n for n in names if f"column{column}_" in n and n.endswith("_conv")]
            assert len(convolutions) == len(self.BLOCKS) * 2 ** (column - 1)

    def test_joins_where_columns_meet(self):
        layers = self._build().layers
        joins = {
            layer.name: len(layer.input) - 1 for layer in layers if isinstance(layer, FractalJoin)
        }
        assert joins == {f"block{b}_join{s}": n for b in (1, 2) for s, n in ((2, 2), (4, 3))}

    def test_a_global_step_trains_the_same_one_column_in_every_block(self):
        import tensorflow as tf

        model = self._build(global_share=1.0, classifier_activation=None)
        seen = set()
        for _ in range(20):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(model(_images(4, 8, 8, 3), training=True) ** 2)
            kernels = [w for w in model.trainable_weights if "_conv/kernel" in w.path]
            moved = {
                tuple(w.path.split("_")[:2])
                for w, g in zip(
                    kernels, tape.gradient(loss, [w.value for w in kernels]), strict=True
                )
                if g is not None and np.abs(g).max() > 0
            }
            columns = {column for _, column in moved}
            assert len(columns) == 1
            assert {block for block, _ in moved} == {"block1", "block2"}
            seen |= columns
        assert seen == {"column1", "column2", "column3"}

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ({"columns": 0}, "at least 1; received columns=0"),
            ({"input_shape": (31, 32, 3)}, r"32 x 32 pixels; received .*\(31, 32, 3\)"),
        ],
    )
    def test_refusals(self, override, message):
        with pytest.raises(ValueError, match=message):
            architectures.build("fractalnet20", **override)
