import shutil
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason='pip install -e ".[web]"')

from paddle_eye.inference.predictor import BUNDLED_WEIGHTS
from paddle_eye.web.page import BUNDLED, listed


@pytest.fixture
def output(tmp_path):
    for name in ("output/run/run.pdparams", "output/run/last.pdparams", "output/run/exported-paddle/description.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("output/moved/description.json", "else/exported/description.json", "else/weights.pdparams"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "output"


def test_runs_and_exported_networks_are_found(output):
    found, given = listed(output, [])
    assert found == {
        BUNDLED: BUNDLED_WEIGHTS,
        "run": output / "run/run.pdparams",
        "moved": output / "moved",
        "run/exported-paddle": output / "run/exported-paddle",
    }
    assert given == []


def test_what_is_called_as_a_run_is_given_has_a_name_of_its_own(output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = Path("run/mine.pdparams")
    given.parent.mkdir()
    shutil.copy(output / "run/run.pdparams", given)
    found, names = listed(output, [Path("run")])
    assert names == ["./run"] and found["./run"].resolve() == given.resolve()
    assert found["run"] == output / "run/run.pdparams"


def test_what_is_given_is_listed_once(output):
    other = output.parent / "else"
    empty = output.parent / "empty"
    empty.mkdir()
    paths = [output / "run", other / "exported", output / "run/exported-paddle", other / "weights.pdparams", empty]
    found, given = listed(output, [*paths, output / "run/run.pdparams"])
    assert given == ["run", str(paths[1]), "run/exported-paddle", str(paths[3]), str(empty), "run"]
    assert len(found) == 4 + 3
    assert [found[name] for name in given[1:2] + given[3:5]] == [paths[1], paths[3], empty]
