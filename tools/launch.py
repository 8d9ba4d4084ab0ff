#!/usr/bin/env python
"""Train with several processes, on several GPUs or machines; with --restarts N go on when one of them dies.

What stands before -- goes to paddle.distributed.launch, what stands behind it to tools/train.py.

Examples:
  python tools/launch.py --devices 0,1,2,3 -- --version D
  python tools/launch.py --restarts 3 --nproc_per_node 2 -- --config configs/fundus6_resnet18.yaml
  python tools/launch.py --nnodes 2 --master 10.0.0.1:8090 --rank 0 -- --version D     on each machine, with its rank
"""

import sys
from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError
from paddle_eye.runs.launch import launch

TRAIN = Path(__file__).with_name("train.py")
OF_PADDLE = ("--devices", "--nproc_per_node", "--nnodes", "--master", "--rank", "--host", "--job_id", "--start_port")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--restarts", type=int, default=0, help="how many times to go on after a failure (default: 0)")
    parser.add_argument("--log_dir", type=cli.folder, default="output/launch", help="(default: output/launch)")
    for flag in OF_PADDLE:
        parser.add_argument(flag, dest=flag, metavar="VALUE", help="see python -m paddle.distributed.launch --help")
    where = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:where])
    if where == len(sys.argv):
        raise InputError("expected -- between what is for paddle.distributed.launch and what is for tools/train.py")
    if arguments.restarts < 0:
        raise InputError(f"--restarts {arguments.restarts}: expected 0 or more")
    given = {flag: value for flag in OF_PADDLE if (value := getattr(arguments, flag)) is not None}
    launch(TRAIN, sys.argv[where + 1 :], given, arguments.log_dir, arguments.restarts)


if __name__ == "__main__":
    cli.run(main, "stopped; it goes on after its last finished epoch with --resume behind --")
