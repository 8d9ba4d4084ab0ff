#!/usr/bin/env python
"""Unpack the iChallenge-PM (PALM) archives to the folder where training and evaluation look for them.

  python tools/prepare_data.py --archives DIR

DIR holds training.zip, validation.zip and valid_gt.zip, as in AI Studio's data set 19469.
"""

from paddle_eye import cli


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--archives", type=cli.path, required=True, metavar="DIR", help="folder with the three archives"
    )
    parser.add_argument("--data", type=cli.path, help="where to unpack to (default: dataset/palm)")
    arguments = parser.parse_args()

    from paddle_eye.data import locate
    from paddle_eye.data.preparation import archives
    from paddle_eye.data.sources import palm

    target = arguments.data or locate.PALM_FOLDER
    archives.require(arguments.archives)
    if target.is_dir() and not archives.is_free(target):
        print(f"{target} is there already, nothing is unpacked")
    else:
        archives.unpack(arguments.archives, target)
    training, validation = palm.read_palm(target)
    for name, part in (("training", training), ("validation", validation)):
        counts = ", ".join(f"{count} {label}" for label, count in part.counts().items())
        print(f"{target}: {len(part)} {name} photographs ({counts})")


if __name__ == "__main__":
    cli.run(main)
