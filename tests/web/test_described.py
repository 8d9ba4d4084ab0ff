import pytest

pytest.importorskip("streamlit", reason='pip install -e ".[web]"')

from pathlib import Path

from paddle_eye.inference.predictor import Predictor
from paddle_eye.inference.segmenter import Segmenter
from paddle_eye.web import page


def described(description, classes, masks=False):
    common = (Path("w.pdparams"), "a network", classes, None, description, None)
    return page.described(Segmenter(*common, None, [0, 255], False) if masks else Predictor(*common, None))


DATA = {
    "name": "PALM",
    "training_images": 340,
    "best_epoch_chosen_on": "held-out training images",
    "images_chosen_on": 60,
}
FIGURES = {"accuracy": 0.9, "images": 400, "epoch_chosen_on": None}


def test_the_last_epoch_chose_nothing():
    """The interval is Wilson's for 360 of 400 (scipy: binomtest(360, 400).proportion_ci(method='wilson'))."""
    sentences = described({"data": DATA, "figures": FIGURES, "epoch": 20}, ["healthy", "ill"])
    assert sentences == [
        "Classes: healthy, ill.",
        "Trained on 340 images of PALM.",
        "Accuracy 0.9000 [0.867, 0.926] on 400 validation images, after its last epoch, 20.",
    ]


@pytest.mark.parametrize(
    "figures", [{"accuracy": 0.9, "images": 60, "epoch_chosen_on": DATA["best_epoch_chosen_on"]}, {"accuracy": 0.9}]
)
def test_the_best_epoch_was_chosen(figures):
    sentences = described({"data": DATA, "figures": figures, "epoch": 7}, ["healthy", "ill"])
    assert sentences[-1].endswith("on 60 held-out training images, after epoch 7, which was chosen on them.")


def test_masks_have_a_dice_of_what_is_named():
    figures = {"dice": 0.9512, "accuracy": 0.9, "images": 6, "epoch_chosen_on": None}
    sentences = described({"data": DATA, "figures": figures, "epoch": 8}, ["membrane", "cell interior"], masks=True)
    assert sentences[-1] == "Dice of cell interior 0.9512 on 6 validation images, after its last epoch, 8."


def test_a_demonstration_is_called_one():
    data = {**DATA, "demonstration": True}
    assert "knows nothing about eyes" in " ".join(described({"data": data}, ["healthy", "ill"]))


def test_a_file_that_says_nothing():
    assert described({}, ["class 0", "class 1"]) == ["Classes: class 0, class 1."]


def test_over_patients_there_is_no_interval_of_images():
    figures = {**FIGURES, "intervals_over": "patients"}
    sentence = described({"data": DATA, "figures": figures, "epoch": 20}, ["healthy", "ill"])[-1]
    assert sentence.startswith(
        "Accuracy 0.9000 (no interval: some patients have several photographs) on 400 validation images"
    )


def test_weights_of_before_the_training_are_said():
    sentences = described({"data": DATA, "figures": FIGURES, "epoch": 0}, ["healthy", "ill"])
    assert "Its weights are those before the first epoch: no later one was better, or there was none." in sentences
