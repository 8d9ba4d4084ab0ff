"""The layout of a run's folder."""

from __future__ import annotations

import contextlib
import glob
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paddle_eye.errors import InputError
from paddle_eye.files import claimed

LAST_WEIGHTS = "last.pdparams"
CLAIM = "training this run"
_LEVELS = 4


def best_weights_in(folder: Path) -> list[Path]:
    """The best weight files of a run, or of the runs below a folder, in the order of their names; see `found_below`."""
    return [path for path in found_below(folder, "*.pdparams") if path.name != LAST_WEIGHTS]


def weight_files(paths: Sequence[Path]) -> list[Path]:
    """The weight files that were named, and the best ones in the folders that were named, see `best_weights_in`.

    Raises:
        InputError: a path that is not there, or no weight file in any.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise InputError(f"{', '.join(missing)}: no such file or folder; give weight files or folders of runs")
    found = [file for path in paths for file in ([path] if path.is_file() else best_weights_in(path))]
    if not found:
        raise InputError(f"no weight file in {', '.join(map(str, paths))}; train one with: python tools/train.py")
    return found


def found_below(folder: Path, pattern: str) -> list[Path]:
    """What is called so in a folder, at most four levels down, as in TABLE/ROW/RUN; what is hidden is left out."""
    found = [path for depth in range(_LEVELS) for path in folder.glob("*/" * depth + pattern)]
    return sorted(path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts))


def weight_file(path: Path) -> Path:
    """The weight file that a path means: itself, or the best one of a run.

    Raises:
        InputError: a folder with none or several of them.
    """
    if not path.is_dir():
        return path
    found = best_weights_in(path)
    if len(found) != 1:
        names = ": " + ", ".join(map(str, found[:8])) if found else ""
        raise InputError(f"{path}: expected a run with one file of best weights, found {len(found)}{names}")
    return found[0]


@dataclass(frozen=True)
class RunFolder:
    """Where the files of one training run are.

    Args:
        path: the folder, for example ``output/resnet50_vD_PALM-2``.
        name: the name of the experiment, for example ``resnet50_vD_PALM``.
    """

    path: Path
    name: str

    @property
    def best_weights(self) -> Path:
        return self.path / f"{self.name}.pdparams"

    @property
    def last_weights(self) -> Path:
        return self.path / LAST_WEIGHTS

    @property
    def class_indices(self) -> Path:
        return self.path / "class_indices.json"

    @property
    def training_log(self) -> Path:
        return self.path / "training_log.json"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def commands(self) -> Path:
        return self.path / "commands.txt"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def visualdl_log(self) -> Path:
        """VisualDL takes the files of this folder whose names hold ``vdlrecords``, one in each folder."""
        return self.path / "vdl_log" / "vdlrecords.1.log"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def curves(self) -> Path:
        return self.path / "curves.png"

    @property
    def confusion_matrix(self) -> Path:
        return self.path / "confusion_matrix.png"

    @property
    def training_confusion_matrix(self) -> Path:
        return self.path / "training_confusion_matrix.png"

    @property
    def roc(self) -> Path:
        return self.path / "roc.png"

    @property
    def calibration(self) -> Path:
        return self.path / "calibration.png"

    @property
    def worst(self) -> Path:
        return self.path / "worst.png"

    @property
    def masks(self) -> Path:
        return self.path / "masks.png"

    def predictions(self, which: str) -> Path:
        """What the network of the ``'best'`` or the ``'last'`` epoch says of every image, or how good its masks are."""
        return self.path / f"predictions_{which}.csv"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @classmethod
    def existing(cls, root: Path, name: str) -> list[RunFolder]:
        """The runs of this name under ``root``, oldest number first, also those whose replacement was killed."""
        cls._restore(root, name)
        numbered = []
        for path in root.glob(f"{glob.escape(name)}*"):
            match = re.fullmatch(re.escape(name) + r"(?:-(\d+))?", path.name)
            run = cls(path, name)
            if match and path.is_dir() and not run.other_weights:
                numbered.append((int(match[1] or 1), run))
        return [run for _, run in sorted(numbered, key=lambda pair: pair[0])]

    @classmethod
    def create(cls, root: Path, name: str) -> RunFolder:
        """A new folder for a run: ``name``, or ``name-2``, ``name-3`` … if that is taken."""
        root.mkdir(parents=True, exist_ok=True)
        cls._restore(root, name)
        number = 1
        while True:
            run = cls(root / (name if number == 1 else f"{name}-{number}"), name)
            try:
                run.path.mkdir()
            except FileExistsError:
                number += 1
            else:
                return run

    @classmethod
    def replace(cls, root: Path, name: str) -> RunFolder:
        """The folder ``name``, new; the run that is in it is set aside until `forget_replaced`.

        Raises:
            InputError: the folder exists and is no run of this project (it has no config.yaml), or is being trained.
        """
        run = cls(root / name, name)
        with claimed(run.path, CLAIM) if run.path.is_dir() else contextlib.nullcontext():
            run.bring_back_replaced()
            if run.path.exists():
                if not run.config.is_file():
                    raise InputError(f"{run.path} is no training run (it has no config.yaml) and is not overwritten")
                if run.other_weights:
                    held = f"is a run that is not called so, as its weights {run.other_weights[0].name} say"
                    raise InputError(f"{run.path} {held}, and is not overwritten; give another --output")
                run.path.rename(run._aside)
            run.path.mkdir(parents=True)
        return run

    @property
    def other_weights(self) -> list[Path]:
        """The weights in the folder, if none are of this name: ``NAME-2`` is the second run of NAME, or a run of its
        own on data called so."""
        found = sorted(path for path in self.path.glob("*.pdparams") if path != self.last_weights)
        return [] if self.best_weights in found else found

    def forget_replaced(self) -> None:
        """Remove the run that this one replaces; this one has something to show."""
        gone = self.path.with_name(f".{self.path.name}.forgotten")  # which a kill halfway does not bring back
        shutil.rmtree(gone, ignore_errors=True)
        if self._aside.is_dir():
            self._aside.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def bring_back_replaced(self) -> None:
        """Put the run that was to be replaced back, unless it has been forgotten."""
        if self._aside.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
            self._aside.rename(self.path)

    @classmethod
    def _restore(cls, root: Path, name: str) -> None:
        """Bring back the runs that others were to replace which were killed before they had anything to show."""
        for aside in sorted(root.glob(f".{glob.escape(name)}*.replaced")):
            run = cls(root / aside.name[1:].removesuffix(".replaced"), name)
            if not run.path.is_dir():
                with contextlib.suppress(OSError):  # another process was faster
                    aside.rename(run.path)
                continue
            with contextlib.suppress(InputError), claimed(run.path, CLAIM):  # it is being trained
                run.bring_back_replaced()

    @property
    def _aside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.replaced")
