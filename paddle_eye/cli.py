"""What the command-line tools share: flags, errors as exit codes, and how Paddle is imported, late."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, TextIO

from paddle_eye.errors import InputError, JobError, visible

EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_LONGEST_NAME = 255  # bytes, on nearly every file system


class _Terminated(BaseException):
    """A SIGTERM, as an exception that cleans up on its way out."""


class _Visible:
    """A stream on which nothing that comes from outside, such as the name of a file, steers the terminal, and whose
    encoding lacks nothing: what it has no letter for is escaped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(visible(text, self._stream.encoding or "utf-8"))

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


def target(text: str) -> Path:
    """The same of what is written: a place that cannot be written to is refused before anything is computed."""
    written = path(text)
    place = next(each for each in (written.absolute(), *written.absolute().parents) if each.exists())
    place = place.parent if place.is_file() and place == written.absolute() else place
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        reason = "is no folder" if not place.is_dir() else "cannot be written to"
        raise argparse.ArgumentTypeError(f"{written}: {place} {reason}; give another place")
    return written


def folder(text: str) -> Path:
    """The same of a folder that is written to; a file in its place is refused."""
    written = target(text)
    if written.is_file():
        raise argparse.ArgumentTypeError(f"{written}: expected a folder, this is a file")
    return written


def file(text: str) -> Path:
    """The same of a file that is written; a folder in its place is refused."""
    written = target(text)
    if written.is_dir():
        raise argparse.ArgumentTypeError(f"{written}: expected a file, this is a folder")
    return written


def any_path(text: str) -> Path:
    """The same of a file that is only read, whatever encoding its name is in."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    given = Path(text)
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in given.parts):
        raise argparse.ArgumentTypeError(f"a name of more than {_LONGEST_NAME} bytes, which no file has")
    return given


def path_text(text: str) -> str:
    """The same as text, as settings keep it."""
    return str(path(text))


def name(text: str) -> str:
    """A name that was given; an empty one, of a variable that is not set, is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty; leave the flag out, or give one")
    return text


def names(text: str) -> list[str]:
    """Names separated by commas, none of them empty."""
    return [name(each) for each in text.split(",")]


def add_sheet_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of data whose labels are in a sheet; see `sheet_settings`."""
    flags = parser.add_argument_group("labels in a sheet")
    flags.add_argument("--sheet", type=path, metavar="FILE", help="xlsx, CSV or list of the photographs' labels")
    flags.add_argument("--sheet-name", type=name, metavar="NAME", help="the sheet of a workbook that has several")
    flags.add_argument(
        "--image-column", type=name, metavar="A[,B]", help="of the photographs' names (default: the usual names)"
    )
    flags.add_argument(
        "--label-column", type=name, metavar="A[,B …]", help="of the class; several columns of 0 and 1: each one"
    )
    flags.add_argument("--group-column", type=name, metavar="A", help="of the patient")
    flags.add_argument(
        "--split-column", type=name, metavar="A", help="of the part, train or test; a part once made is kept"
    )
    flags.add_argument("--image-folder", type=path, action="append", default=[], metavar="DIR", help="of photographs")
    flags.add_argument("--test-sheet", type=path, metavar="FILE", help="of the test part, if it has one of its own")
    flags.add_argument("--test-image-folder", type=path, action="append", default=[], metavar="DIR", help="likewise")


def add_cache_flag(parser: argparse.ArgumentParser) -> None:
    """The flag of tools that read many photographs; see `paddle_eye.data.store.choose_store`."""
    where = "~/.cache/paddle_eye; off: in memory alone"
    parser.add_argument(
        "--cache", type=path_text, metavar="DIR|off", help=f"where prepared photographs are kept (default: {where})"
    )


def sheet_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked with `add_sheet_flags`, for `preparation.steps.find_sheet`; nothing without a sheet.

    Raises:
        InputError: flags that mean nothing without a sheet.
    """
    columns = ("sheet_name", "image_column", "label_column", "group_column", "split_column")
    settings = {name: getattr(arguments, name) for name in (*columns, "test_sheet")}
    settings["image_folders"] = arguments.image_folder
    settings["test_image_folders"] = arguments.test_image_folder
    if arguments.sheet is not None:
        return {"sheet": arguments.sheet, **settings}
    without = [name for name, value in settings.items() if value]
    if without:
        raise InputError(f"--{without[0].rstrip('s').replace('_', '-')}: give the sheet, too (--sheet FILE)")
    return {}


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
    warnings.formatwarning = _warning_line
    with contextlib.redirect_stdout(_Visible(sys.stdout)), contextlib.redirect_stderr(_Visible(sys.stderr)):
        _run(main, interrupted)


def _warning_line(message: Warning | str, *_where: object) -> str:
    return f"warning: {message}\n"


def import_paddle() -> None:
    """Import Paddle, before anything else that uses it, and leave SIGTERM to the tool, as before.

    Paddle's own handler ends a process at once, or blocks it for good where it was taking memory just then. So signals,
    Ctrl-C among them, wait until Paddle is there and its handlers are gone.
    """
    with _signals_wait():
        import paddle

        paddle.disable_signal_handler()
        handler = signal.getsignal(signal.SIGTERM)
        if handler is not None:  # None: it was not Python's
            signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
