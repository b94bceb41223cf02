"""The tags of encoded values: the first item of each code, which says how to read the rest."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Code = list[Any]  # [tag, ...], as JSON has it


class Tag(StrEnum):
    """Kinds of encoded values.

    Each comment says what follows the tag. A "blob" is the position of bytes that lie beside the
    message, an "array" is ``[blob, type, shape, order]``, and a "code" is an encoded value.
    """

    # Plain data: wire/codec.py
    JSON = "j"  # None, a bool, a string, an int or a finite float, as it is
    BIG_INT = "i"  # hexadecimal digits
    SPECIAL_FLOAT = "x"  # "nan", "inf" or "-inf"
    COMPLEX = "c"  # real and imaginary part, as hexadecimal floats
    BYTES = "b"  # blob
    BYTEARRAY = "ba"  # blob
    LIST = "l"  # codes
    TUPLE = "t"  # codes
    NAMED_TUPLE = "nt"  # name of the class, names of the fields, codes
    SET = "s"  # codes
    FROZENSET = "fs"  # codes
    DICT = "d"  # pairs of codes
    COLLECTION = "cd"  # an OrderedDict, Counter or defaultdict: name, factory, pairs of codes
    DEQUE = "dq"  # maximal length, codes
    DICT_VIEW = "dv"  # "keys", "values" or "items", codes
    RANGE = "r"  # codes of start, stop and step
    SLICE = "sl"  # codes of start, stop and step
    ELLIPSIS = "e"  # nothing
    STDLIB = "st"  # a value of the standard library: name of its type, text
    TYPE = "ty"  # a type of the standard library or NumPy: name
    # Arrays and tables: wire/arrays.py, wire/tables.py
    ARRAY = "a"  # array, whether it may be written to, name of the subclass
    SCALAR = "n"  # a NumPy number: array
    OBJECT_ARRAY = "ao"  # shape, codes, whether it may be written to
    MASKED_ARRAY = "ma"  # codes of data and mask
    PANDAS = "pd"  # "frame", "series", ... and what belongs to that
    SPARSE = "sp"  # format, whether it is a matrix, shape, codes of data and coordinates
    # Keras: wire/models.py
    MODEL = "m"  # blob of the configuration, arrays of the weights
    TENSOR = "T"  # array
    SYMBOLIC = "k"  # a symbolic tensor: number, and to the student's process shape and type
    # The student's objects, which stay in the student's process
    FUNCTION = "f"  # handle, name, name of its type
    OBJECT = "o"  # handle, code of its class, whether it is plain data besides
    CLASS = "C"  # handle; the first time also what the class is like
    EXTENDED = "w"  # plain data with a class of the student's: handle, code of the class, code
    HANDLE = "h"  # to the student's process: the handle of one of these
    # The test's objects, which stay in the judge
    JUDGE_OBJECT = "J"  # number, name, name of its type, operations
    JUDGE_HANDLE = "H"  # back to the judge: the number of one of these
    # What both processes have
    GIVEN = "G"  # a function or class of the instructor's: name
    GIVEN_OBJECT = "O"  # an object of such a class: name of the class, code of its attributes
    LIBRARY = "g"  # a function or class of a library: module, name
    MODULE = "module"  # a library's module: name
    # Arguments that a call may change
    ARGUMENT = "#"  # number, code
    ARGUMENT_AGAIN = "@"  # the number of one that was sent already
    ARGUMENT_BACK = "="  # back to the judge: number, and the code of its value now, or None
