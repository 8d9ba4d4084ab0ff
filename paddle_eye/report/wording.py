"""How the figures of a task are told: rows of a report, columns of tables, lines on the screen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.report.compare import Comparison, FinishedRun


def with_interval(name: str, value: float | None, interval: Sequence[float] | None) -> dict[str, float | None]:
    """A figure and the ends of its interval, as `Wording.table_figures` calls them."""
    low, high = interval or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


class Wording(ABC):
    """What is said of the figures of one thing to learn."""

    template: ClassVar[str] = "page.html"
    """The page of a run, in `paddle_eye.report`."""

    comparison: ClassVar[Comparison]
    """How finished runs are compared."""

    # A run

    @staticmethod
    @abstractmethod
    def report(results: Mapping[str, Any]) -> dict[str, Any]:
        """What the page shows beside ``results``: ``criterion``, and ``figures``, the title and cells of each row."""

    @staticmethod
    @abstractmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        """The figure that matters most in words, with what it has to be read by.

        Args:
            results: with ``classes``.
            figures: of an `Objective`.
        """

    # Tables of runs

    table_columns: ClassVar[tuple[tuple[str, str], ...]]
    """Key of `table_figures` and title of each figure that a table shows, the main one first."""

    @classmethod
    def columns_of(cls, known: Iterable[str]) -> list[tuple[str, str]]:
        """The `table_columns` of a table that has these figures."""
        return [(key, title) for key, title in cls.table_columns if key in known]

    @staticmethod
    @abstractmethod
    def table_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
        """The main figures of an epoch, ends of an interval as ``NAME_low`` and ``NAME_high``.

        Args:
            figures: of an `Objective`.
        """

    @staticmethod
    @abstractmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        """Pictures of the runs of a table together, PNG files by name.

        Args:
            runs: with the figures and predictions of the last epoch, by the name of their row.
            histories: one row per evaluation of each.
        """

    @staticmethod
    def over_folds(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The figures of runs that were measured on different images, over all of these.

        Args:
            runs: what the ``metrics.json`` of each holds.

        Returns:
            ``runs``, their names, ``classes``, and the figures of the ``best`` and the ``last`` epochs.

        Raises:
            InputError: the task has no such figures.
        """
        raise InputError(f"{', '.join(str(each['run']) for each in runs)}: folds of this kind cannot be summed up")

    # Networks that are measured again

    @staticmethod
    @abstractmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """One line per network, columns aligned; rows of `paddle_eye.runs.evaluate.evaluate_weights`."""

    @staticmethod
    @abstractmethod
    def evaluation_line(row: Mapping[str, Any]) -> str:
        """What the documents print for a network."""
