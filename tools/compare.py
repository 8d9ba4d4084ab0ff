#!/usr/bin/env python
"""Compare finished runs: size, computation, main figures, and whether they differ by more than noise.

Examples:
  python tools/compare.py output/resnet18_fundus6 output/resnet18_nam_fundus6
  python tools/compare.py output/*unet_membrane

Multiply-adds are those of convolutions and linear layers for one input of the size that was trained with.
"""

from paddle_eye import cli
from paddle_eye.errors import InputError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("runs", nargs="+", type=cli.path, metavar="RUN", help="folders of finished runs")
    parser.add_argument(
        "--epoch", choices=("last", "best"), default="last", help="the last epoch chooses nothing (default: last)"
    )
    parser.add_argument(
        "--out", type=cli.file, metavar="FILE.png", help="the picture (default: comparison.png beside the first run)"
    )
    arguments = parser.parse_args()
    if len(arguments.runs) < 2:
        raise InputError("give the folders of at least two runs")
    if arguments.out is not None and (arguments.out.suffix != ".png" or arguments.out.is_dir()):
        raise InputError(f"--out {arguments.out}: expected the name of a file that ends in .png")

    cli.import_paddle()
    from paddle_eye.files import write_bytes
    from paddle_eye.report.compare import comparison_picture, comparison_table, differences
    from paddle_eye.report.finished import notice
    from paddle_eye.runs.compare import read_runs

    runs, comparison = read_runs(arguments.runs, arguments.epoch)
    print(f"{arguments.epoch} epochs")
    print(comparison_table(runs, comparison))
    for run in runs:
        if said := notice(run.results):
            print(f"{run.name}: {said}")
    print(*differences(runs, comparison), sep="\n")
    picture = arguments.out or arguments.runs[0].parent / "comparison.png"
    write_bytes(picture, comparison_picture(runs, arguments.epoch, comparison))
    print(f"picture {picture}")


if __name__ == "__main__":
    cli.run(main)
