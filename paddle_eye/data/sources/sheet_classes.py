"""What the cells of a label sheet say: the class of a photograph, or 0 and 1 of several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from paddle_eye.data.sources.delimited import is_missing
from paddle_eye.data.sources.tables import whole_number, zeros_and_ones
from paddle_eye.errors import InputError, brief, listed

_MOST_CLASSES = 200
_MONTH = "Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_DATE = re.compile(  # Excel's, and as it writes them to CSV in English, German and Chinese; with times
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?|\d{1,2}-[A-Z][a-z]{2}|[A-Z][a-z]{2}-\d\d|\d+月\d+日"
    rf"|\d{{1,2}}\. ?(?:{_MONTH})|(?:{_MONTH}) \d\d|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}|\d{{1,2}}:\d\d(?::\d\d)?"
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_LIST = re.compile(r"\[.*\]|\d+(?:(?:\s*[,;|/、，；+&]\s*|\s+)\d+)+")  # of labels: ['N', 'D'] or 0,1,1
_ONE_IN_A_LIST = re.compile(r"\[\s*['\"]([^'\"]+)['\"]\s*\]")  # as Python prints it
_BETWEEN_LABELS = re.compile(r"\s*[,;|/、，；+&]\s*")
_STAGE = re.compile(r"\d+ ?[A-Za-z]")  # beside numbers: 2 and 2a
_LONGEST = 500  # letters of a label


def value_of(cells: Mapping[str, str], columns: tuple[str, ...]) -> str | tuple[int, ...]:
    """The label of a row, or 0 and 1 of several columns; a ValueError says what is wrong with it."""
    if len(columns) > 1:
        return zeros_and_ones({name: cells.get(name, "") for name in columns})
    value = cells.get(columns[0], "")
    if len(value) > _LONGEST:
        raise ValueError(f"a text of {len(value)} letters in the column {columns[0]}, {brief(repr(value), 40)}")
    if only := _ONE_IN_A_LIST.fullmatch(value):
        value = only[1]
    if (number := whole_number(value)) is not None:
        return str(number)
    shown, column = brief(repr(value)), columns[0]
    if is_missing(value):
        raise ValueError(f"no label in the column {column}, found {shown}; fill it in, or take the row out")
    if _DATE.fullmatch(value):
        raise ValueError(f"a date in the column {column}, {shown}; Excel may have made it of a label such as 1-2")
    if _LIST.fullmatch(value):
        raise ValueError(f"several labels in the column {column}, {shown}; {_CURE_OF_SEVERAL}")
    if _NUMBER.fullmatch(value):
        raise ValueError(f"the column {column} has {shown}; labels are whole numbers from 0, or names")
    return value


_CURE_OF_SEVERAL = "give each disease a column of 0 and 1, and name them with --label-column A,B"


def classes_of(
    place: str, given: Iterable[str], rows: int, names: Mapping[int, str] | None, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the classes, and the label of each value that rows have.

    Args:
        place: of the sheet, for messages.
        given: the values.
        rows: how many rows have them.
        names: of labels, in their order, if they were said.
        known: the classes in their order, of a former sheet or as they were asked for.

    Raises:
        InputError: there are too many values for classes, several in one, or values that are none of the classes.
    """
    values = set(given)
    numbers = {value: whole_number(value) for value in values}
    if names is not None:
        wrong = sorted(value for value, number in numbers.items() if number not in names)
        if wrong:
            known_labels = f"{len(names)} names for labels from {min(names, default=0)} to {max(names, default=0)}"
            raise InputError(f"{place}: {known_labels}, found {brief(listed(wrong))}")
        order = list(names)
        return tuple(names.values()), {value: order.index(number) for value, number in numbers.items()}
    if known is not None:
        unknown = sorted(values - set(known))
        if unknown:
            raise InputError(f"{place}: {brief(listed(unknown))} is none of the classes {', '.join(known)}")
        return known, {name: label for label, name in enumerate(known)}
    if len(values) > min(_MOST_CLASSES, max(2, rows // 2)):
        raise InputError(
            f"{place}: {len(values)} labels in {rows} rows, such as {brief(listed(sorted(values)))}; are these "
            "classes? Say which column has them with --label-column"
        )
    several = sorted(value for value in values if values & (set(_BETWEEN_LABELS.split(value)) - {value}))
    if several:
        cure = f"{_CURE_OF_SEVERAL}, or give the class another name"
        raise InputError(f"{place}: {brief(listed(several))} looks like several labels; {cure}")
    numeric = all(number is not None for number in numbers.values())
    words = sorted(value for value, number in numbers.items() if number is None and not _STAGE.fullmatch(value))
    if words and any(number is not None for number in numbers.values()):
        among = brief(listed(sorted(values - set(words))))
        raise InputError(
            f"{place}: found {brief(listed(words))} among {among}; write all labels as numbers or all as names"
        )
    ordered = sorted(values, key=numbers.__getitem__) if numeric else sorted(values)
    return tuple(ordered), {name: label for label, name in enumerate(ordered)}
