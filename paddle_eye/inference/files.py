"""Picture files in, a table and drawn pictures out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from paddle_eye.choices import Gate
from paddle_eye.data.images import find_pictures
from paddle_eye.data.patients import compile_pattern, patient_of
from paddle_eye.errors import InputError, visible
from paddle_eye.files import write_bytes
from paddle_eye.inference.tiles import Progress
from paddle_eye.inference.trained import TrainedNetwork

_DRAWN = re.compile(r"\.\w+-(?:predicted|mask)\.png$")  # see `_name`
_LONGEST_NAME = 255  # bytes, on nearly every file system


class Predicted(NamedTuple):
    """What came of a list of files.

    Args:
        table: one line per picture that could be read.
        lines: the table for the terminal.
        faults: of the files that could not be read.
        patients: one line per patient, where some have several pictures; None where none has.
        warnings: of pictures that are no photographs of a fundus, or poor ones.
    """

    table: pd.DataFrame
    lines: str
    faults: list[str]
    patients: pd.DataFrame | None
    warnings: list[str]


class Asked(NamedTuple):
    """The files that were asked about.

    Args:
        pictures: to be looked at.
        passed_over: in folders that were named: what is no picture, and what an earlier prediction drew.
    """

    pictures: list[Path]
    passed_over: list[Path]


def find_files(paths: Sequence[Path]) -> Asked:
    """The files that were named and, each once, the picture files in the folders that were named and in folders inside.

    Raises:
        InputError: a path that is not there, or a folder without pictures; all of them in one message.
    """
    passed_over, faults = [], []
    pictures: dict[str, Path] = {}  # by where they are: each as it was named first
    for path in paths:
        inside, others = find_pictures(path) if path.is_dir() else ([path], [])
        own = {file for file in inside if path.is_dir() and _DRAWN.search(file.name)}
        if not path.exists():
            faults.append(f"{path}: no such file or folder")
        elif len(own) == len(inside):
            faults.append(f"{path}: no picture files in this folder")
        for file in inside:
            if file not in own:
                pictures.setdefault(os.path.abspath(file), file)
        passed_over += [*others, *sorted(own)]
    if faults:
        raise InputError("\n".join(faults))
    return Asked(list(pictures.values()), passed_over)


def predict_files(
    network: TrainedNetwork,
    files: Sequence[Path],
    batch_size: int = 32,
    draw: Path | None = None,
    cam: bool = False,
    mask_out: Path | None = None,
    group: str | None = None,
    gate: Gate = "warn",
    progress: Progress = iter,
) -> Predicted:
    """Predict picture files.

    Args:
        network: which is asked.
        files: the pictures.
        batch_size: how many a classifier looks at together.
        draw: a folder for every picture with its result on it; None draws nothing.
        cam: draw Grad-CAM beside it, over the picture as a classifier saw it.
        mask_out: a folder for the masks, of the pictures' sizes, see `TrainedNetwork.mask_file`.
        gate: what becomes of pictures that are no photographs of a fundus, see `paddle_eye.data.gate`; ``'refuse'``
            takes them for faults.
        progress: see `TrainedNetwork.ask`.
        group: regular expression whose one group, found in a file name, is the patient; None: see `patient_of`.

    Raises:
        InputError: Grad-CAM, patients or the gate of a network that has none, masks of a classifier, or not one file
            can be read.
    """
    network.require(evidence=cam, masks=mask_out is not None)
    if network.joined_by is None and group is not None:
        raise InputError(f"{network.title} draws a mask of each picture, which are not joined; leave --group out")
    if gate == "refuse" and not network.of_fundi:
        raise InputError(f"{network.source}: {network.title} is not for photographs of a fundus; leave --gate out")
    drawn_names, mask_names = _names(files, "predicted"), _names(files, "mask")
    pattern = compile_pattern(group) if group is not None else None
    images, rows, faults, warnings = [], [], [], []
    of_patient: dict[str, list] = {}
    for answer, drawn_name, mask_name in zip(network.ask(files, batch_size, progress), drawn_names, mask_names):
        if answer.fault is not None:
            faults.append(answer.fault)
            continue
        verdict = network.verdict(answer)
        if verdict is not None and (said := verdict.sentence()):
            refused = gate == "refuse" and verdict.no_fundus
            (faults if refused else warnings).append(f"{answer.image}: {said}")
            if refused:
                continue
        images.append(_shown(str(answer.image)))
        rows.append(network.row(answer))
        if patient := patient_of(answer.image, pattern):
            of_patient.setdefault(_shown(patient), []).append(rows[-1])
        if mask_out is not None:
            write_bytes(mask_out / mask_name, network.mask_file(answer))
        if draw is not None:
            write_bytes(draw / drawn_name, network.drawing(answer, evidence=cam))
    if not images:
        raise InputError("\n".join(faults))
    table = network.table(images, rows)
    patients, lines = None, network.lines(table)
    if network.joined_by is not None and any(len(own) > 1 for own in of_patient.values()):
        joined = network.table(list(of_patient), [network.joined(own) for own in of_patient.values()])
        patients = joined.rename(columns={"image": "patient"})
        patients.insert(1, "photographs", [len(own) for own in of_patient.values()])
        lines += f"\n\nby patient, {network.joined_by}:\n{network.lines(joined)}"
    return Predicted(table, lines, faults, patients, warnings)


def _shown(name: str) -> str:
    """A name as a table can have it, also one that is not in UTF-8 or has lines."""
    return visible(name).replace("\n", "\\n")


def _names(files: Sequence[Path], kind: str) -> list[str]:
    """A name for what is drawn of each picture: that of its file below the folder that all share, and the kind.

    So no photograph is overwritten, should they be drawn where they are.
    """
    folders = [os.path.abspath(file.parent) for file in files]
    common = os.path.commonpath(folders)
    return [os.path.relpath(os.path.join(folder, _name(file, kind)), common) for folder, file in zip(folders, files)]


def _name(file: Path, kind: str) -> str:
    """The name of what is drawn of a picture; of a picture with a very long name, its beginning and a digest of it."""
    name = f"{file.name}-{kind}.png"
    if len(os.fsencode(name)) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(os.fsencode(file.name)).hexdigest()[:16]
    return f"{file.stem[: _LONGEST_NAME // 8]}-{digest}{file.suffix[:8]}-{kind}.png"
