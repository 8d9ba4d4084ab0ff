"""One example as plain data, whatever data set it came from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Sequence


@dataclass(frozen=True)
class Record:
    """One photograph and its class.

    Args:
        image: the picture file.
        label: index into the classes of the record set.
        group: what must stay on one side of a split, usually the patient; None if unknown.
    """

    image: Path
    label: int
    group: str | None = None


@dataclass(frozen=True)
class RecordSet:
    """Records that share their classes.

    Args:
        classes: the class names; a label is an index into them.
        records: the examples, in a fixed order.
    """

    classes: tuple[str, ...]
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    def counts(self) -> dict[str, int]:
        """How many records each class has."""
        found = Counter(record.label for record in self.records)
        return {name: found[label] for label, name in enumerate(self.classes)}

    def subset(self, indices: Sequence[int]) -> RecordSet:
        """The records at ``indices``, in that order."""
        return replace(self, records=tuple(self.records[index] for index in indices))
