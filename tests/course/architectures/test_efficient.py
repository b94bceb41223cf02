"""MobileNets, ShuffleNets, EfficientNets and ConvNeXt, besides what every architecture promises."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing
from course.architectures.efficientnet import round_repeats
from course.architectures.mobilenet_v2 import round_filters

keras = pytest.importorskip("keras")

from course.blocks import separable, shuffle

RNG = np.random.default_rng(0)


def _images(*shape):
    return RNG.normal(size=shape).astype("float32")


def _model(function, shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


def _convolutions(model):
    kinds = keras.layers.Conv2D, keras.layers.DepthwiseConv2D
    return [layer for layer in model.layers if isinstance(layer, kinds)]


class TestSeparable:
    def test_computes_what_keras_separable_convolution_computes(self):
        model = _model(lambda x: separable.separable_block(x, 5, strides=2, name="b"), (9, 8, 3))
        keras_layer = keras.layers.SeparableConv2D(5, 3, strides=2, padding="same", use_bias=False)
        x = np.abs(_images(2, 9, 8, 3))
        keras_layer.build(x.shape)
        depthwise, pointwise = _convolutions(model)
        # Positive weights: the ReLU between the two changes nothing.
        kernels = [np.abs(_images(*w.shape)) for w in keras_layer.weights]
        keras_layer.set_weights(kernels)
        depthwise.set_weights(kernels[:1])
        pointwise.set_weights(kernels[1:])
        scale = 1 / np.sqrt(1 + separable.TENSORFLOW_EPSILON) ** 2
        np.testing.assert_allclose(model(x), keras_layer(x) * scale, rtol=1e-5)

    def test_depthwise_kernels_start_with_he_variance(self):
        model = _model(lambda x: separable.depthwise_bn(x, 3, name="b"), (8, 8, 4096))
        kernel = _convolutions(model)[0].get_weights()[0]
        assert kernel.var() == pytest.approx(2 / 9, rel=0.05)

    @pytest.mark.parametrize(
        ("filters", "strides", "shortcut"), [(4, 1, True), (4, 2, False), (6, 1, False)]
    )
    @pytest.mark.parametrize(
        "block", [separable.inverted_bottleneck, separable.fused_inverted_bottleneck]
    )
    def test_shortcut_if_and_only_if_shapes_agree(self, block, filters, strides, shortcut):
        model = _model(
            lambda x: block(x, filters, expanded_filters=12, strides=strides, name="b"), (8, 8, 4)
        )
        assert any(isinstance(layer, keras.layers.Add) for layer in model.layers) == shortcut
        assert model.output_shape == (None, 8 // strides, 8 // strides, filters)

    def test_bottleneck_costs_the_papers_number(self):
        model = _model(
            lambda x: separable.inverted_bottleneck(x, 24, expanded_filters=144, name="b"),
            (56, 56, 24),
        )
        assert sizing.profile(model).macs == 56 * 56 * 24 * 6 * (24 + 3**2 + 24) == 25_740_288

    def test_narrow_end_is_linear(self):
        model = _model(
            lambda x: separable.inverted_bottleneck(x, 6, expanded_filters=12, name="b"), (8, 8, 4)
        )
        assert np.min(model(_images(4, 8, 8, 4))) < 0

    def test_expansion_of_one_omits_a_convolution(self):
        def convolutions(block):
            model = _model(lambda x: block(x, 6, expanded_filters=4, name="b"), (8, 8, 4))
            return len(_convolutions(model))

        assert convolutions(separable.inverted_bottleneck) == 2
        assert convolutions(separable.fused_inverted_bottleneck) == 1


class TestShuffle:
    def test_deals_groups_out(self):
        model = _model(lambda x: shuffle.channel_shuffle(x, 3, name="s"), (1, 1, 6))
        y = model(np.arange(6, dtype="float32").reshape(1, 1, 1, 6))
        assert np.asarray(y).ravel().tolist() == [0, 2, 4, 1, 3, 5]

    def test_the_other_number_of_groups_deals_them_back(self):
        def there_and_back(x):
            x = shuffle.channel_shuffle(x, 3, name="there")
            return shuffle.channel_shuffle(x, 4, name="back")

        x = _images(2, 3, 2, 12)
        np.testing.assert_array_equal(_model(there_and_back, (3, 2, 12))(x), x)

    def test_refuses_uneven_groups(self):
        with pytest.raises(ValueError, match=r"divide the channels, 10; received groups=3"):
            shuffle.channel_shuffle(keras.Input((4, 4, 10)), 3, name="s")

    def test_half_of_the_channels_bypasses_a_unit(self):
        model = _model(lambda x: shuffle.shufflenet_v2_unit(x, 8, name="u"), (5, 5, 8))
        x = _images(2, 5, 5, 8)
        np.testing.assert_array_equal(np.asarray(model(x))[..., ::2], x[..., :4])

    @pytest.mark.parametrize(("groups", "millions"), [(1, 143), (2, 140), (4, 133), (8, 137)])
    def test_every_number_of_groups_costs_as_in_table_1(self, groups, millions):
        model = architectures.build("shufflenet_g3", groups=groups)
        assert sizing.profile(model).macs / 1e6 == pytest.approx(millions, abs=1.5)


class TestScaling:
    @pytest.mark.parametrize(
        ("filters", "width", "rounded"),
        [(96, 1.4, 136), (64, 1.4, 88), (16, 1.2, 24), (3, 0.1, 8), (1280, 1.1, 1408)],
    )
    def test_filters(self, filters, width, rounded):
        assert round_filters(filters, width) == rounded

    def test_filters_may_fall_further(self):
        assert round_filters(16, 1.2, at_least=0) == 16

    @pytest.mark.parametrize(
        ("repeats", "depth", "rounded"), [(3, 1.0, 3), (3, 1.1, 4), (4, 3.1, 13)]
    )
    def test_repeats(self, repeats, depth, rounded):
        assert round_repeats(repeats, depth) == rounded

    def test_half_the_width_costs_about_a_quarter(self):
        whole, half = (
            sizing.profile(architectures.build(name, input_shape=(64, 64, 3), classes=2)).macs
            for name in ("mobilenet", "mobilenet_050")
        )
        assert 3.5 < whole / half < 4

    def test_drop_path_grows_from_zero(self):
        model = architectures.build("efficientnet_b0", input_shape=(32, 32, 3), drop_path_rate=0.32)
        rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
        # The blocks with a shortcut, of 16.
        shortcuts = (2, 4, 6, 7, 9, 10, 12, 13, 14)
        np.testing.assert_allclose(rates, [0.32 * block / 16 for block in shortcuts])

    def test_convnexts_drop_path_grows_from_zero_to_the_rate(self):
        small = {"input_shape": (32, 32, 3), "stages": ((8, 1), (8, 2), (8, 1), (8, 1))}
        model = architectures.build("convnext_tiny", **small, drop_path_rate=0.4)
        rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
        np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4])  # of five blocks

    def test_squeeze_and_excitation_can_be_omitted(self):
        model = architectures.build("efficientnet_b0", input_shape=(32, 32, 3), se_ratio=0)
        assert not [layer.name for layer in model.layers if "_se_" in layer.name]


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("mobilenet", {"width": 0.01}, r"at least one: 1/32 or more; received width=0.01"),
        ("mobilenet_v2", {"width": 0}, r"must be positive; received width=0"),
        ("mobilenet_v3_small", {"size": "medium"}, r"large, small; received size='medium'"),
        ("efficientnet_b0", {"depth": -1}, r"must be positive; received depth=-1"),
        ("efficientnet_v2_b0", {"stages": "xl"}, r"base, s, m, l; received stages='xl'"),
        ("shufflenet_g3", {"groups": 5}, r"1, 2, 3, 4, 8, .* received groups=5"),
        ("shufflenet_v2_x1_0", {"filters": (15, 30, 60)}, r"even numbers.*received filters=\(15"),
        (
            "convnext_tiny",
            {"input_shape": (31, 40, 3)},
            r"32 x 32 pixels; received .*\(31, 40, 3\)",
        ),
    ],
)
def test_refusals(name, override, message):
    with pytest.raises(ValueError, match=message):
        architectures.build(name, **override)
