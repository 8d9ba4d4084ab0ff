"""Files that show the same photograph, against all of them compared with all."""

import hashlib
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from paddle_eye.data.duplicates import MOST_PAIRED, same_pictures
from paddle_eye.data.fingerprints import Fingerprint, fingerprint
from paddle_eye.data.images import read_picture

ROOT = Path(__file__).resolve().parents[2]


def draw(path, number, brighter=0):
    """The picture of this number, a round field with lines, in the format of the name."""
    picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
    cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
    for x1, y1, x2, y2 in np.random.default_rng(number).integers(20, 76, (12, 4)).tolist():
        cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
    picture = cv2.GaussianBlur(picture, (0, 0), 1) + np.uint8(brighter)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, picture, quality)[1].tobytes())
    return path


def fingerprint_of(path):
    return fingerprint(hashlib.sha256(path.read_bytes()).hexdigest(), read_picture(path))


def made_up(digest, structure, colour=0.0):
    return Fingerprint(digest, np.array(structure, np.float32), np.full((32, 32, 3), colour, np.float32))


def pairs_of(fingerprints):
    same = same_pictures(fingerprints)
    assert same.groups == []
    return same.pairs


def all_with_all(fingerprints):
    """What `same_pictures` should say: every pair is compared, one by one."""
    pairs = [
        (first, second)
        for (first, a), (second, b) in combinations(enumerate(fingerprints), 2)
        if (a.digest == b.digest or a.structure @ b.structure >= 0.95) and np.abs(a.colours - b.colours).mean() <= 5
    ]
    matrix = np.zeros([len(fingerprints)] * 2)
    for pair in pairs:
        matrix[pair] = 1
    _, component = connected_components(matrix, directed=False)
    groups = [
        np.flatnonzero(component == each).tolist() for each in np.flatnonzero(np.bincount(component) > MOST_PAIRED)
    ]
    return [pair for pair in pairs if not any(pair[0] in group for group in groups)], sorted(groups)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_a_picture_in_two_formats_is_one(suffix, tmp_path):
    paths = [draw(tmp_path / "1.png", 1), draw(tmp_path / "2.png", 2), draw(tmp_path / f"copy{suffix}", 1)]
    assert pairs_of([fingerprint_of(path) for path in paths]) == [(0, 2)]


def test_a_picture_of_another_size_is_the_same(tmp_path):
    path = draw(tmp_path / "picture.png", 1)
    larger = cv2.resize(read_picture(path), (150, 150), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "larger.png").write_bytes(cv2.imencode(".png", larger)[1].tobytes())
    assert pairs_of([fingerprint_of(path), fingerprint_of(tmp_path / "larger.png")]) == [(0, 1)]


def test_a_large_photograph_is_the_same_as_its_small_copy(tmp_path):
    """Also with odd sides, of which a row and a column are left out."""
    small = read_picture(draw(tmp_path / "small.png", 1))
    large = cv2.resize(small, (1999, 2001), interpolation=cv2.INTER_CUBIC)
    middle = cv2.resize(small, (511, 509), interpolation=cv2.INTER_CUBIC)
    fingerprints = [fingerprint(name, picture) for name, picture in (("s", small), ("m", middle), ("l", large))]
    assert pairs_of(fingerprints) == [(0, 1), (0, 2), (1, 2)]


def test_photographs_with_the_same_rim_are_not_the_same(tmp_path):
    fingerprints = [fingerprint_of(draw(tmp_path / f"{number}.png", number)) for number in range(10)]
    assert pairs_of(fingerprints) == []


@pytest.mark.parametrize(("brighter", "pairs"), [(4, [(0, 1)]), (7, [])])
def test_the_same_lines_in_other_colours_are_another_picture(brighter, pairs, tmp_path):
    paths = [draw(tmp_path / "picture.png", 1), draw(tmp_path / "brighter.png", 1, brighter)]
    assert pairs_of([fingerprint_of(path) for path in paths]) == pairs


@pytest.mark.parametrize(
    ("cosine", "difference", "same"),
    [(0.96, 0.0, True), (0.94, 0.0, False), (-0.96, 0.0, False), (0.96, 5.0, True), (0.96, 5.5, False)],
)
def test_likeness_and_colours_decide(cosine, difference, same):
    first = made_up("a", [1, 0], 100.0)
    second = made_up("b", [cosine, (1 - cosine**2) ** 0.5], 100.0 + difference)
    assert pairs_of([first, second]) == pairs_of([second, first]) == [(0, 1)] * same


def test_pictures_without_detail_are_the_same_only_if_their_bytes_are():
    flat = [made_up(digest, [0, 0]) for digest in "abab"]
    assert pairs_of(flat) == [(0, 2), (1, 3)]


def test_copies_are_told_in_pairs(tmp_path, write_picture):
    names = ("a.jpg", "b.jpg", "a.jpg", "c.jpg", "b.jpg", "a.jpg")
    paths = [write_picture(tmp_path / str(number) / name) for number, name in enumerate(names)]
    assert pairs_of([fingerprint_of(path) for path in paths]) == [(0, 2), (0, 5), (1, 4), (2, 5)]


def test_of_no_pictures_none_are_the_same():
    assert same_pictures([]) == ([], [])


@pytest.mark.parametrize(("around", "least_pairs", "groups_expected"), [(200, 50, False), (25, 50, True), (1, 0, True)])
def test_the_pairs_are_those_of_all_compared_with_all(around, least_pairs, groups_expected):
    """Likenesses and colours lie about the limits; some files are copies, some have no detail, many have one grey."""
    generator = np.random.default_rng(around)
    size = np.arange(1, 301) ** -0.5  # photographs are alike in what is coarse
    middles = generator.normal(size=(around, 300)) * size
    fingerprints = []
    for number in range(400):
        middle = number % around
        structure = middles[middle] + generator.choice([0, 0.2, 0.3, 0.5]) * generator.normal(size=300) * size
        structure *= generator.choice([1, 0.99, 0.97]) / np.linalg.norm(structure) * (number % 50 > 0)
        colours = np.full((32, 32, 3), 40.0 + 20 * (middle % 3)) + generator.choice([0, 3, 4, 6])
        each = Fingerprint(str(number), structure.astype(np.float32), colours.astype(np.float32))
        fingerprints.append(fingerprints[-around] if number > around and not number % 7 else each)
    pairs, groups = all_with_all(fingerprints)
    assert len(pairs) >= least_pairs
    assert bool(groups) is groups_expected
    assert same_pictures(fingerprints) == (pairs, groups)


@pytest.mark.parametrize("digests", ["same", "own"])
def test_more_copies_than_can_be_told_in_pairs_are_a_group(digests):
    def copies(count, first):
        structure = np.eye(3)[first]
        return [made_up(str(first if digests == "same" else (first, each)), structure) for each in range(count)]

    few, many = copies(MOST_PAIRED, 0), copies(MOST_PAIRED + 1, 1)
    same = same_pictures([*few, *many, *copies(1, 2)])
    assert same.pairs == list(combinations(range(MOST_PAIRED), 2))
    assert same.groups == [list(range(MOST_PAIRED, 2 * MOST_PAIRED + 1))]


def test_pictures_in_a_chain_are_a_group_though_the_first_is_not_like_the_last():
    angles = np.arange(MOST_PAIRED + 1) * 0.3
    same = same_pictures([made_up(str(angle), [np.cos(angle), np.sin(angle)]) for angle in angles])
    assert same == ([], [list(range(MOST_PAIRED + 1))])


def test_twenty_thousand_files_are_compared_in_little_time_and_memory():
    """Half of them are nearly identical; the likenesses of all with all would fill 1.6 GB."""
    program = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
from paddle_eye.data.duplicates import same_pictures
from paddle_eye.data.fingerprints import Fingerprint
generator = np.random.default_rng(0)
structures = (generator.normal(size=(20_000, 1020)) * np.arange(1, 1021) ** -0.5).astype(np.float32)
structures[::2] = structures[0] + 0.1 * structures[::2]
structures[1000::4000] = structures[1001::4000]
structures /= np.linalg.norm(structures, axis=1, keepdims=True)
grey = np.full((32, 32, 3), 90, np.float32)
fingerprints = [Fingerprint(str(number), each, grey) for number, each in enumerate(structures)]
resource.setrlimit(resource.RLIMIT_AS, (2**30 + 2**29, 2**30 + 2**29))
same = same_pictures(fingerprints)
print(same.pairs, [len(group) for group in same.groups])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[(1000, 1001), (5000, 5001), (9000, 9001), (13000, 13001), (17000, 17001)] [9995]\n", (
        done.stderr[-500:]
    )
