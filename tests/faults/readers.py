"""Whatever bytes a file has, its reader gives a result or the project's own error with a message of sensible length.

Collected by `test_readers.py`, in a process with bounded memory and time.
"""

import io
import zipfile

import cv2
import numpy as np
import openpyxl
import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from paddle_eye import config
from paddle_eye.data.images import read_picture
from paddle_eye.data.preparation.archives import unpack
from paddle_eye.data.preparation.steps import read_list
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources.mask_files import decode_mask
from paddle_eye.data.sources.tables import read_table
from paddle_eye.data.sources.workbook import read_sheet
from paddle_eye.engine.checkpoint import load_checkpoint, save_checkpoint
from paddle_eye.errors import InputError
from paddle_eye.files import read_json
from paddle_eye.inference.exported import open_exported
from paddle_eye.report.compare import read_run
from paddle_eye.weights.format import read_weights, write_weights
from paddle_eye.weights.opened import open_weights

MANY = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONGEST = 20_000
_BY_PILLOW = {".gif": "GIF", ".jp2": "JPEG2000"}


@st.composite
def damaged(draw, whole):
    """The bytes of a file, cut off, with some of them changed, taken out or put in; or any bytes."""
    how = draw(st.sampled_from(["cut", "change", "take", "put", "any", "all of one"]))
    if how == "any":
        return draw(st.binary(max_size=300))
    data = bytearray(whole)
    places = st.integers(0, max(0, len(data) - 1))
    if how == "cut":
        return bytes(data[: draw(places)])
    if how == "all of one":
        start = draw(places)
        data[start : start + draw(st.integers(1, 64))] = bytes([draw(st.sampled_from([0, 255, 127, 48]))]) * 8
        return bytes(data)
    for place in draw(st.lists(places, min_size=1, max_size=6)):
        if how == "change":
            data[place] = draw(st.integers(0, 255))
        elif how == "take":
            del data[place : place + draw(st.integers(1, 40))]
            data.extend(b"" if data else b"x")
            break
        else:
            data[place:place] = draw(st.binary(min_size=1, max_size=40))
            break
    return bytes(data)


def require_result_or_own_error(reader, *arguments):
    try:
        reader(*arguments)
    except InputError as error:
        assert len(str(error)) < LONGEST
        str(error).encode("utf-8", errors="strict")


def picture_bytes(suffix, picture=None):
    picture = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8) if picture is None else picture
    if suffix in _BY_PILLOW:  # not every build of OpenCV writes them
        file = io.BytesIO()
        Image.fromarray(picture).save(file, _BY_PILLOW[suffix])
        return file.getvalue()
    return cv2.imencode(suffix, picture)[1].tobytes()


def sixteen():
    return np.random.default_rng(0).integers(0, 65536, (24, 20), np.uint16)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp", ".gif", ".ppm", ".jp2"])
@MANY
@given(st.data())
def test_pictures(tmp_path_factory, suffix, data):
    path = tmp_path_factory.getbasetemp() / f"picture{suffix}"
    path.write_bytes(data.draw(damaged(picture_bytes(suffix))))
    require_result_or_own_error(read_picture, path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif"])
@MANY
@given(st.data())
def test_masks(tmp_path_factory, suffix, data):
    path = tmp_path_factory.getbasetemp() / f"mask{suffix}"
    whole = picture_bytes(suffix) if suffix == ".gif" else picture_bytes(suffix, sixteen())
    require_result_or_own_error(decode_mask, data.draw(damaged(whole)), path)


@MANY
@given(damaged(b"path,label,class,group\na.png,0,normal,1\nb.png,1,\xe7\x97\x85,2\n"))
def test_tables(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    for name in ("a.png", "b.png"):
        (folder / name).touch()
    (folder / "train.csv").write_bytes(data)
    require_result_or_own_error(read_table, folder / "train.csv")


def workbook():
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (("ID", "imgName", "Label"), (1, "V0001.jpg", 1), (2, "V0002.jpg", 0)):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


@MANY
@given(damaged(workbook()))
def test_sheets(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "sheet.xlsx"
    path.write_bytes(data)
    require_result_or_own_error(read_sheet, path, ("imgname", "label"))


@MANY
@given(st.data())
def test_sheets_whose_zip_is_whole(tmp_path_factory, data):
    """The XML inside is damaged, which no checksum tells."""
    path = tmp_path_factory.getbasetemp() / "sheet.xlsx"
    with zipfile.ZipFile(io.BytesIO(workbook())) as whole, zipfile.ZipFile(path, "w") as file:
        chosen = data.draw(st.sampled_from(whole.namelist()))
        for name in whole.namelist():
            content = whole.read(name)
            file.writestr(name, data.draw(damaged(content)) if name == chosen else content)
    require_result_or_own_error(read_sheet, path, ("imgname", "label"))


@MANY
@given(damaged(config.to_yaml(config.Config().flat()).encode()))
def test_settings(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_bytes(data)
    require_result_or_own_error(config.load, path)


@MANY
@given(st.lists(st.text(max_size=60), max_size=3))
def test_assignments(texts):
    def assign():
        config.Config().updated(config.parse_assignments(texts), "--set")

    require_result_or_own_error(assign)


@MANY
@given(st.sampled_from(list(config.Config().flat())), st.text(max_size=30))
def test_assignments_of_known_keys(key, text):
    def assign():
        config.Config().updated(config.parse_assignments([f"{key}={text}"]), "--set")

    require_result_or_own_error(assign)


@MANY
@given(damaged(b"a/1.png\nb/2.png\n# a note\n"))
def test_lists(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "faults.txt"
    path.write_bytes(data)
    require_result_or_own_error(read_list, path, RecordSet(("a", "b"), ()))


@MANY
@given(damaged(b'{"run": "a", "classes": ["x", "y"], "last": {"epoch": 3, "images": 2, "accuracy": 0.5}}'))
def test_reports(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "run"
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_bytes(data)
    (folder / "predictions_last.csv").write_bytes(b"image,label\na,0\nb,1\n")
    require_result_or_own_error(read_run, folder, "last")
    require_result_or_own_error(read_json, folder / "metrics.json", "a report")


def small_network():
    return paddle.nn.Sequential(paddle.nn.Linear(3, 2), paddle.nn.BatchNorm1D(2))


@pytest.fixture(scope="module")
def weight_files(tmp_path_factory):
    """Small files of every kind, by suffix."""
    folder = tmp_path_factory.mktemp("weights")
    described = {"architecture": {"name": "shufflenet_v2_x0_25", "num_classes": 2}, "classes": ["a", "b"]}
    for suffix in (".pdparams", ".safetensors"):
        write_weights(folder / f"w{suffix}", small_network(), described)
    paddle.save(small_network().state_dict(), str(folder / "plain.pdparams"), protocol=2)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["w.pdparams", "w.safetensors", "plain.pdparams"])
@MANY
@given(st.data())
def test_weights(tmp_path_factory, weight_files, name, data):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(damaged(weight_files[name])))
    require_result_or_own_error(read_weights, path)
    require_result_or_own_error(open_weights, path)


@MANY
@given(st.data())
def test_checkpoints(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "checkpoint.safetensors"
    model = small_network()
    optimizer = paddle.optimizer.Momentum(parameters=model.parameters())
    save_checkpoint(path, model, optimizer, [{"epoch": 0, "loss": 1.0, "accuracy": 0.5}])
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    require_result_or_own_error(load_checkpoint, path, model, optimizer)


@settings(MANY, max_examples=30)
@given(st.data())
def test_archives(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "archives"
    folder.mkdir(exist_ok=True)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", data.draw(st.sampled_from([0, 8, 12, 14]))) as archive:
        archive.writestr("PALM-Validation400/V0001.jpg", picture_bytes(".jpg"))
        archive.writestr("PALM-Training400.zip", b"PK" + bytes(40))
    for name in ("training.zip", "validation.zip", "valid_gt.zip"):
        (folder / name).write_bytes(data.draw(damaged(file.getvalue())))
    target = tmp_path_factory.getbasetemp() / "unpacked"
    require_result_or_own_error(unpack, folder, target)
    assert not target.exists()


DESCRIPTION = b'{"architecture": {"name": "x"}, "classes": ["a", "b"], "preprocessing": {"preset": "document"}}'


@MANY
@given(damaged(DESCRIPTION))
def test_exported_networks(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "exported"
    folder.mkdir(exist_ok=True)
    (folder / "description.json").write_bytes(data)
    require_result_or_own_error(open_exported, folder)
