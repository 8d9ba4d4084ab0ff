#!/usr/bin/env python
"""Train with several processes, on several GPUs or machines, and go on with --resume when one of them dies.

What stands before -- goes to paddle.distributed.launch, what stands behind it to tools/train.py.

Examples:
  python tools/launch.py --devices 0,1,2,3 -- --version D
  python tools/launch.py --restarts 3 --nproc_per_node 2 -- --config configs/fundus6_resnet18.yaml
  python tools/launch.py --nnodes 2 --master 10.0.0.1:8090 --rank 0 -- --version D     on each machine, with its rank
"""

import re
import subprocess
import sys
from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError

TRAIN = Path(__file__).with_name("train.py")
OF_PADDLE = ("--devices", "--nproc_per_node", "--nnodes", "--master", "--rank", "--host", "--job_id", "--start_port")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--restarts", type=int, default=0, help="how many times to go on after a failure (default: 0)")
    parser.add_argument("--log_dir", type=cli.target, default="output/launch", help="(default: output/launch)")
    for flag in OF_PADDLE:
        parser.add_argument(flag, dest=flag, metavar="VALUE", help="see python -m paddle.distributed.launch --help")
    where = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:where])
    if where == len(sys.argv):
        raise InputError("expected -- between what is for paddle.distributed.launch and what is for tools/train.py")
    given = {flag: value for flag in OF_PADDLE if (value := getattr(arguments, flag)) is not None}
    if "--devices" in given:
        require_gpus()
    arguments.log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # Paddle writes the environment there
    launch = [sys.executable, "-m", "paddle.distributed.launch", "--log_dir", str(arguments.log_dir)]
    launch += [text for pair in given.items() for text in pair]
    recipe = sys.argv[where + 1 :]
    for restart in range(arguments.restarts + 1):
        codes = run([*launch, str(TRAIN), *recipe])
        if not any(codes):
            return
        if cli.EXIT_WRONG_INPUT in codes:
            raise InputError(f"a process found wrong input; see above, or {arguments.log_dir}")
        if restart < arguments.restarts:
            print(f"a process failed; restart {restart + 1} of {arguments.restarts}", file=sys.stderr, flush=True)
            recipe = [*(each for each in recipe if each not in ("--overwrite", "--resume")), "--resume"]
    raise JobError(f"a process failed; see above, or {arguments.log_dir}")


def require_gpus() -> None:
    """Raise an InputError if there are none."""
    from paddle_eye.engine.device import gpu_count, take_back_sigterm

    take_back_sigterm()
    if not gpu_count():
        raise InputError("--devices: there are no GPUs that Paddle can use here; --nproc_per_node N starts N processes")


def run(command: list) -> set:
    """Run the launcher, show what it prints, and return its exit code and those of the processes that failed."""
    codes = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as job:
        try:
            for line in job.stdout:
                text = line.decode(errors="replace")
                print(text, end="", flush=True)
                codes.update(map(int, re.findall(r"status failed cmd .* code (-?\d+) log", text)))
            return codes | {job.wait()}
        finally:
            job.terminate()
            job.wait()


if __name__ == "__main__":
    cli.run(main, "stopped; it goes on after its last finished epoch with --resume behind --")
