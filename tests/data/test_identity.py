import pytest

from paddle_eye.data.examination import picture_digests
from paddle_eye.data.identity import data_digest
from paddle_eye.data.records import Record, RecordSet

CLASSES = ("amd", "normal")


@pytest.fixture
def parts(tmp_path, write_picture):
    """Two pictures to learn from and one to measure on."""
    records = [Record(write_picture(tmp_path / f"{number}.png"), number % 2) for number in range(3)]
    return [RecordSet(CLASSES, tuple(records[:2])), RecordSet(CLASSES, (records[2],))]


def digests_of(part):
    return picture_digests(record.image for record in part.records)


def digest_of(parts):
    labels = [[record.label for record in part.records] for part in parts]
    return data_digest(labels, [digests_of(part) for part in parts])


def renamed(part, folder):
    records = [Record(record.image.rename(folder / f"new{record.image.name}"), record.label) for record in part.records]
    return RecordSet(CLASSES, tuple(records))


def test_a_new_name_changes_nothing(parts, tmp_path):
    before = digest_of(parts), digests_of(parts[0])
    moved = [renamed(part, tmp_path) for part in parts]
    assert (digest_of(moved), digests_of(moved[0])) == before


def test_every_picture_has_its_own_digest(parts):
    assert len({*digests_of(parts[0]), *digests_of(parts[1])}) == 3


def test_a_label_a_side_and_a_picture_count(parts):
    first, second = parts[0].records
    (third,) = parts[1].records
    relabelled = RecordSet(CLASSES, (Record(first.image, 1), second))
    other_side = [RecordSet(CLASSES, (first,)), RecordSet(CLASSES, (second, third))]
    digests = {digest_of(parts), digest_of([relabelled, parts[1]]), digest_of(other_side)}
    first.image.write_bytes(third.image.read_bytes())
    assert len({*digests, digest_of(parts)}) == 4
