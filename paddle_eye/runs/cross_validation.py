"""One run for each block of the pictures, and their figures together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paddle_eye.errors import InputError
from paddle_eye.files import write_json
from paddle_eye.runs.choose import choose_settings, differing
from paddle_eye.tasks.registry import finished_task, task_of

_MOST_FOLDS = 1000


def chosen_folds(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings of each run that is asked for: one for every block where their number is given and no block is.

    Args:
        given: dotted keys from the command line.

    Raises:
        InputError: more folds than anybody trains.
    """
    count = given.get("data.folds")
    if isinstance(count, int) and count > _MOST_FOLDS:
        raise InputError(f"--folds {count}: expected at most {_MOST_FOLDS}")
    if not isinstance(count, int) or "data.fold" in given:
        return [dict(given)]
    return [{**given, "data.fold": number} for number in range(1, max(count, 1) + 1)]


def require_blocks(config_file: Path | None, given: Mapping[str, Any]) -> None:
    """Refuse data that cannot be measured on one of its blocks, before a network is trained for the others.

    Args:
        config_file: what ``--config`` named.
        given: the settings of one of the runs, of `chosen_folds`.

    Raises:
        InputError: it cannot, or a wrong setting.
    """
    settings, location = choose_settings(config_file, given)
    task_of(settings)(settings, location).require_blocks()


def write_summary(output: Path, runs: Sequence[Mapping[str, Any]]) -> Path:
    """Keep the figures over the images of all folds as JSON beside the runs, and print them.

    Args:
        output: the folder of the runs.
        runs: what the ``metrics.json`` of each fold's run holds.

    Returns:
        The file.

    Raises:
        InputError: they were trained with different settings.
    """
    first, *others = runs
    for run in others:
        if changed := differing(first["settings"], run["settings"], {"data.fold", "train.device"}):
            raise InputError(
                f"{run['run']}: it was trained with other values of {', '.join(changed)} than {first['run']}, so the "
                "folds have no figures together; give the --config and the flags of the first one, and --overwrite"
            )
    task = finished_task(first["run"], first)
    results = task.over_folds(runs)
    chosen = f"best epochs, each chosen on its own {first['data']['best_epoch_chosen_on']}"
    for which, words in (("best", chosen), ("last", "last epochs")):
        main = task.main_figure(results, results[which])
        print(f"{len(runs)} folds, {results[which]['images']} images, {words}: {main}")
    summary = output / f"{first['run'].replace('-fold1', '-folds')}.json"
    write_json(summary, results)
    return summary
