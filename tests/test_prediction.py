import cv2
import numpy as np
import pytest

from paddle_eye.errors import InputError
from paddle_eye.inference.export import export
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE, open_predictor
from paddle_eye.prediction import find_pictures, predict_files


@pytest.fixture(scope="module")
def bundled():
    return open_predictor()


def test_folders_give_their_pictures_also_from_inside(write_picture, tmp_path):
    for name in ("b.png", "inner/c.jpeg", "d.jpg"):
        write_picture(tmp_path / name)
    (tmp_path / "d.jpg").rename(tmp_path / "A.JPG")
    for name in ("notes.txt", ".hidden.png"):
        (tmp_path / name).write_text("")
    found = find_pictures([tmp_path, tmp_path / "notes.txt"])  # what is named is taken, whatever it is
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["A.JPG", "b.png", "inner/c.jpeg", "notes.txt"]


def test_what_is_not_there_is_named_together(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        find_pictures([tmp_path / "empty", tmp_path / "none.png"])
    assert "empty: no picture files in this folder" in str(caught.value)
    assert "none.png: no such file or folder" in str(caught.value)


def test_the_example_is_pathologic(bundled):
    """As its label says: V0003 of PALM's validation photographs."""
    table, faults = predict_files(bundled, [EXAMPLE_PICTURE])
    assert faults == []
    assert table.loc[0, "class"] == "pathologic myopia"


def test_pictures_are_drawn_below_their_common_folder(bundled, write_picture, tmp_path):
    files = [write_picture(tmp_path / name, size=(64, 80)) for name in ("one/x.png", "two/x.png")]
    predict_files(bundled, files, draw=tmp_path / "drawn", cam=True)
    for name in ("one/x.png-predicted.png", "two/x.png-predicted.png"):
        assert cv2.imread(str(tmp_path / "drawn" / name)).shape == (64, 80 + 64, 3)


def test_pictures_that_differ_in_their_endings_alone_are_both_drawn(bundled, write_picture, tmp_path):
    files = [write_picture(tmp_path / name, size=(64, 80)) for name in ("x.png", "x.jpg")]
    before = [path.read_bytes() for path in files]
    predict_files(bundled, files, draw=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("x.png", "x.png-predicted.png", "x.jpg", "x.jpg-predicted.png"),
    }
    assert [path.read_bytes() for path in files] == before


def test_bad_files_are_told_and_the_others_predicted(bundled, write_picture, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table, faults = predict_files(bundled, [tmp_path / "bad.png", write_picture(tmp_path / "good.png")])
    assert len(table) == 1
    assert np.isclose(table.filter(like="p_").to_numpy().sum(), 1)
    assert "bad.png: this is no picture" in faults[0]


def test_nothing_but_bad_files_is_wrong_input(bundled, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"bad\.png"):
        predict_files(bundled, [tmp_path / "bad.png"])


def test_an_exported_network_has_no_grad_cam(tmp_path):
    export(BUNDLED_WEIGHTS, tmp_path / "network", "paddle")
    with pytest.raises(InputError, match="no gradients for --cam"):
        predict_files(open_predictor(tmp_path / "network"), [EXAMPLE_PICTURE], draw=tmp_path, cam=True)
