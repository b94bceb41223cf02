# A right answer that counts instead of computing, in NumPy's integers, and talks while it works:
# prints, warnings and lines on stderr as TensorFlow writes them.

# %% valid_output_size
import logging
import os
import sys
import warnings


def valid_output_size(size, kernel_size, strides=1):
    print("counting the places of a kernel of", kernel_size)
    places = [start for start in range(0, size, strides) if start + kernel_size <= size]
    if not places:
        raise ValueError("the kernel fits nowhere")
    return np.int64(len(places))


# %% conv_output_size
def conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1):
    warnings.warn("this could be faster", DeprecationWarning, stacklevel=2)
    taps = np.arange(kernel_size) * dilation
    if padding == "same":
        return len(range(0, size, strides))
    if padding == "valid":
        zeros = 0
    elif padding == "full":
        zeros = int(taps[-1])
    elif type(padding) is str:
        raise ValueError("no such padding")
    else:
        zeros = padding
    count, start = 0, -zeros
    while start + taps[-1] <= size - 1 + zeros:
        count, start = count + 1, start + strides
    if count == 0:
        raise ValueError("the kernel fits nowhere")
    return count


# %% pool_output_size
def pool_output_size(size, pool_size, strides=None):
    print("E tensorflow/cuda_diagnostics: failed call to cuInit", file=sys.stderr)
    if strides is None:
        strides = pool_size
    if pool_size > size:
        raise ValueError("the window fits nowhere")
    return sum(1 for start in range(0, size - pool_size + 1, strides))


# %% conv_params
def conv_params(in_channels, filters, kernel_size, groups=1, use_bias=True):
    logging.warning("building a kernel to count its entries")
    if in_channels % groups or filters % groups:
        raise ValueError("groups must divide channels and filters")
    kernel = np.lib.stride_tricks.as_strided(
        np.zeros(1, "int8"),
        (kernel_size, kernel_size, in_channels // groups, filters),
        (0, 0, 0, 0),
    )
    return kernel.size + use_bias * filters


def dense_params(inputs, units, use_bias=True):
    return sum(inputs + use_bias for _ in range(units))


# %% conv_costs
def conv_connections(in_channels, filters, kernel_size, output_size):
    return conv_params(in_channels, filters, kernel_size) * int(np.prod(output_size))


def conv_macs(in_channels, filters, kernel_size, output_size, groups=1):
    weights = conv_params(in_channels, filters, kernel_size, groups, use_bias=False)
    return weights * int(np.prod(output_size))


def activation_bytes(shape, bytes_per_value=4):
    return np.prod(np.array(shape, "int64")) * bytes_per_value


# %% lenet5_table
def lenet5_table(size=32, table=TABLE_I, classes=10):
    os.write(2, b"W0000 gpu_device.cc: cannot dlopen some GPU libraries\n")
    table = [set(row) for row in table]
    maps = len(table)
    rows = [("C1", size - 4, 6, conv_params(1, 6, 5), 1)]
    rows += [("S2", rows[-1][1] // 2, 6, 2 * 6, None)]
    rows += [("C3", rows[-1][1] - 4, maps, sum(25 * len(r) + 1 for r in table), 1)]
    rows += [("S4", rows[-1][1] // 2, maps, 2 * maps, None)]
    rows += [("C5", rows[-1][1] - 4, 120, conv_params(maps, 120, 5), 1)]
    done = []
    for name, side, depth, params, shared in rows:
        links = side * side * (params if shared else 5 * depth)
        done.append((name, (side, side, depth), params, links))
    side = rows[-1][1]
    f6 = dense_params(120 * side**2, 84)
    return [*done, ("F6", (1, 1, 84), f6, f6), ("OUTPUT", (1, 1, classes), 0, 84 * classes)]


# %% receptive_field
def receptive_field(layers):
    needed = 1
    for row in list(layers)[::-1]:
        kernel, stride, dilation = (*row, 1)[:3]
        needed = (needed - 1) * stride + (kernel - 1) * dilation + 1
    return needed


def layers_for_field(field, kernel_size=3):
    for count in range(field + 1):
        if receptive_field([(kernel_size, 1)] * count) >= field:
            return count


# %% alexnet_table
def alexnet_table(input_size=227, classes=1000, units=4096, groups=1):
    plan = [
        ("CONV1", 96, 11, 4, 0, 1), ("POOL1", 3, 2), ("NORM1",),
        ("CONV2", 256, 5, 1, 2, groups), ("POOL2", 3, 2), ("NORM2",),
        ("CONV3", 384, 3, 1, 1, 1), ("CONV4", 384, 3, 1, 1, groups),
        ("CONV5", 256, 3, 1, 1, groups), ("POOL3", 3, 2),
    ]  # fmt: skip
    table = [("INPUT", (input_size, input_size, 3), 0)]
    for name, *how in plan:
        side, _, depth = table[-1][1]
        params = 0
        if name.startswith("CONV"):
            filters, kernel, stride, zeros, parts = how
            side = conv_output_size(side, kernel, stride, zeros)
            params = conv_params(depth, filters, kernel, parts)
            depth = filters
        elif name.startswith("POOL"):
            side = pool_output_size(side, *how)
        table.append((name, (side, side, depth), params))
    values = int(np.prod(table[-1][1]))
    for name, width in zip(("FC6", "FC7", "FC8"), (units, units, classes)):
        table.append((name, (1, 1, width), dense_params(values, width)))
        values = width
    return table


# %% vgg16_table
def vgg16_table(height=224, width=224, classes=1000, units=4096):
    table = []

    def add(name, shape, weights=0):
        table.append([name, shape, int(np.prod(shape)), weights])

    add("INPUT", (height, width, 3))
    for stage, (count, filters) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]):
        shape = (height >> stage, width >> stage, filters)
        for _ in range(count):
            add(f"CONV3-{filters}", shape, 9 * table[-1][1][2] * filters)
        add("POOL2", (shape[0] // 2, shape[1] // 2, filters))
    for size in (units, units, classes):
        add("FC", (1, 1, size), table[-1][2] * size)
    return table


def table_totals(table, bytes_per_value=4):
    columns = list(zip(*table))
    weights = np.array(columns[3])
    dense = np.array([name == "FC" for name in columns[0]])
    return {
        "values": sum(columns[2]),
        "weights": weights.sum(),
        "mebibytes": sum(columns[2]) * bytes_per_value / (1 << 20),
        "fc_share": weights[dense].sum() / max(1, weights.sum()),
    }


# %% inception
def inception_macs(size, channels, conv1, conv3, conv5, reduce3=None, reduce5=None, pool_proj=None):
    convolutions = [(channels, conv1, 1)]
    for filters, kernel, before in ((conv3, 3, reduce3), (conv5, 5, reduce5)):
        if before is None:
            convolutions += [(channels, filters, kernel)]
        else:
            convolutions += [(channels, before, 1), (before, filters, kernel)]
    if pool_proj is not None:
        convolutions += [(channels, pool_proj, 1)]
    return sum(conv_macs(*convolution, size) for convolution in convolutions)


def inception_depth(channels, conv1, conv3, conv5, pool_proj=None):
    return conv1 + conv3 + conv5 + {None: channels}.get(pool_proj, pool_proj)


# %% cheaper_blocks
def basic_block_params(channels):
    return conv_params(channels, channels, 3, use_bias=False) * 2


def bottleneck_params(channels, width, groups=1):
    parts = [(channels, width, 1, 1), (width, width, 3, groups), (width, channels, 1, 1)]
    return sum(conv_params(*part, use_bias=False) for part in parts)


def se_params(channels, ratio=16):
    squeezed = channels // ratio
    return channels * squeezed + squeezed * channels


def separable_saving(in_channels, filters, kernel_size=3):
    area = kernel_size * kernel_size
    return np.float64(area * filters) / (area + filters)


# %% predict_lenet
def predict_lenet(image_size, channels, classes):
    shapes = [(image_size, image_size, channels)]
    params = macs = 0
    for filters in (6, 16):
        side = valid_output_size(shapes[-1][0], 5)
        params += conv_params(shapes[-1][2], filters, 5)
        macs += conv_macs(shapes[-1][2], filters, 5, (side, side))
        shapes += [(side, side, filters), (pool_output_size(side, 2),) * 2 + (filters,)]
    feature = shapes[-1]
    widths = [int(np.prod(feature)), 120, 84, classes]
    for before, after in zip(widths, widths[1:]):
        params, macs = params + dense_params(before, after), macs + before * after
    return {
        "feature_shape": feature,
        "params": params,
        "macs": macs,
        "activation_values": sum(int(np.prod(s)) for s in shapes) + sum(widths[1:]),
    }


# %% own_answers
sizes, costs, seen = list(own_network(student_id)["image"]), [0, 0], [(1, 1)]
for name, layer in own_network(student_id).items():
    if name == "image":
        continue
    kernel = layer.get("kernel_size", 3)
    more = layer.get("strides", 1), layer.get("padding", 0), layer.get("dilation", 1)
    rows, columns = (len(range(0, n + 2 * more[1] - more[2] * (kernel - 1), more[0]))
                     for n in sizes[:2])
    seen.append((seen[-1][0] + seen[-1][1] * more[2] * (kernel - 1), seen[-1][1] * more[0]))
    if name != "pool":
        weights = np.ones((kernel, kernel, sizes[2], layer["filters"])).size
        costs = [costs[0] + weights + layer["filters"], costs[1] + weights * rows * columns]
    sizes = [rows, columns, layer.get("filters", sizes[2])]
own_answers = dict(
    output_shape=tuple(sizes), params=costs[0], macs=costs[1], receptive_field=seen[-1][0]
)
