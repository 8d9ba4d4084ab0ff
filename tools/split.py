#!/usr/bin/env python
"""Split folders of classes into train.csv and test.csv: by class, and never one patient on both sides.

Examples:
  python tools/split.py --data dataset/fundus6 --ratio 0.8
  python tools/split.py --data dataset/fundus6 --leave-out faults.txt     without the files that tools/audit.py listed
  python tools/split.py --data dataset/fundus6 --folds 5                  dataset/fundus6-fold1 to -fold5
"""

from paddle_eye import cli


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--data", type=cli.path, required=True, metavar="DIR", help="folder with one subfolder per class"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--ratio", type=float, default=0.8, help="share of the training part (default: 0.8)")
    how.add_argument("--folds", type=int, metavar="K", help="write K folds of a cross-validation instead")
    parser.add_argument("--out", type=cli.path, metavar="DIR", help="folder of the tables (default: that of --data)")
    parser.add_argument("--seed", type=int, default=0, help="fixes the split and the order of the rows (default: 0)")
    parser.add_argument(
        "--group",
        metavar="REGEX",
        help=r"the patient in a file name, for example '^(\d+)_' (default: <number>_left, <number>_right)",
    )
    parser.add_argument(
        "--by",
        choices=("patient", "photograph"),
        default="patient",
        help="photograph: LEAKS, patients and copies stand on both sides, and what is measured flatters",
    )
    parser.add_argument("--classes", metavar="A,B", help="the folders that are classes, if their names say otherwise")
    parser.add_argument("--overwrite", action="store_true", help="replace train.csv and test.csv of other origin, too")
    parser.add_argument("--leave-out", type=cli.path, metavar="FILE", help="list of files that stay out of both parts")
    arguments = parser.parse_args()

    from paddle_eye.data.preparation.steps import split_folders
    from paddle_eye.report.table import split_table

    splits = split_folders(
        arguments.data,
        arguments.out or arguments.data,
        ratio=arguments.ratio,
        fold_count=arguments.folds,
        seed=arguments.seed,
        group=arguments.group,
        leave_out=arguments.leave_out,
        by_photograph=arguments.by == "photograph",
        overwrite=arguments.overwrite,
        classes=arguments.classes.split(",") if arguments.classes else None,
    )
    for split in splits:
        print(f"{split.folder}: train.csv and test.csv, {split.left_out} photographs left out")
        print(split_table(split.training, split.test))
        for note in split.notes:
            print(f"note: {note}")
        if split.leaking:
            print(
                f"LEAK: {split.leaking} patients or photographs with copies are on both sides. What is measured on "
                "this split flatters; it shows what others measured, not how good a network is."
            )


if __name__ == "__main__":
    cli.run(main)
