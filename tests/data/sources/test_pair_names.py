"""Pictures and masks as public sets name them."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_eye.data.sources.blocks import own_division
from paddle_eye.data.sources.layouts import layout
from paddle_eye.data.sources.mask_files import OUTSIDE
from paddle_eye.data.sources.pair_reading import read_pairs
from paddle_eye.data.sources.pairs import find_pairs
from paddle_eye.errors import InputError


@pytest.fixture
def put(tmp_path):
    """A function that writes grey pictures, or masks of a corner where the name is a mask's, and returns the folder."""

    def write(*names, size=(12, 16)):
        for number, name in enumerate(names):
            content = np.full(size, number, np.uint8)
            if any(
                word in name.lower() for word in ("mask", "label", "manual", "1sto", "1stho", "_gt", "/gt/", "_ma.")
            ):
                content[:] = 0
                content[: 3 + number % 3, :5] = 255
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", content)[1].tobytes())
        return tmp_path

    return write


def pairs(root):
    found = find_pairs(root)
    assert found.faults == []
    return [(r.image.relative_to(root).as_posix(), r.mask.relative_to(root).as_posix()) for r in found.records]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("image/1.png", "label/1.png"),
        ("images/1.jpg", "masks/1.png"),
        ("Images/IDRiD_01.jpg", "GT/IDRiD_01_MA.tif"),
        ("images/01_test.tif", "1st_manual/01_manual1.gif"),
        ("img/a.png", "labels/a_label.png"),
        ("Image_01L.jpg", "Image_01L_1stHO.png"),
        ("a.jpg", "a_mask.png"),
        ("images/1.png", "manual/1_manual1.gif"),
        ("image/1.jpg", "segmentation label/1_label.tif"),
    ],
)
def test_names_of_public_sets(put, image, mask):
    root = put(image, mask)
    assert pairs(root) == [(image, mask)]
    assert layout(root) == "masks"


DRIVE = [
    name
    for part, number in (("training", 21), ("training", 22), ("test", 1), ("test", 2))
    for name in (
        f"{part}/images/{number:02d}_{part}.tif",
        f"{part}/1st_manual/{number:02d}_manual1.gif",
        f"{part}/mask/{number:02d}_{part}_mask.gif",
    )
]


def test_drive_comes_divided_and_with_fields_of_view(put):
    root = put(*DRIVE)
    records = find_pairs(root).records
    assert [(r.image.name, r.mask.name, r.field.name, r.part) for r in records] == [
        ("21_training.tif", "21_manual1.gif", "21_training_mask.gif", "training"),
        ("22_training.tif", "22_manual1.gif", "22_training_mask.gif", "training"),
        ("01_test.tif", "01_manual1.gif", "01_test_mask.gif", "test"),
        ("02_test.tif", "02_manual1.gif", "02_test_mask.gif", "test"),
    ]
    assert [[r.image.name[:2] for r in part] for part in own_division(records)] == [["21", "22"], [], ["01", "02"]]
    assert layout(root) == "masks"


def test_pixels_outside_the_field_of_view_are_marked(put):
    root = put(*DRIVE)
    read = read_pairs(root, find_pairs(root).records, lambda picture: picture)
    mask, field = (cv2.imdecode(np.fromfile(root / name, np.uint8), 0) > 0 for name in DRIVE[1:3])
    assert (read[0].truth == np.where(field, mask, OUTSIDE)).all()
    assert (read[0].truth == OUTSIDE).any()
    assert read[0].part == "training"


def test_a_field_of_view_that_is_missing_or_of_another_size_is_a_fault(put):
    root = put(*DRIVE)
    (root / DRIVE[2]).unlink()
    assert [fault.split(": ")[1] for fault in find_pairs(root).faults] == [
        f"no field of view of this name in {root}/training/mask"
    ]
    put(DRIVE[2], size=(11, 16))
    with pytest.raises(InputError, match=r"21_training_mask\.gif: 16x11 pixels, .*21_manual1\.gif has 16x12"):
        read_pairs(root, find_pairs(root).records, lambda picture: picture)


@pytest.mark.parametrize(
    "names", [("1_test.jpg", "2_test.jpg"), ("a/1.jpg", "b/1.jpg"), ("train/a/1.jpg", "val/a/1.jpg")]
)
def test_photographs_without_masks_are_no_pairs(put, names):
    assert layout(put(*names)) != "masks"


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("Original/1_A.png", "Ground truth/1_A.png"),
        ("JPEGImages/1.jpg", "Annotations/1.png"),
        ("images/1.jpg", "gts/1.png"),
    ],
)
def test_more_names_of_folders(put, image, mask):
    assert [record.mask for record in find_pairs(put(image, mask)).records] == [put() / mask]


def test_eyes_are_no_optic_discs_where_both_are_named(put):
    root = put(*(f"{folder}/7_{eye}.png" for folder in ("images", "masks") for eye in ("OD", "OS")))
    assert pairs(root) == [(f"images/7_{eye}.png", f"masks/7_{eye}.png") for eye in ("OD", "OS")]
    root = put("images/12.jpg", "images/12_OS.jpg", "masks/12_OD.png", "masks/12_OS.png")
    faults = "\n".join(find_pairs(root).faults)
    assert "12.jpg: no mask of this name" in faults and "12_OD.png: no picture of this name" in faults


def test_an_optic_disc_is_one_where_no_eye_is_named(put):
    assert pairs(put("images/IDRiD_01.jpg", "masks/IDRiD_01_OD.tif")) == [
        ("images/IDRiD_01.jpg", "masks/IDRiD_01_OD.tif")
    ]


def test_masks_of_a_second_observer_are_passed_over_and_said(put):
    root = put("Image_01L.jpg", "Image_01L_1stHO.png", "Image_01L_2ndHO.png")
    assert pairs(root) == [("Image_01L.jpg", "Image_01L_1stHO.png")]
    assert find_pairs(root).passed_over == [root / "Image_01L_2ndHO.png"]


def test_parts_inside_the_folders_of_pictures_and_masks_are_kept(put):
    root = put(*(f"{kind}/{part}/{part}1.png" for kind in ("images", "masks") for part in ("train", "val", "test")))
    assert [(record.image.name, record.part) for record in find_pairs(root).records] == [
        ("train1.png", "training"),
        ("val1.png", "validation"),
        ("test1.png", "test"),
    ]
    (root / "masks/test/test1.png").unlink()
    (root / "masks/test").rmdir()
    found = find_pairs(root)
    assert [(record.image.name, record.part) for record in found.records] == [
        ("train1.png", "training"),
        ("val1.png", "test"),
    ]
    assert found.left_out == [root / "images/test"]


def test_a_part_without_masks_is_left_out_and_said(put):
    root = put("training/images/1.png", "training/masks/1.png", "test/images/2.png", ".val/images/3.png")
    found = find_pairs(root)
    assert [(record.image.name, record.part) for record in found.records] == [("1.png", None)]
    assert found.left_out == [root / "test"]


def test_fields_of_view_are_found_beside_divided_pictures_and_beside_masks_of_their_names(put):
    root = put(*(f"{kind}/{part}/{part}.png" for kind in ("images", "gt") for part in ("train", "test")))
    put("fov/train.png", "fov/test.png")
    assert [record.field for record in find_pairs(root).records] == [root / "fov/train.png", root / "fov/test.png"]


def test_masks_of_fields_of_view_keep_their_ends_where_the_others_have_one_name(put):
    root = put("images/21_training.png", "labels/21_training.png", "mask/21_training_mask.png")
    (record,) = find_pairs(root).records
    assert record.field == root / "mask/21_training_mask.png"


def test_a_part_to_validate_on_is_one_to_choose_the_epoch_on_beside_a_test_part(put):
    root = put(*(f"{part}/{kind}/1.png" for part in ("train", "val", "test") for kind in ("images", "masks")))
    division = own_division(find_pairs(root).records)
    assert [[record.image.parts[-3] for record in part] for part in division] == [["train"], ["val"], ["test"]]
    for name in ("images", "masks"):
        (root / f"test/{name}/1.png").unlink()
        (root / f"test/{name}").rmdir()
    (root / "test").rmdir()
    division = own_division(find_pairs(root).records)
    assert [[record.image.parts[-3] for record in part] for part in division] == [["train"], [], ["val"]]


@pytest.mark.parametrize("field", ["the mask", "elsewhere"])
def test_masks_of_something_else_are_no_fields_of_view(put, field):
    root = put("images/1.png", "gt/1.png", "masks/1.png")
    mask = cv2.imread(str(root / "gt/1.png"), 0)
    cv2.imwrite(str(root / "masks/1.png"), mask if field == "the mask" else 255 * (mask == 0))
    with pytest.raises(InputError, match=r"masks/1\.png: this is no field of view of .*gt/1\.png"):
        read_pairs(root, find_pairs(root).records, lambda picture: picture)


def test_a_palette_of_two_colours_is_a_mask(put):
    root = put("images/1.png", "masks/1.png")
    places = (np.arange(12 * 16).reshape(12, 16) % 3 == 0).astype(np.uint8)
    picture = Image.fromarray(places, "P")
    picture.putpalette([0, 0, 0, 128, 0, 0])
    picture.save(root / "masks/1.png")
    (pair,) = read_pairs(root, find_pairs(root).records, lambda picture: picture)
    np.testing.assert_array_equal(pair.truth, places)
    picture.putpalette([128, 0, 0, 0, 0, 0])  # which of the two is the background cannot be told
    picture.save(root / "masks/1.png")
    with pytest.raises(InputError, match="a mask has no colours"):
        read_pairs(root, find_pairs(root).records, lambda picture: picture)


def test_a_part_with_fields_of_view_alone_has_no_masks(put):
    parts = [f"training/{name}" for name in ("images/21.png", "1st_manual/21_manual1.png", "mask/21_mask.png")]
    found = find_pairs(put(*parts, "test/images/01.png", "test/mask/01_mask.png"))
    assert [record.image.name for record in found.records] == ["21.png"]
    assert [place.name for place in found.left_out] == ["test"]


def test_pictures_and_masks_are_both_divided_or_neither(put):
    root = put("images/train/0.png", "images/test/1.png", "masks/0.png", "masks/1.png")
    with pytest.raises(InputError, match=r"images is divided into parts, and .*masks is not; divide both, or neither"):
        find_pairs(root)


def test_two_folders_of_one_part_are_refused(put):
    names = [f"{part}/{kind}/0.png" for part in ("train", "Training", "test") for kind in ("images", "masks")]
    with pytest.raises(InputError, match="are both called as the training part; join or rename them"):
        find_pairs(put(*names))


def test_an_archive_and_its_papers_beside_folders_of_classes_are_no_pairs(put):
    root = put("amd/1.png", "normal/2.png")
    for name in ("fundus.zip", "fundus_labels.pdf"):
        (root / name).touch()
    assert layout(root) == "folders"


def test_names_with_accents_together_and_apart_are_pairs(put):
    root = put("images/\u00e91.png", "images/b2.png", "masks/e\u03011.png", "masks/b2.png")
    assert len(find_pairs(root).records) == 2


def test_of_folders_with_names_of_masks_the_one_with_pictures_is_taken(put):
    root = put("JPEGImages/1.png", "SegmentationClass/1_mask.png")
    for name in ("Annotations/1.xml", "labels/1.txt"):
        (root / name).parent.mkdir()
        (root / name).write_text("x")
    assert pairs(root) == [("JPEGImages/1.png", "SegmentationClass/1_mask.png")]
    shutil.rmtree(root / "SegmentationClass")
    assert layout(root) != "masks"


def test_masks_of_fields_of_view_alone_are_not_learned(put):
    """As in LES-AV, where the vessels' folder has another name."""
    root = put(*(f"{folder}/{number}.png" for folder in ("images", "masks") for number in range(3)))
    rows, columns = np.ogrid[:96, :96]
    disc = (rows - 48) ** 2 + (columns - 48) ** 2 < 44**2
    for number in range(3):
        cv2.imwrite(str(root / f"images/{number}.png"), np.where(disc, 120, 0))
        cv2.imwrite(str(root / f"masks/{number}.png"), np.where(disc, 255, 0))
    with pytest.raises(InputError, match=r"masks: these are masks of fields of view, as the photographs show; call"):
        read_pairs(root, find_pairs(root).records, lambda picture: picture)
    (root / "masks").rename(root / "label")
    assert len(read_pairs(root, find_pairs(root).records, lambda picture: picture)) == 3


def test_parts_among_other_words_are_kept(put):
    """As in IDRiD, and as a Keras generator wants them."""
    first = put("Images/a. Training Set/1.png", "Images/b. Testing Set/2.png")
    put("Masks/a. Training Set/1_mask.png", "Masks/b. Testing Set/2_mask.png")
    assert [record.part for record in find_pairs(first).records] == ["training", "test"]
    for folder in ("Masks/a. Training Set", "Masks/b. Testing Set"):
        (first / folder).rename(first / {"a": "Masks/train_masks", "b": "Masks/test_masks"}[folder[6]])
    assert [record.part for record in find_pairs(first).records] == ["training", "test"]


LINES = {"train.txt": ["images/0.png masks/0.png", r"images\1.png masks\1.png"], "val.txt": ["images/2.png"]}


def test_lists_of_paddleseg_divide(put):
    root = put(*(f"{folder}/{number}.png" for folder in ("images", "masks") for number in range(3)))
    for name, lines in LINES.items():
        (root / name).write_text("\n".join(lines))
    assert [record.part for record in find_pairs(root).records] == ["training", "training", "test"]
    (root / "test_list.txt").write_text("images/1.png,masks/1.png")
    (root / "train.txt").write_text("images/0.png masks/0.png\nimages/3.png masks/3.png")
    found = find_pairs(root)
    assert [record.part for record in found.records] == ["training", "test", "validation"]
    assert found.faults == [
        f"{root}/train.txt: images/3.png masks/3.png: no picture with a mask; mend the line, or take it out"
    ]
    (root / "val.txt").write_text("images/1.png")
    faults = "\n".join(find_pairs(root).faults)
    assert "val.txt: images/1.png: this picture has a line already" in faults
    assert f"{root}/images/2.png: in none of test_list.txt, train.txt, val.txt; add it, or remove these lists" in faults
    (root / "training.txt").touch()
    with pytest.raises(InputError, match=r"train.txt and training.txt are both lists of the training part"):
        find_pairs(root)


def test_lists_of_something_else_do_not_divide(put):
    root = put("images/0.png", "masks/0.png")
    for name in ("train.txt", "test.txt"):
        (root / name).write_text("nothing of this")
    assert [record.part for record in find_pairs(root).records] == [None]


def test_pictures_of_one_name_in_folders_of_patients_have_the_masks_of_their_folders(put):
    root = put(*(f"{kind}/p{patient}/{n}.png" for kind in ("images", "masks") for patient in (1, 2) for n in (1, 2)))
    assert pairs(root) == [(f"images/p{p}/{n}.png", f"masks/p{p}/{n}.png") for p in (1, 2) for n in (1, 2)]
    (root / "masks/p2/2.png").unlink()
    assert [fault.split(":")[0] for fault in find_pairs(root).faults] == [f"{root}/images/p2/2.png"]


def test_two_masks_of_one_picture_name_each_other(put):
    root = put("images/1.png", "masks/HE/1_HE.png", "masks/MA/1_MA.png")
    assert (
        find_pairs(root)
        .faults[0]
        .startswith(f"{root}/masks/MA/1_MA.png: its name is that of {root}/masks/HE/1_HE.png, too")
    )
