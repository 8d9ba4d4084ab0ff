import cv2
import numpy as np
import pytest

from paddle_eye.inference.tiles import _starts, predict_tiled


@pytest.mark.parametrize("whole", [0, 2**20])
@pytest.mark.parametrize("shape", [(64, 64), (100, 131), (40, 200), (10, 12), (65, 64)])
def test_what_depends_on_a_pixel_alone_comes_back(shape, whole):
    inputs = np.random.default_rng(0).uniform(0, 1, (3, *shape)).astype(np.float32)
    result = predict_tiled(lambda squares: squares[:, ::-1], inputs, 16, 64, 16, whole)
    np.testing.assert_allclose(result, inputs[::-1], atol=1e-5)


def blurred(squares):
    """A network with a field of view: it sees other surroundings at the rim of a square."""
    return np.stack([cv2.GaussianBlur(s[0], (0, 0), 4, borderType=cv2.BORDER_CONSTANT)[None] for s in squares])


def test_no_seams():
    """The steps between neighbouring pixels are no larger than those of the picture in one piece; cut without overlap
    they are."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 1, (256, 256)).astype(np.float32), (0, 0), 3)
    whole = blurred(picture[None, None])[0, 0][32:-32, 32:-32]

    def largest_step(values):
        inner = values[32:-32, 32:-32]
        return max(np.abs(np.diff(inner, axis=axis)).max() for axis in (0, 1))

    tiled, cut = (predict_tiled(blurred, picture[None], 16, 64, overlap, whole=0)[0] for overlap in (32, 0))
    limit = np.abs(np.diff(whole, axis=0)).max()
    assert largest_step(tiled) < 3 * limit
    assert largest_step(cut) > 6 * limit


@pytest.mark.parametrize("length", [64, 65, 100, 512, 1000])
def test_squares_cover_a_side_and_overlap_as_asked(length):
    starts = _starts(length, 64, 24)
    assert starts[0] == 0
    assert starts[-1] + 64 == length
    assert all(64 - (second - first) >= 24 - 1 for first, second in zip(starts, starts[1:]))


def test_a_batch_is_never_larger_than_asked():
    seen = []
    zeros = np.zeros((1, 200, 200), np.float32)
    shown = []
    counted = {"whole": 0, "batch_size": 3, "progress": lambda batches: shown.append(len(batches)) or batches}
    predict_tiled(lambda x: seen.append(len(x)) or x, zeros, 16, 64, 16, **counted)
    assert max(seen) == 3
    assert shown == [len(seen)]


@pytest.mark.parametrize(
    ("shape", "tiles"), [((584, 565), {(592, 576)}), ((1024, 1024), {(1024, 1024)}), ((1025, 1024), {(512, 512)})]
)
def test_up_to_a_megapixel_a_picture_is_looked_at_in_one_piece(shape, tiles):
    seen = set()
    predict_tiled(lambda x: seen.add(x.shape[2:]) or x, np.zeros((1, *shape), np.float32), 16)
    assert seen == tiles


@pytest.mark.parametrize(
    ("shape", "tile"), [((64, 64), (64, 64)), ((30, 200), (32, 64)), ((5, 33), (16, 48)), ((100, 64), (64, 64))]
)
def test_rectangles_have_sides_that_the_network_takes_and_are_no_larger_than_need_be(shape, tile):
    seen = set()
    predict_tiled(lambda x: seen.add(x.shape[2:]) or x, np.zeros((1, *shape), np.float32), 16, 64, 16, whole=0)
    assert seen == {tile}


def test_a_picture_is_mirrored_beyond_its_rim():
    picture, seen = np.arange(20, dtype=np.float32).reshape(1, 1, 20), []
    predict_tiled(lambda x: seen.append(x) or x, picture, 16, 64, 16)
    assert seen[0][0, 0, 0].tolist() == [*range(20), *range(19, 7, -1)]
