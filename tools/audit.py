#!/usr/bin/env python
"""Look for faults of a data set: PALM, folders of classes, train.csv and test.csv, or what a label sheet names.

Examples:
  python tools/audit.py --data dataset/fundus6
  python tools/audit.py --data dataset/fundus6 --fix-list faults.txt      files to leave out, for tools/split.py

Where there are train.csv and test.csv, they are looked at, with --fix-list the folders of classes beside them. The exit
code is 1 if there are faults that falsify what is measured on the data.
"""

from paddle_eye import cli
from paddle_eye.errors import JobError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=cli.path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--fix-list", type=cli.file, metavar="FILE", help="write the files to leave out, of faults and notes"
    )
    parser.add_argument(
        "--classes", type=cli.names, metavar="A,B", help="the folders that are classes, if their names say otherwise"
    )
    cli.add_sheet_flags(parser)
    cli.add_cache_flag(parser)
    arguments = parser.parse_args()
    sheet = cli.sheet_settings(arguments)

    from paddle_eye.data.preparation.steps import audit, find_sheet, require_own_list, write_list
    from paddle_eye.data.store import choose_store
    from paddle_eye.report.table import audit_report

    choose_store(arguments.cache)
    if arguments.fix_list:
        require_own_list(arguments.fix_list)
    given = find_sheet(arguments.data, classes=arguments.classes, **sheet) if sheet else None
    looked_at, findings = audit(arguments.data, arguments.fix_list is not None, arguments.classes, given)
    print(looked_at)
    for note in given.notes if given else []:
        print(f"note: {note}")
    print(audit_report(findings))
    if arguments.fix_list:
        files = {file for finding in findings for file in finding.leave_out}
        write_list(arguments.fix_list, files)
        print(f"{arguments.fix_list}: {len(files)} files to leave out, for tools/split.py --leave-out")
    falsifying = sum(finding.falsifies for finding in findings)
    if falsifying:
        raise JobError(f"{falsifying} faults falsify what is measured on {looked_at}")


if __name__ == "__main__":
    cli.run(main)
