"""The document's notebook, cell by cell: only imports, ``use_gpu`` and ``EPOCH_NUM`` are others."""

import os
import re

import cv2
import numpy as np
import openpyxl
import paddle
import paddle.nn.functional as F
import pytest

from paddle_eye import ResNet, data_loader, train_pm, transform_img, valid_data_loader, valid_pm
from paddle_eye.config import Config
from paddle_eye.data.sources.palm import LABEL_FILE, TRAINING_FOLDER
from paddle_eye.documents.palm import save
from paddle_eye.engine import loop, optim
from paddle_eye.engine.loop import train_one_epoch
from paddle_eye.errors import InputError
from paddle_eye.models.resnet import BLOCKS_PER_STAGE
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.weights.format import read_weights


@pytest.fixture
def home(tmp_path, monkeypatch, make_palm):
    """A home folder with the unpacked data, and a network of one block per stage instead of 16."""
    monkeypatch.setitem(BLOCKS_PER_STAGE, 50, (1, 1, 1, 1))
    monkeypatch.chdir(make_palm(tmp_path))
    return tmp_path


def documents_arithmetic(path):
    picture = cv2.resize(cv2.imread(str(path)), (224, 224))
    return (np.transpose(picture, (2, 0, 1)) / 255.0 * 2.0 - 1.0).astype("float32")


def test_transform_img(home):
    path = home / "train_data/PALM-Training400/P0001.jpg"
    transformed = transform_img(cv2.imread(str(path)))
    assert transformed.dtype == np.float32
    np.testing.assert_array_equal(transformed, documents_arithmetic(path))


def test_data_loader_gives_the_documents_values_in_the_order_that_the_seed_fixes(home):
    folder = home / "train_data/PALM-Training400"
    reader = data_loader(str(folder), batch_size=5, mode="train")
    np.random.seed(7)
    epochs = [list(reader()) for _ in range(2)]
    np.random.seed(7)
    names = sorted(os.listdir(folder))
    for batches in epochs:
        np.random.shuffle(names)
        assert [len(labels) for _, labels in batches] == [5, 5, 2]
        assert all(pictures.dtype == labels.dtype == np.float32 for pictures, labels in batches)
        np.testing.assert_array_equal(
            np.concatenate([pictures for pictures, _ in batches]),
            np.stack([documents_arithmetic(folder / name) for name in names]),
        )
        np.testing.assert_array_equal(
            np.concatenate([labels for _, labels in batches]), [[float(name[0] == "P")] for name in names]
        )


def test_data_loader_keeps_the_order_of_names_when_it_does_not_train(home):
    folder = home / "train_data/PALM-Training400"
    labels = np.concatenate([labels for _, labels in data_loader(str(folder), mode="valid")()])
    assert labels.ravel().tolist() == [0.0] * 6 + [1.0] * 6


def test_valid_data_loader_follows_the_sheet(home):
    sheet = openpyxl.load_workbook(home / LABEL_FILE).active
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    batches = list(valid_data_loader("./PALM-Validation400", str(LABEL_FILE))(batch_size=3))
    assert [pictures.shape for pictures, _ in batches] == [(3, 3, 224, 224), (2, 3, 224, 224)]
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), [[row[2]] for row in rows])
    np.testing.assert_array_equal(
        np.concatenate([pictures for pictures, _ in batches]),
        np.stack([documents_arithmetic(home / "PALM-Validation400" / row[1]) for row in rows]),
    )


def test_the_cells_run_and_print_the_documents_lines(home, capsys):
    use_gpu = False
    lr = 0.0001
    momentum = 0.9
    load_model = True
    save_model = True
    EPOCH_NUM = 2
    save(1.0, None)
    assert capsys.readouterr().out == "model save success !\n"

    model_version = "D"
    filedir = os.getcwd()
    paddle.seed(0)
    model = ResNet(layers=50, class_dim=2, version=model_version)
    if os.path.exists(f"./model/resnet{model.layers}_v{model.version}_PALM.pdparams") and load_model:
        pytest.fail("there are no weights yet")
    annotion_path = filedir + "/PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx"
    optimizer = paddle.optimizer.Momentum(learning_rate=lr, momentum=momentum, parameters=model.parameters())
    train_pm(
        model,
        filedir,
        annotion_path,
        optimizer,
        EPOCH_NUM=EPOCH_NUM,
        use_gpu=use_gpu,
        save=save if save_model else None,
    )
    number = r"\d+\.\d+(e-\d+)?"
    saving = r"(model save success !\n)?"
    epoch = (
        r"epoch:{0}===batch_id:0===loss:\d+\.\d{{4}}\n"
        r"\*\*\*\*\*valid data import success\*\*\*\*\*\n"
        r"\[validation\]:======accuracy:\d\.\d{{5}}/loss:\d+\.\d{{5}}\n" + saving + rf"max accuracy : {number}\n\n"
    )
    expected = (
        r"\*{8}start training\*{8}\n\*\*\*\*\*valid data import success\*\*\*\*\*\n"
        rf"Initial max accuracy : {number}\n" + epoch.format(0) + epoch.format(1) + rf"Final max accuracy : {number}\n"
    )
    assert re.fullmatch(expected, capsys.readouterr().out)

    save(0.5, model)  # whether an epoch beat the first accuracy or not
    capsys.readouterr()
    valid_loader = valid_data_loader("./PALM-Validation400", annotion_path)
    model = ResNet(layers=50, class_dim=2, version=model_version)
    model_params = paddle.load(f"./model/resnet{model.layers}_v{model.version}_PALM.pdparams")
    model.set_state_dict(model_params)
    valid_accuracy, valid_loss = valid_pm(model, valid_loader, batch_size=50)
    assert capsys.readouterr().out == "*****valid data import success*****\n"
    ((pictures, labels),) = valid_loader(batch_size=5)
    logits, labels = model(paddle.to_tensor(pictures)), paddle.to_tensor(labels).astype("int64")
    assert valid_accuracy == (logits.numpy().argmax(axis=1) == labels.numpy().ravel()).mean()
    assert valid_loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)


def notebooks_steps(model, optimizer, batches):
    """What the document's cell does with a batch: backward from the losses of all photographs, one each."""
    model.train()
    for pictures, labels in batches:
        labels = paddle.to_tensor(labels).astype("int64")
        losses = F.cross_entropy(model(paddle.to_tensor(pictures)), labels, reduction="none")
        optimizer.clear_grad()
        losses.backward()
        optimizer.step()


@pytest.mark.parametrize("way", ["cells", "tools"])
def test_the_steps_are_the_documents(home, monkeypatch, capsys, way):
    """With its optimizer the document's functions, and with ten times its rate the recipe, which takes the mean."""
    monkeypatch.setattr(np.random, "shuffle", lambda order: None)

    def begun():
        paddle.seed(3)
        model = ResNet(layers=50, class_dim=2, version="D")
        return model, paddle.optimizer.Momentum(0.0001, 0.9, parameters=model.parameters())

    model, optimizer = begun()
    before = {key: value.numpy() for key, value in model.state_dict().items()}
    batches = list(data_loader(str(home / TRAINING_FOLDER), batch_size=4)())
    assert [len(labels) for _, labels in batches] == [4, 4, 4]
    notebooks_steps(model, optimizer, batches)
    expected = model.state_dict()
    if way == "cells":
        model, optimizer = begun()
        train_pm(model, str(home), str(LABEL_FILE), optimizer, batch_size=4, EPOCH_NUM=1)
        pictures, labels = map(paddle.to_tensor, batches[0])
        first = F.cross_entropy(begun()[0](pictures), labels.astype("int64"))
        assert f"epoch:0===batch_id:0===loss:{first.item():.4f}\n" in capsys.readouterr().out
    else:
        model, _ = begun()
        recipe = Config().train
        optimizer = optim.build(recipe.optim, model, recipe.lr * 4 / recipe.batch_size, recipe.momentum)
        train_one_epoch(model, optimizer, ClassificationObjective(), batches)
    for key, value in model.state_dict().items():
        moved = np.abs(expected[key].numpy() - before[key]).max()
        np.testing.assert_allclose(value.numpy(), expected[key].numpy(), atol=max(1e-6, 0.01 * moved), err_msg=key)


def test_valid_pm_weighs_photographs_where_the_document_averaged_batches(home):
    """5 photographs in batches of 4 and 1: the mean of the batch means is another number."""
    model = ResNet(layers=50, class_dim=2, version="O")
    loader = valid_data_loader("./PALM-Validation400", str(LABEL_FILE))
    model.eval()
    (pictures, labels), *rest = loader(batch_size=5)
    assert not rest
    predicted = model(paddle.to_tensor(pictures)).numpy().argmax(axis=1)
    accuracy, loss = valid_pm(model, loader, batch_size=4)
    assert accuracy == np.mean(predicted == labels.ravel())
    assert loss == pytest.approx(valid_pm(model, loader, batch_size=5)[1], rel=1e-5)


def test_save_remembers_the_accuracy_and_describes_the_weights(home):
    model = ResNet(layers=50, class_dim=2, version="B")
    save(0.9, model)
    assert model.max_accuracy == 0.9
    _, description = read_weights(home / "model/resnet50_vB_PALM.pdparams")
    assert description["architecture"]["version"] == "B"
    assert description["figures"] == {"accuracy": 0.9}


@pytest.mark.parametrize("raises", [True, False])
def test_another_way_of_saving_is_called_where_the_document_calls_it(home, monkeypatch, raises):
    """Of every epoch above ``max_accuracy``, which is raised by what saves alone."""
    accuracies = iter([0.5, 0.6, 0.55, 0.6, 0.7])
    real = ClassificationObjective.score
    monkeypatch.setattr(
        ClassificationObjective, "score", lambda self, said: {**real(self, said), "accuracy": next(accuracies)}
    )
    monkeypatch.setattr(loop, "train_one_epoch", lambda *_: {"train_loss": 0.0})
    called = []

    def note(accuracy, model):
        called.append(accuracy)
        model.max_accuracy = accuracy if raises else model.max_accuracy

    model = ResNet(layers=50, class_dim=2, version="O")
    optimizer = paddle.optimizer.Momentum(1e-4, 0.9, parameters=model.parameters())
    train_pm(model, str(home), str(LABEL_FILE), optimizer, EPOCH_NUM=4, save=note)
    assert called == ([0.6, 0.7] if raises else [0.6, 0.55, 0.6, 0.7])


def test_without_save_nothing_is_written(home):
    model = ResNet(layers=50, class_dim=2, version="O")
    optimizer = paddle.optimizer.Momentum(1e-4, 0.9, parameters=model.parameters())
    train_pm(model, str(home), str(LABEL_FILE), optimizer, EPOCH_NUM=1)
    assert not (home / "model").exists()


def test_a_gpu_that_is_not_there_is_an_error(home, monkeypatch):
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match="gpu:0"):
        train_pm(None, str(home), str(LABEL_FILE), None, use_gpu=True)
