"""Read pickle files as plain data. Nothing is imported, called or built, so a file cannot run code.

A pickle is a program for a small machine. This is a safe part of that machine: it reads numbers, text, bytes, lists,
tuples, dictionaries and NumPy arrays of unsigned bytes, and refuses everything else. CIFAR's Python version needs no
more.
"""

import math
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from antivenom.errors import DataError
from antivenom.files.opening import read_bytes

MAX_STEPS = 2_000_000
"""The largest number of steps. CIFAR's files take 300,000. An empty list is 1 byte in a file, 56 in memory."""

ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
BYTES = {"__builtin__ bytes", "builtins bytes"}
NDARRAY, DTYPE, ENCODE = "numpy ndarray", "numpy dtype", "_codecs encode"
KNOWN = {*ARRAY, *BYTES, NDARRAY, DTYPE, ENCODE}

VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
ARGUMENTS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
PUTS, GETS = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
IGNORED = {"PROTO", "FRAME"}


@dataclass(frozen=True)
class _Name:
    """The name of a global in a pickle. It is never imported."""

    name: str


@dataclass
class _Type:
    """A NumPy `dtype`, by its code. Only unsigned bytes are supported."""

    code: object


@dataclass
class _Array:
    """An array that is not complete yet; `value` is the complete array."""

    value: Any = None


@dataclass
class _Mark:
    """The beginning of a group on the stack."""


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def group(self) -> list[Any]:
        """Remove the last mark and all values above it; return these values."""
        for place in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[place], _Mark):
                members = self.stack[place + 1 :]
                del self.stack[place:]
                return members
        raise ValueError("a group has no beginning")

    def top(self, kind: type) -> Any:
        """Return the value on top of the stack. It must be of this type."""
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"a {kind.__name__.strip('_').lower()} is required, got {_kind(self.stack[-1])}")
        return self.stack[-1]


def read(file: Path) -> Any:
    """Return the content of a pickle: None, numbers, text, bytes, lists, tuples, dictionaries, arrays of uint8.

    Text from Python 2 becomes bytes.

    Raises:
        MissingDataError: the file does not exist.
        DataError: the file contains other types, or is damaged; the message names the file and the offset.
    """
    return parse(read_bytes(file), str(file))


def parse(content: bytes, where: str) -> Any:
    """Like `read`, but from bytes. Messages call the content `where`."""
    machine, offset, steps = _Machine(), 0, 0
    try:
        with warnings.catch_warnings(action="ignore"):  # warnings about invalid escapes in text
            for opcode, argument, position in pickletools.genops(BytesIO(content)):
                offset, steps = position or 0, steps + 1
                if steps > MAX_STEPS:
                    raise ValueError(f"more than {MAX_STEPS} steps")
                if opcode.name == "STOP":
                    (result,) = machine.stack
                    return _finished(result)
                _step(machine, opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        reason = "the file ends too early" if isinstance(error, IndexError) else str(error) or type(error).__name__
        raise DataError(f"{where} cannot be read as plain data, at offset {offset}: {reason}.") from error
    raise DataError(f"{where} ends too early, at offset {len(content)}.")


def _step(machine: _Machine, name: str, argument: Any) -> None:
    stack = machine.stack
    if name in IGNORED:
        pass
    elif name in VALUES:
        stack.append(VALUES[name])
    elif name in ARGUMENTS:
        # Python 2's text is bytes; `pickletools` returns it as Latin 1
        stack.append(argument.encode("latin1") if name in ("BINSTRING", "SHORT_BINSTRING", "STRING") else argument)
    elif name == "MEMOIZE":
        machine.memo[len(machine.memo)] = stack[-1]
    elif name in PUTS:
        machine.memo[int(argument)] = stack[-1]
    elif name in GETS:
        stack.append(machine.memo[int(argument)])
    elif name == "MARK":
        stack.append(_Mark())
    elif name == "GLOBAL":
        stack.append(_global(argument))
    elif name == "STACK_GLOBAL":
        attribute, module = stack.pop(), stack.pop()
        stack.append(_global(f"{module} {attribute}"))
    elif name in _BUILDERS:
        _BUILDERS[name](machine)
    else:
        raise ValueError(f"it uses {name}, which plain data does not need")


def _global(name: str) -> _Name:
    if name not in KNOWN:
        raise ValueError(f"it names {name.replace(' ', '.')!r}, and names are never imported")
    return _Name(name)


def _reduce(machine: _Machine) -> None:
    arguments, function = machine.stack.pop(), machine.top(_Name)
    if not isinstance(arguments, tuple):
        raise ValueError("the arguments of a call are not a tuple")
    machine.stack.pop()
    if function.name in ARRAY:
        machine.stack.append(_Array())
    elif function.name == DTYPE:
        machine.stack.append(_Type(arguments[0]))
    elif function.name in BYTES and not arguments:
        machine.stack.append(b"")
    elif function.name == ENCODE and len(arguments) == 2 and isinstance(arguments[0], str):
        machine.stack.append(arguments[0].encode("latin1"))
    else:
        raise ValueError(f"it calls {function.name.replace(' ', '.')!r}")


def _build(machine: _Machine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, _Type):
        return  # byte order and the like, which bytes do not have
    if not isinstance(target, _Array) or not isinstance(state, tuple) or len(state) != 5:
        raise ValueError(f"it builds a {_kind(target)}")
    _, shape, dtype, fortran, data = state
    if not isinstance(dtype, _Type) or dtype.code not in ("u1", b"u1", "|u1"):
        raise ValueError(f"an array has type {dtype.code if isinstance(dtype, _Type) else _kind(dtype)!r}, not u1")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("an array has no valid shape")
    if not isinstance(data, bytes) or len(data) != math.prod(shape):
        raise ValueError(f"an array of shape {shape} has {len(data) if isinstance(data, bytes) else 'no'} bytes")
    target.value = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


def _append(machine: _Machine) -> None:
    value = machine.stack.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.group()
    machine.top(list).extend(values)


def _set(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.top(dict).update(_entries([key, value]))


def _sets(machine: _Machine) -> None:
    values = machine.group()
    machine.top(dict).update(_entries(values))


def _dictionary(machine: _Machine) -> None:
    machine.stack.append(_entries(machine.group()))


def _entries(values: list[Any]) -> dict[Any, Any]:
    """Make a dictionary from alternating keys and values. Deeply nested tuples as keys would crash Python."""
    wrong = [key for key in values[::2] if type(key) not in (str, bytes, int)]
    if wrong:
        raise ValueError(f"a key must be text, bytes or a whole number, got {_kind(wrong[0])}")
    return dict(zip(values[::2], values[1::2], strict=True))


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def build(machine: _Machine) -> None:
        if len(machine.stack) < count:
            raise ValueError("a tuple has more members than the stack")
        members = tuple(machine.stack[len(machine.stack) - count :])
        del machine.stack[len(machine.stack) - count :]
        machine.stack.append(members)

    return build


_BUILDERS: dict[str, Callable[[_Machine], None]] = {
    "EMPTY_LIST": lambda machine: machine.stack.append([]),
    "EMPTY_DICT": lambda machine: machine.stack.append({}),
    "EMPTY_TUPLE": _tuple_of(0),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": lambda machine: machine.stack.append(tuple(machine.group())),
    "LIST": lambda machine: machine.stack.append(machine.group()),
    "DICT": _dictionary,
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set,
    "SETITEMS": _sets,
    "REDUCE": _reduce,
    "BUILD": _build,
}


def _finished(result: Any) -> Any:
    """Replace arrays on the first two levels by their values. CIFAR's files have no deeper arrays."""
    if isinstance(result, dict):
        return {key: _plain(value) for key, value in result.items()}
    return _plain(result)


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array has no content")
        return value.value
    if isinstance(value, _Name | _Type | _Mark):
        raise ValueError(f"plain data is required, got {_kind(value)}")
    return value


def _kind(value: object) -> str:
    return type(value).__name__.strip("_").lower()
