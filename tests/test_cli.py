import argparse
import io
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from paddle_eye import cli
from paddle_eye.errors import InputError, JobError

LOG_LEVEL = "GLOG_minloglevel"


@pytest.fixture(autouse=True)
def unchanged_process(monkeypatch):
    """`cli.run` quietens the whole process; here it must not."""
    monkeypatch.setenv(LOG_LEVEL, "0")
    with warnings.catch_warnings():
        yield


def leave_with(error):
    def main():
        raise error

    with pytest.raises(SystemExit) as left:
        cli.run(main)
    return left.value.code


def test_a_tool_that_is_done_just_returns(capsys):
    assert cli.run(lambda: print("done")) is None
    assert capsys.readouterr() == ("done\n", "")


@pytest.mark.parametrize(
    "error", [JobError("lower the rate"), OSError(28, "No space left"), ImportError("no module x")]
)
def test_a_failed_job_is_1(error, capsys):
    assert leave_with(error) == 1
    assert capsys.readouterr() == ("", f"error: {error}\n")


def test_wrong_input_is_2(capsys):
    assert leave_with(InputError("row 3: mend it")) == 2
    assert capsys.readouterr() == ("", "error: row 3: mend it\n")


def test_ctrl_c_is_130(capsys):
    assert leave_with(KeyboardInterrupt()) == 130
    assert capsys.readouterr() == ("", "\nstopped\n")


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), ValueError("x")])
def test_a_programming_error_keeps_its_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        cli.run(main)


def test_a_wrong_flag_is_2_as_argparse_has_it(capsys):
    with pytest.raises(SystemExit) as left:
        cli.run(lambda: cli.parser("A tool.").parse_args(["--no-such-flag"]))
    assert left.value.code == cli.EXIT_WRONG_INPUT
    assert "--no-such-flag" in capsys.readouterr().err


def test_the_description_keeps_its_lines():
    assert "first line\n  second line" in cli.parser("first line\n  second line").format_help()


def test_a_log_level_that_is_set_stays():
    cli.run(lambda: None)
    assert os.environ[LOG_LEVEL] == "0"


def test_a_sigterm_is_143_with_a_sentence(capsys):
    """The handler of the process that runs the tests is put back."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as left:
            cli.run(lambda: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(5), "stopped; go on with --resume")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert left.value.code == 143
    assert capsys.readouterr().err == "\nstopped; go on with --resume\n"


SIGNALLED = """
import os, signal, sys, time
from paddle_eye import cli

name, module = sys.argv[1:]

def send(event, arguments):
    if event == "import" and arguments[0] == module:
        os.kill(os.getpid(), getattr(signal, name))

def main():
    sys.addaudithook(send)
    cli.import_paddle()
    if not module:
        os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background inherit a deaf ear
cli.run(main, "stopped; go on with --resume")
"""


@pytest.mark.parametrize("module", ["paddle", "paddle.nn", ""])  # before its handlers are there, with them, afterwards
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_signals_are_the_tools_although_paddle_takes_them(name, code, module):
    command = [sys.executable, "-c", SIGNALLED, name, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (code, "\nstopped; go on with --resume\n")


def test_a_terminal_that_lacks_a_letter_is_told_its_number(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    cli.run(lambda: print("眼.jpg: not pathologic"))
    assert written.getvalue() == rb"\u773c.jpg: not pathologic" + b"\n"


@pytest.mark.parametrize("name", ["new", "new/deeper", "existing", "existing/new", "file.csv"])
def test_a_place_to_write_to(name, tmp_path):
    (tmp_path / "existing").mkdir()
    (tmp_path / "file.csv").touch()
    assert cli.target(str(tmp_path / name)) == tmp_path / name


def test_places_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(argparse.ArgumentTypeError, match=r"file/inside: .*file is no folder; give another place"):
        cli.target(str(tmp_path / "file/inside"))
    monkeypatch.setattr(os, "access", lambda place, how: place != tmp_path)
    for name in ("new", "file"):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"{name}: {tmp_path} cannot be written to; give another"):
            cli.target(str(tmp_path / name))


def test_a_name_that_no_file_has_is_wrong_input():
    for kind in (cli.path, cli.path_text, cli.any_path):
        with pytest.raises(argparse.ArgumentTypeError, match="a name of more than 255 bytes"):
            kind("data/" + "眼" * 100)


@pytest.mark.parametrize("text", ["", " ", "a,", ",b"])
def test_names_are_not_empty(text):
    with pytest.raises(argparse.ArgumentTypeError, match="the name is empty; leave the flag out"):
        cli.names(text)
    assert cli.names("a,b") == ["a", "b"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    assert cli.file(str(tmp_path / "new.txt")) == tmp_path / "new.txt"
    with pytest.raises(argparse.ArgumentTypeError, match="expected a file, this is a folder"):
        cli.file(str(tmp_path))
