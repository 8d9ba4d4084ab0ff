#!/usr/bin/env python
"""Evaluate trained networks on the validation photographs they were not trained on, or on a stranger's data.

Examples:
  python tools/eval.py                                    the best weights of every run below output/
  python tools/eval.py output/resnet50_vD_PALM            one run
  python tools/eval.py weights.pdparams --layers 50 --version D --data dataset/palm
  python tools/eval.py output/damu_unet_membrane          masks: the block of slices it was not trained on
  python tools/eval.py output/resnet18_fundus6 --data STRANGERS --map 正常=normal     folders of classes, or a sheet
"""

import sys
from functools import partial
from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError
from paddle_eye.run_folder import weight_files


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("paths", nargs="*", type=cli.path, metavar="PATH", help="weight files or run folders")
    parser.add_argument("--output", type=cli.path, default=Path("output"), help="folder of the runs (default: output)")
    parser.add_argument(
        "--data", type=cli.path_text, help="folder with the photographs (default: what each network was trained on)"
    )
    parser.add_argument("--layers", type=int, help="depth, for a weight file that does not say")
    parser.add_argument("--version", help="O, B, C or D, for a weight file that does not say")
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N (default: auto)")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="what the network calls a class of the data; may be given again",
    )
    cli.add_sheet_flags(parser)
    cli.add_cache_flag(parser)
    arguments = parser.parse_args()
    sheet = cli.sheet_settings(arguments)
    if sheet and arguments.data is None:
        raise InputError(f"--sheet {arguments.sheet}: give the folder of its photographs, too (--data DIR)")
    names = dict(pair.partition("=")[::2] for pair in arguments.map)
    if len(names) < len(arguments.map):
        raise InputError(f"--map {' --map '.join(arguments.map)}: one of the classes is said twice")
    files = weight_files(arguments.paths or [arguments.output])

    cli.import_paddle()
    from paddle_eye.data.locate import BANNER
    from paddle_eye.data.store import choose_store
    from paddle_eye.engine.device import select_device
    from paddle_eye.engine.display import bar
    from paddle_eye.runs.evaluate import evaluate_each, evaluation_lines

    select_device(arguments.device)
    choose_store(arguments.cache)
    known = {"layers": arguments.layers, "version": arguments.version, "sheet": sheet, "names": names}
    done, faults, failed = evaluate_each(
        files, arguments.data, lambda name: partial(bar, desc=name, unit="batch", delay=1), **known
    )
    if any(row["demonstration"] for row in done):
        print(BANNER)
    if done:
        print(*evaluation_lines(done), sep="\n")
    sys.stdout.flush()
    if faults:
        raise InputError("\n".join([*faults, *failed]))
    if failed:
        raise JobError("\n".join(failed))


if __name__ == "__main__":
    cli.run(main)
