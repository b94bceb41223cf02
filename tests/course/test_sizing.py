"""course.sizing against Keras' own shapes and parameter counts, and against known numbers."""

import subprocess
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import course.quiet  # noqa: F401
from course import sizing

keras = pytest.importorskip("keras")
from keras import layers

small = st.integers(1, 6)
sizes = st.integers(1, 40)
rank2 = st.tuples(small, small)
many = settings(max_examples=150, deadline=None)


@many
@given(
    size=st.tuples(sizes, sizes),
    kernel=rank2,
    strides=rank2,
    dilation=rank2,
    padding=st.sampled_from(["valid", "same"]),
)
def test_conv_output_size_is_keras(size, kernel, strides, dilation, padding):
    assume(max(strides) == 1 or max(dilation) == 1)  # Keras takes one of the two
    covered = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    assume(padding == "same" or all(c <= n for c, n in zip(covered, size, strict=True)))
    layer = layers.Conv2D(1, kernel, strides, padding, dilation_rate=dilation)
    expected = tuple(layer.compute_output_shape((None, *size, 1))[1:3])
    assert sizing.conv_output_size(size, kernel, strides, padding, dilation) == expected


@many
@given(n=sizes, kernel=small, stride=small, dilation=small, pad=st.integers(0, 5))
def test_integer_padding_is_zeros_and_a_valid_convolution(n, kernel, stride, dilation, pad):
    assume(dilation * (kernel - 1) + 1 <= n + 2 * pad)
    assert sizing.conv_output_size(n, kernel, stride, pad, dilation) == sizing.conv_output_size(
        n + 2 * pad, kernel, stride, "valid", dilation
    )


@many
@given(n=sizes, kernel=small)
def test_full_is_every_overlap(n, kernel):
    assert sizing.conv_output_size(n, kernel, padding="full") == len(
        [start for start in range(-kernel + 1, n)]
    )


@many
@given(
    size=st.tuples(sizes, sizes),
    pool=rank2,
    strides=st.none() | rank2,
    padding=st.sampled_from(["valid", "same"]),
)
def test_pool_output_size_is_keras(size, pool, strides, padding):
    assume(padding == "same" or all(p <= n for p, n in zip(pool, size, strict=True)))
    layer = layers.MaxPooling2D(pool, strides, padding)
    expected = tuple(layer.compute_output_shape((None, *size, 1))[1:3])
    assert sizing.pool_output_size(size, pool, strides, padding) == expected


@many
@given(
    size=st.tuples(sizes, sizes),
    kernel=rank2,
    strides=rank2,
    padding=st.sampled_from(["valid", "same"]),
)
def test_conv_transpose_output_size_is_keras(size, kernel, strides, padding):
    layer = layers.Conv2DTranspose(1, kernel, strides, padding)
    expected = tuple(layer.compute_output_shape((None, *size, 1))[1:3])
    assert sizing.conv_transpose_output_size(size, kernel, strides, padding) == expected


@settings(max_examples=60, deadline=None)
@given(
    groups=st.integers(1, 4),
    per_group=st.integers(1, 4),
    filters_per_group=st.integers(1, 4),
    kernel=rank2,
    bias=st.booleans(),
    multiplier=st.integers(1, 3),
)
def test_params_are_keras(groups, per_group, filters_per_group, kernel, bias, multiplier):
    channels, filters = groups * per_group, groups * filters_per_group

    def count(layer, shape=(None, 9, 9, channels)):
        layer.build(shape)
        return layer.count_params()

    assert sizing.conv_params(channels, filters, kernel, groups, bias) == count(
        layers.Conv2D(filters, kernel, groups=groups, use_bias=bias)
    )
    assert sizing.depthwise_conv_params(channels, kernel, multiplier, bias) == count(
        layers.DepthwiseConv2D(kernel, depth_multiplier=multiplier, use_bias=bias)
    )
    assert sizing.separable_conv_params(channels, filters, kernel, multiplier, bias) == count(
        layers.SeparableConv2D(filters, kernel, depth_multiplier=multiplier, use_bias=bias)
    )
    assert sizing.dense_params(channels, filters, bias) == count(
        layers.Dense(filters, use_bias=bias), (None, channels)
    )


@many
@given(
    rows=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), max_size=5)
)
def test_receptive_field_is_the_input_that_one_output_needs(rows):
    needed = 1  # walk back from one output value
    for kernel, stride, dilation in reversed(rows):
        needed = (needed - 1) * stride + dilation * (kernel - 1) + 1
    assert sizing.receptive_field(rows) == needed
    # An input of just that size leaves one output value.
    size = needed
    for kernel, stride, dilation in rows:
        size = sizing.conv_output_size(size, kernel, stride, dilation=dilation)
    assert size == 1


def test_rectangles_keep_their_axes():
    assert sizing.conv_output_size((9, 12), (3, 5), (1, 2)) == (7, 4)
    assert sizing.receptive_field([((3, 5), 1), (3, (1, 2)), (3, 1)]) == (7, 11)
    assert sizing.conv_params(2, 3, (3, 5)) == 3 * (2 * 15 + 1)
    assert sizing.conv_params(2, 3, (4,)) == 3 * (2 * 4 + 1)  # a 1-D kernel
    assert sizing.conv_macs(2, 3, (3, 5), (7, 4)) == 90 * 28


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: sizing.conv_output_size(3, 5), r"kernel must fit.*size=3, kernel_size=5"),
        (lambda: sizing.conv_output_size(9, 3, dilation=5), r"covers 11 .* = 9"),
        (lambda: sizing.conv_output_size((9, 2), 3), r"size=2, kernel_size=3"),
        (lambda: sizing.conv_output_size(9, 3, strides=0), r"strides must be at least 1.*=0"),
        (lambda: sizing.conv_output_size(9, 3, padding="smae"), r"padding must be .*'smae'"),
        (lambda: sizing.conv_output_size(9, 3, padding=-1), r"padding must be at least 0.*-1"),
        (lambda: sizing.conv_output_size(9.5, 3), r"size must be an integer.*9\.5"),
        (lambda: sizing.conv_output_size(True, 1), r"size must be an integer.*True"),
        (
            lambda: sizing.conv_output_size((9, 9, 9), (3, 3)),
            r"kernel_size must be one integer or 3",
        ),
        (lambda: sizing.conv_output_size((), 3), r"size must have at least one entry"),
        (lambda: sizing.pool_output_size(9, 0), r"pool_size must be at least 1"),
        (lambda: sizing.conv_transpose_output_size(9, 3, padding="full"), r"transposed.*'full'"),
        (lambda: sizing.conv_params(3, 8, 3, groups=2), r"groups must divide.*groups=2.*=3"),
        (lambda: sizing.conv_params(4, 9, 3, groups=2), r"groups must divide.*filters=9"),
        (lambda: sizing.conv_params(0, 9, 3), r"in_channels must be at least 1"),
        (lambda: sizing.conv_macs(3, 8, 3, (5, 5, 5)), r"output_size must have one entry"),
        (lambda: sizing.receptive_field([3, 3]), r"layer must be \(kernel, stride\).*layer 0"),
        (lambda: sizing.receptive_field([(3, 1, 1, 1)]), r"received \(3, 1, 1, 1\)"),
        (lambda: sizing.activation_bytes((3, 3), "float12"), r"dtype must be one of.*'float12'"),
    ],
)
def test_bad_input_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()


def _tensorflow_macs(model) -> int:
    """Multiply-adds that TensorFlow itself counts in the convolutions and products of a graph."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    specs = [tf.TensorSpec((1, *tensor.shape[1:])) for tensor in model.inputs]
    traced = tf.function(lambda *x: model(x if len(x) > 1 else x[0])).get_concrete_function(*specs)
    graph = convert_variables_to_constants_v2(traced).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options |= {"output": "none", "show_name_regexes": [".*(Conv|MatMul|depthwise|convolution).*"]}
    found = tf.compat.v1.profiler.profile(graph, options=options)
    counted = 0
    nodes = [found]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        operation = node.name.rsplit("/", 1)[-1]
        if not node.children or node.name != "_TFProfRoot":
            kinds = ("Conv2D", "MatMul", "depthwise", "convolution", "separable")
            counted += node.float_ops if any(kind in operation for kind in kinds) else 0
    return counted // 2


def _small_cnn():
    x = inputs = keras.Input((16, 12, 4))
    x = layers.Conv2D(8, (3, 5), padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    y = layers.Conv2D(8, 1)(x)
    x = layers.Add()([x, y])
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(5)(x))


def test_macs_are_tensorflows():
    model = _small_cnn()
    assert sizing.profile(model).macs == _tensorflow_macs(model)


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Conv1D(4, 3, padding="same"), (10, 2), 10 * 3 * 2 * 4),
        (layers.Conv2D(6, 3, groups=2), (8, 8, 4), 36 * 9 * 2 * 6),
        (layers.Conv3D(2, 3), (5, 5, 5, 3), 27 * 27 * 3 * 2),
        (layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2), (9, 9, 5), 16 * 9 * 10),
        (layers.SeparableConv2D(7, 3), (8, 8, 5), 36 * (9 * 5 + 5 * 7)),
        (layers.Conv2DTranspose(3, 4, strides=2), (5, 5, 2), 25 * 16 * 2 * 3),
        (layers.Dense(3), (4, 5), 4 * 5 * 3),
        (layers.BatchNormalization(), (4, 4, 3), 0),
        (layers.LayerNormalization(axis=[1, 2]), (4, 4, 3), 0),
        (layers.PReLU(), (4, 4, 3), 0),
        (layers.GlobalAveragePooling2D(), (4, 4, 3), 0),
    ],
)
def test_profile_of_one_layer(layer, shape, macs):
    model = keras.Sequential([keras.Input(shape), layer])
    report = sizing.profile(model)
    assert report.macs == macs
    assert report.params == model.count_params()
    assert report.rows[-1].output_shape == model.output_shape[1:]


def test_a_layer_used_twice_costs_twice_but_has_its_weights_once():
    inputs = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same")])
    model = keras.Model(inputs, inner(inner(inputs)))
    report = sizing.profile(model)
    assert report.params == model.count_params() == sum(row.params for row in report.rows)
    assert report.macs == 2 * 64 * 9 * 9
    assert [row.kind for row in report.rows] == ["InputLayer", "Conv2D", "Conv2D"]


def test_profile_shows_the_table():
    report = sizing.profile(_small_cnn())
    lines = str(report).splitlines()
    assert lines[-1].split()[0] == "total"
    assert f"{report.macs:,}" in lines[-1]
    assert len(lines) == 5 + len(report.rows) + 1
    html = report._repr_html_()
    assert html.count("<tr>") == len(report.rows) + 2
    assert f"{report.params:,}" in html


def test_vgg16_is_the_lectures_table(facts):
    table = facts("blocks.json")["vgg16_totals"]
    report = sizing.profile(keras.applications.VGG16(weights=None))
    assert report.params == table["params"]
    assert report.activation_bytes == 4 * table["memory_values"]
    half = sizing.profile(keras.applications.MobileNet(weights=None), dtype="float16")
    assert half.macs == 568_740_352


def test_profile_refuses_what_it_cannot_count():
    class Own(keras.Model):
        def call(self, x):
            return x

    class Kernel(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 2))

        def call(self, x):
            return x @ self.kernel

    with pytest.raises(ValueError, match="Functional or Sequential"):
        sizing.profile(Own())
    with pytest.raises(ValueError, match="built model"):
        sizing.profile(keras.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="fixed sizes"):
        sizing.profile(keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(1, 1)]))
    with pytest.raises(ValueError, match="does not know the MACs of 'kernel'"):
        sizing.profile(keras.Sequential([keras.Input((3,)), Kernel(name="kernel")]))
    inputs = keras.Input((3, 3))
    with pytest.raises(ValueError, match="does not know the MACs"):
        sizing.profile(keras.Model(inputs, keras.ops.matmul(inputs, inputs)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Flatten(), (4, 3)),
        (layers.Reshape((3, 4)), (4, 3)),
        (layers.Identity(), (4, 3)),
        (layers.Dropout(0.5), (4, 3)),
        (layers.SpatialDropout1D(0.5), (4, 3)),
        (layers.SpatialDropout2D(0.5), (4, 4, 3)),
        (layers.SpatialDropout3D(0.5), (4, 4, 4, 3)),
        (layers.GaussianDropout(0.5), (4, 3)),
        (layers.GaussianNoise(0.5), (4, 3)),
        (layers.ActivityRegularization(0.5), (4, 3)),
    ],
)
def test_profile_counts_no_activation_that_is_handed_on(layer, shape):
    report = sizing.profile(
        keras.Sequential([keras.Input(shape), layer, layers.Activation("relu")])
    )
    handed, own = (row.activation_bytes for row in report.rows[-2:])
    assert (handed, own) == (0, report.rows[0].activation_bytes)


@pytest.mark.parametrize(
    "layer",
    [layers.RMSNormalization(axis=[1, 2]), layers.BatchNormalization(), layers.Rescaling(2)],
)
def test_profile_counts_no_kernel_in_what_multiplies_elementwise(layer):
    assert sizing.profile(keras.Sequential([keras.Input((4, 4, 3)), layer])).macs == 0


def _product(name, x):
    ones = keras.ops.ones
    return {
        "Matmul": lambda: keras.ops.matmul(x, ones((3, 2))),
        "Dot": lambda: keras.ops.dot(x, ones((3, 2))),
        "Einsum": lambda: keras.ops.einsum("bhwc,cd->bhwd", x, ones((3, 2))),
        "Tensordot": lambda: keras.ops.tensordot(x, ones((3, 2)), axes=1),
        "Conv": lambda: keras.ops.conv(x, ones((1, 1, 3, 2))),
        "DepthwiseConv": lambda: keras.ops.depthwise_conv(x, ones((1, 1, 3, 1))),
        "SeparableConv": lambda: keras.ops.separable_conv(
            x, ones((1, 1, 3, 1)), ones((1, 1, 3, 2))
        ),
    }[name]()


@pytest.mark.parametrize(
    "name", ["Matmul", "Dot", "Einsum", "Tensordot", "Conv", "DepthwiseConv", "SeparableConv"]
)
def test_profile_refuses_products_without_a_layer(name):
    x = keras.Input((4, 4, 3))
    with pytest.raises(ValueError, match=rf"does not know the MACs of '\w+' \({name}\)"):
        sizing.profile(keras.Model(x, _product(name, x)))


class _Counted(layers.Layer):
    """Has a kernel, and says how often it multiplies."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2))

    def call(self, x):
        return x @ self.kernel

    def macs(self, input_shape, output_shape):
        return 1000 * input_shape[-1] + output_shape[-1]


class _Scaled(layers.Layer):
    """Has a weight for each channel, which is no kernel."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],))

    def call(self, x):
        return x * self.scale


def test_profile_asks_a_layer_of_ones_own():
    report = sizing.profile(keras.Sequential([keras.Input((5, 3)), _Scaled(), _Counted()]))
    assert [row.macs for row in report.rows] == [0, 0, 3002]


def test_profile_names_nested_layers_and_gives_weights_to_the_first_use():
    inputs, dense = keras.Input(()), layers.Dense(3, name="dense")
    deep = keras.Sequential([keras.Input((3,)), dense], name="deep")
    inner = keras.Sequential([keras.Input((3,)), deep], name="inner")
    x = layers.Reshape((1,))(inputs)
    x = layers.Concatenate()([x, x, x])
    report = sizing.profile(keras.Model(inputs, inner(inner(x))))
    assert report.rows[0].output_shape == (1,)  # one number
    assert [(row.name, row.params) for row in report.rows[-2:]] == [
        ("inner/deep/dense", 12),
        ("inner/deep/dense", 0),
    ]


def test_profile_says_which_layer_it_is():
    class Own(keras.Model):
        def call(self, x):
            return x

    first = layers.Conv2D(1, 1, data_format="channels_first", name="conv9")
    for model, message in (
        (keras.Sequential([keras.Input((3, 4, 4)), first]), "layer 'conv9' has data_format"),
        (Own(name="mine"), "received Own 'mine'"),
        (keras.Sequential([layers.Dense(1)], name="open"), "Sequential 'open' does not know"),
        (
            keras.Sequential([keras.Input((None, 4, 3), name="in"), layers.Conv2D(1, 1)]),
            r"layer 'in' has shape \(None, None, 4, 3\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            sizing.profile(model)


def test_sizing_needs_no_keras():
    code = "import course.sizing, sys; print(*{'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
