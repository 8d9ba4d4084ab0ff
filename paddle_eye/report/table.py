"""Data sets and networks as lines for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from paddle_eye.data.preparation.audit import SHOWN, Finding, by_kind
from paddle_eye.data.preparation.steps import Split

ORIGIN = ("model", "data", "images", "seen in training", "epoch")  # the first columns of every table of evaluations


def origin(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of `ORIGIN`: what was measured on what, and how many of the images the network was trained on.

    Args:
        row: of `paddle_eye.runs.evaluate.evaluate_weights`.
    """
    unknown = ["?" if row[name] is None else str(row[name]) for name in ("trained_on", "epoch")]
    return (row["model"], row["data"], str(row["images"]), *unknown)


def seen_warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A warning for each network that was trained on images it is measured on, or on some that look like them."""
    lines = []
    for row in rows:
        weights, images = row["weights"], f"of these {row['images']} images"
        if row["trained_on"]:
            lines.append(f"WARNING: {weights} was trained on {row['trained_on']} {images}")
        if row["look_trained_on"]:
            count = f"{row['look_trained_on']}{' others' if row['trained_on'] else ''} {images}"
            lines.append(
                f"WARNING: {count} look like ones that {weights} was trained on, in another size or saved anew"
            )
    return lines


def split_lines(split: Split) -> list[str]:
    """Photographs and patients of each class on both sides of a split, and what is to be said of it."""
    training, test = split.training, split.test
    columns = [part.counts() for part in (training, test)] + [part.patients() for part in (training, test)]
    rows = [(name, *(str(column[name]) for column in columns)) for name in training.classes]
    total = ("all", str(len(training)), str(len(test)), "", "")
    lines = [
        f"{split.folder}: train.csv and test.csv, {split.left_out} photographs left out",
        aligned([("class", "training", "test", "training patients", "test patients"), *rows, total]),
        *(f"note: {note}" for note in split.notes),
    ]
    if len(training.classes) == 2 and not training.several_labels:
        positive = training.classes[1]
        lines.append(f"note: sensitivity and specificity will be of {positive}, the second class")
    if split.leaking:
        lines.append(
            f"LEAK: {split.leaking} patients or photographs with copies are on both sides. What is measured on this "
            "split flatters; it shows what others measured, not how good a network is."
        )
    return lines


def audit_report(findings: Sequence[Finding]) -> str:
    """Findings by kind, those that falsify a result first."""
    if not findings:
        return "no fault found"
    lines = []
    for kind, found in by_kind(findings).items():
        lines.append(f"{'FAULT' if found[0].falsifies else 'note'}  {kind}: {len(found)}")
        lines += [f"  - {finding.found}" for finding in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  … and {len(found) - SHOWN} more")
    return "\n".join(lines)


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first one the header, as columns; a wide letter, such as a Chinese one, takes two places."""
    widths = [max(map(_width, column)) for column in zip(*cells)]
    padded = ((cell + " " * (width - _width(cell)) for cell, width in zip(line, widths)) for line in cells)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _width(text: str) -> int:
    """How many places a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def share(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure, with its interval if it has one; ``-`` if it is not defined."""
    if value is None:
        return "-"
    return f"{value:.4f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
