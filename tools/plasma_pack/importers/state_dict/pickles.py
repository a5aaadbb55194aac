# SPDX-License-Identifier: Apache-2.0
"""Reads a pickle without running it: opcodes in, plain records out.

pickletools decodes the opcodes. What a pickle names stays a `Name` and what it would make stays an
`Object`: there is no path from here to importing or calling anything. What it may name in a call is
a fixed list all the same, so that a file which wants more is refused and not half understood.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plasma_pack.errors import SourceError

# Every opcode makes at most one small object, so this bounds memory.
MAX_OPCODES = 250_000

# As named today: numpy 1 said `core` where numpy 2 says `_core`, and gymnasium was gym.
_RENAMED = (("numpy.core.", "numpy._core."), ("gym.", "gymnasium."))
_MAKERS = {
    "_codecs.encode",
    "collections.OrderedDict",
    "collections.deque",
    "copyreg._reconstructor",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.dtype",
    "stable_baselines3.common.running_mean_std.RunningMeanStd",
    "stable_baselines3.common.vec_env.vec_normalize.VecNormalize",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
}
_FAMILIES = ("gymnasium.spaces.", "gymnasium.utils.seeding.", "numpy.random.")

_LITERALS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_VALUES = {
    *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
}
_BROKEN = (
    *(ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError),
    *(struct.error, RecursionError),
)

Resolve = Callable[[Any], Any]


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle refers to, as it is called today."""

    path: str


@dataclass(eq=False)
class Object:
    """What a pickle would make by calling `type` with `args` and giving the result `state`."""

    type: str
    args: tuple[Any, ...]
    state: Any = None


def read_pickle(data: bytes, what: str, resolve: Resolve | None = None) -> Any:
    """The records that a pickle describes. resolve: what a persistent id stands for.

    Raises SourceError when it is broken or calls what is not on the list.
    """
    machine = _Machine(what, resolve)
    try:
        return machine.run(data)
    except SourceError:
        raise
    except _BROKEN as error:
        raise SourceError(f"{what} is not a whole pickle: {error}") from error


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self, what: str, resolve: Resolve | None) -> None:
        self.what = what
        self.resolve = resolve
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count >= MAX_OPCODES:
                raise SourceError(f"{self.what} has more than {MAX_OPCODES:,} opcodes")
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("it does not stop")

    def _step(self, op: str, argument: Any) -> None:
        if op in _VALUES:
            self.stack.append(argument)
        elif op in _LITERALS:
            self.stack.append(_LITERALS[op])
        elif op in _EMPTY:
            self.stack.append(_EMPTY[op]())
        elif op in _TUPLES:
            self.stack.append(tuple(self._pop(_TUPLES[op])))
        elif op in _ACTIONS:
            _ACTIONS[op](self)
        elif op in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif op in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif op == "GLOBAL":
            self.stack.append(_name(*argument.split(" ")))
        elif op not in ("PROTO", "FRAME"):
            raise SourceError(f"{self.what} has the opcode {op}, which no such file needs")

    def _pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise IndexError("its stack is empty")
        first = len(self.stack) - count
        items = self.stack[first:]
        del self.stack[first:]
        return items

    def _pop_to_mark(self) -> list[Any]:
        return self._pop(len(self.stack) - self.marks.pop())

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def pop(self) -> None:
        self._pop(1)

    def pop_mark(self) -> None:
        self._pop_to_mark()

    def duplicate(self) -> None:
        self.stack.append(self.stack[-1])

    def tuple_(self) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def list_(self) -> None:
        self.stack.append(self._pop_to_mark())

    def dict_(self) -> None:
        items = self._pop_to_mark()
        self.stack.append({})
        self._set(items)

    def append(self) -> None:
        self._extend(self._pop(1))

    def appends(self) -> None:
        self._extend(self._pop_to_mark())

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("it appends to what is no list")
        self.stack[-1].extend(items)

    def set_item(self) -> None:
        self._set(self._pop(2))

    def set_items(self) -> None:
        self._set(self._pop_to_mark())

    def _set(self, items: list[Any]) -> None:
        """Keys are plain, because a hash of nested tuples can take for ever."""
        target, keys = self.stack[-1], items[::2]
        is_plain = all(isinstance(key, (str, bytes, int, float, type(None))) for key in keys)
        if type(target) is not dict or not is_plain:
            raise TypeError("it has a dict with keys that are not plain")
        target.update(zip(keys, items[1::2], strict=True))

    def stack_global(self) -> None:
        self.stack.append(_name(*self._pop(2)))

    def call(self) -> None:
        function, arguments = self._pop(2)
        self.stack.append(self._make(function, tuple(arguments)))

    def call_with_names(self) -> None:
        function, arguments, _ = self._pop(3)
        self.stack.append(self._make(function, tuple(arguments)))

    def _make(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        path = function.path if isinstance(function, Name) else type(function).__name__
        if path not in _MAKERS and not path.startswith(_FAMILIES):
            raise SourceError(
                f"{self.what} calls {path}; only arrays, spaces and running statistics are read. "
                "Nothing of it was run"
            )
        if path == "collections.OrderedDict":
            return dict(*arguments)
        if path == "collections.deque":
            return []
        if path == "_codecs.encode":  # bytes, as protocols before 3 write them
            return arguments[0].encode("latin-1")
        if path == "copyreg._reconstructor":
            return self._make(arguments[0], ())
        return Object(path, arguments)

    def build(self) -> None:
        (state,) = self._pop(1)
        made = self.stack[-1]
        if isinstance(made, Object):
            made.state = state
        elif type(made) is not dict:  # of which torch keeps versions of modules
            raise TypeError("it gives a state to what has none")

    def persistent(self) -> None:
        if self.resolve is None:
            raise TypeError("it refers to objects outside")
        self.stack.append(self.resolve(*self._pop(1)))


_ACTIONS: dict[str, Callable[[_Machine], None]] = {
    "ADDITEMS": _Machine.appends,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "BINPERSID": _Machine.persistent,
    "BUILD": _Machine.build,
    "DICT": _Machine.dict_,
    "DUP": _Machine.duplicate,
    "FROZENSET": _Machine.list_,
    "LIST": _Machine.list_,
    "MARK": _Machine.mark,
    "MEMOIZE": _Machine.memoize,
    "NEWOBJ": _Machine.call,
    "NEWOBJ_EX": _Machine.call_with_names,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "REDUCE": _Machine.call,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "STACK_GLOBAL": _Machine.stack_global,
    "TUPLE": _Machine.tuple_,
}


def _name(module: str, attribute: str) -> Name:
    path = f"{module}.{attribute}"
    for old, new in _RENAMED:
        if path.startswith(old):
            path = new + path.removeprefix(old)
    return Name(path)
