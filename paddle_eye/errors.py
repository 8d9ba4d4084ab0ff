"""Errors whose message is meant for the person at the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

_SHOWN = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class InputError(ValueError):
    """Something given from outside (a file, a setting, a flag) is wrong; the message says what to do."""


class JobError(RuntimeError):
    """A job cannot go on although its input was right; the message says why and what to change."""


def visible(text: str, encoding: str = "utf-8") -> str:
    """A text from outside without what a terminal takes for a command, or an encoding has no letter for: escaped."""
    shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return shown.encode(encoding, errors="backslashreplace").decode(encoding)


def brief(text: object, most: int = 200) -> str:
    """So much of a text from outside as a message can hold."""
    text = str(text)
    return text if len(text) <= most else f"{text[:most]} …"


def is_plain(name: str) -> bool:
    """Whether a name is in UTF-8 and on one line, without control characters."""
    return visible(name) == name and not set("\n\r\t") & set(name)


def fault_of_name(path: PurePath) -> str | None:
    """Why a file cannot be named in tables and reports; None if it can.

    Archives that were packed in another encoding leave names that are not in UTF-8.
    """
    if is_plain(path.name):
        return None
    return f"{visible(str(path))!r}: the name is not in UTF-8, or has control characters; rename it"


def listed(things: Sequence[object], shown: int = 5) -> str:
    """The first few of many things, for a message."""
    return ", ".join(map(str, things[:shown])) + (" …" if len(things) > shown else "")


def no_folder(path: Path) -> str:
    """Why a place is no folder that can be read from, for a message."""
    return "this is a file, no folder; unpack it if it is an archive" if path.is_file() else "no such folder"


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
