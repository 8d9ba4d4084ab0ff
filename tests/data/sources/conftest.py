"""Label sheets and the pictures that they name."""

import csv

import pytest


@pytest.fixture
def touch(tmp_path):
    """A function that makes empty picture files."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return make


@pytest.fixture
def sheet(tmp_path):
    """A function that writes a CSV file and returns its path."""

    def write(*rows, name="sheet.csv"):
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def said():
    """A function that gives file, class and patient of each record of every part of a sheet."""

    def of(labelled, base):
        return [
            [
                (record.image.relative_to(base).as_posix(), part.classes[record.label], record.group)
                for record in part.records
            ]
            for part in labelled.parts.values()
        ]

    return of
