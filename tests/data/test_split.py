from pathlib import Path

import pytest

from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.split import hold_out
from paddle_eye.errors import InputError


def make_record_set(*counts):
    """As many records of class 0, 1 … as these numbers, the classes mixed."""
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    labels = labels[::2] + labels[1::2]
    records = tuple(Record(Path(f"{number}.jpg"), label) for number, label in enumerate(labels))
    return RecordSet(("healthy", "ill", "worse")[: len(counts)], records)


@pytest.mark.parametrize(("share", "expected"), [(0.25, [5, 3]), (0.5, [10, 6]), (0.1, [2, 1])])
def test_each_class_gives_its_share(share, expected):
    left, aside = hold_out(make_record_set(20, 12), share, seed=0)
    assert list(aside.counts().values()) == expected
    assert list(left.counts().values()) == [20 - expected[0], 12 - expected[1]]


def test_every_record_is_on_one_side_and_the_order_stays():
    record_set = make_record_set(9, 7, 8)
    left, aside = hold_out(record_set, 0.3, seed=0)
    for part in (left, aside):
        assert list(part.records) == [record for record in record_set.records if record in set(part.records)]
        assert part.classes == record_set.classes
    assert set(left.records) | set(aside.records) == set(record_set.records)
    assert not set(left.records) & set(aside.records)


def test_the_seed_decides():
    record_set = make_record_set(20, 20)
    assert hold_out(record_set, 0.5, seed=3) == hold_out(record_set, 0.5, seed=3)
    assert hold_out(record_set, 0.5, seed=3) != hold_out(record_set, 0.5, seed=4)


@pytest.mark.parametrize(
    ("counts", "share", "message"),
    [
        ((20, 3), 0.1, "--holdout 0.1: sets 0 of 3 photographs of class 'ill' aside"),
        ((20, 3), 0.9, "--holdout 0.9: sets 3 of 3 photographs of class 'ill' aside"),
        ((20, 0), 0.5, "--holdout 0.5: sets 0 of 0 photographs of class 'ill' aside"),
    ],
)
def test_a_class_needs_a_record_on_both_sides(counts, share, message):
    with pytest.raises(InputError) as raised:
        hold_out(make_record_set(*counts), share, seed=0)
    assert str(raised.value).startswith(message)


def test_the_message_says_what_to_do():
    with pytest.raises(InputError, match=r"aside[;,] .*(share|more|photographs)"):
        hold_out(make_record_set(20, 3), 0.1, seed=0)
