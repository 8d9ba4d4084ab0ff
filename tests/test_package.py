import subprocess
import sys

import pytest

import paddle_eye


@pytest.mark.parametrize("name", paddle_eye.__all__)
def test_public_names_are_there(name):
    assert getattr(paddle_eye, name).__name__ == name


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        paddle_eye.nothing  # noqa: B018


def test_importing_the_package_does_not_import_paddle():
    code = "import sys, paddle_eye; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
