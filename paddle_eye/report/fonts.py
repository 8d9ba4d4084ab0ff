"""Names from outside in pictures: their letters may be in no font, and mean formulas to matplotlib."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.ft2font import FT2Font

_OWN = "DejaVu Sans"  # matplotlib brings it along
# Preferred for Chinese, because they look like the labels that people know; any other that has a letter will do.
_USUAL = ("Noto Sans CJK SC", "Source Han Sans SC", "SimHei", "Microsoft YaHei", "WenQuanYi Zen Hei", "PingFang SC")
_LONGEST = 40


def literal(name: str) -> str:
    """A name of at most 40 letters, ``?`` for those that no font has, so that matplotlib takes it for no formula."""
    name = "".join(letter if family_with(letter) is not None else "?" for letter in name)
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 2]} …"
    return short.replace("$", r"\$")


def drawable_names(names: Sequence[str]) -> list[str]:
    """The names of all classes as a picture can show them: ``class 0`` … if there is no font for one of them."""
    if not (lacking := _lacking(names)):
        return [literal(name) for name in names]
    _warn(
        f"no font on this machine has {''.join(lacking[:5])}; in pictures the classes are class 0, class 1 … in the "
        f"order of {', '.join(names)}; install a font with: apt-get install fonts-noto-cjk"
    )
    return [f"class {label}" for label in range(len(names))]


def are_drawable(names: Sequence[str]) -> bool:
    """Whether there is a font for every letter."""
    return not _lacking(names)


def _lacking(names: Sequence[str]) -> list[str]:
    """The letters that no font has."""
    return sorted({letter for name in names for letter in name if family_with(letter) is None})


@functools.lru_cache(maxsize=16)
def _warn(message: str) -> None:
    """Told once, however many pictures ask."""
    warnings.warn(message, stacklevel=1)


def families(text: str) -> list[str]:
    """The font families that together have the letters of a text, matplotlib's own first."""
    return list(dict.fromkeys([_OWN, *(family for letter in set(text) if (family := family_with(letter)))]))


@functools.lru_cache(maxsize=4096)
def family_with(letter: str) -> str | None:
    """The first font family that has a letter; None if there is none."""
    return next((font.name for font in _fonts() if ord(letter) in _letters(font.fname)), None)


@functools.lru_cache(maxsize=1)
def _fonts() -> list[FontEntry]:
    """The installed fonts, the preferred ones first, without the one that has a box for every letter."""
    order = {name: place for place, name in enumerate((_OWN, *_USUAL))}
    fonts = [font for font in fontManager.ttflist if not font.name.startswith("Last Resort")]
    return sorted(fonts, key=lambda font: order.get(font.name, len(order)))


@functools.lru_cache(maxsize=256)
def _letters(path: str) -> frozenset[int]:
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that was removed, or is damaged
        return frozenset()
