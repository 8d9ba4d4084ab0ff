"""The finished rows of a table as a CSV file, as Markdown, as sentences and as pictures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.files import file_digest, write_bytes, write_text
from paddle_eye.report.compare import FinishedRun, differences, read_run
from paddle_eye.report.table import share
from paddle_eye.runs.tables.cells import measure_cells
from paddle_eye.runs.tables.plan import Plan, Row, row_key
from paddle_eye.runs.tables.rows import Provenance, finished_run, read_provenance
from paddle_eye.tasks.base import Task
from paddle_eye.tasks.registry import finished_task

_MARKED = r"(<!-- {kind}: {name} -->\n).*?(<!-- end of {kind} -->)"
Line = dict[str, str]


def table_file(results: Path, plan: Plan) -> Path:
    """The CSV file of a table."""
    return results / f"{plan.name}.csv"


def read_lines(path: Path) -> dict[str, Line]:
    """The lines of a table that were written before, by the key of their row; none if there is no file.

    Raises:
        InputError: it is no such file.
    """
    if not path.is_file():
        return {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        own = all(None not in line and {"row", "seed", "command"} <= line.keys() for line in lines)
    except UnicodeDecodeError:
        own = False
    if not own:
        raise InputError(f"{path}: this is no table that tools/reproduce.py wrote; move it away")
    return {row_key(line["row"], line["seed"]): line for line in lines}


def collect(plan: Plan, output: Path, results: Path) -> dict[str, Line]:
    """Write everything of the rows that are finished: the CSV file, and the small files that its text is made from.

    Args:
        plan: the table.
        output: the folder of its runs; rows whose run is not there keep the line that they have.
        results: the folder of the table.

    Returns:
        The lines of the CSV file, by the key of their row.
    """
    path = table_file(results, plan)
    before, lines = read_lines(path), {}
    for row in plan.rows:
        provenance = read_provenance(output / row.key)
        if provenance is not None and provenance.finished:
            run = finished_run(output / row.key)
            for file in (run.metrics, run.history, run.predictions("last")):
                write_bytes(results / plan.name / row.key / file.name, file.read_bytes())
            lines[row.key] = row_line(plan, row, provenance, output)
        elif row.key in before:
            lines[row.key] = before[row.key]
    for name, rows in plan.together.items():
        for seed in sorted({row.seed for row in plan.rows if row.name in rows}):
            keys = [row_key(row, seed) for row in rows]
            if all(key in lines for key in keys):
                lines[row_key(name, seed)] = _common_line(name, seed, [results / plan.name / key for key in keys])
    if not lines:  # the first row is still to come
        return lines
    columns = dict.fromkeys(column for line in lines.values() for column in line)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines.values())
    write_text(path, buffer.getvalue())
    return lines


def update_pages(plan: Plan, lines: Mapping[str, Line], results: Path, pages: Iterable[Path]) -> None:
    """Write the table, the sentences on its differences, and its pictures.

    Args:
        plan: the table.
        lines: of `collect`.
        results: the folder of the table; its pictures are ``NAME-curves.png`` and the like.
        pages: Markdown files; what stands in one between the marker lines ``<!-- table: NAME -->`` or
            ``<!-- differences: NAME -->`` and ``<!-- end of table -->`` or ``<!-- end of differences -->`` is replaced.
            If none has the table, it is written to ``NAME-table.md`` beside the CSV file.
    """
    kept = {row.key: results / plan.name / row.key for row in plan.rows if row.key in lines}
    runs = {key: read_run(path, "last")._replace(name=_label(lines[key], lines)) for key, path in kept.items()}
    if not runs:
        return
    task = finished_task(table_file(results, plan), next(iter(runs.values())).results)
    text = {"table": markdown(plan, lines, task), "differences": _sentences(list(runs.values()), task)}
    shown = False
    for page in pages:
        before = content = page.read_text(encoding="utf-8")
        shown = shown or f"<!-- table: {plan.name} -->" in content
        for kind, new in text.items():
            pattern = _MARKED.format(kind=kind, name=re.escape(plan.name))
            content = re.sub(pattern, lambda found, new=new: f"{found[1]}{new}{found[2]}", content, flags=re.DOTALL)
        if content != before:
            write_text(page, content)
    if not shown:
        write_text(results / f"{plan.name}-table.md", "\n".join(text.values()))
    histories = {runs[key].name: pd.read_csv(path / "history.csv") for key, path in kept.items()}
    for name, picture in task.table_pictures({run.name: run for run in runs.values()}, histories).items():
        write_bytes(results / f"{plan.name}-{name}.png", picture)


def markdown(plan: Plan, lines: Mapping[str, Line], task: type[Task]) -> str:
    """The table of the last epochs, with the best one beside it, and what a document reports."""
    main, main_title = task.table_columns[0]
    reported = {row.key: row.reported.get(main) for row in plan.rows}
    known = {name: None for line in lines.values() for name, value in line.items() if value}
    shown = task.columns_of([name[len("last_") :] for name in known if name.startswith("last_")])
    header = ["row", "epochs", *(title for _, title in shown), "best epoch", f"its {main_title}"]
    header += ["the document"] * any(value is not None for value in reported.values()) + ["seconds an epoch"]
    cells = []
    for key, line in lines.items():
        best = [line["best_epoch"], _figure(line, f"best_{main}")]
        row = [_label(line, lines), line["last_epoch"], *(_figure(line, f"last_{name}") for name, _ in shown), *best]
        if "the document" in header:
            row.append("" if reported.get(key) is None else str(reported[key]))
        cells.append([*row, f"{float(line['seconds_per_epoch']):.0f}" if line.get("seconds_per_epoch") else ""])
    table = [header, ["---"] * len(header), *cells]
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def _label(line: Line, lines: Mapping[str, Line]) -> str:
    """A row's name, with the seed if it has several."""
    several = sum(other["row"] == line["row"] for other in lines.values()) > 1
    return f"{line['row']}, seed {line['seed']}" if several else line["row"]


def _figure(line: Line, name: str) -> str:
    value, ends = line.get(name), [line.get(f"{name}_{end}") for end in ("low", "high")]
    return share(float(value), list(map(float, ends)) if all(ends) else None) if value else ""


def _sentences(runs: list[FinishedRun], task: type[Task]) -> str:
    """What the tests of the task say of each pair of rows, as a list."""
    comparison = task.comparison
    found = [differences(runs, comparison, test) for test in (comparison.test, *comparison.further_tests)]
    return "".join(f"- {sentence}\n" for sentence in chain.from_iterable(found) if "cannot be tested" not in sentence)


def row_line(plan: Plan, row: Row, provenance: Provenance, output: Path) -> Line:
    """The line of a finished row.

    Args:
        plan: the table.
        row: of it.
        provenance: what made the row.
        output: the folder of the table's runs.
    """
    run = finished_run(output / row.key)
    finished, history = read_run(run.path, "last"), pd.read_csv(run.history)
    results = finished.results
    task = finished_task(run.path, results)
    line: dict[str, Any] = {
        "row": row.name,
        "seed": row.seed,
        "command": provenance.command,
        "commits": " ".join(provenance.commits),
        "versions": ", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        "processors": "; ".join(provenance.processors),
        "device": results["device"],
        "data": results["data"]["name"],
        "data_digest": results["data"]["digest"],
        "model": results["model"],
        "training_images": results["data"]["training_images"],
        "images": finished.figures["images"],
        "last_epoch": results["last"]["epoch"],
        "best_epoch": results["best"]["epoch"],
        **_of_both_epochs(task, results),
    }
    if plan.cells:
        line.update({f"last_{name}": value for name, value in measure_cells(run.last_weights).items()})
    per_epoch = float(history["seconds"][1:].median()) if len(history) > 1 else None
    line.update(
        {
            "seconds": float(history["seconds"].sum()),
            "seconds_per_epoch": per_epoch,
            "training_images_per_second": results["data"]["training_images"] / per_epoch if per_epoch else None,
            "peak_memory_mib": round(provenance.peak_memory / 2**20) or None,
            "last_sha256": file_digest(run.last_weights),
            "best_sha256": file_digest(run.best_weights),
        }
    )
    return _cells(line)


def _common_line(name: str, seed: int, runs: Sequence[Path]) -> Line:
    """A line of the figures over the images of several rows."""
    finished = [read_run(run, "last").results for run in runs]
    task = finished_task(runs[0], finished[0])
    results = task.over_folds(finished)
    line = {
        "row": name,
        "seed": seed,
        "command": f"the images of {', '.join(run.name for run in runs)}",
        "model": finished[0]["model"],
        "images": results["last"]["images"],
        "last_epoch": finished[0]["last"]["epoch"],
        "best_epoch": "each its own",
        **_of_both_epochs(task, results),
    }
    return _cells(line)


def _of_both_epochs(task: type[Task], results: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of the last and the best epoch, as columns of a table."""
    figures = {which: task.table_figures(results[which]) for which in ("last", "best")}
    return {f"{which}_{name}": value for which in figures for name, value in figures[which].items()}


def _cells(line: Mapping[str, Any]) -> Line:
    return {name: "" if value is None else str(value) for name, value in line.items()}
