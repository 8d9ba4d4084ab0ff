"""CSV files with the columns ``path``, ``label`` and ``class`` to records, and back."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from paddle_eye.data.patients import patient_of
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.errors import InputError, brief, is_plain, raise_faults
from paddle_eye.files import read_json, read_ordinary, write_json, write_text

COLUMNS = ("path", "label", "class")
GROUP_COLUMN = "group"
TRAINING_TABLE, TEST_TABLE = "train.csv", "test.csv"
_SEPARATORS = (",", ";", "\t")
_MOST_MEGABYTES, _LONGEST_CLASS = 64, 100
_MARK = ".split.json"  # beside tables that tools/split.py wrote: their digests


def read_table(path: Path, classes: tuple[str, ...] | None = None) -> RecordSet:
    """Records of the rows of a CSV file, in their order.

    ``path`` is taken from the folder of the CSV file, ``label`` counts the classes from 0, ``class`` is the name of the
    label. A column ``group`` names the patient; without it, `patient_of` does.

    Args:
        path: the CSV file.
        classes: those of the training table, for a table that need not have a row of every class.

    Raises:
        InputError: the file is no such table, or rows are wrong; all of them in one message, with line numbers.
    """
    faults: list[str] = []
    records: list[Record] = []
    names = dict(enumerate(classes or ()))
    line_of: dict[Path, int] = {}
    base = _base(path)
    for line, row in _rows(path):
        place = f"line {line}"
        if None in row or None in row.values():
            faults.append(f"{place}: expected a value for each column of the first line, no fewer and no more")
            continue
        picture = _picture(base, row["path"])
        if not row["path"] or not _is_file(picture):
            faults.append(f"{place}: {brief(repr(row['path']), 400)} is no file below {path.parent}")
        elif picture in line_of:
            faults.append(f"{place}: {picture} has a row already, line {line_of[picture]}")
        line_of.setdefault(picture, line)
        label, name = re.sub(r"\.0+$", "", row["label"]), row["class"]  # 1.0 is how pandas writes a 1 at times
        if not (label.isascii() and label.isdecimal()) or len(label) > 6:
            faults.append(f"{place}: the label must be a whole number from 0, found {brief(repr(row['label']))}")
        elif classes is not None and int(label) not in names:
            faults.append(f"{place}: label {label} is not in the training table, which has 0 to {len(classes) - 1}")
        elif not name:
            faults.append(f"{place}: the class has no name")
        elif len(name) > _LONGEST_CLASS or not is_plain(name):
            wanted = f"a line of at most {_LONGEST_CLASS} letters"
            faults.append(f"{place}: the name of a class is {wanted}, found {brief(repr(name))}")
        elif names.setdefault(int(label), name) != name:
            faults.append(f"{place}: label {label} is {names[int(label)]!r}, found {name!r}")
        else:
            group = row[GROUP_COLUMN] or None if GROUP_COLUMN in row else patient_of(picture)
            records.append(Record(picture, int(label), group))
    if not records and not faults:
        faults.append("no row with a photograph")
    missing = sorted(set(range(max(names, default=0))) - set(names))
    if missing:
        faults.append(f"no row of label {', '.join(map(str, missing[:10]))}; labels count the classes from 0 on")
    faults += [
        f"{name!r} is the class of several labels" for name, count in Counter(names.values()).items() if count > 1
    ]
    raise_faults(path, faults, "mend the rows and start again")
    return RecordSet(tuple(names[label] for label in range(len(names))), tuple(records))


def _picture(base: Path, cell: str) -> Path:
    """The file that a cell names, in the way of Windows, too."""
    written = Path(os.path.normpath(base / cell))
    if "\\" not in cell or _is_file(written):
        return written
    turned = Path(os.path.normpath(base / cell.replace("\\", "/")))
    return turned if _is_file(turned) else written


def _base(table: Path) -> Path:
    """The folder that a table's paths start from; where links are on the way to it, without them."""
    folder = os.path.realpath(table.parent)
    return table.parent if folder == os.path.abspath(table.parent) else Path(folder)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _rows(path: Path) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """Line number and cells of each row; what ends a line beyond the named columns must be empty."""
    try:
        text = _decoded(path)
        first, *_ = text.splitlines() or [""]
        separator = max(_SEPARATORS, key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        while header and not header[-1]:  # what spreadsheets leave of columns that were emptied
            del header[-1]
        if not set(COLUMNS) <= set(header) or len(header) > len(set(header)):
            wanted = f"each of the columns {', '.join(COLUMNS)} once, separated by commas"
            raise InputError(f"{path}, line 1: expected {wanted}, found {brief(header)}")
        reader.fieldnames = header
        for row in reader:
            beyond = row.pop(None, [])  # the cells that no column is named for
            stripped = {name: cell and cell.strip() for name, cell in row.items()}
            if any(cell.strip() for cell in beyond):
                stripped[None] = beyond
            if any(stripped.values()):
                yield reader.line_num, stripped
    except OSError as error:
        raise InputError(f"{path}: no table can be read ({error.strerror}); make it with tools/split.py") from error
    except (UnicodeError, csv.Error) as error:
        raise InputError(f"{path}: this is no CSV file in UTF-8 ({error}); save it as one") from error


def _decoded(path: Path) -> str:
    """The text of a CSV file as spreadsheets write it: UTF-8, UTF-16 with its mark, or the simplified Chinese of Excel.

    The last is GB 2312, not GBK, as nearly every text of Western letters with accents is a text in GBK, too.
    """
    content = read_ordinary(path, _MOST_MEGABYTES, "a CSV file such as tools/split.py makes")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        try:
            return content.decode("gb2312")
        except UnicodeDecodeError:
            raise error from None


def write_tables(folder: Path, training: RecordSet, test: RecordSet, overwrite: bool = False) -> None:
    """Write ``train.csv`` and ``test.csv``, both or neither, and a mark that they were made here.

    Args:
        folder: where to.
        training: the one part.
        test: the other.
        overwrite: also replace tables without such a mark, or that were changed since.

    Raises:
        InputError: there are tables that were not made here; they are not replaced.
    """
    paths = [folder / TRAINING_TABLE, folder / TEST_TABLE]
    mine = [str(path) for path in paths if path.exists() and _digest(path) not in _made_here(folder)]
    if mine and not overwrite:
        raise InputError(
            f"{' and '.join(mine)}: not made by tools/split.py, or changed since, and not replaced; "
            "give another --out, or --overwrite"
        )
    settle(folder)
    texts = [_text(path, part) for path, part in zip(paths, (training, test))]
    made = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    try:
        for path, text in zip(paths, texts):
            write_text(_coming(path), text)
        write_json(folder / _MARK, {"made_here": sorted({*made, *_made_here(folder)}), "coming": made})
    except BaseException:
        for path in paths:
            _coming(path).unlink(missing_ok=True)
        raise
    settle(folder)


def settle(folder: Path) -> None:
    """Finish what `write_tables` was stopped in, so that both tables are the former ones or both the new ones."""
    coming = _mark(folder).get("coming")
    paths = [folder / TRAINING_TABLE, folder / TEST_TABLE]
    if isinstance(coming, list) and len(coming) == len(paths):
        for path, digest in zip(paths, coming):
            if _coming(path).is_file() and _digest(_coming(path)) == digest:
                os.replace(_coming(path), path)
        write_json(folder / _MARK, {"made_here": coming})
    for path in paths:
        _coming(path).unlink(missing_ok=True)


def _coming(path: Path) -> Path:
    return path.with_name(f".{path.name}.coming")


def _mark(folder: Path) -> dict[str, Any]:
    """What `write_tables` left in a folder; nothing if it did not, or what it left is damaged."""
    try:
        content = read_json(folder / _MARK, "the mark of a split")
    except InputError:
        return {}
    return content if isinstance(content, dict) else {}


def _made_here(folder: Path) -> set[str]:
    digests = _mark(folder).get("made_here")
    return set(map(str, digests)) if isinstance(digests, list) else set()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text(path: Path, record_set: RecordSet) -> str:
    """What `read_table` reads; the column ``group`` only if the names do not tell the patients."""
    records = record_set.records
    grouped = any(record.group != patient_of(record.image) for record in records)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, GROUP_COLUMN) if grouped else COLUMNS)
    for record in records:
        image = Path(os.path.realpath(record.image.parent), record.image.name)
        picture = Path(os.path.relpath(image, os.path.realpath(path.parent))).as_posix()
        row = (picture, record.label, record_set.classes[record.label])
        writer.writerow((*row, record.group or "") if grouped else row)
    return text.getvalue()
