"""What people call who import the package to train and to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paddle_eye.config import Config
from paddle_eye.engine.display import ConsoleDisplay
from paddle_eye.errors import InputError
from paddle_eye.run_folder import weight_file
from paddle_eye.runs.choose import choose_run
from paddle_eye.runs.evaluate import evaluate_weights
from paddle_eye.runs.train import train as train_run

_OF_SHEETS = {"sheet_name", "image_column", "label_column", "group_column", "split_column"}
_SHORT = {"model": "model.name", "data": "data.path"}


def train(
    config: str | Path | None = None,
    *,
    output: str | Path = "output",
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    """Train a network, as ``tools/train.py`` does, and write its run to a folder of its own.

    Args:
        config: a file of settings, such as those in ``configs/``; None takes the standard recipe.
        output: the folder of the runs.
        resume: go on with the newest run of this network there, if there is one.
        overwrite: replace a run of the same name; otherwise it gets another number.
        settings: what differs from the file, by the name that a setting has in it: ``epochs=5``, ``version="D"``,
            ``lr=0.001``; ``model="resnet18"`` and ``data="dataset/mine"`` are the network and the data set.

    Returns:
        What the run's ``metrics.json`` holds: ``run`` (its folder), ``classes``, ``best`` and ``last`` with their
        ``epoch`` and figures, and what they were made with. Nothing in a process of several that does not lead.

    Raises:
        InputError: settings, data or weights are wrong, or both ``resume`` and ``overwrite`` are asked for.
        JobError: the training failed.

    Example:
        >>> import paddle_eye
        >>> results = paddle_eye.train(  # doctest: +ELLIPSIS
        ...     model="shufflenet_v2_x0_25", image_size=32, epochs=1, lr=0.01
        ... )
        run output/shufflenet_v2_x0_25_DEMO, data dataset/demo, cpu, 0 epochs done
        ...
        >>> results["last"]["epoch"], results["last"]["images"]
        (1, 64)
    """
    if resume and overwrite:
        raise InputError("resume=True and overwrite=True: only one can be")
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    given, file, display = _dotted(settings), None if config is None else Path(config), ConsoleDisplay()
    run, chosen, location = choose_run(Path(output), file, given, resume=resume, note=display.note)
    how = {"output": str(output), "resume": resume, "overwrite": overwrite}
    how = {name: value for name, value in how.items() if value not in ("output", False)}
    said = [*([] if config is None else [repr(str(config))]), *(f"{k}={v!r}" for k, v in {**how, **settings}.items())]
    finished = train_run(
        chosen,
        location,
        Path(output),
        run=run,
        overwrite=overwrite,
        command=f"paddle_eye.train({', '.join(said)})",
        display=display,
    )
    if finished is None:
        return {}
    run, results = finished
    return {**results, "run": str(run.path)}


def evaluate(
    weights: str | Path,
    data: str | Path | None = None,
    *,
    names: Mapping[str, str] | None = None,
    sheet: str | Path | None = None,
    **columns: str,
) -> dict[str, Any]:
    """All figures of a trained network on the validation part of a data set, as ``tools/eval.py`` shows them.

    Args:
        weights: a weight file, or a run's folder, whose best weights are taken.
        data: the data set; None takes the one that the network was trained on.
        names: what the network calls a class, by what the data calls it: ``{"正常": "normal"}``.
        sheet: the label sheet of the data, in its folder or elsewhere.
        columns: of the sheet, by the names of the flags: ``image_column="照片"``, ``label_column``, ``group_column``,
            ``split_column``, ``sheet_name``.

    Returns:
        See `paddle_eye.runs.evaluate.evaluate_weights`.

    Raises:
        InputError: the weights or the data cannot be used, or ``columns`` has other names, or no sheet.

    Example:
        >>> import paddle_eye
        >>> results = paddle_eye.train(  # doctest: +ELLIPSIS
        ...     model="shufflenet_v2_x0_25", image_size=32, epochs=0, output="untrained"
        ... )
        run untrained/shufflenet_v2_x0_25_DEMO, data dataset/demo, cpu, 0 epochs done
        ...
        >>> figures = paddle_eye.evaluate(results["run"])
        >>> figures["model"], figures["images"], figures["accuracy"] == results["best"]["accuracy"]
        ('shufflenet_v2_x0_25', 64, True)
    """
    if unknown := sorted(columns.keys() - _OF_SHEETS):
        raise InputError(f"unknown setting {', '.join(unknown)}; of sheets there are {', '.join(sorted(_OF_SHEETS))}")
    if columns and sheet is None:
        raise InputError(f"{', '.join(columns)}: give the sheet, too, with sheet=FILE")
    if sheet is not None and data is None:
        raise InputError(f"sheet={sheet}: give the folder of its photographs, too, with data=DIR")
    how = {} if sheet is None else {"sheet": Path(sheet), **columns}
    return evaluate_weights(weight_file(Path(weights)), None if data is None else str(data), sheet=how, names=names)


def _dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under their dotted keys.

    Raises:
        InputError: a name that no setting has.
    """
    keys = {key.partition(".")[2]: key for key in Config().flat() if key not in _SHORT.values()}
    keys.update(_SHORT)
    unknown = [name for name in settings if name not in keys]
    if unknown:
        raise InputError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(keys))}")
    return {keys[name]: value for name, value in settings.items()}
