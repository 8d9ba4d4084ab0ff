import base64
import re
from html.parser import HTMLParser

import jinja2
import pytest

from paddle_eye.report import page
from paddle_eye.tasks.registry import TASKS

PICTURES = {name: f"\x89PNG {name}".encode() for name in ("curves", "confusion_matrix", "roc", "calibration", "worst")}


def render(results, history, pictures):
    task = TASKS[results["task"]]
    return page.render(results, history, pictures, task.report(results), task.template)


class Page(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, its text, the cells of its table rows."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.rows, self.text, self._in_cell = [], [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data

    def row(self, title):
        """The cells of the row that begins with this text."""
        (found,) = [row[1:] for row in self.rows if row and row[0].strip() == title]
        return [" ".join(cell.split()) for cell in found]


@pytest.fixture
def results(two_classes):
    return {
        "run": "resnet50_vD_PALM-2",
        "task": "classification",
        "model": "ResNet50-D",
        "commands": ["python tools/train.py --version D", "python tools/train.py --version D --resume"],
        "settings": {"model.version": "D", "train.lr": 0.0001, "train.weights": None},
        "architecture": {"name": "resnet", "layers": 50, "class_dim": 2, "version": "D", "definition": "document"},
        "classes": ["not pathologic", "pathologic myopia"],
        "preprocessing": {"preset": "document", "channels": "BGR", "range": [-1, 1], "image_size": 224},
        "data": {
            "name": "PALM",
            "path": "dataset/palm",
            "demonstration": False,
            "training_images": 60,
            "best_epoch_chosen_on": "validation images",
            "images_chosen_on": 40,
        },
        "measured_on": "validation images",
        "trainable_parameters": 23_531_234,
        "multiply_adds": 4_318_000_000,
        "faults_of_the_data": [],
        "class_counts": {"training": {"not pathologic": 30, "pathologic myopia": 30}},
        "seconds": 90.0,
        "device": "cpu",
        "versions": {"paddle_eye": "0.1.0", "paddle": "3.3.1"},
        "best": {"epoch": 1, **two_classes},
        "last": {"epoch": 3, **two_classes, "accuracy": 0.85, "auc": 0.9},
    }


@pytest.fixture
def show(results, history):
    """A function that renders the results as they are then, or as a given text, and reads the page."""
    return lambda: Page(render(results, history, PICTURES))


def test_the_page_needs_nothing_from_elsewhere(results, history):
    html = render(results, history, PICTURES)
    page = Page(html)
    assert not re.search(r"https?:|url\(|@import", html)
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    sources = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert len(sources) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_the_pictures_are_in_the_page(show):
    sources = [attributes["src"] for tag, attributes in show().tags if tag == "img"]
    assert [base64.b64decode(source.partition(",")[2]) for source in sources] == list(PICTURES.values())


@pytest.mark.parametrize("demonstration", [True, False])
def test_the_demonstration_set_is_called_so(demonstration, results, show):
    results["data"]["demonstration"] = demonstration
    page = show()
    assert ("Demonstration set." in page.text) == demonstration
    assert ("They are not medical data" in page.text) == demonstration


def test_every_page_says_that_it_is_no_diagnosis(show):
    assert "not a medical device. Nothing it prints is a diagnosis." in show().text


def test_a_best_epoch_chosen_on_the_validation_images_is_said_to_flatter(show):
    text = " ".join(show().text.split())
    assert "chosen on the same 40 images that it is reported on, so its figures flatter" in text
    assert "looked at once" not in text


def test_a_best_epoch_chosen_on_held_out_images_is_said_so(results, show):
    results["data"].update(best_epoch_chosen_on="held-out training images", images_chosen_on=9)
    text = " ".join(show().text.split())
    assert "The best epoch was chosen on 9 held-out training images; the 40 validation images chose nothing" in text
    assert "flatter" not in text


def test_figures_have_four_decimals_and_their_intervals(show):
    page = show()
    assert page.row("Accuracy") == ["0.8750 [0.7389, 0.9454]", "0.8500 [0.7389, 0.9454]"]
    assert page.row("Loss (cross-entropy)") == ["0.5124", "0.5124"]
    assert "87.50 %accuracy, best epoch (1)" in page.text
    assert "85.00 %accuracy, last epoch (3)" in page.text


def test_figures_that_are_not_defined_are_a_dash(results, show):
    undefined = dict.fromkeys(("auc", "auc_interval", "specificity", "kappa", "precision", "f1"))
    results["best"].update(undefined)
    page = show()
    assert page.row("AUC") == ["–", "0.9000 [0.8100, 0.9800]"]
    for title in ("Specificity", "Cohen's kappa", "Precision", "F1"):
        assert page.row(title)[0] == "–"
    assert "–AUC, best epoch" in page.text


def test_every_class_has_its_row(show):
    page = show()
    assert page.row("not pathologic") == ["20", "0.8950", "0.8500", "0.9000", "0.8720", "0.9123"]
    assert page.row("macro mean") == ["", "0.8760", "0.8750", "0.8750", "0.8750", "0.9123"]


def test_more_classes_have_means_in_place_of_sensitivity(results, show, three_classes):
    results["classes"] = ["a", "b", "c"]
    results["best"] = results["last"] = {"epoch": 1, **three_classes}
    page = show()
    assert page.row("F1, macro mean") == ["0.5167", "0.5167"]
    assert page.row("F1, weighted mean") == ["0.6250", "0.6250"]
    assert page.row("c") == ["2", "0.0000", "0.0000", "1.0000", "0.0000", "0.6250"]
    assert "positive one" not in page.text
    assert "Sensitivity" not in page.text


def test_faults_of_the_data_are_told(results, show):
    assert "falsify" not in show().text
    results["faults_of_the_data"] = ["identical pictures on both sides of the split: a.jpg and b.jpg"]
    text = show().text
    assert "The data has faults that falsify figures on this page." in text
    assert "a.jpg and b.jpg" in text


def test_every_evaluation_has_its_row(show, history):
    rows = show().rows
    start = rows.index(list(history[0]))
    assert rows[start + 1] == ["0", "–", "–", "–", "0.72", "0.5", "0.4", "1.5"]
    assert [row[0] for row in rows[start + 1 :]] == ["0", "1", "2", "3"]


def test_it_says_how_the_run_was_made(show, results):
    page = show()
    assert "\n".join(results["commands"]) in page.text
    assert page.row("train.lr") == ["0.0001"]
    assert page.row("Images, training") == ["30 not pathologic, 30 pathologic myopia"]
    network = "name resnet, layers 50, class_dim 2, version D, definition document"
    size = "23,531,234 trainable parameters, 4,318 million multiply-adds for a picture"
    assert page.row("Network") == [f"{network}: {size}"]
    assert page.row("Time") == ["1.5 minutes of training and evaluation on cpu"]
    assert page.row("Versions") == ["paddle_eye 0.1.0, paddle 3.3.1"]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *((None, "run"), (None, "device"), ("data", "name"), ("data", "path"), ("classes", 1)),
        *(("settings", "model.version"), ("commands", 0), ("versions", "paddle")),
    ],
)
def test_text_is_escaped(section, key, results, show):
    evil = "<evil a='1'>&amp;\"</title></pre>"
    (results if section is None else results[section])[key] = evil
    page = show()
    assert evil in page.text
    assert "evil" not in [tag for tag, _ in page.tags]


def test_names_of_classes_are_escaped(results, show):
    results["class_counts"]["training"] = {"<evil>": 30}
    assert show().row("Images, training") == ["30 <evil>"]


def test_results_that_are_not_whole_make_no_page(results, show):
    del results["versions"]
    with pytest.raises(jinja2.UndefinedError, match="versions"):
        show()


@pytest.fixture
def mask_results(results, masks):
    """Of a run on masks."""
    del results["class_counts"]
    results["data"].update(name="membrane", folds=5, fold=4)
    results["settings"].update({"data.image_size": 256, "train.loss": "bce_dice"})
    return {
        **results,
        "task": "segmentation",
        "classes": ["membrane", "cell <interior>"],
        "pictures": {"training": 24, "validation": 2},
        "validation_images": ["image/<4>.png", "image/5.png"],
        "best": {"epoch": 1, **masks},
        "last": {"epoch": 3, **masks},
    }


@pytest.fixture
def mask_history(history):
    return [{**row, "dice": row["accuracy"], "train_dice": row["train_accuracy"]} for row in history]


def test_a_page_of_masks_names_the_foreground_and_the_constant_mask(mask_results, mask_history):
    page = Page(render(mask_results, mask_history, {"curves": b"curves", "masks": b"masks"}))
    text = " ".join(page.text.split())
    assert page.row("Dice of cell <interior>") == ["0.8000 [0.7000, 0.9000] · 0.8100"] * 2
    assert page.row("Dice of membrane") == ["0.5500 [0.5000, 0.6000] · 0.5500"] * 2
    assert page.row("Dice of cell <interior> if all of the mask were so") == ["0.8750 [0.8250, 0.9250] · 0.8750"] * 2
    assert "0.8750Dice of cell <interior> if all of the mask were so" in page.text
    assert "The foreground is “cell <interior>”, the background “membrane”" in text
    assert "chosen on the same 2 images" in text
    assert page.row("Division") == ["block 4 of 5 in the order of the names is measured on"]
    assert page.row("Images, training") == ["24"]
    assert page.row("Loss (bce_dice)") == ["0.1250"] * 2
    assert "4,318 million multiply-adds for a square of 256 pixels" in text


def test_the_worst_masks_come_first(mask_results, mask_history):
    page = Page(render(mask_results, mask_history, {"curves": b"curves", "masks": b"masks"}))
    shown = [row for row in page.rows if row and row[0].startswith("image/")]
    assert [(row[0], row[1]) for row in shown] == [("image/5.png", "0.7000"), ("image/<4>.png", "0.9000")]
    assert shown[0][6] == "–"
    assert "2 of 2; the file predictions_best.csv has all" in page.text
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert [base64.b64decode(source.partition(",")[2]) for source in sources] == [b"curves", b"masks"]
