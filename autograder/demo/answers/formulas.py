# A right answer in another hand: each number as one closed formula, shapes as lists, nothing
# reused between the questions.

# %% valid_output_size
def valid_output_size(size, kernel_size, strides=1):
    assert size > 0 and strides > 0
    if size - kernel_size < 0:
        raise ValueError("kernel larger than input")
    return 1 + (size - kernel_size) // strides


# %% conv_output_size
import math


def conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1):
    k = kernel_size + (kernel_size - 1) * (dilation - 1)
    zeros = {"valid": 0, "full": k - 1, "same": None}
    if isinstance(padding, str):
        if padding not in zeros:
            raise ValueError(padding)
        p = zeros[padding]
    else:
        p = padding
    if p is None:
        return math.ceil(size / strides)
    n = size + p + p
    if k > n:
        raise ValueError(f"{k} > {n}")
    return math.floor((n - k) / strides) + 1


# %% pool_output_size
def pool_output_size(size, pool_size, strides=None):
    strides = strides or pool_size
    if pool_size > size:
        raise ValueError("window larger than input")
    return (size - pool_size + strides) // strides


# %% conv_params
def conv_params(in_channels, filters, kernel_size, groups=1, use_bias=True):
    if in_channels % groups != 0:
        raise ValueError("groups and channels")
    if filters % groups != 0:
        raise ValueError("groups and filters")
    bias = filters if use_bias else 0
    return kernel_size**2 * in_channels * filters // groups + bias


def dense_params(inputs, units, use_bias=True):
    return (inputs + (1 if use_bias else 0)) * units


# %% conv_costs
def conv_connections(in_channels, filters, kernel_size, output_size):
    return (kernel_size**2 * in_channels + 1) * filters * output_size[0] * output_size[1]


def conv_macs(in_channels, filters, kernel_size, output_size, groups=1):
    return kernel_size**2 * in_channels * filters * output_size[0] * output_size[1] // groups


def activation_bytes(shape, bytes_per_value=4):
    total = bytes_per_value
    for entry in shape:
        total *= entry
    return total


# %% lenet5_table
def lenet5_table(size=32, table=TABLE_I, classes=10):
    a = size - 4
    b = a // 2
    c = b - 4
    d = c // 2
    e = d - 4
    m = len(table)
    links = sum(map(len, table))
    c3 = links * 25 + m
    return [
        ["C1", [a, a, 6], 156, 156 * a * a],
        ["S2", [b, b, 6], 12, b * b * 6 * 5],
        ["C3", [c, c, m], c3, c3 * c * c],
        ["S4", [d, d, m], 2 * m, d * d * m * 5],
        ["C5", [e, e, 120], 120 * (25 * m + 1), 120 * (25 * m + 1) * e * e],
        ["F6", [1, 1, 84], 84 * (120 * e * e + 1), 84 * (120 * e * e + 1)],
        ["OUTPUT", [1, 1, classes], 0, classes * 84],
    ]


# %% receptive_field
def receptive_field(layers):
    layers = [tuple(row) + (1,) * (3 - len(row)) for row in layers]
    strides = [row[1] for row in layers]
    return 1 + sum(
        (k - 1) * d * math.prod(strides[:i]) for i, (k, s, d) in enumerate(layers)
    )


def layers_for_field(field, kernel_size=3):
    return -((1 - field) // (kernel_size - 1))


# %% alexnet_table
def alexnet_table(input_size=227, classes=1000, units=4096, groups=1):
    n = input_size
    s1 = (n - 11) // 4 + 1
    s2 = (s1 - 3) // 2 + 1
    s3 = (s2 - 3) // 2 + 1
    s4 = (s3 - 3) // 2 + 1
    g = groups
    return [
        ["INPUT", [n, n, 3], 0],
        ["CONV1", [s1, s1, 96], 11 * 11 * 3 * 96 + 96],
        ["POOL1", [s2, s2, 96], 0],
        ["NORM1", [s2, s2, 96], 0],
        ["CONV2", [s2, s2, 256], 5 * 5 * 96 * 256 // g + 256],
        ["POOL2", [s3, s3, 256], 0],
        ["NORM2", [s3, s3, 256], 0],
        ["CONV3", [s3, s3, 384], 3 * 3 * 256 * 384 + 384],
        ["CONV4", [s3, s3, 384], 3 * 3 * 384 * 384 // g + 384],
        ["CONV5", [s3, s3, 256], 3 * 3 * 384 * 256 // g + 256],
        ["POOL3", [s4, s4, 256], 0],
        ["FC6", [1, 1, units], (s4 * s4 * 256 + 1) * units],
        ["FC7", [1, 1, units], (units + 1) * units],
        ["FC8", [1, 1, classes], (units + 1) * classes],
    ]


# %% vgg16_table
def vgg16_table(height=224, width=224, classes=1000, units=4096):
    plan = "64 64 P 128 128 P 256 256 256 P 512 512 512 P 512 512 512 P".split()
    table = [("INPUT", (height, width, 3), height * width * 3, 0)]
    for step in plan:
        name, (h, w, c), values, weights = table[-1]
        if step == "P":
            table.append(("POOL2", (h // 2, w // 2, c), h * w * c // 4, 0))
        else:
            f = int(step)
            table.append((f"CONV3-{f}", (h, w, f), h * w * f, 9 * c * f))
    flat = table[-1][2]
    table.append(("FC", (1, 1, units), units, flat * units))
    table.append(("FC", (1, 1, units), units, units * units))
    table.append(("FC", (1, 1, classes), classes, units * classes))
    return table


def table_totals(table, bytes_per_value=4):
    values = weights = fc = 0
    for name, shape, v, w in table:
        values, weights = values + v, weights + w
        if name == "FC":
            fc += w
    return dict(
        values=values,
        weights=weights,
        mebibytes=values * bytes_per_value / 1024 / 1024,
        fc_share=fc / weights if weights else 0.0,
    )


# %% inception
def inception_macs(size, channels, conv1, conv3, conv5, reduce3=None, reduce5=None, pool_proj=None):
    into3 = channels if reduce3 is None else reduce3
    into5 = channels if reduce5 is None else reduce5
    weights = channels * conv1 + 9 * into3 * conv3 + 25 * into5 * conv5
    for extra in (reduce3, reduce5, pool_proj):
        weights += channels * (extra or 0)
    return weights * size[0] * size[1]


def inception_depth(channels, conv1, conv3, conv5, pool_proj=None):
    last = pool_proj
    if last is None:
        last = channels
    return sum([conv1, conv3, conv5, last])


# %% cheaper_blocks
def basic_block_params(channels):
    return 18 * channels**2


def bottleneck_params(channels, width, groups=1):
    return 2 * channels * width + 9 * width * width // groups


def se_params(channels, ratio=16):
    return 2 * channels**2 // ratio


def separable_saving(in_channels, filters, kernel_size=3):
    return 1 / (1 / filters + 1 / kernel_size**2)


# %% predict_lenet
def predict_lenet(image_size, channels, classes):
    a = image_size - 4
    b = a // 2
    c = b - 4
    d = c // 2
    flat = 16 * d * d
    w1, w2 = 25 * channels * 6, 25 * 6 * 16
    dense = flat * 120 + 120 * 84 + 84 * classes
    return {
        "feature_shape": [d, d, 16],
        "params": w1 + w2 + dense + 6 + 16 + 120 + 84 + classes,
        "macs": w1 * a * a + w2 * c * c + dense,
        "activation_values": image_size**2 * channels
        + 6 * (a * a + b * b)
        + 16 * (c * c + d * d)
        + 120
        + 84
        + classes,
    }


# %% own_answers
mine = own_network(student_id)
height, width, colors = mine["image"]
first, second = mine["conv1"], mine["conv2"]
k, s, d = first["kernel_size"], first["strides"], second["dilation"]
pooled = [
    (conv_output_size(n, k, s, first["padding"]) - 3) // 2 + 1 for n in (height, width)
]
maps = [conv_output_size(n, k, s, first["padding"]) for n in (height, width)]
w1, w2 = k * k * colors * first["filters"], 9 * first["filters"] * second["filters"]
h, w = (n - 2 * d for n in pooled)
own_answers = {
    "output_shape": [h, w, second["filters"]],
    "params": w1 + w2 + first["filters"] + second["filters"],
    "macs": w1 * maps[0] * maps[1] + w2 * h * w,
    "receptive_field": k + 2 * s + 4 * s * d,
}
