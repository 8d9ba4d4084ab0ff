"""What finished runs of all tasks leave to be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from paddle_eye.files import write_bytes, write_json, write_text
from paddle_eye.report import page
from paddle_eye.report.training_log import scalars
from paddle_eye.run_folder import RunFolder


def write_report(
    run: RunFolder,
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    pictures: Mapping[Path, bytes],
    shown: Mapping[str, Any],
    template: str,
) -> None:
    """Write figures, pictures and the page that holds both.

    Args:
        run: where to.
        results: what ``metrics.json`` is to hold.
        history: one row per evaluation.
        pictures: PNG files by where they belong.
        shown: see `page.render`.
        template: likewise.
    """
    write_json(run.metrics, results)
    for path, picture in pictures.items():
        write_bytes(path, picture)
    named = {path.stem: picture for path, picture in pictures.items()}
    write_text(run.report, page.render(results, scalars(history), named, shown, template))


def write_table(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write a CSV file with one row per image."""
    write_text(path, pd.DataFrame(columns).to_csv(index=False))


def notice(results: Mapping[str, Any]) -> str | None:
    """What stands on the pictures of a run on the demonstration set."""
    return "demonstration set, not medical data" if results["data"]["demonstration"] else None


def seen_from(folder: Path, file: Path) -> str:
    """A file's path from a folder, the same on whatever links they were reached."""
    inner = os.path.relpath(os.path.realpath(file.parent), os.path.realpath(folder))
    return (Path(inner) / file.name).as_posix()
