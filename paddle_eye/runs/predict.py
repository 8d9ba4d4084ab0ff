"""A run's network, to be asked."""

from __future__ import annotations

from pathlib import Path

from paddle_eye.inference.exported import is_exported, open_exported
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS
from paddle_eye.inference.trained import TrainedNetwork
from paddle_eye.run_folder import weight_file
from paddle_eye.tasks.registry import described_task
from paddle_eye.weights.opened import open_weights


def open_predictor(path: str | Path = BUNDLED_WEIGHTS, device: str = "cpu") -> TrainedNetwork:
    """The network of a weight file, of a run's best weights, or of what ``tools/export.py`` made.

    Args:
        path: the file, or the folder of the run or of the exported network.
        device: where an exported network computes: ``'cpu'`` or ``'gpu:N'``; others compute where Paddle does.

    Returns:
        A `Predictor`, or a `Segmenter` if the network draws masks.

    Raises:
        InputError: it cannot be used; the message says why.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.open_predictor().classes
        ['not pathologic', 'pathologic myopia']
    """
    path = Path(path)
    if is_exported(path):
        network = open_exported(path, device)
    else:
        path = weight_file(path)
        network = open_weights(path)
    return described_task(path, network.description).trained(path, network)
