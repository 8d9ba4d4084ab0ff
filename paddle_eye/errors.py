"""Errors whose message is meant for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SHOWN = 20


class InputError(ValueError):
    """Something given from outside (a file, a setting, a flag) is wrong; the message says what to do."""


class JobError(RuntimeError):
    """A job cannot go on although its input was right; the message says why and what to change."""


def listed(things: Sequence[object], shown: int = 5) -> str:
    """The first few of many things, for a message."""
    return ", ".join(map(str, things[:shown])) + (" …" if len(things) > shown else "")


def raise_faults(place: object, faults: Iterable[str], advice: str) -> None:
    """Report several faults of one place together.

    Args:
        place: the file or folder they were found in.
        faults: one line each; nothing is raised when there are none.
        advice: what the user should do about them.

    Raises:
        InputError: naming the first 20 faults and counting the rest.
    """
    faults = list(faults)
    if not faults:
        return
    lines = [f"{place}: {len(faults)} fault{'s' if len(faults) > 1 else ''} found; {advice}"]
    lines += [f"  - {fault}" for fault in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"  … and {len(faults) - _SHOWN} more")
    raise InputError("\n".join(lines))
