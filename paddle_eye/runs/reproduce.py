"""Tables of trained networks: a plan of rows, and each row trained by a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from paddle_eye.errors import InputError, JobError
from paddle_eye.files import write_json
from paddle_eye.run_folder import best_weights_in

_ROW_FILE = "row.json"
_LOG_FILE = "train.log"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Row:
    """One line of a table: a network, its recipe and a seed.

    Args:
        name: of the row; also a folder.
        config: the file of settings.
        settings: dotted keys that differ from the file.
        seed: of the run.
        begins_with: a row whose best weights the run begins with.
        continues: a row whose run goes on with these settings.
        reported: figures of a document to stand beside the row's, by name.
    """

    name: str
    config: Path
    settings: Mapping[str, Any]
    seed: int
    begins_with: str | None
    continues: str | None
    reported: Mapping[str, float]

    @property
    def key(self) -> str:
        """Name and seed; the folder of the row."""
        return f"{self.name}-seed{self.seed}"


@dataclass
class Provenance:
    """What made a row, kept beside its run.

    Args:
        command: what a person would type for it.
        commits: of the project, each that had a part in it.
        processors: likewise.
        peak_memory: largest resident memory of its processes in bytes.
        finished: whether the run's report is written.
    """

    command: str
    commits: list[str] = field(default_factory=list)
    processors: list[str] = field(default_factory=list)
    peak_memory: int = 0
    finished: bool = False


def read_plan(path: Path) -> list[Row]:
    """The rows of a table, each with every seed it has, in the order of the file.

    Args:
        path: a YAML file with ``rows``; a row has ``name`` and ``config`` (seen from the folder above the file's) and
            may have ``settings``, ``seeds`` (0), ``begins_with``, ``continues`` and ``reported``.

    Raises:
        InputError: no such file, or a row that is not as described; all faults in one message.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: no table can be read ({' '.join(str(error).split())})") from error
    entries = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected a list of rows under 'rows:'")
    rows: list[Row] = []
    for number, entry in enumerate(entries, start=1):
        try:
            rows += _rows(entry, path.parent.parent, {row.name for row in rows})
        except ValueError as error:
            raise InputError(f"{path}: row {number}: {error}") from error
    return rows


_FIELDS = {
    "name": str,
    "config": str,
    "settings": dict,
    "seeds": list,
    "begins_with": str,
    "continues": str,
    "reported": dict,
}


def _rows(entry: Any, configs: Path, before: set[str]) -> list[Row]:
    if not isinstance(entry, dict) or not {"name", "config"} <= entry.keys():
        raise ValueError(f"expected name, config and perhaps {', '.join(list(_FIELDS)[2:])}")
    for key, value in entry.items():
        if key not in _FIELDS:
            raise ValueError(f"unknown key {key!r}; known are {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[key]):
            raise ValueError(f"{key}: expected {_FIELDS[key].__name__}, got {value!r}")
    name = entry["name"]
    if not _NAME.fullmatch(name) or name in before:
        raise ValueError(f"name {name!r}: expected letters, digits, '.', '_' and '-', and no other row of this name")
    for key in ("begins_with", "continues"):
        if entry.get(key) not in (None, *before):
            raise ValueError(f"{key} {entry[key]}: no row of this name stands before it")
    seeds = entry.get("seeds", [0])
    if not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ValueError(f"seeds: expected whole numbers from 0, got {seeds!r}")
    given = (entry.get("settings", {}), entry.get("begins_with"), entry.get("continues"), entry.get("reported", {}))
    settings, begins_with, continues, reported = given
    return [Row(name, configs / entry["config"], settings, seed, begins_with, continues, reported) for seed in seeds]


def row_command(row: Row, output: Path) -> list[str]:
    """The arguments for ``tools/train.py`` that train a row.

    Args:
        row: of the table.
        output: the folder of the table's runs.

    Raises:
        JobError: a row that it begins with has no weights.
    """
    settings = dict(row.settings)
    if row.begins_with is not None:
        (settings["train.weights"],) = _best_weights(output / f"{row.begins_with}-seed{row.seed}")
    assignments = [text for key, value in settings.items() for text in ("--set", f"{key}={_as_yaml(value)}")]
    where = ["--seed", str(row.seed), "--output", str(output / row.key), "--resume"]
    return ["--config", str(row.config), *assignments, *where]


def _as_yaml(value: Any) -> str:
    return yaml.safe_dump(str(value) if isinstance(value, Path) else value, default_flow_style=True).split("\n")[0]


def _best_weights(folder: Path) -> list[Path]:
    found = best_weights_in(folder)
    if len(found) != 1:
        raise JobError(f"{folder}: expected the best weights of one run, found {len(found)}; train that row first")
    return found


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
    provenance = read_provenance(folder) or Provenance(shlex.join(["python", "tools/train.py", *arguments]))
    if provenance.finished:
        return provenance
    folder.mkdir(parents=True, exist_ok=True)
    if row.continues is not None and not any(folder.glob("*/config.yaml")):
        _copy_run(output / f"{row.continues}-seed{row.seed}", folder)
    for kept, value in ((provenance.commits, _commit()), (provenance.processors, _processor())):
        if value not in kept:
            kept.append(value)
    write_json(folder / _ROW_FILE, asdict(provenance))
    code, peak = _run([sys.executable, str(trainer), *arguments], folder)
    provenance.peak_memory = max(provenance.peak_memory, peak)
    provenance.finished = code == 0
    write_json(folder / _ROW_FILE, asdict(provenance))
    if code:
        raise JobError(f"{row.key}: exit code {code}; {_last_line(folder / _LOG_FILE)} ({folder / _LOG_FILE})")
    return provenance


def read_provenance(folder: Path) -> Provenance | None:
    """What made the row in a folder; None if nothing has begun."""
    path = folder / _ROW_FILE
    if not path.is_file():
        return None
    try:
        return Provenance(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: this is no row that was begun ({error}); remove {folder}") from error


def _copy_run(source: Path, target: Path) -> None:
    """Copy a finished run to go on with it, whole or not at all."""
    (weights,) = _best_weights(source)
    temporary = target / f".{weights.parent.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(weights.parent, temporary)
    temporary.rename(target / weights.parent.name)


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
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            os.wait4(process.pid, 0)  # the terminal's Ctrl-C reached it, too
            raise
        return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _commit() -> str:
    """The commit of the project's folder, with ``+`` behind it if files differ from it."""
    root = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, encoding="utf-8")
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    return commit + "+" * bool(git("status", "--porcelain", "--untracked-files=no")) if commit else "unknown"


def _processor() -> str:
    """The processor's name with family and model, which tell more than the names in virtual machines."""
    cpu = Path("/proc/cpuinfo")
    if not cpu.is_file():
        return platform.processor() or "unknown"
    lines = [line.split(":", 1) for line in cpu.read_text(encoding="utf-8", errors="replace").splitlines()]
    fields = {line[0].strip(): line[1].strip() for line in lines if len(line) == 2}
    name, family, model = (fields.get(key, "unknown") for key in ("model name", "cpu family", "model"))
    return f"{name}, family {family}, model {model}"
