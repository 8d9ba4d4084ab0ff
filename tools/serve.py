#!/usr/bin/env python
"""A page in the browser to try a picture on; needs: pip install -e ".[web]"

Only this machine can reach it unless --host says otherwise. What is uploaded stays in memory.

Examples:
  python tools/serve.py                     then open http://127.0.0.1:8501
  python tools/serve.py --output runs       networks from another folder of runs
  python tools/serve.py RUN RUN/exported-paddle    these two side by side
"""

import importlib.util
import os
import sys
from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError

PAGE = Path(cli.__file__).parent / "web" / "page.py"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "networks", type=cli.path, nargs="*", metavar="NETWORK", help="runs, weight files, exported networks"
    )
    parser.add_argument("--output", type=cli.path, default=Path("output"), help="folder of the runs (default: output)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--name", action="append", default=[], help="a name by which others reach this machine; may be given again"
    )
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    arguments = parser.parse_args()
    missing = [str(path) for path in arguments.networks if not path.exists()]
    if missing:
        raise InputError(f"{', '.join(missing)}: no such file or folder; give runs, weight files or exported networks")
    if not 0 < arguments.port < 65536:
        raise InputError(f"--port {arguments.port}: expected 1 to 65535")
    if importlib.util.find_spec("streamlit") is None:
        raise JobError('the page needs Streamlit; install it with: pip install -e ".[web]"')

    from paddle_eye.web.uploads import MOST_MEGABYTES

    settings = {
        "server.address": arguments.host,
        "server.port": arguments.port,
        "server.headless": "true",
        "server.maxUploadSize": MOST_MEGABYTES,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    names = [f"--name={name}" for name in arguments.name]
    page = [str(PAGE), *flags, "--", *names, "--", *map(str, [arguments.output, *arguments.networks])]
    command = [sys.executable, "-m", "streamlit", "run", *page]
    quiet = {"PYTHONWARNINGS": "ignore::UserWarning:paddle.utils.cpp_extension.extension_utils"}
    os.execve(sys.executable, command, {**os.environ, **quiet})  # a signal to this process reaches the server


if __name__ == "__main__":
    cli.run(main)
