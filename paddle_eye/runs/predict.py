"""A run's network, to be asked, and what is written and said of its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from paddle_eye.errors import InputError, listed
from paddle_eye.files import write_bytes
from paddle_eye.inference.exported import is_exported, open_exported
from paddle_eye.inference.files import Predicted
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS
from paddle_eye.inference.trained import TrainedNetwork
from paddle_eye.report.predictions import as_csv, as_xlsx
from paddle_eye.run_folder import weight_file
from paddle_eye.tasks.registry import described_task
from paddle_eye.weights.opened import open_weights

_WARNINGS = 20  # that are told


def open_predictor(path: str | Path = BUNDLED_WEIGHTS, device: str = "cpu") -> TrainedNetwork:
    """The network of a weight file, of a run's best weights, or of what ``tools/export.py`` made.

    Args:
        path: the file, or the folder of the run or of the exported network.
        device: where an exported network computes: ``'cpu'`` or ``'gpu:N'``; others compute where Paddle does.

    Returns:
        A `Predictor`, or a `Segmenter` if the network draws masks.

    Raises:
        InputError: it cannot be used, or there is no such device; the message says why.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.open_predictor().classes
        ['not pathologic', 'pathologic myopia']
    """
    if not re.fullmatch(r"cpu|gpu:\d+", device):
        raise InputError(f"device {device!r}: expected 'cpu' or 'gpu:N'")
    path = Path(path)
    if is_exported(path):
        network = open_exported(path, device)
    else:
        path = weight_file(path)
        network = open_weights(path)
    return described_task(path, network.description).trained(path, network)


def write_tables(done: Predicted, csv: Path | None, xlsx: Path | None) -> Iterator[str]:
    """Write what was predicted, also of patients; a line about each file.

    Args:
        done: of `paddle_eye.inference.files.predict_files`.
        csv: the table; None writes none. That of patients is ``NAME-patients.csv``.
        xlsx: the same for Excel, in two sheets.
    """
    if xlsx is not None:
        write_bytes(xlsx.resolve(), as_xlsx(done.table, done.patients))
        yield f"table {xlsx}"
    if csv is not None:
        path = csv.resolve()
        write_bytes(path, as_csv(done.table))
        yield f"table {path}"
        of_patients = path.with_name(f"{path.stem}-patients.csv")
        if done.patients is None and of_patients.exists():
            yield f"{of_patients} is of an earlier prediction, and not of this one"
        if done.patients is not None:
            write_bytes(of_patients, as_csv(done.patients))
            yield f"table {of_patients}, of patients"


def remarks(done: Predicted, passed_over: Sequence[Path]) -> list[str]:
    """What a person should know of the answers: warnings of the gate, and the files that were not asked about."""
    lines = [f"warning: {warning}" for warning in done.warnings[:_WARNINGS]]
    if len(done.warnings) > _WARNINGS:
        lines.append(f"warning: and {len(done.warnings) - _WARNINGS} more pictures like these")
    if passed_over:
        why = "no pictures or drawn by a prediction"
        lines.append(f"passed over, {why}: {len(passed_over)} ({listed(passed_over)})")
    return lines
