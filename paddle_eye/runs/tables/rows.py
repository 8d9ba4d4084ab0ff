"""One row of a table, trained by a process of its own."""

from __future__ import annotations

import contextlib
import fcntl
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from paddle_eye.config import Config, load
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import building, read_json, write_json
from paddle_eye.processor import peak_memory, processor_name, usable_cores
from paddle_eye.run_folder import RunFolder, best_weights_in
from paddle_eye.runs.choose import asked_settings, changes, choose_settings
from paddle_eye.runs.tables.plan import Row, row_key

_ROOT = Path(__file__).resolve().parents[3]
_ROW_FILE = "row.json"
_LOG_FILE = "train.log"
_LOOKED_AT = 0.5  # seconds from one look at a process's memory to the next
_MADE_BY = ("paddle_eye", "tools", "configs")  # tables themselves are written to docs


@dataclass
class Provenance:
    """What made a row, kept beside its run.

    Args:
        command: what a person would type for it.
        commits: of the project, each that had a part in it.
        processors: likewise.
        peak_memory: largest resident memory of its processes, in bytes.
        finished: whether the run's report is written.
    """

    command: str
    commits: list[str] = field(default_factory=list)
    processors: list[str] = field(default_factory=list)
    peak_memory: int = 0
    finished: bool = False


def row_command(row: Row, output: Path) -> list[str]:
    """The arguments for ``tools/train.py`` that train a row.

    Args:
        row: of the table.
        output: the folder of the table's runs.
    """
    settings = dict(row.settings)
    if row.begins_with is not None:
        settings["train.weights"] = str(output / row_key(row.begins_with, row.seed))
    assignments = [text for key, value in settings.items() for text in ("--set", f"{key}={_as_yaml(value)}")]
    where = ["--seed", str(row.seed), "--output", str(output / row.key), "--resume"]
    return ["--config", str(row.config), *assignments, *where]


def shown_command(row: Row, output: Path) -> str:
    """What a person would type to train a row."""
    return shlex.join(["python", "tools/train.py", *row_command(row, output)])


def _as_yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).split("\n")[0]


def row_settings(row: Row, output: Path, results: Path, finished: bool) -> Config:
    """What a row is to be trained with, or was.

    Args:
        row: of the table.
        output: the folder of the table's runs.
        results: the folder of what is kept of them.
        finished: whether it is.

    Raises:
        InputError: a wrong setting, data that is not there, or a finished run with other settings, or that began with
            other weights.
    """
    given = {**row.settings, "train.seed": row.seed}
    asked = asked_settings(row.config, given)
    if not finished:
        settings, location = choose_settings(row.config, given)
        if location.demonstration and asked.data.path is None:
            raise InputError(
                "the photographs of PALM are not here, and it is not trained on drawn ones unless data.path says so; "
                "dataset/README.md says where they go"
            )
        return settings
    free = {"train.device", "train.weights"} | ({"data.path"} if asked.data.path is None else set())
    runs = [(path, load(path).flat()) for path in (output / row.key).glob("*/config.yaml")]
    kept = results / row.key / "metrics.json"
    if not runs and kept.is_file():
        content = read_json(kept, "the results of a row")
        if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
            raise InputError(f"{kept}: this is no metrics.json of a run; remove it, and the row's line")
        runs = [(kept, content["settings"])]
    for path, then in runs:
        if changed := ", ".join(filter(None, (changes(then, asked.flat(), free), _other_start(row, then, asked)))):
            raise InputError(f"it was trained with other values of {changed}; {_anew(row, output, path)}")
    return asked


def _other_start(row: Row, then: Mapping[str, Any], asked: Config) -> str:
    """That a row began with other weights, if so."""
    weights = then.get("train.weights")
    if row.begins_with:
        same, now = Path(weights or "").name == row_key(row.begins_with, row.seed), f"those of {row.begins_with}"
    else:
        now = asked.train.weights
        same = row.continues or weights == now or (weights and now and Path(weights).resolve() == Path(now).resolve())
    return "" if same else f"train.weights ({weights} then, {now} now)"


def _anew(row: Row, output: Path, kept: Path) -> str:
    """How a row whose settings were changed is trained anew."""
    if kept.is_relative_to(output):
        return f"remove {output / row.key} to do it anew"
    return "give the row another name, or train it anew with --results DIR"


def train_row(row: Row, trainer: Path, output: Path) -> Provenance:
    """Train a row, or go on with it, in a process of its own; a finished one is left alone.

    Args:
        row: of the table.
        trainer: ``tools/train.py``.
        output: the folder of the table's runs.

    Raises:
        JobError: the training failed, or another process is at it.
    """
    folder = output / row.key
    arguments = row_command(row, output)
    provenance = read_provenance(folder) or Provenance(shown_command(row, output))
    if provenance.finished:
        return provenance
    provenance.command = shown_command(row, output)
    folder.mkdir(parents=True, exist_ok=True)
    if row.continues is not None and not any(folder.glob("*/config.yaml")):
        _copy_run(finished_run(output / row_key(row.continues, row.seed)).path, folder)
    for kept, value in ((provenance.commits, commit_of(_ROOT)), (provenance.processors, processor_here())):
        if value not in kept:
            kept.append(value)
    write_json(folder / _ROW_FILE, asdict(provenance))
    below = trainer.is_relative_to(Path.cwd())  # the run keeps the command: as a person would type it
    program = trainer.relative_to(Path.cwd()) if below else trainer
    code, peak = _run([sys.executable, str(program), *arguments], folder)
    provenance.peak_memory = max(provenance.peak_memory, peak)
    provenance.finished = code == 0
    write_json(folder / _ROW_FILE, asdict(provenance))
    if code:
        raise JobError(f"{row.key}: exit code {code}; {_last_line(folder / _LOG_FILE)} ({folder / _LOG_FILE})")
    return provenance


def processor_here() -> str:
    """What a row is trained on: the processor, and how many of its cores are used."""
    cores = usable_cores()
    return f"{processor_name()}, {cores} {'core' if cores == 1 else 'cores'}"


def read_provenance(folder: Path) -> Provenance | None:
    """What made the row in a folder; None if nothing has begun."""
    path = folder / _ROW_FILE
    if not path.is_file():
        return None
    try:
        return Provenance(**read_json(path, "the state of a row"))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: this is no row that was begun ({error}); remove {folder}") from error


def epochs_done(folder: Path) -> int:
    """How many epochs of the row in a folder are trained."""
    histories = [RunFolder(path.parent, path.parent.name).history for path in folder.glob("*/config.yaml")]
    return max((int(pd.read_csv(path)["epoch"].max()) for path in histories if path.is_file()), default=0)


def finished_run(folder: Path) -> RunFolder:
    """The run of a finished row.

    Raises:
        JobError: it is not there any more.
    """
    found = best_weights_in(folder)
    if len(found) != 1:
        raise JobError(f"{folder}: expected the best weights of one run, found {len(found)}; train that row first")
    return RunFolder(found[0].parent, found[0].stem)


def _copy_run(run: Path, target: Path) -> None:
    """Copy a finished run to go on with it, whole or not at all."""
    with building(target / run.name) as folder:
        shutil.copytree(run, folder / run.name)
        (folder / run.name).rename(target / run.name)


def _run(command: list[str], folder: Path) -> tuple[int, int]:
    """Exit code and peak memory in bytes of a process whose output goes to the row's log.

    The lock belongs to the process as well, so that a row whose reproduction was killed is not trained twice at once.
    """
    with open(folder / ".lock", "w") as lock, open(folder / _LOG_FILE, "ab") as log:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JobError(f"{folder}: another process is training this row; wait for it, or stop it") from None
        process = subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[lock.fileno()])
        peak = 0
        try:
            while True:
                peak = max(peak, peak_memory(process.pid) or 0)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOKED_AT), peak
        except BaseException:  # Ctrl-C in a terminal reaches the process, too; a signal from elsewhere does not
            process.terminate()
            process.wait()
            raise


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def commit_of(root: Path) -> str:
    """The commit of the project in a folder, with ``+`` behind it if what a row is made by differs from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, encoding="utf-8")
        return done.stdout.strip() if done.returncode == 0 else ""

    if not (root / ".git").exists():  # unpacked in someone else's project
        return "unknown"
    commit = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", *_MADE_BY)
    return commit + "+" * bool(changed) if commit else "unknown"
