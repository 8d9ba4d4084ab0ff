import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import paddle_eye
from paddle_eye.data.preparation.synthetic import draw
from paddle_eye.documents import palm, six_classes

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = {name: getattr(paddle_eye, name) for name in paddle_eye.__all__}
FOR_NOTEBOOKS = {"palm.save": palm.save, "six_classes.train": six_classes.train, "six_classes.test": six_classes.test}


@pytest.mark.parametrize("name", paddle_eye.__all__)
def test_public_names_are_there(name):
    assert getattr(paddle_eye, name).__name__ == name
    assert name in dir(paddle_eye)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        paddle_eye.nothing  # noqa: B018


def test_importing_the_package_does_not_import_paddle():
    code = "import sys, paddle_eye; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("first", ["models.resnet", "losses", "benchmark.registry"])
def test_whatever_is_imported_first_leaves_python_its_zlib(first):
    code = f"import paddle_eye.{first}, paddle, zlib; assert zlib.decompress(zlib.compress(bytes(99))) == bytes(99)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_picture):
    """A folder as the examples expect it: the package, the demonstration set and two classes of pictures."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "paddle_eye").symlink_to(ROOT / "paddle_eye")
    draw(folder / "dataset/demo")
    for label, name in enumerate(("healthy", "ill")):
        for number in range(4):
            write_picture(folder / f"classes/{name}/{name}{number}.png", label)
    return folder


@pytest.mark.parametrize("name", [*PUBLIC, *FOR_NOTEBOOKS])
def test_every_public_name_has_an_example_that_runs(name, place, monkeypatch):
    monkeypatch.chdir(place)
    (example,) = doctest.DocTestFinder(recurse=False).find({**PUBLIC, **FOR_NOTEBOOKS}[name], name, globs={})
    assert example.examples
    said = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert not said, "".join(said)


def test_settings_of_the_interface_are_named():
    with pytest.raises(ValueError, match=r"unknown setting epoch; known are .*epochs"):
        paddle_eye.train(epoch=3)
    with pytest.raises(ValueError, match="'unet' has no setting layers; it has in_channels"):
        paddle_eye.create_model("unet", layers=50)
