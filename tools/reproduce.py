#!/usr/bin/env python
"""Train every row of a table; finished rows are skipped, and a stopped table goes on where it was.

Examples:
  python tools/reproduce.py configs/tables/palm_document.yaml
  python tools/reproduce.py configs/tables/palm_document.yaml --rows O,B
"""

from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("table", type=cli.path, metavar="TABLE", help="a file of configs/tables")
    parser.add_argument("--rows", help="names of the rows to train, separated by commas (default: all)")
    parser.add_argument("--output", type=cli.path, default=Path("output"), help="folder of the runs (default: output)")
    arguments = parser.parse_args()

    from paddle_eye.runs import reproduce as reproduction

    rows = reproduction.read_plan(arguments.table)
    wanted = arguments.rows.split(",") if arguments.rows else [row.name for row in rows]
    unknown = set(wanted) - {row.name for row in rows}
    if unknown:
        raise InputError(f"--rows {arguments.rows}: {arguments.table} has no row {', '.join(sorted(unknown))}")
    trainer, output, faults = Path(__file__).with_name("train.py"), arguments.output / arguments.table.stem, []
    for row in rows:
        if row.name in wanted:
            print(f"{row.key} …", flush=True)
            try:
                reproduction.train_row(row, trainer, output)
            except JobError as error:
                print(error, flush=True)
                faults.append(row.key)
    if faults:
        raise JobError(f"{len(faults)} rows failed: {', '.join(faults)}")


if __name__ == "__main__":
    cli.run(main, "stopped; the same command goes on")
