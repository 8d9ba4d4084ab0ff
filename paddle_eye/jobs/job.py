"""What an experiment asks of the thing that is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import paddle

from paddle_eye.config import Config
from paddle_eye.data.locate import Location
from paddle_eye.engine.task import Evaluation, Task
from paddle_eye.files import RunFolder


class Data(NamedTuple):
    """The pictures of a run, in memory; each data set keeps them as ``pictures`` and has their ``preprocessing``.

    Args:
        training: what the network learns from.
        selection: what the best epoch is chosen on; the same object as ``validation`` without a hold-out.
        validation: what the figures are of.
        faults: what falsifies those figures.
    """

    training: paddle.io.Dataset
    selection: paddle.io.Dataset
    validation: paddle.io.Dataset
    faults: List[str]


class Job:
    """One thing to learn from one data set; made from settings and a place, it has found what there is to learn from.

    ``classes`` are the names of the classes, ``channels`` is the number of a picture's. ``images`` are the files to
    learn from and those to be measured on, and ``labels`` what they must be told as, for
    `paddle_eye.data.identity.data_digest`. ``split`` is what a weight file must say for both parts to be found again.
    """

    classes: Tuple[str, ...]
    channels: int
    images: List[List[Path]]
    labels: List[List[object]]
    split: Dict[str, int]

    def __init__(self, settings: Config, location: Location) -> None:
        raise NotImplementedError

    def load(self) -> Data:
        """Read all pictures.

        Raises:
            InputError: pictures that cannot be used; all of them in one message.
        """
        raise NotImplementedError

    def task(self, model: paddle.nn.Layer, training: paddle.io.Dataset) -> Task:
        """What loss and figures are."""
        raise NotImplementedError

    def training_loader(self, training: paddle.io.Dataset) -> paddle.io.DataLoader:
        """Batches in an order that the epoch decides."""
        raise NotImplementedError

    def evaluation_loader(self, dataset: paddle.io.Dataset) -> paddle.io.DataLoader:
        """Batches in the order of the files."""
        raise NotImplementedError

    def facts(self, data: Data) -> Dict[str, Any]:
        """What ``metrics.json`` also says."""
        raise NotImplementedError

    def write(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        evaluations: Mapping[str, Evaluation],
    ) -> None:
        """Write tables, pictures and the report of a finished run.

        Args:
            run: where to.
            results: what ``metrics.json`` is to hold.
            history: one row per evaluation.
            data: of the run.
            evaluations: on the validation part, of the ``'best'`` and the ``'last'`` epoch.
        """
        raise NotImplementedError
