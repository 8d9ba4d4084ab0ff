import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from paddle_eye.data.images import decode_picture, decode_unchanged, find_pictures, looks_like_picture, read_picture
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


@pytest.mark.parametrize(("second", "refused"), [((20, 30), True), ((10, 15), False)], ids=["stack", "preview"])
def test_a_stack_of_pictures_is_no_picture(second, refused, tmp_path):
    pages = [np.full(shape, 100, np.uint8) for shape in ((20, 30), second)]
    cv2.imwritemulti(str(tmp_path / "slices.tif"), pages)
    if refused:
        with pytest.raises(InputError, match=r"slices.tif: several pictures in one TIFF file; write each to a file"):
            read_picture(tmp_path / "slices.tif")
    else:
        assert read_picture(tmp_path / "slices.tif").shape == (20, 30, 3)


def encoded(pixels, suffix=".png"):
    return cv2.imencode(suffix, pixels)[1].tobytes()


RAMP = np.linspace(0, 1, 64).reshape(8, 8, 1) * np.array([1.0, 0.8, 0.5])


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize(("full", "channels"), [(255, 3), (4095, 3), (65535, 3), (4095, 1), (65535, 1)])
def test_of_16_bits_those_are_taken_that_are_used(full, channels, suffix):
    picture = decode_picture(encoded((full * RAMP[..., :channels]).astype(np.uint16), suffix), "a")
    assert (picture.dtype, picture.shape) == (np.uint8, (8, 8, 3))
    assert np.abs(picture - 255 * RAMP[..., :channels]).max() < 2


@pytest.mark.parametrize("brightest", [300, 1800, 9000, 30000])
def test_a_range_that_could_be_the_dark_part_of_another_is_refused(brightest):
    with pytest.raises(InputError, match=f"the brightest pixel is {brightest}; .* save it with 8 bits"):
        decode_picture(encoded((brightest * RAMP).round().astype(np.uint16)), "eye.png")


def test_numbers_without_a_white_are_refused():
    with pytest.raises(InputError, match=r"eye.tiff: pixels of type float32 do not say what is white"):
        decode_picture(encoded(RAMP[..., :1].astype(np.float32), ".tiff"), "eye.tiff")


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_what_is_transparent_lies_on_black(suffix):
    pixels = np.full((16, 16, 4), 200, np.uint8)
    pixels[..., 3] = 255
    pixels[:8, :, 3] = 0
    picture = decode_picture(encoded(pixels, suffix), "a")
    assert picture.shape == (16, 16, 3)
    assert picture[:7].max() <= 2 and abs(int(picture[9:].mean()) - 200) <= 2


def test_a_transparent_colour_of_a_palette_lies_on_black(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 255, 255, 10, 200, 30])
    image.paste(0, (0, 0, 4, 8))
    image.save(tmp_path / "a.png", transparency=0)
    picture = read_picture(tmp_path / "a.png")
    assert picture[0, 0].tolist() == [0, 0, 0] and picture[0, 7].tolist() == [30, 200, 10]


@pytest.mark.parametrize("how", range(1, 9))
def test_a_transparent_picture_is_turned_as_its_exif_says(tmp_path, how):
    """As Pillow turns it."""
    pixels = np.random.default_rng(how).integers(0, 256, (6, 9, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = how
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as file:
        expected = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))[..., ::-1]
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_refused_in_every_tool(tmp_path, kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.x", kind, save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match=r"a.x: this picture is animated"):
        read_picture(tmp_path / "a.x")


@pytest.mark.parametrize("suffix", [".gif", ".ppm", ".jp2", ".avif", ".jfif", ""])
def test_every_kind_of_picture_is_found_in_a_folder_and_read(tmp_path, suffix):
    kind = {".gif": "GIF", ".ppm": "PPM", ".jp2": "JPEG2000", ".avif": "AVIF", ".jfif": "JPEG", "": "PNG"}[suffix]
    image = Image.fromarray(np.full((32, 32, 3), (40, 120, 200), np.uint8))
    try:
        image.save(tmp_path / f"a{suffix}", kind)
    except (OSError, KeyError):
        pytest.skip(f"this Pillow writes no {kind}")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "README").write_text("mine, too")
    pictures, others = find_pictures(tmp_path)
    assert pictures == [tmp_path / f"a{suffix}"]
    assert others == [tmp_path / "README", tmp_path / "notes.txt"]
    assert np.abs(read_picture(pictures[0]).mean(axis=(0, 1)) - (200, 120, 40)).max() < 4


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    """A kilobyte that says it has 20000x20000 pixels."""
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(100)))
    (tmp_path / "bomb.png").write_bytes(content + png_chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"bomb.png: (400|more than 178) megapixels are too many"):
        read_picture(tmp_path / "bomb.png")


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        with pytest.raises(InputError, match=f"{name}: this is no ordinary file"):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match="this is no name of a file"):
        read_picture("a\0b.png")


def tiff(*pages, **tags):
    """The bytes of a TIFF file of these pages; tags by their numbers, such as ``_274`` for the orientation."""
    content, pictures = io.BytesIO(), [Image.fromarray(page) for page in pages]
    said = {int(name[1:]): value for name, value in tags.items()}
    pictures[0].save(content, "TIFF", save_all=len(pages) > 1, append_images=pictures[1:], tiffinfo=said)
    return content.getvalue()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_once_whatever_its_depth(depth, orientation):
    full = np.iinfo(depth).max
    stored = (np.arange(1, 7).reshape(2, 3) * (full // 6)).astype(depth)
    data = tiff(stored, _274=orientation)
    eight = (stored >> (8 * (depth().itemsize - 1))).astype(np.uint8)
    turned = {1: eight, 2: eight[:, ::-1], 3: eight[::-1, ::-1], 4: eight[::-1], 5: eight.T}
    turned.update({6: np.rot90(eight, -1), 7: np.rot90(eight.T, 2), 8: np.rot90(eight)})
    np.testing.assert_array_equal(decode_picture(data, "a.tif")[..., 0], turned[orientation])
    np.testing.assert_array_equal(decode_unchanged(data, "a.tif"), stored)


def test_a_tiff_whose_zero_is_white_is_not_read_inverted():
    stored = np.array([[65535, 0, 0], [0, 0, 30000]], np.uint16)
    np.testing.assert_array_equal(decode_unchanged(tiff(stored, _262=0), "a.tif"), 65535 - stored)


@pytest.mark.parametrize("sides", [(8, 16), (8, 4, 8), (8, 8), (4,) * 18])
def test_a_tiff_of_several_pictures_is_refused_in_whatever_order(sides):
    pages = [np.full((side, side), 90, np.uint8) for side in sides]
    with pytest.raises(InputError, match="several pictures in one TIFF file"):
        decode_picture(tiff(*pages), "a.tif")


def test_smaller_pages_of_a_tiff_are_previews():
    pages = [np.full((side, side), side, np.uint8) for side in (16, 8, 4)]
    assert decode_picture(tiff(*pages), "a.tif").shape == (16, 16, 3)


def test_folders_behind_links_are_looked_into_once_and_hidden_ones_never(tmp_path):
    for name in ("real/a.jpg", "data/b.jpg", "data/.Trash/c.jpg", "data/@eaDir/b.jpg", "data/Thumbs.DB"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for link, target in (("data/0", "real"), ("data/again", "real"), ("data/loop", "data")):
        (tmp_path / link).symlink_to(tmp_path / target)
    assert find_pictures(tmp_path / "data") == ([tmp_path / "data/0/a.jpg", tmp_path / "data/b.jpg"], [])


def by_pillow(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_half_of_what_is_half_transparent_is_left_once(mode, kind):
    pixel = (200, 100, 50, 128) if mode == "RGBA" else (200, 128)
    picture = decode_picture(by_pillow(Image.new(mode, (4, 4), pixel), kind), "x")
    expected = [round(value * 128 / 255) for value in ((50, 100, 200) if mode == "RGBA" else (200, 200, 200))]
    assert picture[0, 0].tolist() == expected


@pytest.mark.parametrize(("mode", "colour"), [("L", 200), ("RGB", (200, 200, 200))])
def test_a_transparent_colour_without_a_palette_lies_on_black(mode, colour):
    picture = Image.new(mode, (4, 4), colour)
    picture.putpixel((0, 0), 7 if mode == "L" else (7, 7, 7))
    decoded = decode_picture(by_pillow(picture, "PNG", transparency=colour), "x")
    assert decoded[0, :2].tolist() == [[7, 7, 7], [0, 0, 0]]


@pytest.mark.parametrize("most", [1, 100, 255, 1000, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_largest_value_of_a_netpbm_file_is_white(most, channels):
    pixels = np.full((4, 4, channels), most, ">u2" if most > 255 else "u1")
    pixels[0, 0] = most // 2
    data = b"P%d # made\n 4\t4\n# by hand\n%d\n" % (6 if channels == 3 else 5, most) + pixels.tobytes()
    decoded = decode_picture(data, "x")
    assert (decoded[1:] == 255).all()
    np.testing.assert_allclose(decoded[0, 0], most // 2 / most * 255, atol=1)


@pytest.mark.parametrize(("colour", "alpha", "expected"), [(200, 255, 200), (3200, 4095, 200), (200, 65535, 200)])
def test_transparency_of_16_bits_has_the_range_that_is_used(colour, alpha, expected):
    stored = np.full((4, 4, 4), colour, np.uint16)
    stored[..., 3] = alpha
    assert (decode_picture(encoded(stored), "a") == expected).all()


def test_a_plain_pgm_of_16_bits_without_a_last_line_is_not_cut_off():
    decoded = decode_picture(b"P2\n6 1\n4095\n0 100 255 300 1000 4095", "x")
    np.testing.assert_allclose(decoded[0, :, 0], [0, 6, 16, 19, 62, 255], atol=1)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_a_mask_whose_background_is_transparent_is_as_it_is_stored(mode):
    picture = Image.new(mode, (4, 4), 0)
    picture.putpixel((1, 0), 255)
    assert decode_unchanged(by_pillow(picture, "PNG", transparency=0), "x")[0].tolist() == [0, 255, 0, 0]


@pytest.mark.parametrize("kind", ["P2", "P5"])
@pytest.mark.parametrize("most", [100, 1000])
def test_a_netpbm_file_is_as_bright_where_opencv_reads_none(monkeypatch, kind, most):
    values = [0, most // 2, most, most // 4]
    text = " ".join(map(str, values)).encode() + b"\n"
    pixels = text if kind == "P2" else np.array(values, ">u2" if most > 255 else "u1").tobytes()
    data = f"{kind}\n4 1\n{most}\n".encode() + pixels
    decoded = decode_picture(data, "x")
    monkeypatch.setattr("paddle_eye.data.images._decode", lambda *_: None)
    for picture in (decoded, decode_picture(data, "x")):
        np.testing.assert_allclose(picture[0, :, 0], [0, 127, 255, 63], atol=1)
