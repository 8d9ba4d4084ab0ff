"""What is printed of networks and runs of every task."""

import json
import re

import pytest

from paddle_eye.errors import InputError
from paddle_eye.runs.cross_validation import write_summary
from paddle_eye.runs.evaluate import evaluation_lines
from paddle_eye.runs.train import result_lines
from paddle_eye.tasks.registry import TASKS


def evaluation_line(row):
    return TASKS[row["task"]].evaluation_line(row)


def evaluation_table(rows):
    return TASKS[rows[0]["task"]].evaluation_table(rows)


FURTHER = {"notes": [], "report": None}


@pytest.fixture
def make_row(two_classes):
    """A function that makes a row as `paddle_eye.runs.evaluate.evaluate_weights` does, with changes."""
    row = {
        **two_classes,
        "task": "classification",
        "weights": "output/resnet50_vD_PALM/resnet50_vD_PALM.pdparams",
        "model": "ResNet50-D",
        "data": "PALM",
        "demonstration": False,
        "trained_on": 0,
        "look_trained_on": None,
        "classes": ["healthy", "ill"],
        "epoch": 17,
        **FURTHER,
    }
    return lambda **changes: {**row, **changes}


UNDEFINED = dict.fromkeys(("epoch", "trained_on", "auc", "auc_interval", "kappa"))


def cells(line):
    """(where it begins, text) of each cell; cells are two spaces or more apart."""
    return [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", line)]


def test_the_line_is_the_documents(make_row):
    assert evaluation_line(make_row()) == "[validation]:===model:ResNet50-D===accuracy:0.87500/loss:0.51239"


def test_the_lines_for_more_classes_are_the_documents(make_row, three_classes):
    assert evaluation_line(make_row(**three_classes, classes=["a", "b", "c"])).splitlines() == [
        "[validation]:===model:ResNet50-D===accuracy:0.70000/loss:0.51239",
        "classes: a, b, c; after them the mean",
        "acc-> 0.7000",
        "precision--> ([0.8, 0.6, 0.0], 0.4667)",
        "recall--> ([0.8, 1.0, 0.0], 0.6)",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        [{}],
        [{}, {"model": "ResNet101-D", "data": "a very long name of data", "images": 1}],
        [UNDEFINED, {"epoch": 2000}, {"weights": "w.pdparams"}],
    ],
    ids=["one", "unequal", "undefined"],
)
def test_columns_are_aligned(changes, make_row):
    rows = [make_row(**change) for change in changes]
    *table, below = evaluation_table(rows).splitlines()
    assert below == "of two classes: sensitivity, specificity and F1 are those of ill"
    header, *lines = map(cells, table)
    assert len(lines) == len(rows)
    assert len(header) == 14
    for line in lines:
        assert [start for start, _ in line] == [start for start, _ in header]


def shown(row):
    header, line = ([text for _, text in cells(line)] for line in evaluation_table([row]).splitlines()[:2])
    return dict(zip(header, line))


def test_every_figure_stands_under_its_name(make_row):
    assert shown(make_row()) == {
        "model": "ResNet50-D",
        "data": "PALM",
        "images": "40",
        "seen in training": "0",
        "epoch": "17",
        "accuracy [95 %]": "0.8750 [0.739, 0.945]",
        "AUC [95 %]": "0.9123 [0.810, 0.980]",
        "sensitivity": "0.9000",
        "specificity": "0.8500",
        "f1": "0.8780",
        "kappa": "0.7500",
        "ece": "0.0250",
        "loss": "0.5124",
        "weights": "output/resnet50_vD_PALM/resnet50_vD_PALM.pdparams",
    }


def test_of_more_classes_the_means_are_shown(make_row, three_classes):
    row = shown(make_row(**three_classes))
    assert "are means over the classes" in evaluation_table([make_row(**three_classes)]).splitlines()[2]
    assert (row["sensitivity"], row["specificity"], row["f1"]) == ("0.6000", "0.8380", "0.5167")


def test_what_is_not_known_is_a_mark(make_row):
    row = shown(make_row(**UNDEFINED))
    assert (row["epoch"], row["seen in training"], row["AUC [95 %]"], row["kappa"]) == ("?", "?", "-", "-")


MASK_ORIGIN = {"task": "segmentation", "model": "DAMU-Net", "data": "membrane", "epoch": 8}
MASK_ORIGIN.update({"trained_on": 0, "look_trained_on": None})


@pytest.fixture
def mask_row(masks):
    """A row of `paddle_eye.runs.evaluate.evaluate_weights` of a network that draws masks."""
    return {**masks, **MASK_ORIGIN, "classes": ["membrane", "cell interior"], "weights": "w.pdparams", **FURTHER}


DICE = "Dice of cell interior 0.8000 [0.700, 0.900] (all cell interior: 0.8750), Dice of membrane 0.5500"


def test_the_dice_of_masks_names_its_foreground_and_what_a_constant_has(mask_row):
    assert evaluation_line(mask_row) == f"[validation]:===model:DAMU-Net==={DICE}"
    chosen = {"data": {"best_epoch_chosen_on": "validation images"}, "measured_on": "test images"}
    results = {**mask_row, "run": "damu_unet_membrane", "best": mask_row, "last": mask_row, **chosen}
    assert result_lines(results) == [
        f"best epoch 8 on the test images: {DICE}, loss 0.12500, chosen on the validation images",
        f"last epoch 8 on the test images: {DICE}, loss 0.12500",
    ]


def test_masks_have_a_table_of_their_own(mask_row, make_row):
    first, second, third, fourth, *lines = evaluation_lines([make_row(), {**mask_row, "trained_on": 2}])
    assert [table.splitlines()[0].split()[:2] for table in (first, second)] == [["model", "data"]] * 2
    header, line = map(cells, second.splitlines())
    assert dict(zip((text for _, text in header), (text for _, text in line))) == {
        **{"model": "DAMU-Net", "data": "membrane", "images": "2", "seen in training": "2", "epoch": "8"},
        **{"foreground": "cell interior", "Dice [95 %]": "0.8000 [0.700, 0.900]", "all foreground": "0.8750"},
        **{"Dice of background": "0.5500", "IoU": "0.7000", "pixel accuracy": "0.7500", "sensitivity": "0.9500"},
        **{"specificity": "0.5000", "Tversky loss": "0.1250", "weights": "w.pdparams"},
    }
    assert third == "WARNING: w.pdparams was trained on 2 of these 2 images"
    of_resnet, (of, of_unet) = lines[0], lines[-2:]
    assert (fourth, of) == (make_row()["weights"], "w.pdparams")
    assert [line.split("===")[1] for line in (of_resnet, of_unet)] == ["model:ResNet50-D", "model:DAMU-Net"]


def test_folds_are_summed_up_over_their_images(mask_row, tmp_path, capsys):
    runs = [
        {**mask_row, "run": f"unet-fold{fold}", "best": mask_row, "last": mask_row, "validation_images": images}
        for fold, images in ((1, ["1.png", "2.png"]), (2, ["3.png", "4.png"]))
    ]
    for fold, (run, path) in enumerate(zip(runs, ("membrane", "./membrane/")), start=1):
        run["settings"] = {"data.path": path, "data.fold": fold, "train.lr": 0.01}
        run["data"] = {"best_epoch_chosen_on": "validation images"}
    summary = write_summary(tmp_path, runs)
    assert (summary, json.loads(summary.read_text())["runs"]) == (
        tmp_path / "unet-folds.json",
        ["unet-fold1", "unet-fold2"],
    )
    best, last = capsys.readouterr().out.splitlines()
    assert best.startswith(
        "2 folds, 4 images, best epochs, each chosen on its own validation images: Dice of cell interior 0.8000 ["
    )
    assert last.startswith("2 folds, 4 images, last epochs: Dice of cell interior 0.8000 [")
    runs[1]["settings"]["train.lr"] = 0.1
    with pytest.raises(InputError, match=r"unet-fold2: it was trained with other values of train[.]lr than"):
        write_summary(tmp_path, runs)


def test_a_note_about_one_of_several_networks_says_of_which(make_row):
    rows = [{**make_row(), "weights": name, "notes": notes} for name, notes in (("a", ["x", "y"]), ("b", ["x"]))]
    lines = evaluation_lines(rows)
    assert "note: x" in lines and "note: a: y" in lines
