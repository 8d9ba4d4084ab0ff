import pytest

pytest.importorskip("streamlit", reason='pip install -e ".[web]"')

from paddle_eye.web.page import described

DATA = {
    "name": "PALM",
    "training_images": 340,
    "best_epoch_chosen_on": "held-out training images",
    "images_chosen_on": 60,
}
FIGURES = {"accuracy": 0.9, "images": 400, "epoch_chosen_on": None}


def test_the_last_epoch_chose_nothing():
    """The interval is Wilson's for 360 of 400 (scipy: binomtest(360, 400).proportion_ci(method='wilson'))."""
    told = described({"data": DATA, "figures": FIGURES, "epoch": 20}, ["healthy", "ill"])
    assert told == [
        "Classes: healthy, ill.",
        "Trained on 340 images of PALM.",
        "Accuracy 0.9000 [0.867, 0.926] on 400 validation images, after its last epoch, 20.",
    ]


@pytest.mark.parametrize(
    "figures", [{"accuracy": 0.9, "images": 60, "epoch_chosen_on": DATA["best_epoch_chosen_on"]}, {"accuracy": 0.9}]
)
def test_the_best_epoch_was_chosen(figures):
    told = described({"data": DATA, "figures": figures, "epoch": 7}, ["healthy", "ill"])
    assert told[-1].endswith("on 60 held-out training images, after epoch 7, which was chosen on them.")


def test_masks_have_a_dice_of_what_is_named():
    figures = {"dice": 0.9512, "accuracy": 0.9, "images": 6, "epoch_chosen_on": None}
    told = described({"data": DATA, "figures": figures, "epoch": 8}, ["membrane", "cell interior"])
    assert told[-1] == "Dice of cell interior 0.9512 on 6 validation images, after its last epoch, 8."


def test_a_demonstration_is_called_one():
    data = {**DATA, "demonstration": True}
    assert "knows nothing about eyes" in " ".join(described({"data": data}, ["healthy", "ill"]))


def test_a_file_that_says_nothing():
    assert described({}, ["class 0", "class 1"]) == ["Classes: class 0, class 1."]
