"""ResNet-50, -101 and -152 on PALM: the calls of the document's notebook.

Its cells run with only their imports, ``use_gpu`` and ``EPOCH_NUM`` replaced, and print its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import paddle

from paddle_eye.data.loading import PictureDataset
from paddle_eye.data.sources.palm import CLASSES, TRAINING_FOLDER, VALIDATION_FOLDER, read_training, read_validation
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import Display
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.objective import Evaluation
from paddle_eye.models.resnet import ResNet
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.weights.format import write_weights

Batch = tuple[np.ndarray, np.ndarray]


def transform_img(img: np.ndarray) -> np.ndarray:
    """A decoded picture, uint8 [H, W, 3] BGR, as the network's input, float32 [3, 224, 224] in [-1, 1].

    Example:
        >>> import paddle_eye
        >>> paddle_eye.transform_img(paddle_eye.read_picture("paddle_eye/bundled/example.jpg")).shape
        (3, 224, 224)
    """
    return Preprocessing()(img)


def data_loader(datadir: str, batch_size: int = 10, mode: str = "train") -> Callable[[], Iterator[Batch]]:
    """Batches of the photographs in a folder, labelled by the first letters of their names.

    Args:
        datadir: folder with H…, N… and P… files.
        batch_size: photographs per batch; the last batch may be shorter.
        mode: ``'train'`` shuffles the photographs with numpy's global generator each time the reader is called, on
            from the last order, as the document does. The first order is that of the names, so that
            ``np.random.seed`` fixes all of them.

    Returns:
        A reader; calling it gives an iterator over (pictures float32 [N, 3, 224, 224], labels float32 [N, 1]).

    Raises:
        InputError: see `paddle_eye.data.sources.palm.read_training`.

    Example:
        >>> import paddle_eye
        >>> reader = paddle_eye.data_loader("dataset/demo/train_data/PALM-Training400", batch_size=4)
        >>> pictures, labels = next(reader())
        >>> pictures.shape, labels.shape
        ((4, 3, 224, 224), (4, 1))
    """
    dataset = PictureDataset(read_training(Path(datadir)), Preprocessing())
    order = list(range(len(dataset)))

    def reader() -> Iterator[Batch]:
        if mode == "train":
            np.random.shuffle(order)
        return _batches(dataset, order, batch_size)

    return reader


def valid_data_loader(datadir: str, annotiondir: str) -> Callable[..., Iterator[Batch]]:
    """Batches of the photographs that a label sheet names, in its order.

    Args:
        datadir: folder of the photographs.
        annotiondir: the xlsx file.

    Returns:
        A reader; calling it with a ``batch_size`` (50) gives an iterator as that of `data_loader`.

    Raises:
        InputError: see `paddle_eye.data.sources.palm.read_validation`.

    Example:
        >>> import paddle_eye
        >>> sheet = "dataset/demo/PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx"
        >>> reader = paddle_eye.valid_data_loader("dataset/demo/PALM-Validation400", sheet)
        >>> sum(len(labels) for _, labels in reader(batch_size=50))
        64
    """
    dataset = PictureDataset(read_validation(Path(datadir), Path(annotiondir)), Preprocessing())

    def reader(batch_size: int = 50) -> Iterator[Batch]:
        return _batches(dataset, range(len(dataset)), batch_size)

    return reader


def save(accuracy: float, model: ResNet | None) -> None:
    """Save the weights as ``./model/resnet50_vD_PALM.pdparams`` and remember their accuracy; None saves nothing.

    Example:
        >>> import paddle_eye
        >>> from paddle_eye.documents.palm import save
        >>> save(0.975, paddle_eye.ResNet(layers=50, class_dim=2, version="D"))
        model save success !
    """
    print("model save success !")
    if model is None:
        return
    model.max_accuracy = accuracy
    description = {
        "architecture": model.architecture,
        "classes": list(CLASSES),
        "preprocessing": Preprocessing().describe(),
        "figures": {"accuracy": accuracy},
    }
    write_weights(Path("model") / f"resnet{model.layers}_v{model.version}_PALM.pdparams", model, description)


def train_pm(
    model: ResNet,
    datadir: str,
    annotiondir: str,
    optimizer: paddle.optimizer.Optimizer,
    batch_size: int = 10,
    EPOCH_NUM: int = 20,
    use_gpu: bool = False,
    save: Callable[[float, ResNet], None] | None = None,
) -> None:
    """Train on PALM and print the document's lines.

    Args:
        model: trained in place.
        datadir: folder that holds ``train_data/PALM-Training400`` and ``PALM-Validation400``.
        annotiondir: the xlsx file with the labels of the validation photographs.
        optimizer: over the parameters of ``model``; as in the document, it is given the sum of a batch's gradients.
        batch_size: photographs per step.
        EPOCH_NUM: passes over the training photographs.
        use_gpu: compute on GPU 0, otherwise on the CPU.
        save: called with (accuracy, model) after every epoch above ``model.max_accuracy``, which begins with the
            accuracy before training and is raised by what saves, as `save` does; None keeps nothing.

    Raises:
        InputError: the data has faults, or there is no GPU although one is asked for.

    Example:
        >>> import paddle, paddle_eye
        >>> sheet = "dataset/demo/PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx"
        >>> model = paddle_eye.ResNet(layers=50, class_dim=2, version="D")
        >>> optimizer = paddle.optimizer.Momentum(0.0001, 0.9, parameters=model.parameters())
        >>> paddle_eye.train_pm(model, "dataset/demo", sheet, optimizer, EPOCH_NUM=0)  # doctest: +ELLIPSIS
        ********start training********
        *****valid data import success*****
        Initial max accuracy : ...
        Final max accuracy : ...
    """
    select_device("gpu:0" if use_gpu else "cpu")
    print("********start training********")
    train_loader = data_loader(str(Path(datadir) / TRAINING_FOLDER), batch_size, mode="train")
    valid_loader = valid_data_loader(str(Path(datadir) / VALIDATION_FOLDER), annotiondir)

    def valid_batches() -> Iterator[Batch]:
        print("*****valid data import success*****")
        return valid_loader(batch_size=50)

    def keep_state(rows: list[dict[str, Any]], evaluation: Evaluation) -> None:
        accuracy = rows[-1]["accuracy"]
        if rows[-1]["epoch"] == 0:
            model.max_accuracy = accuracy
        elif save is not None and accuracy > model.max_accuracy:
            save(accuracy, model)

    fit(
        model,
        optimizer,
        _AddedUp(),
        lambda epoch: train_loader(),
        valid_batches,
        EPOCH_NUM,
        display=_NotebookDisplay(model),
        keep_state=keep_state,
    )
    print("Final max accuracy :", model.max_accuracy)


def valid_pm(
    model: paddle.nn.Layer, valid_loader: Callable[..., Iterator[Batch]], batch_size: int = 100
) -> tuple[float, float]:
    """Accuracy and loss over all photographs of a reader, each photograph weighing the same.

    Example:
        >>> import paddle_eye
        >>> sheet = "dataset/demo/PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx"
        >>> loader = paddle_eye.valid_data_loader("dataset/demo/PALM-Validation400", sheet)
        >>> accuracy, loss = paddle_eye.valid_pm(paddle_eye.ResNet(layers=50, class_dim=2), loader)
        *****valid data import success*****
        >>> 0 <= accuracy <= 1
        True
    """
    print("*****valid data import success*****")
    objective = ClassificationObjective()
    row = objective.score(evaluate(model, valid_loader(batch_size=batch_size), objective))
    return row["accuracy"], row["loss"]


class _AddedUp(ClassificationObjective):
    """The mean loss of a batch with the gradient of the sum, as the document goes backward from every photograph's."""

    def training_terms(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """See `ClassificationObjective.training_terms`."""
        loss = super().training_terms(outputs, targets)["loss"]
        added_up = loss * len(targets)
        return {"loss": loss.detach() + (added_up - added_up.detach())}


class _NotebookDisplay(Display):
    """The lines of the document's notebook."""

    def __init__(self, model: ResNet) -> None:
        self.model = model

    def step(self, epoch: int, index: int, loss: float, waited: float) -> None:
        if index % 10 == 0:
            print(f"epoch:{epoch - 1}===batch_id:{index}===loss:{loss:.4f}")

    def evaluated(self, row: dict[str, Any], criterion: str) -> None:
        if row["epoch"] == 0:
            print("Initial max accuracy :", row["accuracy"])
        else:
            print(f"[validation]:======accuracy:{row['accuracy']:.5f}/loss:{row['loss']:.5f}")

    def epoch_done(self, row: dict[str, Any], criterion: str, best: float) -> None:
        print("max accuracy :", self.model.max_accuracy)
        print()


def _batches(dataset: PictureDataset, order: Any, batch_size: int) -> Iterator[Batch]:
    for start in range(0, len(order), batch_size):
        chosen = np.asarray(order[start : start + batch_size])
        pictures = dataset.preprocessing.normalise(np.stack([dataset.pictures[index] for index in chosen]))
        yield pictures, dataset.labels[chosen].astype("float32").reshape(-1, 1)
