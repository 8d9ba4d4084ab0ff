"""Which of very many files show the same photograph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from paddle_eye.data.fingerprints import Fingerprint

LEAST_LIKENESS, MOST_DIFFERENCE = 0.95, 5.0
MOST_PAIRED = 10  # a thousand copies of one picture would be half a million pairs
_DIRECTIONS, _LEARNED_FROM = 63, 4096
_ROWS, _COLUMNS = 128, 1024  # compared with each other at once
_ROUNDING = 1e-3  # far above that of float32


class Groups:
    """Things that are joined into groups, two at a time; at first each is a group of its own.

    ``of`` is the number of the group of each thing, ``members`` are the things of each group, none of one that became
    part of another, and ``sizes`` is how many they are.
    """

    def __init__(self, count: int) -> None:
        self.of, self.sizes = np.arange(count), np.ones(count, dtype=np.int64)
        self.members = [[thing] for thing in range(count)]

    def join(self, first: int, second: int) -> None:
        """Make the groups of two things one."""
        smaller, larger = sorted((self.of[first], self.of[second]), key=self.sizes.__getitem__)
        if smaller != larger:
            self.of[self.members[smaller]] = larger
            self.members[larger] += self.members[smaller]
            self.members[smaller] = []
            self.sizes[larger], self.sizes[smaller] = len(self.members[larger]), 0


class Same(NamedTuple):
    """Files that show the same photograph, by index.

    Args:
        pairs: all of them, first < second, in ascending order, but of those in ``groups``.
        groups: each of more than `MOST_PAIRED` files, in ascending order; every file of it shows the same as another.
    """

    pairs: list[tuple[int, int]]
    groups: list[list[int]]


def same_pictures(fingerprints: Sequence[Fingerprint]) -> Same:
    """Find the files that show the same photograph.

    Their bytes are equal, or their likeness is at least 0.95 and their colours differ by at most 5 of 255 on average.
    A copy that was turned, cut or mirrored is not found.
    """
    if not fingerprints:
        return Same([], [])
    copies, brightness = defaultdict(list), np.empty(len(fingerprints))
    for index, each in enumerate(fingerprints):
        copies[each.digest].append(index)
        brightness[index] = each.colours.mean()
    groups = Groups(len(fingerprints))
    pairs = []
    for files in copies.values():
        for other in files[1:]:
            groups.join(files[0], other)
        if len(files) <= MOST_PAIRED:
            pairs += combinations(files, 2)
    firsts = np.array([files[0] for files in copies.values()], dtype=np.int64)
    for first, seconds in _alike_in_structure(fingerprints, firsts, brightness[firsts], groups):
        for second in seconds[_undecided(groups, first, seconds)]:
            if np.abs(fingerprints[second].colours - fingerprints[first].colours).mean() <= MOST_DIFFERENCE:
                groups.join(first, second)
                if groups.sizes[groups.of[first]] <= MOST_PAIRED:
                    pairs += product(*(copies[fingerprints[each].digest] for each in (first, second)))
    small = [tuple(sorted(pair)) for pair in pairs if groups.sizes[groups.of[pair[0]]] <= MOST_PAIRED]
    large = [sorted(members) for members in groups.members if len(members) > MOST_PAIRED]
    return Same(sorted(small), sorted(large))


def _alike_in_structure(
    fingerprints: Sequence[Fingerprint], files: np.ndarray, brightness: np.ndarray, groups: Groups
) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of files whose likeness is large enough, as one with several others; those that are decided may be missing.

    Colours cannot differ by less than the brightness does, so only pictures of about the same brightness are compared,
    and these by a few numbers first, see `_bounding`.
    """
    order = np.argsort(brightness, kind="stable")
    files, brightness = files[order], brightness[order]
    ends = np.searchsorted(brightness, brightness + MOST_DIFFERENCE + _ROUNDING, side="right")
    bounding = _bounding(fingerprints, files)
    for start in range(0, len(files), _ROWS):
        rows, others = files[start : start + _ROWS], files[start : ends[start : start + _ROWS][-1]]
        bounds = bounding[start : start + len(rows)] @ bounding[start : start + len(others)].T
        possible = np.triu(bounds >= LEAST_LIKENESS - _ROUNDING, 1)
        if groups.sizes.max() > MOST_PAIRED:
            possible &= _undecided(groups, rows[:, None], others)
        columns = np.flatnonzero(possible.any(axis=0))
        structures = np.array([fingerprints[file].structure for file in rows])
        for some in np.split(columns, range(_COLUMNS, len(columns), _COLUMNS)):
            if len(some):
                theirs = np.array([fingerprints[file].structure for file in others[some]])
                alike = possible[:, some] & (structures @ theirs.T >= LEAST_LIKENESS)
                for row in np.flatnonzero(alike.any(axis=1)):
                    yield rows[row], others[some[alike[row]]]


def _bounding(fingerprints: Sequence[Fingerprint], files: np.ndarray) -> np.ndarray:
    """A few numbers of each file, float32 [N, 64], whose inner products are never below the likeness of two files.

    Of two structures a and b and their projections Pa and Pb onto some directions, a·b = Pa·Pb + (a - Pa)·(b - Pb), of
    which the last is at most |a - Pa| |b - Pb| (Cauchy and Schwarz). The directions are about those in which the
    structures are largest, found by power iteration; others would bound less tightly, but as surely.
    """
    learned_from = np.linspace(0, len(files) - 1, min(len(files), _LEARNED_FROM)).astype(int)
    structures = np.array([fingerprints[file].structure for file in files[learned_from]])
    directions = np.random.default_rng(0).normal(size=(structures.shape[1], _DIRECTIONS))
    for _ in range(3):
        directions = _orthonormal(structures.T @ (structures @ directions))
    numbers = []
    for some in np.split(files, range(_COLUMNS, len(files), _COLUMNS)):
        structures = np.array([fingerprints[file].structure for file in some])
        projected = structures @ directions.astype(np.float32)
        outside = (structures**2).sum(axis=1) - (projected**2).sum(axis=1)
        numbers.append(np.column_stack([projected, np.sqrt(np.maximum(outside, 0) + _ROUNDING**2)]))
    return np.concatenate(numbers)


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span what these span, but for directions in which they are about 0."""
    squares, axes = np.linalg.eigh(columns.T @ columns)
    kept = squares > 1e-8 * squares.max(initial=0)
    return columns @ (axes[:, kept] / np.sqrt(squares[kept]))


def _undecided(groups: Groups, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether files do not stand in one group already whose pairs are too many to tell."""
    group = groups.of[second]
    return (groups.of[first] != group) | (groups.sizes[group] <= MOST_PAIRED)
