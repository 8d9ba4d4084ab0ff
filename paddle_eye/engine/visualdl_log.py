"""A log of a run that VisualDL draws."""

from __future__ import annotations

import errno
import math
import os
import struct
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paddle_eye.engine.display import Display
from paddle_eye.errors import JobError
from paddle_eye.run_folder import RunFolder

_HEADER = struct.Struct("<Q")  # before each record, its length in bytes
_MOST_BYTES = 2**26  # of a record
_STEP = "step/loss"


class VisualDLDisplay(Display):
    """Writes what happens into the run's log: every step's loss, every evaluation's figures, and pictures.

    The records are VisualDL's, but its writer is not used: it leaves half a record in the log when the disk is full,
    and starts anew when a run is continued. What the log has, up to a step, is not written again. Training goes on
    when the log cannot be written, with a warning.

    Raises:
        JobError: VisualDL is not installed.
    """

    def __init__(self) -> None:
        try:
            from visualdl.proto.record_pb2 import Record
        except Exception as error:  # it is not there, or its generated code does not suit the installed protobuf
            raise JobError(
                f'--visualdl: VisualDL cannot be imported ({error}); install it with: pip install -e ".[visualdl]"'
            ) from error
        self._record = Record
        self._path: Path | None = None
        self._last_steps: dict[str, int] = {}
        self._steps_by: dict[int, int] = {}  # of an epoch that was evaluated: the number of the step before
        self._start = 0  # the number of the step before an epoch

    def started(self, run: RunFolder) -> None:
        self._path = run.visualdl_log
        try:
            self._path.parent.mkdir(exist_ok=True)
            self._path.touch()
            self._last_steps = self._read()
        except OSError as error:
            raise JobError(f"{self._path}: the log cannot be written ({error.strerror})") from error
        self._add("meta_data_tag", 0, meta_data=self._record.MetaData())  # VisualDL looks for it first

    def training(self, epoch: int, epochs: int, batches: Iterable, accumulate: int) -> Iterable:
        self._start = self._steps_by.get(epoch - 1, (epoch - 1) * math.ceil(len(batches) / accumulate))
        return batches

    def step(self, epoch: int, index: int, loss: float, waited: float) -> None:
        self._add(_STEP, self._start + index + 1, value=loss)

    def evaluated(self, row: dict[str, Any], criterion: str) -> None:
        self._steps_by[row["epoch"]] = self._last_steps.get(_STEP, 0)
        for name, value in row.items():
            if isinstance(value, float) and math.isfinite(value) and name != "seconds":
                self._add(_tag(name), row["epoch"], value=value)

    def picture(self, name: str, epoch: int, png: bytes) -> None:
        self._add(name, epoch, image=self._record.Image(encoded_image_string=png))

    def _add(self, tag: str, step: int, **content: Any) -> None:
        """Put one record at the end of the log, whole or not at all, unless the tag has got so far already."""
        if step <= self._last_steps.get(tag, -1):
            return
        value = self._record.Value(id=step, tag=tag, timestamp=round(time.time() * 1000), **content)
        data = self._record(values=[value]).SerializeToString()
        framed = _HEADER.pack(len(data)) + data
        try:
            with open(self._path, "ab", buffering=0) as log:
                count = log.write(framed)
                if count < len(framed):
                    log.truncate(log.tell() - count)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:  # Python shows a warning of the same place and words once
            warnings.warn(f"{self._path}: {error.strerror}; training goes on, the log has gaps", stacklevel=1)
        self._last_steps[tag] = step

    def _read(self) -> dict[str, int]:
        """The last step of each tag in the log, and of each epoch; what comes behind its last whole record is cut."""
        last: dict[str, int] = {}
        with open(self._path, "r+b") as log:
            size, end = os.fstat(log.fileno()).st_size, 0
            while header := log.read(_HEADER.size):
                length = _HEADER.unpack(header.ljust(_HEADER.size, b"\xff"))[0]
                if length > min(_MOST_BYTES, size - log.tell()):
                    break
                try:
                    values = self._record.FromString(log.read(length)).values
                except Exception:  # bytes that are no record fail in ways of the installed protobuf
                    break
                for value in values:
                    last[value.tag] = max(value.id, last.get(value.tag, 0))
                    if value.tag == _tag("loss"):
                        self._steps_by[value.id] = last.get(_STEP, 0)
                end = log.tell()
            if end < size:
                log.truncate(end)
                warnings.warn(f"{self._path}: {size - end} damaged bytes at its end were cut off", stacklevel=1)
        return last


def _tag(name: str) -> str:
    """Where VisualDL shows a figure of the history; what stands before the stroke is a group of charts."""
    if name == "lr":
        return "train/learning_rate"
    return name.replace("train_", "train/", 1) if name.startswith("train_") else f"evaluation/{name}"
