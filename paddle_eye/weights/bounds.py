"""What a pickle may cost: its steps are counted before it is read.

A pickle that names nothing but harmless things can still fill the memory or crash the process: by a memo index of 2^28,
a tuple in a tuple ten thousand times, or one that doubles itself sixty times. So the stack machine is run here with no
objects on it, only with how deep and how large each of them would be.
"""

from __future__ import annotations

import pickletools
from typing import Any, BinaryIO

MOST_STEPS = 4_000_000  # a network of a thousand layers has some ten thousand
MOST_DEPTH = 40
MOST_SIZE = 20_000_000  # objects, counted as often as they are reached

_MARK = object()
_PUT, _GET = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")
_MADE_OF = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "REDUCE": 2, "NEWOBJ": 2, "STACK_GLOBAL": 2, "BINPERSID": 1}
_MADE_OF_ALL = ("TUPLE", "LIST", "DICT", "FROZENSET")
_TAKES_IN = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}
_TAKES_IN_ALL = ("APPENDS", "SETITEMS", "ADDITEMS")
_LEAVES = (
    *("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "NONE", "NEWTRUE", "NEWFALSE", "GLOBAL"),
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
_NO_OBJECT = ("PROTO", "FRAME", "STOP")


class _Thing:
    """How deep and how large an object is."""

    def __init__(self, parts: list[_Thing]) -> None:
        self.depth, self.size = 0, 1
        self.take_in(parts)

    def take_in(self, parts: list[_Thing]) -> None:
        """Add parts to the object."""
        self.depth = max([self.depth, *(part.depth + 1 for part in parts)])
        self.size += sum(part.size for part in parts)
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
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if step > MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS} steps")
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
    elif name in _MADE_OF_ALL:
        stack.append(_Thing(_above_mark(stack)))
    elif name in _TAKES_IN:
        parts = _taken(stack, _TAKES_IN[name])
        stack[-1].take_in(parts)
    elif name in _TAKES_IN_ALL:
        parts = _above_mark(stack)
        stack[-1].take_in(parts)
    elif name in _LEAVES:
        stack.append(_Thing([]))
    else:
        raise ValueError(f"the step {name} has no place in a weight file")


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
