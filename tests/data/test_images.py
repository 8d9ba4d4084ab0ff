import hashlib
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_eye.data.images import (
    Fingerprint,
    examine_pictures,
    fingerprint,
    looks_like_picture,
    read_picture,
    same_pictures,
)
from paddle_eye.errors import InputError

SUFFIXES = (".jpg", ".png", ".bmp", ".tiff", ".webp")
EXIF_ORIENTATION = 0x0112


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture(params=SUFFIXES)
def picture_file(request, tmp_path, write_picture):
    return write_picture(tmp_path / f"picture{request.param}")


def test_the_pixels_are_those_of_imread(picture_file):
    picture = read_picture(picture_file)
    assert (picture.dtype, picture.shape) == (np.uint8, (40, 48, 3))
    np.testing.assert_array_equal(picture, cv2.imread(str(picture_file)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_any_png_gives_three_channels_as_imread_does(mode, tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (6, 5)).astype(np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(grey * 257 if mode == "I;16" else grey)
    (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / "picture.png")
    read = read_picture(tmp_path / "picture.png")
    assert (read.dtype, read.shape) == (np.uint8, (6, 5, 3))
    np.testing.assert_array_equal(read, cv2.imread(str(tmp_path / "picture.png")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_says(orientation, tmp_path):
    """Four fields of different brightness; Pillow and OpenCV put them in the same places."""
    fields = np.kron(np.array([[0, 80], [160, 250]], np.uint8), np.ones((16, 24), np.uint8))
    photograph = Image.fromarray(fields).convert("RGB")
    photograph.getexif()[EXIF_ORIENTATION] = orientation
    path = tmp_path / "turned.jpg"
    photograph.save(path, exif=photograph.getexif(), quality=95)
    picture = read_picture(path)
    np.testing.assert_array_equal(picture, cv2.imread(str(path)))
    assert picture.shape == ((32, 48, 3) if orientation <= 4 else (48, 32, 3))
    turned_by_hand = {
        1: fields,
        2: fields[:, ::-1],
        3: fields[::-1, ::-1],
        4: fields[::-1],
        5: fields.T,
        6: np.rot90(fields, -1),
        7: np.rot90(fields.T, 2),
        8: np.rot90(fields),
    }[orientation]
    np.testing.assert_allclose(picture[..., 0].astype(int), turned_by_hand, atol=12)


@pytest.mark.parametrize("name", ["Übung/Größe 5.jpg", "眼底/照片.png"])
def test_a_path_need_not_be_ascii(name, tmp_path, write_picture):
    path = write_picture(tmp_path / name)
    np.testing.assert_array_equal(read_picture(path), cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_cut_off_picture_is_refused(suffix, share, tmp_path, write_picture):
    path = write_picture(tmp_path / f"picture{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=rf"picture{suffix}: the picture is cut off; copy or download it again"):
        read_picture(path)


def test_a_cut_off_progressive_jpeg_is_refused(tmp_path):
    """It has several scans; OpenCV would show a blurred whole picture."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    path = tmp_path / "progressive.jpg"
    Image.fromarray(noise).save(path, progressive=True)
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"\xff\xda")])
    assert cv2.imread(str(path)) is not None
    with pytest.raises(InputError, match="cut off"):
        read_picture(path)


def test_a_cut_off_jpeg_with_a_whole_preview_is_refused(tmp_path, write_picture):
    """The preview in the EXIF data has an end of its own."""
    preview = write_picture(tmp_path / "preview.jpg", size=(8, 8)).read_bytes()
    path = write_picture(tmp_path / "photograph.jpg")
    data = path.read_bytes()
    with_preview = data[:2] + b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview + data[2:]
    path.write_bytes(with_preview)
    assert read_picture(path).shape == (40, 48, 3)
    path.write_bytes(with_preview[: int(0.9 * len(with_preview))])
    with pytest.raises(InputError, match="cut off"):
        read_picture(path)


@pytest.mark.parametrize("picture_file", [".bmp", ".tiff", ".webp"], indirect=True)
def test_other_cut_off_pictures_cannot_be_decoded(picture_file):
    data = picture_file.read_bytes()
    picture_file.write_bytes(data[: int(0.95 * len(data))])
    with pytest.raises(InputError, match="no picture OpenCV can decode"):
        read_picture(picture_file)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(content, tmp_path):
    (tmp_path / "notes.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"notes.jpg: this is no picture OpenCV can decode; replace it or take it out"):
        read_picture(tmp_path / "notes.jpg")


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.jpg: cannot be read \(No such file or directory\)"):
        read_picture(tmp_path / "none.jpg")


def test_a_picture_too_large_for_opencv_is_refused(tmp_path):
    """45 bytes that say of themselves that they are 100000 x 100000 pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"huge.png"):
        read_picture(path)


def test_a_picture_looks_like_one(picture_file):
    assert looks_like_picture(picture_file)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"ID,imgName,Label\n", b"PK\x03\x04", b"%PDF-1.7", b"<!doctype html>"]
)
def test_other_files_do_not_look_like_pictures(content, tmp_path):
    (tmp_path / "file.jpg").write_bytes(content)
    assert not looks_like_picture(tmp_path / "file.jpg")


def draw(path, number, brighter=0):
    """The picture of this number, a round field with lines, in the format of the name."""
    picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
    cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
    for x1, y1, x2, y2 in np.random.default_rng(number).integers(20, 76, (12, 4)).tolist():
        cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
    picture = cv2.GaussianBlur(picture, (0, 0), 1) + np.uint8(brighter)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, picture, quality)[1].tobytes())
    return path


def damage(jpeg):
    """Put a marker where picture data should be."""
    data = bytearray(jpeg.read_bytes())
    middle = (data.rfind(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd0"
    jpeg.write_bytes(data)
    return jpeg


def fingerprint_of(path):
    return fingerprint(path.read_bytes(), read_picture(path))


def made_up(digest, structure, colour=0.0):
    return Fingerprint(digest, np.array(structure, np.float32), np.full((32, 32, 3), colour, np.float32))


def test_a_fingerprint_has_the_digest_of_the_file(picture_file):
    assert fingerprint_of(picture_file).digest == hashlib.sha256(picture_file.read_bytes()).hexdigest()


def test_a_fingerprint_has_the_picture_reduced(tmp_path):
    reduced = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(cv2.imencode(".png", reduced.repeat(3, axis=0).repeat(2, axis=1))[1].tobytes())
    colours = fingerprint_of(path).colours
    assert colours.dtype == np.float32
    np.testing.assert_array_equal(colours, reduced)


def test_the_hash_of_a_picture_with_much_detail_has_a_length_near_1(tmp_path, write_picture):
    structure = fingerprint_of(write_picture(tmp_path / "noise.png", size=(64, 64))).structure
    assert (structure.dtype, structure.ndim) == (np.float32, 1)
    assert 0.95 < np.linalg.norm(structure) <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (500, 400)])
def test_a_picture_of_any_size_has_a_fingerprint(size, tmp_path, write_picture):
    smaller = fingerprint_of(write_picture(tmp_path / "smaller.png", size=size))
    other = fingerprint_of(write_picture(tmp_path / "other.png"))
    assert smaller.structure.shape == other.structure.shape
    assert smaller.colours.shape == other.colours.shape == (32, 32, 3)
    assert np.isfinite(smaller.structure).all()


def test_every_picture_is_read_and_prepared_once(tmp_path, write_picture, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "read_bytes", lambda path, read=Path.read_bytes: opened.append(path) or read(path))
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(3)]
    examined = examine_pictures(paths, [lambda picture: picture[0, 0].tolist()] * 2 + [lambda picture: picture.shape])
    assert sorted(opened) == paths
    assert examined.prepared == [read_picture(path)[0, 0].tolist() for path in paths[:2]] + [(40, 48, 3)]


def test_every_whole_picture_gets_its_fingerprint(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(8)]
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    for path in paths:
        assert examined.fingerprints[path].digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert examined.faults == examined.warnings == {}


def test_faults_are_told_in_the_order_of_the_files(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{name}.jpg") for name in "dbca"]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    paths[3].write_bytes(b"no picture")
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == {paths[2]}
    assert list(examined.faults) == [paths[0], paths[1], paths[3]]
    for path, fault in examined.faults.items():
        with pytest.raises(InputError) as raised:
            read_picture(path)
        assert fault == str(raised.value)


def test_of_no_files_nothing_is_found():
    assert examine_pictures([]) == ([], {}, {}, {})


def test_a_jpeg_damaged_in_the_middle_is_warned_of(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.jpg") for number in range(5)]
    damage(paths[3])
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    assert examined.faults == {}
    assert set(examined.warnings) == {paths[3]}
    assert "Corrupt JPEG data" in examined.warnings[paths[3]]


def test_what_the_decoder_says_is_not_printed_and_what_is_printed_later_is(tmp_path, write_picture, capfd):
    examine_pictures([damage(write_picture(tmp_path / "picture.jpg"))])
    os.write(2, b"printed later\n")
    assert capfd.readouterr().err == "printed later\n"


def test_listening_to_the_decoder_leaves_no_file_open(tmp_path, write_picture):
    paths = [damage(write_picture(tmp_path / f"{number}.jpg")) for number in range(3)]
    examine_pictures(paths)
    before = os.dup(2)
    os.close(before)
    examine_pictures(paths)
    after = os.dup(2)
    os.close(after)
    assert before == after


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_a_picture_in_two_formats_is_one(suffix, tmp_path):
    paths = [draw(tmp_path / "1.png", 1), draw(tmp_path / "2.png", 2), draw(tmp_path / f"copy{suffix}", 1)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == [(0, 2)]


def test_a_picture_of_another_size_is_the_same(tmp_path):
    path = draw(tmp_path / "picture.png", 1)
    larger = cv2.resize(read_picture(path), (150, 150), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "larger.png").write_bytes(cv2.imencode(".png", larger)[1].tobytes())
    assert same_pictures([fingerprint_of(path), fingerprint_of(tmp_path / "larger.png")]) == [(0, 1)]


def test_photographs_with_the_same_rim_are_not_the_same(tmp_path):
    fingerprints = [fingerprint_of(draw(tmp_path / f"{number}.png", number)) for number in range(10)]
    assert same_pictures(fingerprints) == []


@pytest.mark.parametrize(("brighter", "pairs"), [(4, [(0, 1)]), (7, [])])
def test_the_same_lines_in_other_colours_are_another_picture(brighter, pairs, tmp_path):
    paths = [draw(tmp_path / "picture.png", 1), draw(tmp_path / "brighter.png", 1, brighter)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == pairs


@pytest.mark.parametrize(
    ("cosine", "difference", "same"),
    [(0.96, 0.0, True), (0.94, 0.0, False), (-0.96, 0.0, False), (0.96, 5.0, True), (0.96, 5.5, False)],
)
def test_likeness_and_colours_decide(cosine, difference, same):
    first = made_up("a", [1, 0], 100.0)
    second = made_up("b", [cosine, (1 - cosine**2) ** 0.5], 100.0 + difference)
    assert same_pictures([first, second]) == same_pictures([second, first]) == [(0, 1)] * same


def test_pictures_without_detail_are_the_same_only_if_their_bytes_are():
    flat = [made_up(digest, [0, 0]) for digest in "abab"]
    assert same_pictures(flat) == [(0, 2), (1, 3)]


def test_copies_are_told_in_pairs(tmp_path, write_picture):
    names = ("a.jpg", "b.jpg", "a.jpg", "c.jpg", "b.jpg", "a.jpg")
    paths = [write_picture(tmp_path / str(number) / name) for number, name in enumerate(names)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == [(0, 2), (0, 5), (1, 4), (2, 5)]


def test_of_no_pictures_none_are_the_same():
    assert same_pictures([]) == []


def test_harmless_remarks_of_a_decoder_are_no_warnings(tmp_path):
    """Two zero bytes between the parts of a JPEG; the picture is whole."""
    data = cv2.imencode(".jpg", np.full((40, 40, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "padded.jpg").write_bytes(data[:20] + b"\0\0" + data[20:])
    examined = examine_pictures([tmp_path / "padded.jpg"])
    assert (examined.faults, examined.warnings) == ({}, {})
    assert len(examined.fingerprints) == 1


@pytest.mark.parametrize(("second", "refused"), [((20, 30), True), ((10, 15), False)], ids=["stack", "preview"])
def test_a_stack_of_pictures_is_no_picture(second, refused, tmp_path):
    pages = [np.full(shape, 100, np.uint8) for shape in ((20, 30), second)]
    cv2.imwritemulti(str(tmp_path / "slices.tif"), pages)
    if refused:
        with pytest.raises(InputError, match=r"slices.tif: several pictures in one TIFF file; write each to a file"):
            read_picture(tmp_path / "slices.tif")
    else:
        assert read_picture(tmp_path / "slices.tif").shape == (20, 30, 3)
