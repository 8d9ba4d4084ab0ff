import os
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

import paddle_eye
from paddle_eye.data.images import read_picture
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.preparation.synthetic import draw_fundus
from paddle_eye.errors import InputError
from paddle_eye.inference.export import export
from paddle_eye.inference.files import find_files, predict_files
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE
from paddle_eye.models.registry import build
from paddle_eye.runs.predict import open_predictor
from paddle_eye.weights.format import write_weights


@pytest.fixture(scope="module")
def bundled():
    return open_predictor()


def test_folders_give_their_pictures_also_from_inside(write_picture, tmp_path):
    for name in ("b.png", "inner/c.jpeg", "d.jpg"):
        write_picture(tmp_path / name)
    (tmp_path / "d.jpg").rename(tmp_path / "A.JPG")
    for name in ("notes.txt", ".hidden.png"):
        (tmp_path / name).write_text("")
    found = find_files([tmp_path, tmp_path / "notes.txt"])  # what is named is taken, whatever it is
    names = [path.relative_to(tmp_path).as_posix() for path in found.pictures]
    assert names == ["A.JPG", "b.png", "inner/c.jpeg", "notes.txt"]
    assert found.passed_over == [tmp_path / "notes.txt"]


def test_what_was_drawn_inside_a_folder_is_not_predicted_again(write_picture, tmp_path):
    for name in ("b.png", "drawn/b.png-predicted.png", "masks/b.png-mask.png", "b-mask.png"):
        write_picture(tmp_path / name)
    found = find_files([tmp_path])
    assert [path.name for path in found.pictures] == ["b-mask.png", "b.png"]
    assert [path.name for path in found.passed_over] == ["b.png-predicted.png", "b.png-mask.png"]


def test_what_is_not_there_is_named_together(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        find_files([tmp_path / "empty", tmp_path / "none.png"])
    assert "empty: no picture files in this folder" in str(caught.value)
    assert "none.png: no such file or folder" in str(caught.value)


def test_the_example_is_pathologic(bundled):
    """As its label says: V0003 of PALM's validation photographs."""
    table, _, faults, *_ = predict_files(bundled, [EXAMPLE_PICTURE])
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
    table, _, faults, *_ = predict_files(bundled, [tmp_path / "bad.png", write_picture(tmp_path / "good.png")])
    assert len(table) == 1
    assert np.isclose(table.filter(like="p_").to_numpy().sum(), 1)
    assert "bad.png: this is no picture" in faults[0]


def test_nothing_but_bad_files_is_wrong_input(bundled, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"bad\.png"):
        predict_files(bundled, [tmp_path / "bad.png"])


def test_an_exported_network_has_no_grad_cam(tmp_path):
    export(open_predictor(BUNDLED_WEIGHTS), tmp_path / "network", "paddle")
    with pytest.raises(InputError, match="no gradients for --cam"):
        predict_files(open_predictor(tmp_path / "network"), [EXAMPLE_PICTURE], draw=tmp_path, cam=True)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    """A U-Net that nobody trained."""
    paddle.seed(0)
    model = build({"name": "unet", "in_channels": 1})
    description = {"architecture": model.architecture, "classes": ["membrane", "cell interior"]}
    path = tmp_path_factory.mktemp("segmenter") / "unet.pdparams"
    write_weights(path, model, {**description, "preprocessing": PixelPreprocessing(1).describe()})
    return open_predictor(path)


def test_masks_have_the_pictures_size_and_what_the_network_says(segmenter, write_picture, tmp_path):
    files = [write_picture(tmp_path / name, size=size) for name, size in (("a.png", (33, 50)), ("in/b.jpg", (64, 20)))]
    table, lines, faults, *_ = predict_files(segmenter, files, draw=tmp_path / "drawn", mask_out=tmp_path / "masks")
    assert faults == []
    for row, (path, name) in enumerate(zip(files, ("a.png", "in/b.jpg"))):
        mask = cv2.imread(str(tmp_path / f"masks/{name}-mask.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, 255 * segmenter.look(read_picture(path))[0])
        assert table.loc[row, "share of cell interior"] == pytest.approx((mask > 0).mean())
        assert f"{(mask > 0).mean():.4f}" in lines
        assert cv2.imread(str(tmp_path / f"drawn/{name}-predicted.png")).shape == (*mask.shape, 3)


def test_a_bad_file_stops_no_mask(segmenter, write_picture, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table, _, faults, *_ = predict_files(segmenter, [tmp_path / "bad.png", write_picture(tmp_path / "good.png")])
    assert [Path(name).name for name in table["image"]] == ["good.png"]
    assert "bad.png: this is no picture" in faults[0]
    with pytest.raises(InputError, match=r"bad\.png"):
        predict_files(segmenter, [tmp_path / "bad.png"])


def test_each_kind_of_network_refuses_what_the_other_gives(segmenter, bundled, tmp_path):
    with pytest.raises(InputError, match=r"U-Net draws masks and has no --cam; leave it out"):
        predict_files(segmenter, [EXAMPLE_PICTURE], draw=tmp_path, cam=True)
    with pytest.raises(InputError, match=r"shufflenet_v2_x0_5 draws no masks; leave --mask-out out"):
        predict_files(bundled, [EXAMPLE_PICTURE], mask_out=tmp_path)
    with pytest.raises(InputError, match="U-Net draws a mask of each picture, which are not joined; leave --group out"):
        predict_files(segmenter, [EXAMPLE_PICTURE], group=r"^(\d+)_")
    with pytest.raises(InputError, match=r"unet.pdparams: U-Net is not for photographs of a fundus; leave --gate out"):
        predict_files(segmenter, [EXAMPLE_PICTURE], gate="refuse")


@pytest.fixture
def pairs(tmp_path, write_picture):
    """Both eyes of two patients, and one photograph of nobody in particular."""
    names = ("7_left.png", "7_right.png", "p8-OD.png", "p8-OS.png", "fundus.png")
    return [write_picture(tmp_path / "eyes" / name, number % 2) for number, name in enumerate(names)]


def test_a_patient_s_answer_is_the_mean_of_its_photographs(pairs):
    done = predict_files(open_predictor(), pairs)
    columns = ["p_not pathologic", "p_pathologic myopia"]
    expected = [done.table[columns].to_numpy()[start : start + 2].mean(axis=0) for start in (0, 2)]
    assert list(done.patients["patient"]) == ["7", "p8"]
    assert list(done.patients["photographs"]) == [2, 2]
    assert done.patients[columns].to_numpy() == pytest.approx(np.stack(expected))
    assert "by patient, the mean of their probabilities:" in done.lines


def test_a_pattern_names_the_patients(pairs):
    done = predict_files(open_predictor(), pairs, group=r"^(fundus|p8)")
    assert list(done.patients["patient"]) == ["p8", "fundus"]


def test_without_patients_of_several_photographs_there_is_no_second_table(pairs):
    done = predict_files(open_predictor(), [pairs[0], pairs[4]])
    assert done.patients is None
    assert "by patient" not in done.lines


@pytest.fixture
def documents(tmp_path):
    """A page of text, and the example."""
    page = np.full((300, 220, 3), 255, np.uint8)
    for row in range(30, 290, 20):
        cv2.putText(page, "no fundus", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0))
    (tmp_path / "page.png").write_bytes(cv2.imencode(".png", page)[1].tobytes())
    return [tmp_path / "page.png", EXAMPLE_PICTURE]


def test_what_is_no_fundus_is_warned_of_or_refused(documents):
    warned = predict_files(open_predictor(), documents)
    assert (len(warned.table), len(warned.faults), len(warned.warnings)) == (2, 0, 1)
    assert warned.warnings[0].startswith(f"{documents[0]}: this seems to be no photograph of a fundus: ")
    refused = predict_files(open_predictor(), documents, gate="refuse")
    assert list(refused.table["image"]) == [str(EXAMPLE_PICTURE)]
    assert refused.faults == warned.warnings


@pytest.mark.parametrize("fundi", [True, False])
def test_the_gate_stands_before_networks_that_learned_from_fundi(fundi, documents, tmp_path):
    random = np.random.default_rng(0)
    for number in range(8):
        path = tmp_path / "data" / ("train", "val")[number % 2] / ("a", "b")[number // 4] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = random.integers(0, 255, (128, 128, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".png", draw_fundus("N", random).picture if fundi else noise)[1].tobytes())
    settings = {"model": "shufflenet_v2_x0_25", "image_size": 32, "epochs": 0, "output": tmp_path / "output"}
    network = open_predictor(paddle_eye.train(data=tmp_path / "data", **settings)["run"])
    assert len(predict_files(network, documents).warnings) == fundi
    assert (network.show(read_picture(documents[0])).warning is not None) == fundi
    if not fundi:
        with pytest.raises(InputError, match="shufflenet_v2_x0_25 is not for photographs of a fundus; leave --gate"):
            predict_files(network, documents, gate="refuse")


def test_a_picture_that_is_named_twice_is_asked_about_once(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).touch()
    found = find_files([tmp_path / "2.png", tmp_path, tmp_path / "2.png", tmp_path])
    assert sorted(path.name for path in found.pictures) == ["1.png", "2.png"]


def test_two_links_of_one_name_to_pictures_elsewhere_are_both_drawn(bundled, write_picture, tmp_path):
    files = [tmp_path / "asked" / side / "x.png" for side in ("left", "right")]
    for file in files:
        write_picture(tmp_path / f"{file.parent.name}.png", size=(64, 80))
        file.parent.mkdir(parents=True)
        file.symlink_to(tmp_path / f"{file.parent.name}.png")
    predict_files(bundled, files, draw=tmp_path / "drawn")
    drawn = {path.relative_to(tmp_path / "drawn").as_posix() for path in (tmp_path / "drawn").rglob("*.png")}
    assert drawn == {"left/x.png-predicted.png", "right/x.png-predicted.png"}


def test_patients_whose_names_are_not_in_utf_8_are_shown_escaped(bundled, write_picture, tmp_path):
    source = write_picture(tmp_path / "x.png", size=(64, 80))
    files = [Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/\xff7_left.png", b"/\xff7_right.png")]
    for file in files:
        file.write_bytes(source.read_bytes())
    done = predict_files(bundled, files)
    assert list(done.patients["patient"]) == [r"\udcff7"]
    done.lines.encode("utf-8")
