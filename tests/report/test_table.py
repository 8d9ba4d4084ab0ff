import re

import pytest

from paddle_eye.report.table import evaluation_line, evaluation_table


def make_row(**changes):
    return {
        "weights": "output/resnet50_vD_PALM/resnet50_vD_PALM.pdparams",
        "model": "ResNet50-D",
        "data": "PALM",
        "demonstration": False,
        "images": 400,
        "epoch": 17,
        "loss": 0.107534,
        "accuracy": 0.9675,
        "accuracy_interval": [0.9453, 0.98088],
        "auc": 0.99123,
        "auc_interval": [0.981, 0.99861],
        "sensitivity": 0.95,
        "specificity": 0.98,
        "precision": 0.97,
        "f1": 0.961,
        "kappa": 0.93,
        "confusion_matrix": [[185, 4], [9, 202]],
        **changes,
    }


UNDEFINED = dict.fromkeys(("epoch", "auc", "auc_interval", "specificity", "kappa"))


def cells(line):
    """(where it begins, text) of each cell; cells are two spaces or more apart."""
    return [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", line)]


def test_the_line_is_the_documents():
    assert evaluation_line(make_row()) == "[validation]:===model:ResNet50-D===accuracy:0.96750/loss:0.10753"


@pytest.mark.parametrize(
    "rows",
    [
        [make_row()],
        [make_row(), make_row(model="ResNet101-D", data="a very long name of data", images=1)],
        [make_row(**UNDEFINED), make_row(epoch=2000), make_row(weights="w.pdparams")],
    ],
    ids=["one", "unequal", "undefined"],
)
def test_columns_are_aligned(rows):
    header, *lines = map(cells, evaluation_table(rows).splitlines())
    assert len(lines) == len(rows)
    assert len(header) == 12
    for line in lines:
        assert [start for start, _ in line] == [start for start, _ in header]


def test_every_figure_stands_under_its_name():
    header, line = ([text for _, text in cells(line)] for line in evaluation_table([make_row()]).splitlines())
    shown = dict(zip(header, line))
    assert (shown["model"], shown["data"], shown["images"], shown["epoch"]) == ("ResNet50-D", "PALM", "400", "17")
    assert shown["accuracy [95 %]"] == "0.9675 [0.945, 0.981]"
    assert shown["AUC [95 %]"] == "0.9912 [0.981, 0.999]"
    assert shown["weights"] == "output/resnet50_vD_PALM/resnet50_vD_PALM.pdparams"
    assert line[6:11] == ["0.9500", "0.9800", "0.9610", "0.9300", "0.1075"]


def test_what_is_not_known_is_a_mark():
    line = [text for _, text in cells(evaluation_table([make_row(**UNDEFINED)]).splitlines()[1])]
    assert (line[3], line[5], line[7], line[9]) == ("?", "-", "-", "-")
