"""The judge's stand-ins for what belongs to the student and has no plain form.

A stand-in passes calls, operators and attributes on to the student's process and gives back what
that claims. A class of the student's becomes a class here, so that `isinstance`, `type` and
`except` mean what they say. Nothing that the student's process claims about equality with a value
of the judge's counts: with those, a stand-in equals nothing, and can neither be ordered nor added.
"""

from __future__ import annotations

from abc import ABCMeta
from functools import lru_cache

from autograder.engine.remote import Remote
from autograder.engine.standin_methods import METHODS, call, equal

# Special names that are the student's to tell; all others are ours.
TOLD = {
    "__doc__", "__name__", "__qualname__", "__module__", "__annotations__", "__wrapped__",
    "__defaults__", "__kwdefaults__", "__dict__",
}  # fmt: skip
# What IPython asks everything that it shows.
_DISPLAYED = ("_repr_", "_ipython_")


def _is_told(name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return name in TOLD
    return not name.startswith(("_abc_", *_DISPLAYED))


class StudentClass(ABCMeta):
    """A class of the student's; calling it makes an object of it there."""

    __stands_in__ = True

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

    __stands_in__ = True

    def __getattribute__(self, name):
        if _is_told(name):
            return object.__getattribute__(self, "__remote__").attribute(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        if _is_told(name):
            self.__remote__.set(name, value)
        else:  # as where an error has passed here, which contextlib notes
            object.__setattr__(self, name, value)

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
        return equal(self, other)

    def __ne__(self, other):
        return not equal(self, other)

    __hash__ = object.__hash__


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
    space = {f"__{n}__": METHODS[n] for n in names if n in METHODS}
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
    space = {f"__{n}__": METHODS[n] for n in names if n in ("getitem", "iter", "len", "contains")}
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


class function(StudentObject):
    """A function of the student's, or something else that can be called and has a name."""

    __call__ = call

    def __bool__(self):
        return True
