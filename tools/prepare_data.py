#!/usr/bin/env python
"""Unpack the archives of PALM or of DRIVE to the folders where training and evaluation look for them.

  python tools/prepare_data.py --archives DIR

DIR holds training.zip, validation.zip and valid_gt.zip of PALM, as in AI Studio's data set 19469, or DRIVE.zip.
"""

from paddle_eye import cli
from paddle_eye.errors import InputError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--archives", type=cli.path, required=True, metavar="DIR", help="folder with the archives")
    parser.add_argument("--data", type=cli.folder, help="where to unpack to (default: dataset/palm or dataset/drive)")
    arguments = parser.parse_args()

    from paddle_eye.data import locate
    from paddle_eye.data.preparation import archives

    sets = archives.sets_in(arguments.archives)
    missing = archives.missing_archives(arguments.archives)
    if 0 < len(missing) < len(archives.ARCHIVES):
        print(f"note: {arguments.archives} has not all archives of PALM, {', '.join(missing)} is missing")
    if arguments.data and len(sets) > 1:
        raise InputError(f"--data {arguments.data}: {arguments.archives} holds PALM and DRIVE; leave it out")
    for drive in sets:
        target = arguments.data or (locate.DRIVE_FOLDER if drive else locate.PALM_FOLDER)
        if target.is_dir() and not archives.is_free(target):
            print(f"{target} is there already, nothing is unpacked")
        else:
            (archives.unpack_drive if drive else archives.unpack)(arguments.archives, target)
        print("\n".join(archives.described(target, drive)))


if __name__ == "__main__":
    cli.run(main)
