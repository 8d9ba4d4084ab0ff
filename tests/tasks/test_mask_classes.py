"""Masks of several classes, from losses against numpy to a run on squares."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image
from scipy.special import log_softmax, softmax
from sklearn.metrics import f1_score, jaccard_score, recall_score

import paddle_eye
from paddle_eye.config import Config
from paddle_eye.data.locate import Location
from paddle_eye.data.sources.mask_files import OUTSIDE, doubt_of_background, order_in_words, values_in_order
from paddle_eye.data.sources.pair_reading import read_pairs
from paddle_eye.data.sources.pairs import find_pairs
from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError
from paddle_eye.inference.export import export
from paddle_eye.inference.files import predict_files
from paddle_eye.losses import CLASS_LOSSES, MASK_LOSSES
from paddle_eye.report.compare import FinishedRun
from paddle_eye.tasks.mask_objectives import ClassesObjective, SegmentationObjective
from paddle_eye.tasks.segmentation import SegmentationTask
from paddle_eye.weights.format import read_weights

NAMES = ["background", "disc", "cup"]
VALUES = {"background": 255, "disc": 128, "cup": 0}  # as in REFUGE
GENERATOR = np.random.default_rng(0)


def dice(p, m):
    return 1 - (2 * (p * m).sum() + 1) / (p.sum() + m.sum() + 1)


def tversky(p, m):
    return 1 - ((p * m).sum() + 1) / ((p * m).sum() + 0.7 * ((1 - p) * m).sum() + 0.3 * (p * (1 - m)).sum() + 1)


REFERENCES = {"tversky": tversky, "focal_tversky": lambda p, m: tversky(p, m) ** 0.75, "dice": dice, "bce_dice": dice}


@pytest.mark.parametrize("loss", MASK_LOSSES)
def test_losses_are_means_over_the_foreground_classes_in_the_field_of_view(loss):
    """Against numpy, at four sizes, with pixels outside; these get no gradient."""
    targets = GENERATOR.integers(0, 3, (2, 1, 16, 16)).astype("uint8")
    targets[:, :, :, 12:] = OUTSIDE
    outputs = [GENERATOR.normal(size=(2, 3, 16 // step, 16 // step)).astype("float32") for step in (8, 4, 2, 1)]
    tensors = tuple(paddle.to_tensor(output, stop_gradient=False) for output in outputs)
    terms = ClassesObjective(NAMES[1:], loss).training_terms(tensors, paddle.to_tensor(targets))

    def expected(reference, output, step, entropy=False):
        seen = targets[:, 0, ::step, ::step]
        logits, labels = np.moveaxis(output.astype(float), 1, -1)[seen != OUTSIDE], seen[seen != OUTSIDE]
        value = np.mean([reference(softmax(logits, axis=1)[:, k], labels == k) for k in (1, 2)])
        return value - entropy * log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()

    full = expected(REFERENCES[loss], outputs[-1], 1, entropy=loss == "bce_dice")
    assert terms["loss"].item() == pytest.approx(full, rel=1e-5)
    coarse = sum(expected(REFERENCES["focal_tversky"], *pair) for pair in zip(outputs, (8, 4, 2)))
    assert terms["coarse_loss"].item() == pytest.approx(coarse, rel=1e-5)
    terms["loss"].backward()
    assert not tensors[-1].grad.numpy()[..., 12:].any() and tensors[-1].grad.numpy()[..., :12].any()


def test_of_two_classes_both_definitions_agree():
    """The sigmoid of a difference is the softmax of two logits."""
    logits, labels = GENERATOR.normal(size=(50, 2)).astype("float32"), GENERATOR.integers(0, 2, 50)
    one = paddle.to_tensor(logits[:, 1] - logits[:, 0])
    for name, loss in CLASS_LOSSES.items():
        several = loss(paddle.to_tensor(logits), paddle.to_tensor(labels)).item()
        assert several == pytest.approx(MASK_LOSSES[name](one, paddle.to_tensor(labels)).item(), rel=1e-5)


def test_figures_are_scikit_learns():
    truths = [GENERATOR.integers(0, 3, (1, *shape)).astype("uint8") for shape in ((8, 9), (20, 7), (6, 6))]
    truths[0][0, 0] = OUTSIDE
    truths[2][truths[2] == 2] = 1  # no cup
    predicted = [np.where(GENERATOR.random(t.shape) < 0.7, t % 3, 1).astype("uint8") for t in truths]
    objective = ClassesObjective(NAMES[1:])
    evaluation = Evaluation(0.5, truths, predicted)
    figures, score = objective.figures(evaluation), objective.score(evaluation)
    pairs = [(t[t != OUTSIDE], p[t != OUTSIDE]) for t, p in zip(truths, predicted)]
    for label, of_class in enumerate(figures["per_class"], start=1):
        assert of_class["class"] == NAMES[label]
        seen = pairs if label == 1 else pairs[:2]
        for name, reference in (("dice", f1_score), ("iou", jaccard_score), ("sensitivity", recall_score)):
            values = [reference(t == label, p == label) for t, p in seen]
            assert [each[name] for each in of_class["per_image"] if each[name] is not None] == pytest.approx(values)
            assert of_class["mean"][name] == pytest.approx(np.mean(values))
        low, high = of_class["interval"]["dice"]
        assert low <= of_class["mean"]["dice"] <= high
    means = [f1_score(t, p, labels=labels, average="macro") for (t, p), labels in zip(pairs, ([1, 2], [1, 2], [1]))]
    assert [each["dice"] for each in figures["per_image"]] == pytest.approx(means)
    assert score["dice"] == figures["mean"]["dice"] == pytest.approx(np.mean(means))
    assert figures["mean"]["accuracy"] == pytest.approx(np.mean([(t == p).mean() for t, p in pairs]))
    backgrounds = [f1_score(t == 0, p == 0) for t, p in pairs]
    assert figures["mean"]["background_dice"] == pytest.approx(np.mean(backgrounds))
    assert figures["per_class"][1]["empty"] == [1, int(not (pairs[2][1] == 2).any())]
    said = SegmentationTask.main_figure({"classes": NAMES}, figures)
    right = figures["per_class"][1]["empty"][1]
    assert said.endswith(f"; 1 of 3 pictures have no cup, in {right} of which it sees none")
    assert np.array(score["confusion_matrix"]).sum() == sum(len(t) for t, _ in pairs)


def test_what_training_counts():
    logits, truth = GENERATOR.normal(size=(2, 3, 4, 4)).astype("float32"), GENERATOR.integers(0, 3, (2, 1, 4, 4))
    objective = ClassesObjective(NAMES[1:])
    tally = objective.tally(paddle.to_tensor(logits), objective.targets(truth))
    taken = logits.argmax(axis=1)
    assert [[((truth[:, 0] == t) & (taken == p)).sum() for p in range(3)] for t in range(3)] == tally.tolist()
    expected = f1_score(truth.ravel(), taken.ravel(), labels=[1, 2], average="macro")
    assert objective.training_figures(tally)["dice"] == pytest.approx(expected)


def test_folds_tables_and_comparisons_have_every_class():
    objective, runs = ClassesObjective(NAMES[1:]), []
    for number in range(2):
        truths = [GENERATOR.integers(0, 3, (1, 8, 8)).astype("uint8") for _ in range(2)]
        figures = objective.figures(Evaluation(0.5, truths, [np.roll(truth, 1) for truth in truths]))
        images = [f"{number}{name}.png" for name in "ab"]
        run = {"run": f"fold{number}", "classes": NAMES, "validation_images": images}
        runs.append({**run, "best": figures, "last": figures})
    results = SegmentationTask.over_folds(runs)
    cup = results["last"]["per_class"][1]
    dices = [image["dice"] for run in runs for image in run["last"]["per_class"][1]["per_image"]]
    assert (cup["class"], cup["images"]) == ("cup", 4)
    assert cup["mean"]["dice"] == pytest.approx(np.mean(dices))
    flat = SegmentationTask.table_figures(results["last"])
    assert (flat["dice of cup"], flat["dice of cup_low"]) == (cup["mean"]["dice"], cup["interval"]["dice"][0])
    columns = [key for key, _ in SegmentationTask.columns_of(flat)]
    assert columns[:4] == ["dice", "dice of disc", "dice of cup", "constant_dice"]
    said = SegmentationTask.main_figure(results, results["last"])
    assert said.startswith(f"Dice of disc, cup (mean) {results['last']['mean']['dice']:.4f} [")
    assert f", cup {cup['mean']['dice']:.4f} [" in said
    results = {"classes": NAMES, "seconds": 2, "last": {"epoch": 1}}
    row = SegmentationTask.comparison.row(FinishedRun("a", results, runs[0]["last"], None))
    assert row[0].startswith("disc 0.") and "; cup 0." in row[0]


@pytest.fixture
def squares(tmp_path):
    """Five pictures with a bright square and a brighter one in it, and their masks."""
    for number in range(5):
        classes = np.zeros((40, 48), np.uint8)
        classes[4 : 30 + number, 6:36], classes[12:22, 14 + number : 26] = 1, 2
        picture = (60 + 80 * classes + GENERATOR.integers(-20, 20, classes.shape)).astype(np.uint8)
        for folder, content in (("image", picture), ("label", np.array([255, 128, 0], np.uint8)[classes])):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "set" / folder / f"{number}.png"), content)
    return tmp_path / "set"


def read(place, values):
    found = find_pairs(place)
    return read_pairs(place, found.records, lambda picture: picture, found.faults, values)


def masks_of(place):
    return [record.mask for record in find_pairs(place).records]


def test_a_run_on_three_classes(squares, tmp_path, monkeypatch, capsys):
    """Two steps; then every figure comes again from the weights alone, and masks have the values of the training."""
    monkeypatch.chdir(tmp_path)
    settings = {"model": "unet", "data": str(squares), "classes": VALUES, "image_size": 32, "crops": 1}
    results = paddle_eye.train(**settings, batch_size=2, epochs=1, loss="bce_dice")
    run = tmp_path / results["run"]
    assert results["classes"] == NAMES and results["architecture"]["num_classes"] == 3
    assert results["data"]["values"] == [255, 128, 0]
    (disc, cup), best = results["best"]["per_class"], results["best"]["mean"]
    assert (disc["class"], cup["class"]) == ("disc", "cup")
    assert best["dice"] == pytest.approx((disc["mean"]["dice"] + cup["mean"]["dice"]) / 2)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Dice of disc, cup (mean)" in page and "Sensitivity of cup" in page
    assert (run / "predictions_best.csv").read_text().startswith("image,dice,")
    assert "dice of cup" in (run / "predictions_best.csv").read_text().splitlines()[0]

    row = paddle_eye.evaluate(run)
    assert row["per_class"] == json.loads(json.dumps(results["best"]["per_class"]))
    table = paddle_eye.runs.evaluate.evaluation_lines([row])[0].splitlines()
    assert [line.split("Dice")[0].count("cup") for line in table] == [0, 1, 0, 1]

    segmenter = paddle_eye.open_predictor(run)
    picture = squares / "image/4.png"
    done = predict_files(segmenter, [picture], mask_out=tmp_path / "masks", draw=tmp_path / "drawn")
    drawn = cv2.imread(str(tmp_path / "masks/4.png-mask.png"), cv2.IMREAD_UNCHANGED)
    (segmented,) = paddle_eye.segment(segmenter, [picture])
    np.testing.assert_array_equal(drawn, np.array([255, 128, 0])[segmented.mask])
    truth = cv2.imread(str(squares / "label/4.png"), cv2.IMREAD_UNCHANGED)
    for each, value in ((disc, 128), (cup, 0)):
        assert each["mean"]["dice"] == pytest.approx(f1_score((truth == value).ravel(), (drawn == value).ravel()))
    assert list(done.table.columns) == ["image", "share of disc", "share of cup"]
    assert done.table["share of disc"][0] == pytest.approx((drawn == 128).mean())
    shown = segmenter.show(cv2.imread(str(picture)))
    assert [caption for caption, _ in shown.pictures][2] == "the colours"

    assert export(segmenter, tmp_path / "exported", "paddle") <= 1e-4
    exported = paddle_eye.open_predictor(tmp_path / "exported")
    inputs = GENERATOR.uniform(-1, 1, (1, 1, 48, 32)).astype("float32")
    both = (softmax(each.run(inputs), axis=1) for each in (segmenter, exported))
    np.testing.assert_allclose(*both, atol=1e-4)
    assert exported.mask_file(segmented) == segmenter.mask_file(segmented)


def test_a_network_for_other_classes_is_gone_on_with_behind_a_frozen_encoder(squares, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"model": "unet", "image_size": 32, "crops": 1, "batch_size": 2, "loss": "bce_dice"}
    three = paddle_eye.train(**settings, data=str(squares), classes=VALUES, epochs=0)
    two = shutil.copytree(squares, tmp_path / "two")
    for path in (two / "label").iterdir():
        cv2.imwrite(str(path), 255 * (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) < 255).astype(np.uint8))
    after = paddle_eye.train(**settings, data=str(two), epochs=1, pretrained=three["run"], freeze="stage4")
    assert after["trainable_parameters"] < after["parameters"]
    begun, trained = (read_weights(Path(run["run"]) / "last.pdparams").arrays for run in (three, after))
    same = {name for name, array in trained.items() if np.array_equal(array, begun[name])}
    assert {name for name in trained if name.startswith("encoder.")} <= same < set(trained)


def test_names_in_another_order_than_the_values_are_warned_of(squares):
    for names in (NAMES[::-1], NAMES):
        values = values_in_order(squares, masks_of(squares), names)
        first, second, third = names
        told = f"in the order of the values of masks {first} is 0, {second} is 128, {third} is 255"
        assert order_in_words(values) == told
        cure = "if that is the background, say data.classes={name: value, …}"
        doubt = f"most corners of the masks are {names[2]}; {cure}"
        assert doubt_of_background(names, [pair.truth for pair in read(squares, values)]) == [doubt]
    turned = [2 - pair.truth for pair in read(squares, values)]
    assert doubt_of_background(names, turned) == []


@pytest.mark.parametrize(("background", "warned"), [("background", True), ("membrane", False)])
def test_masks_of_two_values_turned_round_are_warned_of_unless_the_background_was_named(background, warned, squares):
    for path in (squares / "label").iterdir():
        cv2.imwrite(str(path), 255 * (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == 255).astype(np.uint8))
    settings = {"model.name": "unet", "data.image_size": 32, "data.background": background}
    task = SegmentationTask(Config().updated(settings, "test"), Location(squares, "set", False))
    doubt = "most corners of the masks are foreground; if that is the background, write the masks turned round"
    assert (doubt in task.load().notes) == warned


def of(place):
    settings = {"model.name": "unet", "data.image_size": 32, "data.classes": VALUES}
    return SegmentationTask(Config().updated(settings, "test"), Location(place, "set", False))


def test_classes_that_no_mask_of_a_part_has_are_named(squares):
    assert not any("no mask that is" in note for note in of(squares).load().notes)
    *learned, _ = sorted((squares / "label").iterdir())
    for path in learned:
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.where(mask == VALUES["cup"], VALUES["disc"], mask).astype(np.uint8))
    assert "no mask that is learned from has cup" in of(squares).load().notes
    for path in learned:
        cv2.imwrite(str(path), np.full_like(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), VALUES["background"]))
    with pytest.raises(InputError, match="no mask that is learned from has foreground to learn"):
        of(squares).load()


def test_values_may_stand_in_the_order_of_the_names(squares):
    masks = masks_of(squares)
    values = {"cup": 0, "disc": 128, "background": 255}
    assert values_in_order(squares, masks, ["cup", "disc", "background"]) == values
    told = r"data.classes has 4 names, the masks have 3 values: 0 \(0.png\), 128 \(0.png\), 255 \(0.png\)"
    with pytest.raises(InputError, match=told):
        values_in_order(squares, masks, list("abcd"))


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_of_a_palette_of_colours_the_indices_are_the_values(squares, suffix):
    before = [pair.truth for pair in read(squares, VALUES)]
    for number, truth in enumerate(before):
        (squares / f"label/{number}.png").unlink()
        palette = Image.fromarray(truth)
        palette = palette.convert("P") if palette.mode != "P" else palette
        palette.putpalette([10, 10, 10, 200, 0, 0, 0, 200, 0])
        palette.save(squares / f"label/{number}{suffix}")
    for pair, truth in zip(read(squares, {"background": 0, "disc": 1, "cup": 2}), before):
        np.testing.assert_array_equal(pair.truth, truth)


def test_a_value_of_no_class_is_told_with_its_file(squares):
    mask = cv2.imread(str(squares / "label/3.png"), cv2.IMREAD_UNCHANGED)
    mask[0, 0], mask[1, 1] = 77, 78
    cv2.imwrite(str(squares / "label/3.png"), mask)
    cv2.imwrite(str(squares / "label/2.png"), np.dstack([mask, mask, mask.T.reshape(mask.shape)]))
    with pytest.raises(InputError) as told:
        read(squares, VALUES)
    assert "label/3.png: no class has the value 77, 78, the classes have background 255, disc 128, cup 0; give" in str(
        told.value
    )
    assert "label/2.png: a mask of several classes has a grey value, or a place in a palette, for each" in str(
        told.value
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (["background", "disc"], "three or more different names"),
        (["a", "b", "b"], "three or more different names"),
        (["a", "b", 3], "three or more different names"),
        ("disc", "three or more different names"),
        ({"a": 0, "b": 1, "c": 1}, "a different value from 0 to 65535"),
        ({"a": 0, "b": 1, "c": 70000}, "a different value from 0 to 65535"),
        ({"a": 0, "b": 1, "c": "2"}, "a different value from 0 to 65535"),
    ],
)
def test_wrong_classes_are_explained(value, told):
    with pytest.raises(InputError, match=f"data.classes: expected {told}"):
        Config().updated({"data.classes": value}, "here")


@pytest.mark.parametrize("values", [[0, 1], [0, 1, 1], [0, 1, "2"], [0, 1, -1], "012"])
def test_a_strangers_file_with_wrong_values_is_refused(tmp_path, values):
    model = paddle_eye.create_model("unet", num_classes=3)
    path = tmp_path / "w.pdparams"
    described = {"architecture": model.architecture, "classes": NAMES, "data": {"values": values}}
    paddle_eye.weights.format.write_weights(path, model, described)
    with pytest.raises(InputError, match=r"w\.pdparams: expected 3 different values of masks"):
        paddle_eye.open_predictor(path)


@pytest.mark.parametrize("loss", MASK_LOSSES)
@pytest.mark.parametrize("kinds", [1, 3])
def test_squares_outside_the_field_of_view_teach_nothing(loss, kinds):
    """A batch may have no others, where it is small."""
    objective = SegmentationObjective(loss) if kinds == 1 else ClassesObjective(NAMES[1:], loss)
    outputs = paddle.to_tensor(GENERATOR.normal(size=(1, kinds, 8, 8)).astype("float32"), stop_gradient=False)
    terms = objective.training_terms(outputs, paddle.full([1, 1, 8, 8], OUTSIDE, "uint8"))
    terms["loss"].backward()
    assert abs(terms["loss"].item()) < 1e-4
    assert not outputs.grad.numpy().any()


def test_a_place_in_a_palette_has_one_colour_in_all_masks(squares):
    def write(number, *palette):
        classes = (cv2.imread(str(squares / f"label/{number}.png"), cv2.IMREAD_UNCHANGED) < 255).astype(np.uint8)
        classes[15, 20] = 2
        image = Image.fromarray(classes).convert("P")
        image.putpalette([value for colour in palette for value in colour])
        image.save(squares / f"label/{number}.png")

    black, red, green = (0, 0, 0), (255, 0, 0), (0, 255, 0)
    values = {"background": 0, "disc": 1, "cup": 2}
    for number in range(5):
        write(number, black, red, green)
    assert len(read(squares, values)) == 5
    write(3, black, green, red)
    with pytest.raises(InputError, match=r"label/3.png: the colour 1 of its palette is another than in .*label/0.png"):
        read(squares, values)
