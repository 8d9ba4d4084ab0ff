from pathlib import Path

import pytest

from paddle_eye.data.sources.blocks import block_split, last_aside
from paddle_eye.data.sources.pairs import MaskRecord
from paddle_eye.errors import InputError

PAIRS = [MaskRecord(Path(f"{number}.png"), Path(f"{number}-mask.png")) for number in range(30)]


@pytest.mark.parametrize(("count", "folds"), [(30, 5), (7, 3), (2, 2)])
def test_folds_are_blocks_of_neighbours_that_cover_all(count, folds):
    parts = [block_split(PAIRS[:count], folds, fold) for fold in range(1, folds + 1)]
    assert [pair for _, test in parts for pair in test] == PAIRS[:count]
    for training, test in parts:
        assert sorted(training + test, key=PAIRS.index) == PAIRS[:count]


def test_the_last_block_is_tested_on_unless_another_is_asked_for():
    assert block_split(PAIRS, 5) == (PAIRS[:24], PAIRS[24:])
    assert block_split(PAIRS, 5, 2) == (PAIRS[:6] + PAIRS[12:], PAIRS[6:12])


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (1, None, "--folds 1: expected 2 or more, up to the number of pictures, which is 30"),
        (31, None, "--folds 31: expected 2 or more"),
        (5, 6, "--fold 6: expected 1 to 5"),
        (5, 0, "--fold 0: expected 1 to 5"),
    ],
)
def test_blocks_that_are_not_there(folds, fold, message):
    with pytest.raises(InputError, match=message):
        block_split(PAIRS, folds, fold)


def test_both_eyes_of_a_patient_stay_together_also_where_they_are_apart_in_the_order():
    names = ["1_left", "2_left", "3_left", "a", "1_right", "2_right", "3_right"]
    pairs = [MaskRecord(Path(f"{name}.png"), Path(f"{name}-mask.png")) for name in names]
    of = dict(zip(names, pairs))
    assert block_split(pairs, 2, 1)[1] == [of[name] for name in ("1_left", "2_left", "1_right", "2_right")]
    assert block_split(pairs, 4) == (pairs[:3] + pairs[4:], [of["a"]])
    assert last_aside(pairs, 0.5)[1] == [of[name] for name in ("3_left", "a", "3_right")]
    with pytest.raises(InputError, match="up to the number of patients, which is 4"):
        block_split(pairs, 5)


def test_the_last_ones_are_kept_aside():
    assert last_aside(PAIRS, 0.15) == (PAIRS[:26], PAIRS[26:])


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_too_little_on_one_side(share):
    with pytest.raises(InputError, match=f"--holdout {share}: keeps (0|30) of 30 pictures aside"):
        last_aside(PAIRS, share)
