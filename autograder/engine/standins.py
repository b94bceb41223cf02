"""The judge's stand-ins for what belongs to the student and has no plain form.

A stand-in passes calls, operators and attributes on to the student's process and returns what that
claims. A class of the student's becomes a class here, so that `isinstance`, `type` and `except`
mean what they say. No claim of the student's process about equality with a value of the judge's
counts: with those, a stand-in equals nothing, and can neither be ordered nor added.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from autograder.engine.remote import Remote, the_remote
from autograder.engine.standin_methods import METHODS, call, equal

# Special names whose values the student's process gives; all others are ours.
STUDENTS_OWN = {
    "__doc__", "__name__", "__qualname__", "__module__", "__annotations__", "__wrapped__",
    "__defaults__", "__kwdefaults__", "__dict__",
}  # fmt: skip
# What IPython asks of everything that it shows.
_DISPLAYED = ("_repr_", "_ipython_")


def _is_students(name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return name in STUDENTS_OWN
    return not name.startswith(("_abc_", *_DISPLAYED))


class StudentClass(ABCMeta):
    """A class of the student's; calling it makes an object of it there."""

    __stands_in__ = True
    __remote__: Remote

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> StudentClass:
        if "__remote__" not in namespace:
            raise TypeError("a test cannot make a subclass of a student's class")
        return super().__new__(cls, name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.__remote__.call(args, kwargs)

    def __getattribute__(cls, name: str) -> Any:
        if _is_students(name) and name != "__dict__":
            return type.__getattribute__(cls, "__remote__").attribute(name)
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, value: Any) -> bool:
        kind = type(value).__dict__.get("__stands_for__", type(value))
        return issubclass(kind, cls)

    def __setattr__(cls, name: str, value: Any) -> None:
        if _is_students(name):
            cls.__remote__.set(name, value)
        else:
            super().__setattr__(name, value)

    def __repr__(cls) -> str:
        return f"your class {type.__getattribute__(cls, '__name__')}"

    def __bool__(cls) -> bool:
        return True


class StudentObject:
    """Something of the student's that has no plain form; the base of all stand-ins."""

    __stands_in__: ClassVar[bool] = True

    def __getattribute__(self, name: str) -> Any:
        if _is_students(name):
            return object.__getattribute__(self, "__remote__").attribute(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if _is_students(name):
            the_remote(self).set(name, value)
        else:  # such as what contextlib notes on an error that passes
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        the_remote(self).operate("delattr", name)

    def __dir__(self) -> Iterable[str]:
        names: Iterable[str] = the_remote(self).operate("dir")
        return names

    def __copy__(self) -> Any:
        return the_remote(self).operate("copy")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return the_remote(self).operate("deepcopy")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{self!r} cannot be copied by a test")

    def __repr__(self) -> str:
        return the_remote(self).named()

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not equal(self, other)

    __hash__ = object.__hash__


class StudentFunction(StudentObject):
    """A function of the student's, or something else that can be called and has a name."""

    __call__ = call

    def __bool__(self) -> bool:
        return True


# A test may print the type of a student's function.
StudentFunction.__name__ = StudentFunction.__qualname__ = "function"


def make_class(
    remote: Remote,
    name: str,
    doc: str,
    bases: Sequence[type],
    names: Iterable[str],
    of_class: Iterable[str],
) -> type:
    """Make the class that stands for one of the student's.

    Args:
        remote: what it stands for.
        name, doc: its own.
        bases: classes that it derives from, as far as the judge knows them.
        names: the operations that its objects have.
        of_class: those that it has itself, such as an enumeration's.
    """
    names = list(names)
    if remote.is_endless():  # whose text says only where it lies in memory
        names = [name for name in names if name not in ("repr", "str")]
    space: dict[str, Any] = {f"__{n}__": METHODS[n] for n in names if n in METHODS}
    if "unhashable" in names:
        space["__hash__"] = None
    elif "hash" not in names:
        space["__hash__"] = object.__hash__
    space |= {"__remote__": remote, "__doc__": doc, "__module__": "__main__"}
    space |= {"__init__": object.__init__}
    has_base = any(issubclass(base, StudentObject) for base in bases)
    wanted = tuple(bases) if has_base else (StudentObject, *bases)
    for chosen in (wanted, (StudentObject,)):
        try:
            made = _metaclass(tuple(of_class))(name, chosen, dict(space))
        except TypeError:  # bases that do not go together here
            continue
        made.__abstractmethods__ = frozenset()
        return made
    raise TypeError(f"no class can be made of {name}")


@lru_cache(64)
def _metaclass(names: tuple[str, ...]) -> type[StudentClass]:
    known = [name for name in names if name in ("getitem", "iter", "len", "contains")]
    if not known:
        return StudentClass
    return type("StudentClass", (StudentClass,), {f"__{n}__": METHODS[n] for n in known})


def make_object(kind: type, remote: Remote) -> Any:
    """Make an object of such a class."""
    base: Any = BaseException if issubclass(kind, BaseException) else object
    made = base.__new__(kind)
    object.__setattr__(made, "__remote__", remote)
    return made


def extend(value: Any, kind: type, remote: Remote) -> Any:
    """Make plain data that cannot be changed, with the attributes of the student's class besides.

    Args:
        value: the data, which alone decide what it equals.
        kind: the stand-in for the class.
        remote: the object whose attributes it has.
    """
    base: Any = type(value)

    def attribute(self: Any, name: str) -> Any:
        if name.startswith("__") or not _is_students(name):
            raise AttributeError(f"{base.__name__!r} object has no attribute {name!r}")
        return remote.attribute(name)

    space = {"__getattr__": attribute, "__stands_for__": kind, "__module__": "__main__"}
    made: Any = type(remote.kind, (base,), space | {"__handle__": remote.handle})
    return made._make(value) if hasattr(base, "_make") else made(value)
