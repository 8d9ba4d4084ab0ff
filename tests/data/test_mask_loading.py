import cv2
import numpy as np
import pytest

from paddle_eye.data.loading import evaluation_loader, set_epoch, training_loader
from paddle_eye.data.mask_loading import CropDataset, MaskDataset
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.sources.pair_reading import read_pairs
from paddle_eye.data.sources.pairs import find_pairs
from paddle_eye.errors import InputError


@pytest.fixture(scope="module")
def root(make_membrane, tmp_path_factory):
    return make_membrane(tmp_path_factory.mktemp("membrane"), count=3)


def pairs(root, channels):
    return read_pairs(root, find_pairs(root).records, PixelPreprocessing(channels).fit)


def test_whole_pictures_keep_their_size_and_values(root):
    dataset = MaskDataset(pairs(root, 1), PixelPreprocessing(1))
    batches = list(evaluation_loader(dataset, batch_size=1))
    assert len(batches) == len(dataset) == 3
    for (picture, mask), pair in zip(batches, find_pairs(root).records):
        grey = cv2.imread(str(pair.image), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_allclose(picture.numpy(), grey[None, None] / 255 * 2 - 1, atol=1e-6)
        np.testing.assert_array_equal(mask.numpy(), cv2.imread(str(pair.mask), cv2.IMREAD_GRAYSCALE)[None, None] // 255)


def test_an_epoch_has_so_many_squares_of_every_picture(root):
    dataset = CropDataset(pairs(root, 3), PixelPreprocessing(3), 32, per_picture=4, seed=0)
    batches = list(training_loader(dataset, 5, seed=0))
    assert [picture.shape for picture, _ in batches] == [[5, 3, 32, 32], [5, 3, 32, 32], [2, 3, 32, 32]]
    assert [mask.shape for _, mask in batches] == [[5, 1, 32, 32], [5, 1, 32, 32], [2, 1, 32, 32]]
    for picture, mask in batches:  # the foreground is bright
        picture, mask = picture.numpy()[:, :1], mask.numpy().astype(bool)
        assert picture[mask].mean() > picture[~mask].mean() + 0.5
    np.testing.assert_allclose(dataset.seen(7).transpose(2, 0, 1) / 127.5 - 1, dataset[7][0], atol=1e-6)


def epoch_of(dataset, epoch):
    loader = training_loader(dataset, 4, seed=3)
    set_epoch(loader, epoch)
    return [tensor.numpy() for batch in loader for tensor in batch]


def test_seed_and_epoch_alone_decide(root):
    first, second = (CropDataset(pairs(root, 1), PixelPreprocessing(1), 32, 2, seed=3) for _ in range(2))
    epoch_of(second, 0)
    for one, other in zip(epoch_of(first, 1), epoch_of(second, 1)):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(epoch_of(first, 1), epoch_of(first, 2)))


def test_pictures_smaller_than_the_squares_are_named_together(root):
    with pytest.raises(InputError, match="3 faults") as caught:
        CropDataset(pairs(root, 1), PixelPreprocessing(1), 44, 1, seed=0)
    assert "2.png: 40x48 pixels" in str(caught.value)
    assert "lower data.image_size" in str(caught.value)
