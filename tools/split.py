#!/usr/bin/env python
"""Split photographs into train.csv and test.csv: by class, and never one patient on both sides.

The photographs are in folders of classes, or a label sheet (--sheet) names them.

Examples:
  python tools/split.py --data dataset/fundus6 --ratio 0.8
  python tools/split.py --data dataset/fundus6 --leave-out faults.txt     without the files that tools/audit.py listed
  python tools/split.py --data dataset/fundus6 --folds 5                  dataset/fundus6-fold1 to -fold5
  python tools/split.py --data aptos --sheet train.csv --image-folder train_images --out dataset/aptos
"""

from paddle_eye import cli


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--data", type=cli.path, required=True, metavar="DIR", help="folders of classes, or the photographs of --sheet"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--ratio", type=float, help="share of the training part (default: 0.8)")
    how.add_argument("--folds", type=int, metavar="K", help="write K folds of a cross-validation instead")
    parser.add_argument("--out", type=cli.folder, metavar="DIR", help="folder of the tables (default: that of --data)")
    parser.add_argument("--seed", type=int, default=0, help="fixes the split and the order of the rows (default: 0)")
    parser.add_argument(
        "--group",
        metavar="REGEX",
        help=r"the patient in a file name, '^(\d+)_', or in FOLDER/NAME, '(\d+)/' (default: left and right, OD, OS …)",
    )
    parser.add_argument(
        "--by",
        choices=("patient", "photograph"),
        default="patient",
        help="photograph: LEAKS, patients and copies stand on both sides, and what is measured flatters",
    )
    parser.add_argument(
        "--classes",
        type=cli.names,
        metavar="A,B",
        help="the classes in their order: folders, or of a sheet its labels, or names for 0, 1 …",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace train.csv and test.csv of other origin, too")
    parser.add_argument("--leave-out", type=cli.path, metavar="FILE", help="list of files that stay out of both parts")
    cli.add_sheet_flags(parser)
    cli.add_cache_flag(parser)
    arguments = parser.parse_args()
    sheet = cli.sheet_settings(arguments)

    from paddle_eye.data.preparation.steps import find_folders, find_sheet, write_split
    from paddle_eye.data.store import choose_store
    from paddle_eye.report.table import split_lines

    choose_store(arguments.cache)
    how = {"group": arguments.group, "classes": arguments.classes}
    found = find_sheet(arguments.data, **sheet, **how) if sheet else find_folders(arguments.data, **how)
    splits = write_split(
        found,
        arguments.out or arguments.data,
        ratio=arguments.ratio,
        fold_count=arguments.folds,
        seed=arguments.seed,
        leave_out=arguments.leave_out,
        by_photograph=arguments.by == "photograph",
        overwrite=arguments.overwrite,
    )
    for each in splits:
        print(*split_lines(each), sep="\n")


if __name__ == "__main__":
    cli.run(main)
