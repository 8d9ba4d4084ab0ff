"""A whole table: what it costs, its rows one after the other, its pages, and whether a row comes out the same again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paddle_eye.errors import InputError, JobError, raise_faults
from paddle_eye.runs.choose import asked_settings, differing
from paddle_eye.runs.tables.cost import measure_cost
from paddle_eye.runs.tables.plan import Plan, Row
from paddle_eye.runs.tables.results import collect, read_lines, row_line, table_file, update_pages
from paddle_eye.runs.tables.rows import (
    epochs_done,
    processor_here,
    read_provenance,
    row_settings,
    shown_command,
    train_row,
)
from paddle_eye.tasks.registry import task_of

_SAME_AGAIN = ("last_", "best_")  # columns whose figures must be the same to the last digit


@dataclass(frozen=True)
class Table:
    """A table and where its files are.

    Args:
        plan: what it is made of.
        rows: those that are asked for.
        trainer: ``tools/train.py``.
        output: the folder of its runs.
        results: the folder of its CSV file.
        pages: Markdown files that may show it.
    """

    plan: Plan
    rows: Sequence[Row]
    trainer: Path
    output: Path
    results: Path
    pages: Sequence[Path]

    def estimate(self) -> None:
        """Print what each row and all of them take, from a few steps; what is trained already takes nothing."""
        self._require_right()
        total = 0.0
        for row in self.rows:
            if self._is_finished(row):
                print(f"{row.key}: {self._where(row)}")
                continue
            try:
                cost = measure_cost(row, self._epochs_before(row))
            except JobError as error:
                print(f"{row.key}: {error}")
                continue
            total += cost.seconds
            steps = f"{cost.steps} steps of {cost.seconds_per_step:.2f} s"
            evaluation = f"an evaluation of {cost.seconds_per_evaluation:.0f} s"
            print(f"{row.key}: {cost.seconds / 60:.0f} minutes ({cost.epochs} epochs to go, {steps} and {evaluation})")
        print(f"{self.plan.name}: {total / 3600:.1f} hours")

    def train(self) -> None:
        """Train the rows that are not finished, and write what is finished after each of them.

        Raises:
            InputError: rows are wrong; nothing is trained.
            JobError: rows failed; the others are finished.
        """
        self._require_right()
        failed = []
        self._write()
        for row in filter(self._is_finished, self.rows):
            print(f"{row.key}: {self._where(row)}", flush=True)
        for row in self._needed():
            if missing := [before.key for before in self._before(row) if not self._has_run(before)]:
                print(f"{row.key}: not trained, as {missing[0]} is not finished", flush=True)
                failed.append(row.key)
                continue
            print(f"{row.key} …", flush=True)
            try:
                train_row(row, self.trainer, self.output)
            except JobError as error:
                print(error, flush=True)
                failed.append(row.key)
            else:
                self._write()
        print(table_file(self.results, self.plan))
        if failed:
            raise JobError(f"{len(failed)} rows failed: {', '.join(failed)}")

    def check(self) -> None:
        """Train the shortest row again, in a folder of its own, and compare its figures to the last digit.

        Of rows that were trained on a processor such as this one, if there are any: on another one figures differ.
        Figures that its line does not have, as they were not measured then, are not compared.

        Raises:
            InputError: no row that could be trained by itself is finished, or it cannot be trained here.
            JobError: it failed, or a figure differs.
        """
        lines = read_lines(table_file(self.results, self.plan))
        alone = [row for row in self.rows if row.key in lines and not (row.begins_with or row.continues)]
        if not alone:
            raise InputError(f"{table_file(self.results, self.plan)}: holds no finished row that can be trained again")
        here = processor_here()
        row = min(alone, key=lambda row: (lines[row.key]["processors"] != here, float(lines[row.key]["seconds"])))
        row_settings(row, self.output, self._kept, finished=False)
        output = self.output.with_name(f".{self.output.name}-again")  # no table's name begins so
        earlier = read_provenance(output / row.key)
        if earlier is not None and earlier.finished:  # of a check before; one that was stopped goes on
            shutil.rmtree(output / row.key)
        print(f"{row.key} again …", flush=True)
        provenance = train_row(row, self.trainer, output)
        again = row_line(self.plan, row, provenance, output)
        before = lines[row.key]
        names = [name for name in before if name.startswith(_SAME_AGAIN) and "sha256" not in name and before[name]]
        where = f"here {again['processors']}, before {before['processors']}"
        others = [name for name in names if again.get(name) != before[name]]
        if others:
            values = "; ".join(f"{name} {before[name]} before, {again.get(name)} here" for name in others)
            raise JobError(f"{row.key}: {len(others)} of {len(names)} figures differ ({where}): {values}")
        print(f"{row.key}: all {len(names)} figures are the same to the last digit ({where})")

    def _require_right(self) -> None:
        """Refuse rows that are wrong, and what the table asks of all of them, before any is trained."""
        faults, tasks = [], set()
        for row in {row.key: row for row in (*self._needed(), *self.rows)}.values():
            try:
                settings = row_settings(row, self.output, self._kept, self._is_finished(row))
            except InputError as error:
                faults.append(f"{row.key}: {error}")
                continue
            tasks.add(task_of(settings))
            if self.plan.cells and len(settings.data.classes or ()) > 2:
                faults.append(f"{row.key}: it tells apart several classes of pixels; leave cells out of the table")
        faults += [fault for name, rows in self.plan.together.items() for fault in self._apart(name, rows)]
        if len(tasks) > 1:
            faults.append(f"the rows learn different things, {' and '.join(sorted(task.name for task in tasks))}")
        if (self.plan.cells or self.plan.together) and not all(task.of_pixels for task in tasks):
            faults.append("cells and together: only rows whose networks answer for each pixel have such figures")
        raise_faults(self.plan.name, faults, "nothing was trained")

    def _apart(self, name: str, rows: Sequence[str]) -> list[str]:
        """Why rows have no figures together: their settings differ, or they are measured on one block."""
        try:
            given = [asked_settings(row.config, row.settings) for row in self.plan.rows if row.name in rows]
        except InputError:  # said of the row, where it is asked for
            return []
        flat = [each.flat() for each in given]
        free = {"data.fold", "train.seed", "train.device"}
        changed = sorted({key for each in flat[1:] for key in differing(flat[0], each, free)})
        faults = [f"together {name}: its rows have other values of {', '.join(changed)}"] * bool(changed)
        blocks = {each.data.fold or each.data.folds for each in given}
        if len(blocks) < len(set(rows)):
            faults.append(
                f"together {name}: two of its rows are measured on one block; give each a data.fold of its own"
            )
        return faults

    def _write(self) -> None:
        lines = collect(self.plan, self.output, self.results)
        update_pages(self.plan, lines, self.results, self.pages)

    def _epochs_before(self, row: Row) -> int:
        """How many epochs of a row are trained, or will be by the row that it continues."""
        if done := epochs_done(self.output / row.key):
            return done
        continued = [before for before in self._before(row) if before.name == row.continues]
        return sum(row_settings(before, self.output, self._kept, True).train.epochs for before in continued)

    def _needed(self) -> list[Row]:
        """The rows to train: those that are not finished, after those that they begin with or continue."""
        needed: dict[str, Row] = {}

        def add(row: Row) -> None:
            for before in self._before(row):
                if not self._has_run(before):
                    add(before)
            needed[row.key] = row

        for row in self.rows:
            if not self._is_finished(row):
                add(row)
        return list(needed.values())

    def _before(self, row: Row) -> list[Row]:
        """The rows that one begins with or continues."""
        names = {row.begins_with, row.continues}
        return [each for each in self.plan.rows if each.name in names and each.seed == row.seed]

    def _has_run(self, row: Row) -> bool:
        """Whether a row's run is here and finished."""
        provenance = read_provenance(self.output / row.key)
        return provenance is not None and provenance.finished

    @property
    def _kept(self) -> Path:
        """The folder of what is kept of the rows' runs."""
        return self.results / self.plan.name

    def _where(self, row: Row) -> str:
        """Where a finished row is, in words."""
        if read_provenance(self.output / row.key) is not None:
            return f"finished, {self.output / row.key}"
        return f"its line is in {table_file(self.results, self.plan)}; --results DIR trains it anew"

    def _is_finished(self, row: Row) -> bool:
        """Whether its run is here and finished, or the CSV file has a line of the same command."""
        provenance = read_provenance(self.output / row.key)
        if provenance is not None:
            return provenance.finished
        line = read_lines(table_file(self.results, self.plan)).get(row.key)
        return line is not None and line["command"] == shown_command(row, self.output)
