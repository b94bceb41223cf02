"""The judge's stand-ins for what belongs to the student and has no plain form.

A stand-in passes calls, operators and attributes on to the student's process and gives back what
that claims. A class of the student's becomes a class here, so that `isinstance`, `type` and
`except` mean what they say. Nothing that the student's process claims about equality with a value
of the judge's counts: with those, a stand-in equals nothing, and can neither be ordered nor added.
"""

from __future__ import annotations

from abc import ABCMeta
from functools import lru_cache

from autograder.engine import operations
from autograder.engine.errors import StudentError

# Special names that are the student's to tell; all others are ours.
TOLD = {
    "__doc__", "__name__", "__qualname__", "__module__", "__annotations__", "__wrapped__",
    "__defaults__", "__kwdefaults__", "__dict__",
}  # fmt: skip
# What IPython asks everything that it shows.
_DISPLAYED = ("_repr_", "_ipython_")
ENDLESS = {"generator", "map", "filter", "zip", "enumerate", "iterator", "reversed"}


def _is_told(name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return name in TOLD
    return not name.startswith(("_abc_", *_DISPLAYED))


class StudentClass(ABCMeta):
    """A class of the student's; calling it makes an object of it there."""

    def __new__(cls, name, bases, namespace):
        if "__remote__" not in namespace:
            raise TypeError("a test cannot make a subclass of a student's class")
        return super().__new__(cls, name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        return cls.__remote__.call(args, kwargs)

    def __getattribute__(cls, name):
        if _is_told(name) and name != "__dict__":
            return type.__getattribute__(cls, "__remote__").attribute(name)
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, value):
        kind = type(value).__dict__.get("__stands_for__", type(value))
        return issubclass(kind, cls)

    def __setattr__(cls, name, value):
        if _is_told(name):
            cls.__remote__.set(name, value)
        else:
            super().__setattr__(name, value)

    def __repr__(cls):
        return f"your class {type.__getattribute__(cls, '__name__')}"

    def __bool__(cls):
        return True


class StudentObject:
    """Something of the student's that has no plain form; the base of all stand-ins."""

    def __getattribute__(self, name):
        if _is_told(name):
            return object.__getattribute__(self, "__remote__").attribute(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        self.__remote__.set(name, value)

    def __delattr__(self, name):
        self.__remote__.operate("delattr", name)

    def __dir__(self):
        return self.__remote__.operate("dir")

    def __copy__(self):
        return self.__remote__.operate("copy")

    def __deepcopy__(self, memo):
        return self.__remote__.operate("deepcopy")

    def __reduce_ex__(self, protocol):
        raise TypeError(f"{self!r} cannot be copied by a test")

    def __repr__(self):
        return self.__remote__.named()

    def __eq__(self, other):
        return _equal(self, other)

    def __ne__(self, other):
        return not _equal(self, other)

    __hash__ = object.__hash__


class Remote:
    """What a stand-in stands for.

    Args:
        student: the conversation with its process.
        handle: the number under which that keeps it.
        name: what it is called, if it is a function or a class.
        kind: the name of its class.
        own: whether that class is the student's own and not a library's.
        plain: whether it is plain data and more than that.
    """

    def __init__(self, student, handle: int, name: str, kind: str, own: bool, plain: bool = False):
        self.student, self.handle = student, handle
        self.name, self.kind, self.own, self.plain = name, kind, own, plain

    def call(self, args: tuple, kwargs: dict):
        return self.student.operate("call", self.handle, args, kwargs)

    def operate(self, name: str, *args):
        return self.student.operate(name, self.handle, args)

    def attribute(self, name: str):
        return self.student.attribute(self.handle, name)

    def set(self, name: str, value) -> None:
        self.student.operate("setattr", self.handle, (name, value))

    def data(self):
        """The plain data that it is, too, as they are now."""
        return self.student.operate("plain", self.handle)

    def is_endless(self) -> bool:
        """True for what has items only while they are asked for."""
        return self.kind in ENDLESS or self.kind.endswith("iterator")

    def named(self) -> str:
        """It in words that its owner understands."""
        if self.is_endless():
            return f"a {self.kind}, which has no items to look at before it is used: return a list"
        if self.name:
            return f"your function {self.name}"
        return f"an object of your class {self.kind}" if self.own else f"a {self.kind} object"


def remote_of(value) -> Remote | None:
    """What a stand-in stands for; None of anything else."""
    if isinstance(value, StudentClass):
        return type.__getattribute__(value, "__remote__")
    if issubclass(type(value), StudentObject):
        return object.__getattribute__(value, "__remote__")
    return None


def make_class(
    remote: Remote, name: str, doc: str, bases: list[type], names: list[str], of_class: list[str]
) -> type:
    """The class that stands for one of the student's.

    Args:
        remote: what it stands for.
        name, doc: its own.
        bases: classes that it derives from, as far as the judge knows them.
        names: the operations that its objects have.
        of_class: those that it has itself, such as an enumeration's.
    """
    if remote.is_endless():  # which says of itself only where it lies in memory
        names = [name for name in names if name not in ("repr", "str")]
    space = {f"__{n}__": _METHODS[n] for n in names if n in _METHODS}
    if "unhashable" in names:
        space["__hash__"] = None
    elif "hash" not in names:
        space["__hash__"] = object.__hash__
    space |= {"__remote__": remote, "__doc__": doc, "__module__": "__main__"}
    space |= {"__init__": object.__init__}
    first = () if any(issubclass(base, StudentObject) for base in bases) else (StudentObject,)
    for chosen in ((*first, *bases), (StudentObject,)):
        try:
            made = _metaclass(tuple(of_class))(name, chosen, dict(space))
        except TypeError:  # bases that do not go together here
            continue
        made.__abstractmethods__ = frozenset()
        return made
    raise TypeError(f"no class can be made of {name}")


@lru_cache(64)
def _metaclass(names: tuple[str, ...]) -> type:
    space = {f"__{n}__": _METHODS[n] for n in names if n in ("getitem", "iter", "len", "contains")}
    return type("StudentClass", (StudentClass,), space) if space else StudentClass


def make_object(kind: type, remote: Remote):
    """An object of such a class."""
    base = BaseException if issubclass(kind, BaseException) else object
    made = base.__new__(kind)
    object.__setattr__(made, "__remote__", remote)
    return made


def extend(value, kind: type, remote: Remote):
    """Plain data that cannot be changed, with the attributes of the student's class besides.

    Args:
        value: the data; what it equals is decided by them alone.
        kind: what stands for the class.
        remote: whose attributes it has.
    """
    base = type(value)

    def attribute(self, name):
        if name.startswith("__") or not _is_told(name):
            raise AttributeError(f"{base.__name__!r} object has no attribute {name!r}")
        return remote.attribute(name)

    space = {"__getattr__": attribute, "__stands_for__": kind, "__module__": "__main__"}
    space["__handle__"] = remote.handle
    made = type(remote.kind, (base,), space)
    return made._make(value) if hasattr(base, "_make") else made(value)


def _equal(one: StudentObject, other) -> bool:
    """Equality: of two things of the student's their owner may say it, else the judge decides."""
    if one is other:
        return True
    mine, theirs = remote_of(one), remote_of(other)
    if mine.plain or (theirs and theirs.plain):
        return (mine.data() if mine.plain else one) == (
            theirs.data() if theirs and theirs.plain else other
        )
    if theirs is None:
        return False
    return mine.operate("eq", other) is True


def _plain(value, kind: type, what: str):
    """What the student's process answered, if it is of the type that Python wants."""
    if type(value) is not kind:
        raise TypeError(f"{what} should give {kind.__name__}, but gave {value!r}")
    return value


def _unary(name: str):
    def method(self):
        return self.__remote__.operate(name)

    return method


def _typed(name: str, kind: type):
    def method(self):
        return _plain(self.__remote__.operate(name), kind, f"{name}()")

    return method


def _passed_on(name: str):
    def method(self, *args):
        return self.__remote__.operate(name, *args)

    return method


def _of_two(name: str):
    """An operator, which is the student's to compute if both sides are."""

    def method(self, other):
        mine, theirs = remote_of(self), remote_of(other)
        if mine.plain and theirs is None and name in operations.ORDER:
            return operations.DO[name](mine.data(), other)
        if theirs is None:
            raise TypeError(
                f"{mine.named()} cannot be compared or computed with a test's "
                f"{type(other).__name__}: return plain numbers, lists or arrays"
            )
        return mine.operate(name, other)

    return method


def _exit(self, kind, error, traceback):
    return self.__remote__.operate("exit", kind, error and str(error)) is True


def _contains(self, item):
    remote = self.__remote__
    if remote.plain:
        return item in remote.data()
    if remote_of(item) is not None:
        return _plain(remote.operate("contains", item), bool, "in")
    if remote.own:
        raise TypeError(
            f"{remote.named()} cannot be asked whether a value of a test is in it: "
            "return a list, a set or a dict"
        )
    return any(item == found for found in self)


def _call(self, *args, **kwargs):
    return self.__remote__.call(args, kwargs)


def _length(self):
    length = _plain(self.__remote__.operate("len"), int, "len()")
    if length < 0:
        raise ValueError("len() should give a number that is not below 0")
    return length


_METHODS = {name: _unary(name) for name in ("iter", "next", "reversed", "abs", "neg", "pos")}
_METHODS |= {
    name: _typed(name, kind)
    for name, kind in {
        "bool": bool, "int": int, "float": float, "complex": complex, "index": int, "str": str,
        "repr": str, "hash": int,
    }.items()
}  # fmt: skip
_METHODS |= {
    name: _passed_on(name)
    for name in ("getitem", "setitem", "delitem", "format", "round", "enter", "invert")
}
_METHODS |= {name: _of_two(name) for name in (*operations.ARITHMETIC, *operations.ORDER)}
_METHODS |= {"call": _call, "len": _length, "contains": _contains, "exit": _exit}


class function(StudentObject):
    """A function of the student's, or something else that can be called and has a name."""

    __call__ = _call

    def __bool__(self):
        return True


__all__ = ["Remote", "StudentClass", "StudentError", "StudentObject", "function", "make_class",
           "make_object", "remote_of"]  # fmt: skip
