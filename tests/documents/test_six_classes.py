"""The document's notebook, cell by cell: only imports, ``save_path``, ``epoch_num`` and ``save_freq`` are others."""

import itertools
import re
import warnings

import cv2
import numpy as np
import paddle
import pytest

from paddle_eye import MyDataset, nam_penalty, resnet18, resnet18_nam
from paddle_eye.documents import six_classes
from paddle_eye.errors import InputError
from paddle_eye.weights.format import read_weights

CLASSES = ("cataract", "diabetic", "glaucoma", "high_myopia", "myopia", "normal")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, write_picture):
    """A folder ``dataset`` as the document's archive unpacks it: six classes in one more folder."""
    folder = tmp_path_factory.mktemp("six")
    for label, name in enumerate(CLASSES):
        for number in range(5):
            write_picture(folder / "dataset/dataset" / name / f"{10 * label + number}_left.png", label % 2)
    return folder


@pytest.fixture
def home(unpacked, monkeypatch):
    monkeypatch.chdir(unpacked)
    return unpacked


def test_the_cells_run_and_leave_their_files(home, capsys):
    from paddle_eye import split_data

    split_data(0.8)
    assert [line.split() for line in capsys.readouterr().out.splitlines()][2] == ["cataract", "4", "1", "4", "1"]

    from paddle_eye import MyDataset

    train_dataset = MyDataset(csv_filepath="train.csv")
    test_dataset = MyDataset(csv_filepath="test.csv")

    from paddle_eye import resnet18

    warnings.filterwarnings("ignore")
    net = resnet18(num_classes=6)
    assert paddle.summary(net, (64, 3, 224, 224))["trainable_params"] == 11_179_590

    from paddle_eye.documents.six_classes import test, train

    save_path = "./resnet18/"
    batch_size = 32
    train_loader = paddle.io.DataLoader(train_dataset, batch_size=batch_size)
    eval_loader = paddle.io.DataLoader(test_dataset, batch_size=batch_size)
    optim = paddle.optimizer.Adam(learning_rate=0.001, parameters=net.parameters())
    train(
        model=net,
        opt=optim,
        train_loader=train_loader,
        valid_loader=eval_loader,
        epoch_num=3,
        save_path=save_path,
        save_freq=2,
    )
    capsys.readouterr()
    files = {path.relative_to(home / "resnet18").as_posix() for path in (home / "resnet18").rglob("*.*")}
    assert files == {"model/2.pdparams", "model/final.pdparams", "accuracy.png", "loss.png"}

    net = resnet18(num_classes=6)
    test(
        model_path=save_path + "model/final.pdparams",
        net=net,
        test_dataloader=paddle.io.DataLoader(MyDataset(csv_filepath="test.csv"), batch_size=32),
        save_path=save_path,
    )
    number = r"(\d\.\d+|None)"
    of_six = rf"\(\[({number}, ){{5}}{number}\], {number}\)"
    printed = capsys.readouterr().out
    assert re.fullmatch(rf"acc-> \d\.\d{{4}}\nprecision--> {of_six}\nrecall--> {of_six}\n", printed)
    arrays, description = read_weights(home / "resnet18/model/final.pdparams")
    assert description["classes"] == list(CLASSES)
    assert f"acc-> {description['figures']['accuracy']:.4f}" == printed.splitlines()[0]
    assert set(paddle.load(str(home / "resnet18/model/final.pdparams"))) >= set(arrays)
    for name in ("accuracy", "loss", "confusion_matrix"):
        assert cv2.imread(str(home / f"resnet18/{name}.png")).std() > 0


def test_an_item_is_a_picture_and_a_whole_number(home):
    six_classes.split_data(0.8)
    picture, label = MyDataset("test.csv")[0]
    assert (picture.dtype, picture.shape, np.asarray(label).dtype) == (np.float32, (3, 224, 224), np.int64)
    first = (home / "test.csv").read_text().splitlines()[1].split(",")
    decoded = cv2.resize(cv2.imread(str(home / first[0])), (224, 224))
    expected = (np.transpose(decoded, (2, 0, 1)) / 255.0 * 2.0 - 1.0).astype("float32")
    np.testing.assert_array_equal(picture, expected)
    assert label == int(first[1]) == CLASSES.index(first[2])


def test_the_same_call_writes_the_same_tables(home, tmp_path):
    six_classes.split_data(0.8)
    first = (home / "train.csv").read_bytes()
    six_classes.split_data(0.8, root="dataset/dataset")
    assert (home / "train.csv").read_bytes() == first


@pytest.fixture
def train_once(tmp_path):
    """A function that trains a network for an epoch on four small pictures, and returns its folder."""

    def run(net, **settings):
        generator = np.random.default_rng(0)
        pairs = [(generator.normal(size=(3, 32, 32)).astype("float32"), np.int64(label)) for label in range(4)]
        loader = paddle.io.DataLoader(pairs, batch_size=4)
        optimizer = paddle.optimizer.SGD(learning_rate=1.0, parameters=net.parameters())
        arguments = {"epoch_num": 1, "save_path": tmp_path, "save_freq": 5, **settings}
        six_classes.train(net, optimizer, loader, loader, **arguments)
        return tmp_path

    return run


def test_nam_networks_are_penalised(train_once):
    """With the loss's gradient taken away, one step of rate 1 changes every factor by the penalty's p."""
    net = resnet18_nam(num_classes=6)
    for parameter in net.parameters():
        parameter.stop_gradient = True
    factors = [layer.norm.weight for name, layer in net.named_sublayers() if name.endswith("attention.0")]
    for factor in factors:
        factor.stop_gradient = False
    net.fc.weight.set_value(paddle.zeros_like(net.fc.weight))
    before = nam_penalty(net).item()
    train_once(net)
    assert nam_penalty(net).item() == pytest.approx(before - 1e-4 * 1e-4 * 1920, rel=1e-6)
    np.testing.assert_allclose(factors[0].numpy(), 1 - 1e-4, rtol=1e-6)


def test_a_folder_may_be_given_with_or_without_a_slash(train_once):
    assert (train_once(resnet18(num_classes=6)) / "model/final.pdparams").is_file()


@pytest.mark.parametrize("name", ["epoch_num", "save_freq"])
def test_counts_below_one_are_refused(name, train_once):
    with pytest.raises(InputError, match=f"{name}=0: expected 1 or more"):
        train_once(paddle.nn.Linear(1, 1), **{name: 0})


def test_the_documents_figures_fit_one_test_part_alone():
    """What docs/results/six_classes.md says of it: of all counts of a class up to 160 that give its precision and
    recall, the combinations with as many predictions as photographs and with its accuracy. One is twice the other."""
    precision = [0.9221, 0.9828, 0.9032, 0.9649, 0.9636, 1.0]
    recall = [0.9342, 0.9344, 0.9333, 0.9821, 0.9636, 0.9808]
    chosen = [
        [
            (right, images, predicted)
            for right in range(1, 161)
            for images in range(right, 161)
            if round(right / images, 4) == of_images
            for predicted in range(right, 161)
            if round(right / predicted, 4) == of_predicted
        ]
        for of_predicted, of_images in zip(precision, recall)
    ]
    fitting = []
    for parts in itertools.product(*chosen):
        right, images, predicted = map(sum, zip(*parts))
        if images == predicted and round(right / images, 4) == 0.9528:
            fitting.append((right, [images for _, images, _ in parts]))
    assert fitting == [(343, [76, 61, 60, 56, 55, 52]), (686, [152, 122, 120, 112, 110, 104])]
