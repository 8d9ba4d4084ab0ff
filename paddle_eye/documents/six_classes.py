"""ResNet18 and ResNet18-NAM on six fundus classes: the calls of the document's notebook.

Its cells run with only their imports and ``save_path`` replaced (it trains into one folder and tests from another).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Union

import numpy as np
import paddle

from paddle_eye.data.loading import PictureDataset
from paddle_eye.data.preparation.steps import find_folders, write_split
from paddle_eye.data.sources.tables import read_table
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import ConsoleDisplay
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError
from paddle_eye.files import write_bytes
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.report import plots
from paddle_eye.report.class_wording import six_class_lines
from paddle_eye.report.table import split_lines
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.weights.format import load_into, read_weights, write_weights

PathLike = Union[str, Path]


def split_data(
    ratio: float, root: PathLike = "dataset", out: PathLike = ".", leave_out: PathLike | None = None
) -> None:
    """Write ``train.csv`` and ``test.csv`` and print how many photographs of each class they have.

    Args:
        ratio: share of the training part.
        root: the folder of the class folders.
        out: folder of the tables.
        leave_out: a list of files that stay out of both, as ``tools/audit.py --fix-list`` writes it.

    Raises:
        InputError: see `paddle_eye.data.preparation.steps.write_split`.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.split_data(0.75, root="classes", out="tables")
        tables: train.csv and test.csv, 0 photographs left out
        class    training  test  training patients  test patients
        healthy  3         1     3                  1
        ill      3         1     3                  1
        all      6         2
        note: patients are not known, each photograph counts as one; --group or --group-column tells them
        note: sensitivity and specificity will be of ill, the second class
    """
    listed = None if leave_out is None else Path(leave_out)
    for split in write_split(find_folders(Path(root)), Path(out), ratio=ratio, leave_out=listed):
        print(*split_lines(split), sep="\n")


class MyDataset(PictureDataset):
    """The photographs of a CSV file, in the order of its rows.

    An item is the picture, float32 [3, 224, 224] in [-1, 1], and the label, int64.

    Raises:
        InputError: wrong rows, with their line numbers, or pictures that cannot be decoded; all in one message.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.split_data(0.75, root="classes", out="tables")  # doctest: +ELLIPSIS
        tables: ...
        >>> picture, label = paddle_eye.MyDataset("tables/train.csv")[0]
        >>> picture.shape
        (3, 224, 224)
    """

    def __init__(self, csv_filepath: PathLike) -> None:
        super().__init__(read_table(Path(csv_filepath)), Preprocessing())

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.int64]:
        if not -len(self) <= number < len(self):
            raise IndexError(f"{number}: there are {len(self)} photographs")
        return super().__getitem__(number)


def train(
    model: paddle.nn.Layer,
    opt: paddle.optimizer.Optimizer,
    train_loader: paddle.io.DataLoader,
    valid_loader: paddle.io.DataLoader,
    epoch_num: int,
    save_path: PathLike,
    save_freq: int,
) -> None:
    """Train, with the NAM penalty if the network has NAM layers, and print a line per epoch.

    Below ``save_path``, ``model/<epoch>.pdparams`` holds the weights of every ``save_freq`` epochs and
    ``model/final.pdparams`` those of the last one; ``accuracy.png`` and ``loss.png`` show the epochs.

    Args:
        model: trained in place.
        opt: over the parameters of ``model``.
        train_loader: batches of pictures and labels.
        valid_loader: what accuracy and loss are measured on after every epoch; it chooses nothing.
        epoch_num: passes over the training photographs, at least 1.
        save_path: folder of the files.
        save_freq: at least 1.

    Raises:
        InputError: ``epoch_num`` or ``save_freq`` is below 1.
        JobError: the loss is no finite number any more.

    Example:
        >>> import paddle, paddle_eye
        >>> from paddle_eye.documents.six_classes import train
        >>> paddle_eye.split_data(0.75, root="classes", out="tables")  # doctest: +ELLIPSIS
        tables: ...
        >>> loader = paddle.io.DataLoader(paddle_eye.MyDataset("tables/test.csv"), batch_size=2)
        >>> net = paddle_eye.resnet18(num_classes=2)
        >>> opt = paddle.optimizer.Adam(0.001, parameters=net.parameters())
        >>> train(net, opt, loader, loader, epoch_num=1, save_path="six", save_freq=1)  # doctest: +ELLIPSIS
        before training   accuracy ...
        epoch   1 ...
    """
    for name, value in (("epoch_num", epoch_num), ("save_freq", save_freq)):
        if value < 1:
            raise InputError(f"{name}={value}: expected 1 or more")
    select_device("auto")
    folder = Path(save_path)
    description = {"architecture": getattr(model, "architecture", None), "preprocessing": Preprocessing().describe()}
    if isinstance(train_loader.dataset, PictureDataset):
        description["classes"] = list(train_loader.dataset.classes)

    def keep(name: str, row: dict[str, Any]) -> None:
        figures = {key: row[key] for key in ("loss", "accuracy", "auc")}
        said = {**description, "epoch": row["epoch"], "figures": figures}
        write_weights(folder / "model" / f"{name}.pdparams", model, said)

    def keep_state(rows: list[dict[str, Any]], evaluation: Evaluation) -> None:
        epoch = rows[-1]["epoch"]
        if epoch and epoch % save_freq == 0:
            keep(str(epoch), rows[-1])

    history = fit(
        model,
        opt,
        ClassificationObjective(regulariser=nam_regulariser(model)),
        lambda epoch: train_loader,
        lambda: valid_loader,
        epoch_num,
        display=ConsoleDisplay(),
        keep_state=keep_state,
    )
    keep("final", history[-1])
    for name in ("accuracy", "loss"):
        write_bytes(folder / f"{name}.png", plots.curve(history, name, "validation images"))


def test(
    model_path: PathLike, net: paddle.nn.Layer, test_dataloader: paddle.io.DataLoader, save_path: PathLike
) -> None:
    """Print accuracy, and precision and recall of each class with their mean; draw ``confusion_matrix.png``.

    Args:
        model_path: the weight file.
        net: the network it is of; takes its weights.
        test_dataloader: batches of pictures and labels.
        save_path: folder of the picture.

    Raises:
        InputError: the file is no weight file of this network.

    Example:
        >>> import paddle, paddle_eye
        >>> from pathlib import Path
        >>> from paddle_eye.documents.six_classes import test
        >>> from paddle_eye.weights.format import write_weights
        >>> paddle_eye.split_data(0.75, root="classes", out="tables")  # doctest: +ELLIPSIS
        tables: ...
        >>> loader = paddle.io.DataLoader(paddle_eye.MyDataset("tables/test.csv"), batch_size=2)
        >>> net = paddle_eye.resnet18(num_classes=2)
        >>> write_weights(Path("net.pdparams"), net, {"architecture": net.architecture})
        >>> test("net.pdparams", net, loader, save_path=".")  # doctest: +ELLIPSIS
        acc-> ...
        precision--> ...
        recall--> ...
    """
    select_device("auto")
    load_into(net, read_weights(model_path).arrays, model_path)
    objective = ClassificationObjective()
    figures = objective.figures(evaluate(net, test_dataloader, objective, len(test_dataloader.dataset)))
    print(six_class_lines(figures))
    count = len(figures["per_class"])
    classes = getattr(test_dataloader.dataset, "classes", ())
    names = classes if len(classes) == count else [str(label) for label in range(count)]
    picture = plots.confusion_matrix(figures["confusion_matrix"], names)
    write_bytes(Path(save_path) / "confusion_matrix.png", picture)
