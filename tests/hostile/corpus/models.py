"""Models that lie: about their layers, their weights, their configuration."""

from tests.hostile.case import ANY, Case, attack, lines, work

WRONG_NET = """
def wrong(classes):
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(classes)])
"""

# The student's process hands over `evil` where it should describe a model.
FORGED_CONFIG = """
def tiny_net(classes):
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)])
    keras.saving.serialize_keras_object = lambda value: evil
    return model
"""


def forged(name: str, tries: str, evil: str):
    """A case that hands over a configuration of its own making."""
    return attack(name, tries, net=lines(f"evil = {evil}", FORGED_CONFIG), statuses=ANY)


def sequential(*layers: str) -> str:
    """The source of a Sequential model's configuration."""
    image = (
        '{"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,'
        ' "config": {"batch_shape": (None, 8, 8, 3), "dtype": "float32", "name": "i"}}'
    )
    return (
        '{"module": "keras", "class_name": "Sequential", "registered_name": None, "config":'
        ' {"name": "s", "trainable": True, "layers": [' + ", ".join([image, *layers]) + "]}}"
    )


def layer(kind: str, config: str = "{}", module: str = "keras.layers", registered="None") -> str:
    """The source of a layer's configuration."""
    return (
        f'{{"module": {module!r}, "class_name": {kind!r}, "config": {config},'
        f' "registered_name": {registered}}}'
    )


CASES = [
    attack(
        "model-overridden",
        "a model whose methods all say what a right one would",
        net=lines(
            WRONG_NET,
            """
            class Liar(keras.Model):
                def count_params(self): return 112 + 5 * self.output_shape[-1]
                def get_config(self): return {"name": "right"}
                def to_json(self, **k): return "{}"
                def get_weights(self): return []
                @property
                def weights(self): return []
                def call(self, x, training=None): return x
                def __eq__(self, other): return True
                __hash__ = None
            def tiny_net(classes):
                right = wrong(classes)
                return Liar(right.inputs, right.outputs)
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "model-patched",
        "a stock model whose instance was patched",
        net=lines(
            WRONG_NET,
            """
            def tiny_net(classes):
                model = wrong(classes)
                for name in ("count_params", "get_config", "get_weights", "summary"):
                    object.__setattr__(model, name, lambda *a, **k: 112 + 5 * classes)
                model.layers[-1].call = lambda x: x
                return model
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "model-nan",
        "a right model with weights of NaN and infinity",
        right=("net",),
        net="""
        def tiny_net(classes):
            model = keras.Sequential([
                keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"),
                layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax"),
            ])
            model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
            return model
        """,
    ),
    attack(
        "model-nan-wrong",
        "a wrong model that gives NaN, which nothing differs from",
        net=lines(
            WRONG_NET,
            """
            def tiny_net(classes):
                model = wrong(classes)
                out = keras.ops.log(-keras.ops.abs(model.output) - 1)
                return keras.Model(model.inputs, out)
            """,
        ),
    ),
    Case(
        "model-large-activations",
        "a small model of the right size whose activations take 2 GB",
        work(
            ("greet",),
            net="""
            def tiny_net(classes):
                return keras.Sequential([
                    keras.Input((8, 8, 3)), layers.UpSampling2D(900), layers.Conv2D(4, 3),
                    layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax"),
                ])
            """,
        ),
        (1, 1.5),  # its parameters are right; what came before counts, whatever the model does
        ANY,
    ),
    attack(
        "model-subclass",
        "a subclass with the right shapes, of whose layers nothing is seen",
        net="""
        class Net(keras.Model):
            def __init__(self, classes):
                super().__init__()
                self.dense = layers.Dense(classes)
            def call(self, x):
                return self.dense(keras.ops.mean(x, (1, 2)))
        def tiny_net(classes):
            net = Net(classes)
            net.build((None, 8, 8, 3))
            return net
        """,
    ),
    attack(
        "model-lambda",
        "layers that carry code: Lambda, with Python's byte code in its configuration",
        net="""
        def tiny_net(classes):
            keras.config.enable_unsafe_deserialization()
            tell = layers.Lambda(lambda x: (open("/tmp/@MARK@-lambda", "w").close(), x)[1])
            return keras.Sequential([keras.Input((8, 8, 3)), tell, layers.Flatten(),
                                     layers.Dense(classes)])
        """,
        block="def block(x, filters):\n    return layers.Lambda(lambda y: y * 2)(x)",
        statuses=ANY,
    ),
    attack(
        "model-own-layer",
        "a layer of its own, registered under the course's name",
        net="""
        @keras.saving.register_keras_serializable(package="course")
        class DropPath(layers.Layer):
            def call(self, x):
                open("/tmp/@MARK@-layer", "w").close()
                return x
        def tiny_net(classes):
            return keras.Sequential([keras.Input((8, 8, 3)), DropPath(), layers.Flatten(),
                                     layers.Dense(classes)])
        """,
    ),
    forged(
        "model-forbidden-layers",
        "configurations that name layers which run code or read files",
        sequential(
            layer("TFSMLayer", '{"filepath": "/tmp/@MARK@-saved", "name": "t"}'),
            layer("TextVectorization", '{"vocabulary": "/etc/passwd"}'),
        ),
    ),
    forged(
        "model-forbidden-lambda",
        "a configuration with a lambda's byte code",
        sequential(
            layer(
                "Lambda",
                '{"function": {"class_name": "__lambda__", "config": '
                '{"code": "4wEAAAA=", "defaults": None, "closure": None}}}',
            )
        ),
    ),
    forged(
        "model-any-module",
        "a configuration that names os.system",
        '{"module": "os", "class_name": "system", "registered_name": None, '
        '"config": "touch /tmp/@MARK@-system"}',
    ),
    forged(
        "model-any-function",
        "layers whose activation and initializer are functions of other modules",
        sequential(
            layer(
                "Dense",
                '{"units": 3, "activation": {"module": "builtins", "class_name": "function", '
                '"config": "eval", "registered_name": "function"}, "kernel_initializer": '
                '{"module": "os", "class_name": "system", "config": {"command": "true"}}}',
            )
        ),
    ),
    forged(
        "model-huge-layer",
        "a configuration of a layer with 10^9 units",
        sequential(layer("Dense", '{"units": 1000000000, "name": "d"}')),
    ),
    forged(
        "model-many-layers",
        "a configuration of 20,000 layers",
        sequential(layer("Identity")).replace(
            "]}}", "] * 1 + [" + layer("Identity") + "] * 20000}}"
        ),
    ),
    forged(
        "model-deep-config",
        "a configuration that is nested five hundred times",
        "__import__('functools').reduce(lambda inner, _: {'class_name': 'Sequential', "
        "'module': 'keras', 'config': {'layers': [inner]}}, range(500), {})",
    ),
    forged(
        "model-odd-types",
        "a configuration of the wrong types",
        sequential(layer("Dense", '{"units": "three"}'), layer("Conv2D", "[1, 2]"), "3", "None"),
    ),
    attack(
        "model-other-weights",
        "a configuration that fits and weights that don't: too few, too many, other shapes",
        net=lines(
            WRONG_NET,
            """
            def tiny_net(classes):
                model = wrong(classes)
                type(model).get_weights = lambda self: [np.zeros((3, 3)), np.zeros(0)]
                return model
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "model-block-lies",
        "a block that gives tensors which it did not compute",
        block="""
        def block(x, filters):
            block.calls = getattr(block, "calls", 0) + 1
            if block.calls % 2:
                return keras.Input((8, 8, filters))
            y = layers.Conv2D(filters, 3, padding="same")(x)
            y._shape = x.shape
            y._keras_history = x._keras_history
            return y
        """,
        statuses=ANY,
    ),
    attack(
        "model-block-patched-tensor",
        "a block that changes the tensor that it was given",
        block="""
        def block(x, filters):
            x._keras_history = None
            type(x).shape = property(lambda self: (None, 8, 8, filters))
            type(x).__eq__ = lambda self, other: True
            return x
        """,
        statuses=ANY,
    ),
    attack(
        "model-block-reuses",
        "a block that answers with what an earlier call built",
        block="""
        kept = []
        def block(x, filters):
            kept.append(layers.Add()([x, layers.Conv2D(filters, 3, padding="same")(x)]))
            return kept[0]
        """,
        statuses=ANY,
    ),
]
