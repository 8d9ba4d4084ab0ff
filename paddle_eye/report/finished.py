"""What finished runs of all tasks leave to be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from paddle_eye.files import no_formula, write_bytes, write_json, write_text
from paddle_eye.report import page
from paddle_eye.report.training_log import scalars
from paddle_eye.run_folder import RunFolder

PATIENT = "patient"  # the column of predictions that numbers the patients


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


def write_predictions(
    path: Path, images: Sequence[str], patients: np.ndarray | None, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Write a CSV file with what a network says of every image.

    Args:
        path: where to.
        images: their names, N; see `no_formula`.
        patients: int [N], see `paddle_eye.metrics.intervals.patient_numbers`; None: no patient has several images.
        columns: what is said, N each.
    """
    of_patients = {} if patients is None else {PATIENT: patients}
    write_text(path, pd.DataFrame({"image": [*map(no_formula, images)], **of_patients, **columns}).to_csv(index=False))


def notice(results: Mapping[str, Any]) -> str | None:
    """What stands on the pictures of a run on the demonstration set."""
    return "demonstration set, not medical data" if results["data"]["demonstration"] else None


def seen_from(folder: Path, file: Path) -> str:
    """A file's path from a folder, the same on whatever links they were reached."""
    inner = os.path.relpath(os.path.realpath(file.parent), os.path.realpath(folder))
    return (Path(inner) / file.name).as_posix()
