"""What a pickle may cost: its steps are counted before it is read.

A pickle that names nothing but harmless things can still fill the memory or crash the process: by a memo index of 2^28,
a tuple in a tuple ten thousand times, one that doubles itself sixty times, a dict whose keys all have one hash, or one
that calls copy ten thousand times. So the stack machine is run here with no objects on it, only with how deep and how
large each of them would be, how many letters it has, and whether it has a name, and is then not to be changed.
"""

from __future__ import annotations

import collections
import io
import pickletools
from collections.abc import Iterable
from typing import Any, BinaryIO

MOST_STEPS = 4_000_000  # a network of a thousand layers has some ten thousand
MOST_DEPTH = 40
MOST_SIZE = 20_000_000  # objects, counted as often as they are reached
MOST_GIVEN = 2_000_000  # objects to all calls together, each of which may copy them
_MOST_COPIES = 4  # of a file, that its arrays may take in memory when they share numbers, and its texts in calls
_KEY_BELOW, _INTEGER_BELOW = 2**32, 2**127  # integers; larger ones may be chosen so that all have one hash

_MARK = object()
_PUT, _GET = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")
_MADE_OF = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "REDUCE": 2, "NEWOBJ": 2, "BINPERSID": 1}
_MADE_OF_ALL = ("TUPLE", "LIST", "DICT", "FROZENSET")
_TAKES_IN = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}
_TAKES_IN_ALL = ("APPENDS", "SETITEMS", "ADDITEMS")
_CALLS = ("REDUCE", "NEWOBJ", "BUILD")
_LEAVES = (
    *("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "NONE", "NEWTRUE", "NEWFALSE", "GLOBAL"),
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
_NO_OBJECT = ("PROTO", "FRAME", "STOP")


class Ordered(collections.OrderedDict):
    """A stand-in for `collections.OrderedDict`, whose keys may be texts and small integers."""

    def __init__(self, pairs: Iterable = ()) -> None:
        pairs = [(key, value) for key, value in pairs]
        for key, _ in pairs:
            _require_key(_is_key(key))
        super().__init__(pairs)

    def __setstate__(self, _state: object) -> None:
        """Pass over what PyTorch hangs on a state dict, the versions of its modules."""


def require_no_copies(taken: int, size: int) -> None:
    """Raise a ValueError if arrays that share numbers would take far more bytes than their file has."""
    if taken > _MOST_COPIES * size + 2**20:
        raise ValueError(f"arrays of {taken / 2**20:.0f} MB in a file of {size / 2**20:.0f} MB")


class _Thing:
    """How deep and large an object is, the letters of its texts, whether it may be a key, and whether it was named."""

    def __init__(self, parts: list[_Thing], is_key: bool = False, letters: int = 0, named: bool = False) -> None:
        self.depth, self.size, self.letters, self.is_key, self.named = 0, 1, letters, is_key, named
        self.take_in(parts)

    def take_in(self, parts: list[_Thing]) -> None:
        """Add parts to the object."""
        if parts and self.named:
            raise ValueError("a change of what has a name, which is not the file's")
        self.depth = max([self.depth, *(part.depth + 1 for part in parts)])
        self.size += sum(part.size for part in parts)
        self.letters += sum(part.letters for part in parts)
        if self.depth > MOST_DEPTH:
            raise ValueError(f"things in things, more than {MOST_DEPTH} deep")
        if self.size > MOST_SIZE:
            raise ValueError(f"more than {MOST_SIZE} things")


def require_bounded(stream: BinaryIO) -> None:
    """Raise a ValueError if reading the next pickle of a stream would cost too much; the stream stays where it is.

    Args:
        stream: at the beginning of a pickle.
    """
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    given = letters = 0
    for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if step > MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS} steps")
        if opcode.name in _CALLS and stack and isinstance(stack[-1], _Thing):
            given += stack[-1].size
            letters += stack[-1].letters if opcode.name != "BUILD" else 0  # which does not copy texts
            if given > MOST_GIVEN:
                raise ValueError(f"more than {MOST_GIVEN} things given to calls")
            if letters > _MOST_COPIES * size + 2**20:
                raise ValueError(f"{letters} letters given to calls in a file of {size} bytes")
        _do(opcode.name, argument, step, stack, memo)
    stream.seek(start)


def _do(name: str, argument: Any, step: int, stack: list[Any], memo: dict[int, Any]) -> None:
    """One step of pickle's stack machine, with a `_Thing` in the place of each object."""
    if name in _NO_OBJECT:
        return
    if name == "MARK":
        stack.append(_MARK)
    elif name in _PUT or name == "MEMOIZE":
        index = len(memo) if name == "MEMOIZE" else int(argument)
        if index > step:  # writers count up; one that has done few steps cannot be at a high index
            raise ValueError(f"a memo index of {index}")
        memo[index] = stack[-1]
    elif name in _GET:
        stack.append(memo[int(argument)])
    elif name == "POP":
        stack.pop()
    elif name == "POP_MARK":
        _above_mark(stack)
    elif name in _MADE_OF:
        stack.append(_Thing(_taken(stack, _MADE_OF[name])))
    elif name == "STACK_GLOBAL":
        _taken(stack, 2)
        stack.append(_Thing([], named=True))
    elif name in _MADE_OF_ALL:
        parts = _above_mark(stack)
        _require_keys(name, parts)
        stack.append(_Thing(parts))
    elif name in _TAKES_IN:
        parts = _taken(stack, _TAKES_IN[name])
        _require_keys(name, parts)
        stack[-1].take_in(parts)
    elif name in _TAKES_IN_ALL:
        parts = _above_mark(stack)
        _require_keys(name, parts)
        stack[-1].take_in(parts)
    elif name in _LEAVES:
        if isinstance(argument, int) and abs(argument) >= _INTEGER_BELOW:
            raise ValueError("an integer of more than 127 bits")
        letters = len(argument) if isinstance(argument, (str, bytes, bytearray)) else 0
        stack.append(_Thing([], _is_key(argument), letters, named=name == "GLOBAL"))
    else:
        raise ValueError(f"the step {name} has no place in a weight file")


def _is_key(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or (isinstance(value, int) and abs(value) < _KEY_BELOW)


def _require_keys(name: str, parts: list[_Thing]) -> None:
    """Raise a ValueError if what a step puts into a dict or a set, the last first, has other keys than texts."""
    if name in ("SETITEM", "SETITEMS", "DICT"):  # each value, and its key behind it
        _require_key(all(part.is_key for part in parts[1::2]))
    elif name in ("ADDITEMS", "FROZENSET"):
        _require_key(all(part.is_key for part in parts))


def _require_key(is_one: bool) -> None:
    if not is_one:
        raise ValueError("a key that is no text and no small integer")


def _taken(stack: list[Any], count: int) -> list[_Thing]:
    taken = [stack.pop() for _ in range(count)]
    if any(each is _MARK for each in taken):
        raise ValueError("a pickle that is out of step")
    return taken


def _above_mark(stack: list[Any]) -> list[_Thing]:
    taken = []
    while (each := stack.pop()) is not _MARK:
        taken.append(each)
    return taken
