import base64

import cv2
import numpy as np
import pytest

from paddle_eye.data.fingerprints import Fingerprint, fingerprint
from paddle_eye.data.sketches import look_alike, seen_sketches, sketch


def blots(number, size=160, brighter=0):
    """The picture of this number, uint8 [S, S, 3]."""
    noise = np.random.default_rng(number).normal(size=(160, 160, 3)).astype(np.float32)
    picture = np.clip(120 + brighter + 500 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def sketch_of(picture):
    return sketch(fingerprint("", picture))


def numbers_in(text):
    """The 36 waves and the 12 colours of a sketch."""
    data = base64.b64decode(text)
    return np.frombuffer(data[:36], np.int8).astype(float), np.frombuffer(data[36:], np.uint8).astype(float)


@pytest.mark.parametrize(("size", "quality"), [(160, 50), (80, 90), (250, 80)])
def test_a_picture_in_another_size_or_saved_anew_looks_like_itself_alone(size, quality):
    known = [sketch_of(blots(number)) for number in range(20)]
    saved = cv2.imencode(".jpg", blots(7, size), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    again = [sketch_of(cv2.imdecode(saved, cv2.IMREAD_COLOR))]
    assert look_alike(again, known).tolist() == [True]
    assert look_alike(again, known[:7] + known[8:]).tolist() == [False]
    assert look_alike(known, again).tolist() == [number == 7 for number in range(20)]


def test_a_hundred_thousand_sketches_are_small():
    """With quotation marks, comma and blank, as a weight file's description has them."""
    assert (len(sketch_of(blots(0))) + 4) * 100_000 < 7_000_000


def test_a_sketch_holds_the_colours_of_the_quarters():
    colours = np.arange(32 * 32 * 3, dtype=np.float32).reshape(32, 32, 3) / 16
    _, cells = numbers_in(sketch(Fingerprint("", np.zeros(1020, np.float32), colours)))
    quarters = [colours[:16, :16], colours[:16, 16:], colours[16:, :16], colours[16:, 16:]]
    np.testing.assert_allclose(cells, np.concatenate([part.mean(axis=(0, 1)) for part in quarters]), atol=0.51)


def test_a_coarse_wave_is_one_number_and_a_fine_one_none():
    """A wave that goes once up and down across the disc; the pixels of a structure are a disc of 36 of 64 pixels."""
    across = np.arange(64) - 31.5
    disc = np.hypot(across, across[:, None]) < 0.28 * 64
    for times, low, high in ((2, 120, 127), (24, 0, 12)):
        structure = np.cos(np.pi * times * (across + 18) / 36)[None].repeat(64, axis=0)[disc]
        fine = Fingerprint("", np.float32(structure / np.linalg.norm(structure)), np.zeros((32, 32, 3), np.float32))
        assert low <= np.abs(numbers_in(sketch(fine))[0]).max() <= high


def test_likeness_and_colours_are_those_of_the_sketches():
    """Against each pair by itself, for pictures that are mixed so that their likeness is about the limit."""
    first = [blots(number) for number in range(30)]
    shares = np.linspace(0, 0.6, 30)
    second = [cv2.addWeighted(a, 1 - s, blots(99), s, i % 4) for i, (a, s) in enumerate(zip(first, shares))]
    sketches, known = ([sketch_of(each) for each in pictures] for pictures in (first, second))
    expected = []
    for waves, cells in map(numbers_in, sketches):
        others = [numbers_in(each) for each in known]
        cosines = [waves @ other / np.linalg.norm(waves) / np.linalg.norm(other) for other, _ in others]
        differences = [np.abs(other - cells).mean() for _, other in others]
        expected.append(any(c >= 0.95 and d <= 1.5 for c, d in zip(cosines, differences)))
    assert 3 < sum(expected) < 27
    assert look_alike(sketches, known).tolist() == expected


def test_the_same_structure_in_other_colours_is_another_picture():
    assert not look_alike([sketch_of(blots(1))], [sketch_of(blots(1, brighter=4))]).any()


def test_a_picture_without_detail_is_like_no_other():
    flat = [sketch_of(np.full((64, 64, 3), 90, np.uint8))]
    assert not look_alike(flat, flat).any()


def test_of_no_pictures_none_look_alike():
    some = [sketch_of(blots(1))]
    assert look_alike([], some).tolist() == []
    assert look_alike(some, []).tolist() == [False]


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        "text",
        {"a": 1},
        [5],
        [None],
        ["short"],
        ["A" * 65],
        ["?" * 64],
        ["é" * 64],
        ["A" * 63 + "="],
        [["A" * 64]],
    ],
)
def test_what_is_no_sketch_is_passed_over(damaged):
    whole = [sketch_of(blots(1))]
    assert seen_sketches({"training_sketches": whole}) == whole
    assert seen_sketches({"training_sketches": damaged}) is None
    if isinstance(damaged, list):
        assert seen_sketches({"training_sketches": [*whole, *damaged]}) is None
    assert seen_sketches({}) is None
