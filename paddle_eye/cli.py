"""What the command-line tools share: flags, and errors as exit codes. Paddle is not imported here."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any, Callable, TextIO

from paddle_eye.errors import InputError, JobError, visible

EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class _Terminated(BaseException):
    """A SIGTERM, as an exception that cleans up on its way out."""


class _Visible:
    """A stream on which nothing that comes from outside, such as the name of a file, steers the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(visible(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def parser(description: str) -> argparse.ArgumentParser:
    """A parser that keeps the description's lines."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def path(text: str) -> Path:
    """A path that was given; an empty one, of a variable that is not set, is refused, and one that is not in UTF-8."""
    if visible(text) != text:
        raise argparse.ArgumentTypeError("the path is not in UTF-8, or has control characters; rename it")
    return any_path(text)


def any_path(text: str) -> Path:
    """The same of a file that is only read, whatever encoding its name is in."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def path_text(text: str) -> str:
    """The same as text, as settings keep it."""
    return str(path(text))


def run(main: Callable[[], None], interrupted: str = "stopped") -> None:
    """Run a tool and leave with its exit code: 0, 1 for a failed job, 2 for wrong input, 130 after Ctrl-C, 143 after
    a SIGTERM.

    Args:
        main: the tool.
        interrupted: what is said after Ctrl-C and after a SIGTERM.
    """
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _terminate)
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's C++ warnings about libraries that the CPU does not need
    warnings.filterwarnings("ignore", category=UserWarning, module=r"paddle\.")
    with contextlib.redirect_stdout(_Visible(sys.stdout)), contextlib.redirect_stderr(_Visible(sys.stderr)):
        _run(main, interrupted)


def _run(main: Callable[[], None], interrupted: str) -> None:
    try:
        main()
    except InputError as error:
        _leave(error, EXIT_WRONG_INPUT)
    except KeyboardInterrupt:
        _leave(interrupted, EXIT_INTERRUPTED)
    except _Terminated:
        _leave(interrupted, EXIT_TERMINATED)
    except MemoryError as error:
        _leave(f"not enough memory ({error})", EXIT_FAILED)
    except (ImportError, OSError, JobError) as error:
        _leave(error, EXIT_FAILED)


def _terminate(*_: object) -> None:
    raise _Terminated


def _leave(message: object, code: int) -> None:
    stopped = code in (EXIT_INTERRUPTED, EXIT_TERMINATED)
    print(f"\n{message}" if stopped else f"error: {message}", file=sys.stderr)
    sys.exit(code)
