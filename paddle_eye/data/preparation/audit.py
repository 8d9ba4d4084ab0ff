"""What is wrong with a data set: faults that falsify a result, and peculiarities worth knowing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from paddle_eye.data.duplicates import same_pictures
from paddle_eye.data.examination import Examined, examine_pictures
from paddle_eye.data.patients import GENERATED, look_like_pairs, named_by_files, numbers_in, told_by_names
from paddle_eye.data.records import Record, RecordSet

FEW = 30  # fewer photographs of a class than this allow no figure of it
GIVEN_AWAY = 0.2  # share of a class whose file names tell the class
SHOWN = 20  # findings of a kind; the others are counted
_NAMED = 10  # files of a patient


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Args:
        kind: what sort of thing, in a few words.
        falsifies: whether figures measured on the data set are wrong because of it.
        found: what was found where.
        leave_out: the files without which it is mended; empty if that is not how to mend it.
    """

    kind: str
    falsifies: bool
    found: str
    leave_out: tuple[Path, ...] = ()


def examine(parts: Mapping[str, RecordSet], examined: Examined | None = None) -> list[Finding]:
    """Everything found in a data set.

    Args:
        parts: ``{"all": …}`` for one that is not split yet, else its parts by name, with the same classes.
        examined: what `examine_pictures` found in its files; None reads them.

    Returns:
        Findings, those that falsify first.
    """
    placed = [(part, record) for part, record_set in parts.items() for record in record_set.records]
    classes = next(iter(parts.values())).classes
    examined = examined or examine_pictures([record.image for _, record in placed])
    readable = [(part, record) for part, record in placed if record.image in examined.digests]
    findings = [Finding("unreadable", True, fault, (path,)) for path, fault in examined.faults.items()]
    findings += [
        Finding("damaged", False, f"{path}: {warning}", (path,)) for path, warning in examined.warnings.items()
    ]
    images = [record.image for _, record in readable]
    same = same_pictures(examined.fingerprints_of(images))
    for indices in [*same.pairs, *same.groups]:
        digests = {examined.digests[images[index]] for index in indices}
        alike = "identical" if len(digests) == 1 else "near-identical"
        findings.append(_same_picture([readable[index] for index in indices], alike))
    findings += _patients_on_several_sides(placed)
    findings += _by_names(placed)
    findings += _generated(placed)
    for part, record_set in parts.items():
        findings += _small_classes(part, record_set)
    shown = [(record.image, record_set.shown(record)) for record_set in parts.values() for record in record_set.records]
    findings += _given_away(classes, shown)
    return sorted(findings, key=lambda finding: not finding.falsifies)


def by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings of each kind, in their order."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.kind].append(finding)
    return kinds


def falsifying(findings: Iterable[Finding]) -> list[str]:
    """What falsifies figures, in words; of a kind of which there are many the first ones, and how many more."""
    lines = []
    for kind, found in by_kind(finding for finding in findings if finding.falsifies).items():
        lines += [f"{kind}: {finding.found}" for finding in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"{kind}: … and {len(found) - SHOWN} more")
    return lines


def _same_picture(shown: list[tuple[str, Record]], alike: str) -> Finding:
    """What is wrong with two pictures that are the same, or with more of which each is the same as another."""
    (first_part, first), *others = shown
    of_two_labels = [(part, record) for part, record in others if record.label != first.label]
    in_two_parts = [(part, record) for part, record in others if part != first_part]
    example_part, example = (of_two_labels or in_two_parts or others)[0]
    found = f"{first.image} ({first_part}) and {example.image} ({example_part})"
    if len(shown) > 2:
        found += f", and {len(shown) - 2} more; so many are told together"
    images = dict.fromkeys(record.image for _, record in shown)
    if of_two_labels:
        return Finding(f"{alike} pictures under two labels", True, found, tuple(images))
    kept = next((image for image in images if not _is_generated(image)), first.image)
    leave_out = tuple(image for image in images if image != kept)
    if in_two_parts:
        return Finding(f"{alike} pictures on both sides of the split", True, found, leave_out)
    return Finding(f"{alike} pictures", False, found, leave_out)


def _patients_on_several_sides(placed: list[tuple[str, Record]]) -> Iterator[Finding]:
    parts_of = defaultdict(set)
    files_of = defaultdict(list)
    for part, record in placed:
        if record.group is not None:
            parts_of[record.group].add(part)
            files_of[record.group].append(f"{record.image} ({part})")
    for group, parts in parts_of.items():
        if len(parts) > 1:
            files, half = files_of[group], _NAMED // 2
            if len(files) > _NAMED:
                files = [*files[:half], f"{len(files) - 2 * half} more", *files[-half:]]
            yield Finding("patient on both sides of the split", True, f"{group}: {', '.join(files)}")


def _by_names(placed: list[tuple[str, Record]]) -> Iterator[Finding]:
    named = named_by_files((record.image, record.group) for _, record in placed)
    if any(numbers_in(path) > 1 for path in named) and (told := told_by_names(named)):
        yield Finding("patients by names", False, told)
    unknown = [record.image for _, record in placed if record.group is None]
    if pair := look_like_pairs(unknown):
        found = f"{pair[0]} and {pair[1]}, for example, may be of one patient; say with --group of tools/split.py which"
        yield Finding("names look like pairs, patients are not known", False, found)


def _generated(placed: list[tuple[str, Record]]) -> Iterator[Finding]:
    """Turned and stretched copies cannot be matched with their originals by their content."""
    copies = [record.image for _, record in placed if _is_generated(record.image)]
    if copies:
        found = (
            f"{len(copies)} files named _<number>_<number> as an augmentation program does, such as {copies[0]}; "
            "their originals may stand on the other side of a split"
        )
        yield Finding("generated copies", True, found, tuple(copies))


def _is_generated(path: Path) -> bool:
    return GENERATED.fullmatch(path.stem) is not None


def _small_classes(part: str, record_set: RecordSet) -> Iterator[Finding]:
    for name, count in record_set.counts().items():
        if not count:
            yield Finding("class without photographs", False, f"{name} ({part})")
        elif count < FEW:
            yield Finding("small class", False, f"{name} ({part}): {count} photograph{'s' if count != 1 else ''}")


def _given_away(classes: tuple[str, ...], shown: list[tuple[Path, tuple[int, ...]]]) -> Iterator[Finding]:
    """File types and styles of names that only one class has; they show that it came from a source of its own."""
    placed = [(image, label) for image, labels in shown for label in labels]
    sizes = Counter(label for _, label in placed)
    for kind, feature in (("file type", _file_type), ("style of names", _name_style)):
        found = Counter((feature(image), label) for image, label in placed)
        labels_of = defaultdict(set)
        for value, label in found:
            labels_of[value].add(label)
        for (value, label), count in sorted(found.items()):
            if len(labels_of[value]) == 1 and count >= GIVEN_AWAY * sizes[label]:
                share = f"{count} of {sizes[label]} photographs of {classes[label]}"
                found = f"{share} have the {kind} {value}, no other class has it"
                yield Finding(f"{kind} tells the class", False, found)


def _file_type(path: Path) -> str:
    return path.suffix.lower()


def _name_style(path: Path) -> str:
    """The name with every number as #: left and right eyes have one style."""
    return re.sub(r"_(left|right)$", "_<eye>", re.sub(r"\d+", "#", path.stem))
