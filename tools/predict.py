#!/usr/bin/env python
"""Say what fundus photographs show, as far as a trained network can tell. It is no medical device.

Without --weights the network that comes with the project answers: pathologic myopia or not.

Examples:
  python tools/predict.py                                          the example that comes with the project
  python tools/predict.py photograph.jpg --draw drawn --cam
  python tools/predict.py dataset/palm/PALM-Validation400 --csv predictions.csv
  python tools/predict.py FOLDER --weights output/resnet50_vD_PALM --xlsx predictions.xlsx
  python tools/predict.py FOLDER --weights output/damu_unet_membrane --mask-out masks --draw drawn
"""

import sys
from functools import partial

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "images", nargs="*", type=cli.any_path, metavar="IMAGE|FOLDER", help="pictures, or folders of them"
    )
    parser.add_argument("--weights", type=cli.path, help="weight file, run, or what tools/export.py made")
    parser.add_argument(
        "--csv",
        type=cli.target,
        metavar="FILE",
        help="write the table of all probabilities, and of patients",
    )
    parser.add_argument("--xlsx", type=cli.target, metavar="FILE", help="the same for Excel, in two sheets")
    parser.add_argument("--mask-out", type=cli.folder, metavar="DIR", help="write the masks, if it draws them")
    parser.add_argument("--draw", type=cli.folder, metavar="DIR", help="write every picture with its result on it")
    parser.add_argument("--cam", action="store_true", help="with --draw: beside it, where the evidence is (Grad-CAM)")
    parser.add_argument(
        "--group",
        metavar="REGEX",
        help=r"the patient in a file name, '^(\d+)_', or in FOLDER/NAME, '(\d+)/' (default: left and right, OD, OS …)",
    )
    parser.add_argument(
        "--gate",
        choices=("warn", "refuse"),
        default="warn",
        help="what becomes of pictures that are no photographs of a fundus (default: warn)",
    )
    parser.add_argument("--batch-size", type=int, help="pictures at a time (default: 32)")
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N (default: auto)")
    arguments = parser.parse_args()
    if arguments.cam and not arguments.draw:
        raise InputError("--cam: give --draw DIR too, the folder for the pictures")
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise InputError(f"--batch-size {arguments.batch_size}: expected at least 1")
    for flag, path in (("--csv", arguments.csv), ("--xlsx", arguments.xlsx)):
        if path is not None and (path.suffix != f".{flag[2:]}" or (path.exists() and not path.is_file())):
            raise InputError(f"{flag} {path}: expected the name of a file that ends in .{flag[2:]}")

    cli.import_paddle()
    from paddle_eye.engine.device import select_device
    from paddle_eye.engine.display import bar
    from paddle_eye.inference.files import find_files, predict_files
    from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE
    from paddle_eye.runs.predict import open_predictor, remarks, write_tables
    from paddle_eye.weights.opened import reservations

    device = select_device(arguments.device)
    predictor = open_predictor(arguments.weights or BUNDLED_WEIGHTS, device)
    if arguments.batch_size is not None and not predictor.in_batches:
        raise InputError(
            f"--batch-size {arguments.batch_size}: {predictor.title} looks at one picture at a time; leave it out"
        )
    if not arguments.images and not predictor.of_fundi:
        raise InputError(f"{predictor.source}: name the pictures; the example is for classifiers of fundus photographs")
    files, passed_over = find_files(arguments.images or [EXAMPLE_PICTURE])
    where = {"draw": arguments.draw, "cam": arguments.cam, "mask_out": arguments.mask_out}
    how = {"group": arguments.group, "gate": arguments.gate, "progress": partial(bar, unit="batch", delay=1)}
    done = predict_files(predictor, files, arguments.batch_size or 32, **where, **how)
    print(done.lines)
    for line in (*write_tables(done, arguments.csv, arguments.xlsx), *remarks(done, passed_over)):
        print(line, file=sys.stderr)
    for sentence in reservations(predictor.description):
        print(f"warning: {sentence}", file=sys.stderr)
    print(f"{predictor.title} from {predictor.source}; a research tool, not a diagnosis", file=sys.stderr)
    if done.faults:
        raise JobError("\n".join(done.faults))


if __name__ == "__main__":
    cli.run(main)
