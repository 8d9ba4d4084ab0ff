"""What a classifier says about pictures that may show several things or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.predictor import Predictor
from paddle_eye.report import predictions
from paddle_eye.weights.opened import Opened


@dataclass(frozen=True)
class MultilabelPredictor(Predictor):
    """A classifier whose probabilities stand each by itself, see `Predictor`; a class is found at its threshold."""

    joined_by = "the largest of their probabilities"

    @classmethod
    def of(cls, source: Path, network: Opened | Exported) -> MultilabelPredictor:
        """See `Predictor.of`; also an InputError if the file's thresholds are no probabilities."""
        predictor = super().of(source, network)
        read_thresholds(source, network.description, len(predictor.classes))
        return predictor

    @staticmethod
    def activation(logits: paddle.Tensor) -> paddle.Tensor:
        return F.sigmoid(logits)

    def found(self, probabilities: np.ndarray) -> list[int]:
        thresholds = read_thresholds(self.source, self.description, len(self.classes))
        return np.flatnonzero(probabilities >= thresholds).tolist()

    def table(self, images: Sequence[str], rows: Sequence[np.ndarray]) -> pd.DataFrame:
        return predictions.several_frame(images, np.stack(rows), [self._named(row) for row in rows], self.classes)

    def joined(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.max(rows, axis=0)

    def lines(self, table: pd.DataFrame) -> str:
        return predictions.several_lines(table)

    def claim(self, figures: dict[str, Any], images: int | None) -> str | None:
        return f"Mean AUC {figures['auc']:.4f}" if isinstance(figures.get("auc"), float) else None


def read_thresholds(source: Path, description: dict[str, Any], count: int) -> np.ndarray:
    """The thresholds that a weight file says, [C]; 0.5 where it says none, as while its run was trained.

    Raises:
        InputError: they are no C probabilities.
    """
    thresholds = description.get("thresholds", [0.5] * count)
    known = isinstance(thresholds, list) and len(thresholds) == count
    if not known or not all(isinstance(each, (int, float)) and 0 <= each <= 1 for each in thresholds):
        raise InputError(f"{source}: its thresholds are no {count} probabilities; train it again")
    return np.array(thresholds)
