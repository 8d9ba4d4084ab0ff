#!/usr/bin/env python
"""Train every row of a table and write its CSV file, its Markdown, its differences and its pictures.

Finished rows are skipped, and a stopped table goes on where it was.

Examples:
  python tools/reproduce.py configs/tables/palm_document.yaml
  python tools/reproduce.py configs/tables/palm_document.yaml --rows O,B
  python tools/reproduce.py configs/tables/palm_document.yaml --dry-run     what it will cost, from a few steps
  python tools/reproduce.py configs/tables/palm_document.yaml --check       the shortest row again: the same figures?
"""

from pathlib import Path

from paddle_eye import cli

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs/results"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("table", type=cli.path, metavar="TABLE", help="a file of configs/tables")
    parser.add_argument("--rows", metavar="A,B", help="names of the rows to train (default: all)")
    parser.add_argument("--output", type=cli.folder, default="output", help="folder of the runs (default: output)")
    parser.add_argument("--results", type=cli.folder, default=RESULTS, help="folder of the CSV file")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--dry-run", action="store_true", help="measure a few steps of each row, train nothing")
    other.add_argument("--check", action="store_true", help="train the shortest row again and compare its figures")
    arguments = parser.parse_args()

    cli.import_paddle()
    from paddle_eye.runs.tables.plan import read_plan
    from paddle_eye.runs.tables.reproduce import Table

    plan = read_plan(arguments.table)
    own = (arguments.table.resolve().parent, arguments.results.resolve()) == (ROOT / "configs/tables", RESULTS)
    table = Table(
        plan,
        plan.choose(arguments.rows),
        trainer=ROOT / "tools/train.py",
        output=arguments.output / arguments.table.stem,
        results=arguments.results,
        pages=[ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if own else [],
    )
    if arguments.dry_run:
        table.estimate()
    elif arguments.check:
        table.check()
    else:
        table.train()


if __name__ == "__main__":
    cli.run(main, "stopped; the same command goes on")
