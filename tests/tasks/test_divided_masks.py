"""Pictures and masks that come divided into parts."""

import cv2
import numpy as np
import pytest

import paddle_eye
from paddle_eye.data import mask_loading
from paddle_eye.errors import InputError, JobError
from paddle_eye.tasks import segmentation

RECIPE = {"model": "unet", "image_size": 32, "crops": 1, "batch_size": 2, "epochs": 1, "loss": "bce_dice"}


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """A function that draws pairs into folders of parts, with the numbers of each, and returns the folder of these."""
    generator = np.random.default_rng(0)

    def draw(**numbers):
        folder = tmp_path_factory.mktemp("divided")
        for part, own in numbers.items():
            for number in own:
                mask = np.zeros((40, 48), np.uint8)
                mask[5 : 15 + number % 9, 4:30] = 255
                picture = np.clip(mask // 2 + generator.integers(0, 90, mask.shape), 0, 255).astype(np.uint8)
                for kind, content in (("images", picture), ("masks", mask)):
                    (folder / part / kind).mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(folder / part / kind / f"{number}.png"), content)
        return folder

    return draw


def test_the_epoch_is_chosen_on_the_validation_part_and_the_figures_are_of_the_test_part(divided, tmp_path):
    folder = divided(train=(1, 2, 3), val=(4, 5), test=(6, 7, 8))
    results = paddle_eye.train(data=str(folder), output=tmp_path, **RECIPE)
    assert results["validation_images"] == [f"test/images/{number}.png" for number in (6, 7, 8)]
    assert (results["data"]["images_chosen_on"], results["last"]["images"]) == (2, 3)
    assert results["data"]["best_epoch_chosen_on"] == "validation images of the data set"
    assert results["measured_on"] == "test images"
    with pytest.raises(InputError, match=r"--holdout 0\.3: .* has a validation part for that"):
        paddle_eye.train(data=str(folder), output=tmp_path, holdout=0.3, **RECIPE)
    for place, count in ((folder, 3), (divided(training=(11, 12), test=(13, 14)), 4)):
        measured = paddle_eye.evaluate(tmp_path / results["run"], data=str(place))
        assert measured["images"] == count


def test_pictures_that_have_no_room_in_memory_are_refused_before_they_are_read(divided, tmp_path, monkeypatch):
    folder = divided(train=(1, 2, 3), test=(6, 7))
    monkeypatch.setattr(mask_loading, "free_memory", lambda: 10_000)
    monkeypatch.setattr(segmentation, "read_pairs", None)
    told = r"not enough memory: 5 pictures of 0 megapixels in all, 2 of them measured on, take 0.0 GB"
    with pytest.raises(JobError, match=told):
        paddle_eye.train(data=str(folder), output=tmp_path, **RECIPE)
