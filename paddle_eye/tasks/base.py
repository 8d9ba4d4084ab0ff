"""What a task is: everything that differs between one thing to learn and another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import paddle
import pandas as pd

from paddle_eye.choices import NetworkTask
from paddle_eye.config import Config
from paddle_eye.data.loading import Batches
from paddle_eye.data.locate import Location
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.engine.objective import Evaluation, Objective
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.trained import TrainedNetwork
from paddle_eye.metrics.intervals import Statistic
from paddle_eye.report.wording import Wording
from paddle_eye.run_folder import RunFolder
from paddle_eye.weights.opened import Opened

VALIDATION, HELD_OUT, OWN_PART = "validation images", "held-out training images", "validation images of the data set"


class Data(NamedTuple):
    """The pictures of a run, in memory; each data set keeps them as ``pictures`` and has their ``preprocessing``.

    Args:
        training: what the network learns from.
        selection: what the best epoch is chosen on; the same object as ``validation`` without a hold-out.
        validation: what the figures are of.
        digests: of the pictures that the network learns from, see `paddle_eye.data.identity`.
        validation_digests: of those that it is measured on.
        digest: of the whole data set; it changes when a picture, its label or its side does.
        faults: what falsifies the figures.
        notes: what else a person should know.
        chosen_on: what ``selection`` is, in words.
        sketches: of the photographs that the network learns from, see `paddle_eye.data.sketches`.
        selection_patients: int [N], of ``selection``; None if no patient has several of its pictures.
    """

    training: paddle.io.Dataset
    selection: paddle.io.Dataset
    validation: paddle.io.Dataset
    digests: list[str]
    validation_digests: list[str]
    digest: str
    faults: list[str]
    notes: list[str]
    chosen_on: str
    sketches: Sequence[str] = ()
    selection_patients: np.ndarray | None = None


class Measured(NamedTuple):
    """What a finished network is measured on, and how.

    Args:
        objective: the loss and the figures.
        classes: their names.
        images: the picture files.
        dataset: they and their targets.
        batch_size: pictures that the network looks at together.
        notes: what a person should know of the data.
        patients: of the images, see `patient_numbers`.
        whole: whether the images are everything that is in the data set.
    """

    objective: Objective
    classes: list[str]
    images: list[Path]
    dataset: paddle.io.Dataset
    batch_size: int
    notes: Sequence[str] = ()
    patients: np.ndarray | None = None
    whole: bool = False


class External(NamedTuple):
    """What is kept of an evaluation on a stranger's data.

    Args:
        labels: of the images, [N, …].
        outputs: what the network says of each, [N, …].
        columns: of the table of predictions, beside the image.
        pictures: PNG files by what they show.
    """

    labels: np.ndarray
    outputs: np.ndarray
    columns: dict[str, Any]
    pictures: dict[str, bytes]


class Task(Wording):
    """One thing to learn, from one data set; made from settings and a place, it has found what there is to learn from.

    A task is a class in a file of its own and a row of `paddle_eye.tasks.registry.TASKS`; nothing else in the project
    asks which task it is. How its figures are told, it has from a `Wording`.

    ``classes`` are the names of the classes, ``channels`` is the number of a picture's, and ``described`` is what
    a weight file must say of the data for both parts to be found again, masks to be read and drawn as in training, and
    pictures to be judged as those of training would be.
    """

    name: ClassVar[str]
    """The row of the table."""

    network_task: ClassVar[NetworkTask]
    """What the networks answer for that can be trained for it."""

    of_pixels: ClassVar[bool] = False
    """Whether its networks answer for each pixel; then folds can be summed up, and cells be scored."""

    own_settings: ClassVar[frozenset[str]]
    """Dotted keys of settings that not every task has."""

    standard_recipe: ClassVar[str]
    """The file of ``configs`` that is taken without ``--config``."""

    needs_data: ClassVar[str | None] = None
    """What ``--data DIR`` must hold, if it has to be given; None: it is looked for, see `paddle_eye.data.locate`."""

    classes: tuple[str, ...]
    channels: int
    described: dict[str, Any]

    # What is learned

    @abstractmethod
    def __init__(self, settings: Config, location: Location) -> None:
        """Find what there is to learn from.

        Raises:
            InputError: the place or the settings are wrong.
        """

    @abstractmethod
    def load(self) -> Data:
        """Read every picture once.

        Raises:
            InputError: pictures that cannot be used; all of them in one message.
        """

    def require_blocks(self) -> None:
        """Refuse pictures of which a block cannot be measured on, where they are divided into several.

        Raises:
            InputError: one cannot, or pictures cannot be used.
        """

    @abstractmethod
    def objective(self, model: paddle.nn.Layer, training: paddle.io.Dataset) -> Objective:
        """What loss and figures are."""

    @abstractmethod
    def training_loader(self, training: paddle.io.Dataset, rank: int = 0, ranks: int = 1) -> Batches:
        """Batches in an order that the epoch decides; those of one of several processes."""

    @abstractmethod
    def evaluation_loader(self, dataset: paddle.io.Dataset) -> Batches:
        """Batches in the order of the files."""

    def finished(self, objective: Objective, model: paddle.nn.Layer, data: Data) -> tuple[Objective, dict[str, Any]]:
        """The objective for the figures of a network whose training is over, and what its weight file also says.

        Args:
            objective: that of the training.
            model: with the weights.
            data: of the run.
        """
        return objective, {}

    # What a run leaves behind

    @abstractmethod
    def facts(self, data: Data) -> dict[str, Any]:
        """What ``metrics.json`` also says."""

    @abstractmethod
    def write_predictions(
        self, run: RunFolder, results: Mapping[str, Any], evaluations: Mapping[str, Evaluation]
    ) -> None:
        """Write what the networks of the ``'best'`` and the ``'last'`` epoch say of every validation image."""

    @abstractmethod
    def pictures(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        best: Evaluation,
        model: paddle.nn.Layer,
    ) -> dict[Path, bytes]:
        """PNG files by where they belong.

        Args:
            run: its folder.
            results: what ``metrics.json`` holds.
            history: one row per evaluation.
            data: of the run.
            best: on the validation part, of the best epoch.
            model: with the weights of the best epoch.
        """

    # A finished network

    @staticmethod
    @abstractmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        """What a network is measured on.

        Args:
            path: its weight file, for messages.
            opened: the network.
            place: where the data set is.

        Raises:
            InputError: the network is of other classes, or pictures cannot be used.
        """

    @staticmethod
    def statistics(classes: Sequence[str]) -> Mapping[str, tuple[str, Statistic]]:
        """What a stranger's data is compared with a run's own by: of figures of `table_figures` their names, and how
        they are computed from what `kept` gives. None, if measuring on strangers' data leaves no report."""
        return {}

    @staticmethod
    def kept(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Labels and outputs of every image, from the predictions of a run; of tasks with `statistics`."""
        raise NotImplementedError

    @staticmethod
    def external(measured: Measured, evaluation: Evaluation, figures: Mapping[str, Any]) -> External:
        """What is to be kept of an evaluation on a stranger's data; of tasks with `statistics`.

        Args:
            measured: what was measured on.
            evaluation: what the network said.
            figures: of the objective.
        """
        raise NotImplementedError

    @staticmethod
    @abstractmethod
    def trained(source: Path, network: Opened | Exported) -> TrainedNetwork:
        """A network that was opened, ready to be asked.

        Raises:
            InputError: what the file says of itself is wrong.
        """
