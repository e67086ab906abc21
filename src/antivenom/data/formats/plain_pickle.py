"""Python's pickle format as plain data: nothing is ever imported, called or built, so nothing in a file can run.

A pickle is a program for a small machine. This is that machine without its dangerous half: it keeps numbers, text,
bytes, lists, tuples and dictionaries, knows NumPy's way to write an array of unsigned bytes, and refuses everything
else. It is what CIFAR's Python version needs and no more.
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

from antivenom.data.formats._reading import contents
from antivenom.errors import DataError

MAX_STEPS = 2_000_000
"""CIFAR's files take 300,000. An empty list is one byte here and 56 in memory, so there must be a limit."""

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
    """A global that a pickle names; never looked up."""

    name: str


@dataclass
class _Type:
    """NumPy's `dtype`, by its code; only unsigned bytes are known."""

    code: object


@dataclass
class _Array:
    """An array that is being described; `made` is the array once it is."""

    made: Any = None


@dataclass
class _Mark:
    """Where a group on the stack begins."""


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def group(self) -> list[Any]:
        """What stands above the last mark, taken off with it."""
        for place in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[place], _Mark):
                members = self.stack[place + 1 :]
                del self.stack[place:]
                return members
        raise ValueError("a group without a beginning")

    def top(self, kind: type) -> Any:
        """What is on top of the stack, of that kind."""
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"{_kind(self.stack[-1])} where a {kind.__name__.strip('_').lower()} belongs")
        return self.stack[-1]


def read(file: Path) -> Any:
    """A pickle's content: None, numbers, text, bytes, lists, tuples, dictionaries and arrays of uint8.

    Text that Python 2 wrote comes as bytes.

    Raises:
        MissingDataError: it is not there.
        DataError: it holds anything else, or is damaged; the message names the file and the offset.
    """
    return parse(contents(file), str(file))


def parse(content: bytes, where: str) -> Any:
    """The same from bytes; `where` is for messages."""
    machine, offset, steps = _Machine(), 0, 0
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes in text
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
        # Python 2's text is bytes; `pickletools` hands it over as Latin 1
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
        raise ValueError(f"it names {name.replace(' ', '.')!r}, and nothing from a file is looked up")
    return _Name(name)


def _reduce(machine: _Machine) -> None:
    arguments, function = machine.stack.pop(), machine.top(_Name)
    if not isinstance(arguments, tuple):
        raise ValueError("arguments that are no tuple")
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
    made = machine.stack[-1]
    if isinstance(made, _Type):
        return  # byte order and the like, which bytes do not have
    if not isinstance(made, _Array) or not isinstance(state, tuple) or len(state) != 5:
        raise ValueError(f"it builds a {_kind(made)}")
    _, shape, dtype, fortran, data = state
    if not isinstance(dtype, _Type) or dtype.code not in ("u1", b"u1", "|u1"):
        raise ValueError(f"an array of {dtype.code if isinstance(dtype, _Type) else _kind(dtype)!r}, not of bytes")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("an array without a shape")
    if not isinstance(data, bytes) or len(data) != math.prod(shape):
        raise ValueError(f"an array of shape {shape} from {len(data) if isinstance(data, bytes) else 'no'} bytes")
    made.made = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


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
    """Keys and values in turn. A key of many tuples within each other would crash Python when it is hashed."""
    wrong = [key for key in values[::2] if type(key) not in (str, bytes, int)]
    if wrong:
        raise ValueError(f"a {_kind(wrong[0])} as a key")
    return dict(zip(values[::2], values[1::2], strict=True))


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def build(machine: _Machine) -> None:
        if len(machine.stack) < count:
            raise ValueError("a tuple of more than there is")
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
    """The result, arrays in their places on the first two levels: as deep as CIFAR's files go."""
    if isinstance(result, dict):
        return {key: _plain(value) for key, value in result.items()}
    return _plain(result)


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.made is None:
            raise ValueError("an array without content")
        return value.made
    if isinstance(value, _Name | _Type | _Mark):
        raise ValueError(f"a {_kind(value)} where plain data belongs")
    return value


def _kind(value: object) -> str:
    return type(value).__name__.strip("_").lower()
