"""What a table of trained networks is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paddle_eye.config import read_yaml
from paddle_eye.errors import InputError, raise_faults

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Plan:
    """A table.

    Args:
        name: of its file, without the ending.
        rows: each with every seed it has, in the order of the file.
        cells: whether the scores of the ISBI challenge belong to it, see `paddle_eye.metrics.cells`.
        together: names of rows that are measured on different pictures, by the name of their common line.
    """

    name: str
    rows: list[Row]
    cells: bool
    together: Mapping[str, list[str]]

    def choose(self, names: str | None) -> list[Row]:
        """The rows of these names, separated by commas; None takes all.

        Raises:
            InputError: a name that no row has.
        """
        wanted = [row.name for row in self.rows] if names is None else names.split(",")
        unknown = set(wanted).difference(row.name for row in self.rows)
        if unknown:
            known = ", ".join(dict.fromkeys(row.name for row in self.rows))
            raise InputError(f"--rows {names}: {self.name} has no row {', '.join(sorted(unknown))}; it has {known}")
        return [row for row in self.rows if row.name in wanted]


@dataclass(frozen=True)
class Row:
    """One line of a table: a network, its recipe and a seed.

    Args:
        name: of the row; also a folder.
        config: the file of settings.
        settings: dotted keys that differ from the file.
        seed: of the run.
        begins_with: a row whose best weights the run begins with.
        continues: a row whose run goes on with these settings.
        reported: figures of a document to stand beside the row's, by name.
    """

    name: str
    config: Path
    settings: Mapping[str, Any]
    seed: int
    begins_with: str | None
    continues: str | None
    reported: Mapping[str, float]

    @property
    def key(self) -> str:
        """Name and seed; the folder of the row."""
        return row_key(self.name, self.seed)


def row_key(name: str, seed: int) -> str:
    """What a row of this name and seed is called: its folder, and its line of a table."""
    return f"{name}-seed{seed}"


def read_plan(path: Path) -> Plan:
    """A table from its file.

    Args:
        path: a YAML file with ``rows``; a row has ``name`` and ``config`` (seen from the folder above the file's) and
            may have ``settings``, ``seeds`` (0), ``begins_with``, ``continues`` and ``reported``. The table may also
            have ``cells`` (true or false) and ``together``, see `Plan`.

    Raises:
        InputError: no such file, or a row that is not as described; all faults in one message.
    """
    content = read_yaml(path)
    entries = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected a list of rows under 'rows:'")
    rows: list[Row] = []
    faults = [f"unknown key {key!r}; known are rows, cells, together" for key in content.keys() - _TABLE_FIELDS]
    for number, entry in enumerate(entries, start=1):
        try:
            rows += _rows(entry, path.parent.parent, {(row.name, row.seed) for row in rows})
        except ValueError as error:
            faults.append(f"row {number}: {error}")
    cells, together = content.get("cells", False), content.get("together", {})
    if type(cells) is not bool:
        faults.append(f"cells: expected true or false, got {cells!r}")
    names = {row.name for row in rows}
    if not isinstance(together, dict) or not all(
        isinstance(each, list)
        and names.issuperset(map(str, each))
        and len(set(each)) == len(each)
        and name not in names
        for name, each in together.items()
    ):
        faults.append(
            f"together: expected lists of names of rows, each once, under names of their own, got {together!r}"
        )
    raise_faults(path, faults, "docs/results/README.md says how a table is written")
    return Plan(path.stem, rows, cells, together)


_TABLE_FIELDS = {"rows", "cells", "together"}


_FIELDS = {
    "name": str,
    "config": str,
    "settings": dict,
    "seeds": list,
    "begins_with": str,
    "continues": str,
    "reported": dict,
}


def _rows(entry: Any, configs: Path, before: set[tuple[str, int]]) -> list[Row]:
    if not isinstance(entry, dict) or not {"name", "config"} <= entry.keys():
        raise ValueError(f"expected name, config and perhaps {', '.join(list(_FIELDS)[2:])}")
    for key, value in entry.items():
        if key not in _FIELDS:
            raise ValueError(f"unknown key {key!r}; known are {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[key]):
            raise ValueError(f"{key}: expected {_FIELDS[key].__name__}, got {value!r}")
    name = entry["name"]
    if not _NAME.fullmatch(name) or name in {known for known, _ in before}:
        raise ValueError(f"name {name!r}: expected letters, digits, '.', '_' and '-', and no other row of this name")
    seeds = entry.get("seeds", [0])
    if not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: expected whole numbers from 0, each once, got {seeds!r}")
    for key in ("begins_with", "continues"):
        if key in entry and not before.issuperset((entry[key], seed) for seed in seeds):
            raise ValueError(f"{key} {entry[key]}: no row of this name, with the same seeds, stands before it")
    if not all(isinstance(key, str) for key in entry.get("settings", {})):
        raise ValueError(f"settings: expected dotted keys such as train.lr, got {entry['settings']!r}")
    if "train.seed" in entry.get("settings", {}):
        raise ValueError("settings: train.seed is said with seeds: [0, 1]")
    if not all(type(value) in (int, float) for value in entry.get("reported", {}).values()):
        raise ValueError(f"reported: expected a number for each figure, got {entry['reported']!r}")
    given = (entry.get("settings", {}), entry.get("begins_with"), entry.get("continues"), entry.get("reported", {}))
    settings, begins_with, continues, reported = given
    return [Row(name, configs / entry["config"], settings, seed, begins_with, continues, reported) for seed in seeds]
