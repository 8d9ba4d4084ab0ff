"""One example as plain data, whatever data set it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One photograph and its class, or what it shows of several.

    Args:
        image: the picture file.
        label: index into the classes of the record set; where a photograph may show several of them or none, 1 or 0 for
            each.
        group: what must stay on one side of a split, usually the patient; None if unknown.
    """

    image: Path
    label: int | tuple[int, ...]
    group: str | None = None


@dataclass(frozen=True)
class RecordSet:
    """Records that share their classes.

    Args:
        classes: the class names; a label is an index into them, or has a number for each.
        records: the examples, in a fixed order.
    """

    classes: tuple[str, ...]
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def several_labels(self) -> bool:
        """Whether a photograph may show several of the classes or none."""
        return bool(self.records) and isinstance(self.records[0].label, tuple)

    def shown(self, record: Record) -> tuple[int, ...]:
        """Indices of the classes that a photograph shows."""
        if isinstance(record.label, tuple):
            return tuple(index for index, label in enumerate(record.label) if label)
        return (record.label,)

    def counts(self) -> dict[str, int]:
        """How many records each class has."""
        found = Counter(label for record in self.records for label in self.shown(record))
        return {name: found[label] for label, name in enumerate(self.classes)}

    def patients(self) -> dict[str, int]:
        """How many groups each class has records of; a record without a group is one of its own."""
        pairs = ((label, record) for record in self.records for label in self.shown(record))
        found = Counter(label for label, _ in {(label, record.group or record.image) for label, record in pairs})
        return {name: found[label] for label, name in enumerate(self.classes)}

    def by_photograph(self) -> RecordSet:
        """The same photographs, each a group of its own."""
        return replace(self, records=tuple(replace(record, group=None) for record in self.records))

    def subset(self, indices: Sequence[int]) -> RecordSet:
        """The records at ``indices``, in that order."""
        return replace(self, records=tuple(self.records[index] for index in indices))

    def without(self, images: Collection[Path]) -> RecordSet:
        """The records of all other picture files."""
        return replace(self, records=tuple(record for record in self.records if record.image not in images))
