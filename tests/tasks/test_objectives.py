import math

import numpy as np
import paddle
import pytest
from paddle import nn
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef, recall_score, roc_auc_score

from paddle_eye.engine import optim
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.objective import Evaluation
from paddle_eye.inference.tiles import pixel_logits
from paddle_eye.losses import MASK_LOSSES, focal_tversky_loss, tversky_loss
from paddle_eye.models.unet import DAMUNet, UNet
from paddle_eye.tasks.segmentation import SegmentationObjective

GENERATOR = np.random.default_rng(0)
OBJECTIVE = SegmentationObjective()


def logits(*shape):
    return paddle.to_tensor(GENERATOR.normal(size=shape).astype("float32"))


def masks(*shape):
    return GENERATOR.integers(0, 2, shape).astype("uint8")


@pytest.mark.parametrize("loss", MASK_LOSSES)
def test_one_output_has_one_term(loss):
    output, mask = logits(2, 1, 16, 16), masks(2, 1, 16, 16)
    terms = SegmentationObjective(loss).training_terms(output, OBJECTIVE.targets(mask))
    assert list(terms) == ["loss"]
    assert terms["loss"].item() == pytest.approx(MASK_LOSSES[loss](output, paddle.to_tensor(mask)).item())


def test_coarse_outputs_are_compared_with_every_8th_4th_and_2nd_pixel():
    outputs, mask = tuple(logits(2, 1, side, side) for side in (2, 4, 8, 16)), masks(2, 1, 16, 16)
    terms = OBJECTIVE.training_terms(outputs, OBJECTIVE.targets(mask))
    coarse = [mask[:, :, ::step, ::step].astype("float32") for step in (8, 4, 2)]
    expected = sum(focal_tversky_loss(out, paddle.to_tensor(seen)).item() for out, seen in zip(outputs, coarse))
    assert terms["coarse_loss"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["loss"].item() == pytest.approx(tversky_loss(outputs[-1], paddle.to_tensor(mask)).item(), rel=1e-6)


def test_confusion_and_its_figures_are_of_pixels():
    output, mask = paddle.to_tensor([[[[1.0, 1.0, -1.0, -1.0]]]]), paddle.to_tensor([[[[1, 0, 1, 0]]]], dtype="uint8")
    output = paddle.concat([output, output, paddle.to_tensor([[[[1.0] * 4]]])], axis=0)
    mask = paddle.concat([mask, mask, paddle.ones([1, 1, 1, 4], dtype="uint8")], axis=0)
    confusion = OBJECTIVE.tally(output, mask)
    assert confusion.tolist() == [[2, 2], [2, 6]]
    assert OBJECTIVE.training_figures(confusion) == {
        "dice": 12 / 16,
        "accuracy": 8 / 12,
        "confusion_matrix": [[2, 2], [2, 6]],
    }


def test_scores_are_means_over_images_of_several_sizes():
    truths, predicted = ([masks(1, *shape) for shape in ((8, 8), (6, 20), (30, 7))] for _ in range(2))
    parts = [(65535 * mask.astype(np.uint16)) for mask in predicted]  # certain ones
    score = OBJECTIVE.score(Evaluation(0.25, truths, parts))
    figures = OBJECTIVE.figures(Evaluation(0.25, truths, parts))
    pairs = [(truth.reshape(-1), mask.reshape(-1)) for truth, mask in zip(truths, predicted)]
    assert score["loss"] == figures["loss"] == 0.25
    assert score["dice"] == figures["mean"]["dice"] == pytest.approx(np.mean([f1_score(*pair) for pair in pairs]))
    assert figures["mean"]["sensitivity"] == pytest.approx(np.mean([recall_score(*pair) for pair in pairs]))
    together = [np.concatenate(side) for side in zip(*pairs)]
    assert figures["overall"]["dice"] == pytest.approx(f1_score(*together))
    assert sum(map(sum, score["confusion_matrix"])) == 64 + 120 + 210


def test_evaluation_takes_pictures_of_any_size_one_by_one():
    paddle.seed(0)
    model = UNet()
    model.eval()
    pictures = [GENERATOR.uniform(-1, 1, (1, *shape)).astype("float32") for shape in ((32, 48), (21, 50))]
    truths = [masks(1, *picture.shape[1:]) for picture in pictures]
    batches = [(picture[None], truth[None]) for picture, truth in zip(pictures, truths)]
    evaluation = evaluate(model, batches, OBJECTIVE, expected=2)
    with paddle.no_grad():
        whole = model(paddle.to_tensor(pictures[0][None])).numpy()[0]  # its sides are multiples of 16
    np.testing.assert_array_equal(evaluation.outputs[0] >= 32768, whole > 0)
    np.testing.assert_allclose(evaluation.outputs[0] / 65535, 1 / (1 + np.exp(-whole)), atol=1e-5)
    np.testing.assert_array_equal(evaluation.targets[1], truths[1])
    assert evaluation.outputs[1].shape == (1, 21, 50)
    losses = [
        tversky_loss(paddle.to_tensor(pixel_logits(model, picture)[None]), paddle.to_tensor(truth[None])).item()
        for picture, truth in zip(pictures, truths)
    ]
    assert evaluation.loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_large_pictures_are_looked_at_by_tiles_without_seams():
    """A network whose output depends on a pixel alone gives the same for any division."""
    model = nn.Conv2D(1, 1, 1)
    model.multiple = 16
    picture = GENERATOR.uniform(-1, 1, (1, 1000, 1100)).astype("float32")
    with paddle.no_grad():
        whole = model(paddle.to_tensor(picture[None])).numpy()[0, 0]
    np.testing.assert_allclose(pixel_logits(model, picture)[0], whole, atol=1e-5)


def test_a_supervised_network_learns_bright_from_dark_by_the_one_loop():
    """The best epoch is chosen by the Dice; the columns of training are those of the terms and the figures."""
    paddle.seed(0)
    model, kept = DAMUNet(), []
    mask = np.zeros((2, 1, 32, 32), "uint8")
    mask[0, 0, :16], mask[1, 0, :, 20:] = 1, 1
    pictures = (mask * 1.6 - 0.8 + GENERATOR.uniform(-0.1, 0.1, mask.shape)).astype("float32")
    history = fit(
        model,
        optim.build("Adam", model, 0.01),
        OBJECTIVE,
        lambda epoch: [(pictures, mask)] * 4,
        lambda: zip(pictures[:, None], mask[:, None]),
        6,
        expected=2,
        keep_best=lambda row, evaluation: kept.append(row["dice"]),
    )
    assert kept == sorted(kept)
    assert kept[-1] == max(row["dice"] for row in history) > 0.9
    names = {"train_loss", "train_coarse_loss", "train_dice", "train_accuracy", "train_confusion_matrix"}
    assert {name for name in history[-1] if name.startswith("train_")} == names
    assert history[-1]["train_dice"] > 0.9
    assert math.isfinite(history[-1]["train_coarse_loss"])
    assert sum(map(sum, history[-1]["train_confusion_matrix"])) == 4 * 2 * 32 * 32


@pytest.mark.parametrize("loss", ["tversky", "focal_tversky", "dice", "bce_dice"])
def test_pixels_outside_the_field_of_view_do_not_count(loss):
    """A picture whose outside is left away has the same loss and the same counts."""
    objective = SegmentationObjective(loss)
    logits, mask = GENERATOR.normal(size=(1, 1, 16, 16)).astype("float32"), masks(1, 16, 16)[None]
    outside = mask.copy()
    outside[..., 10:] = 255
    inside = (paddle.to_tensor(each[..., :10].copy()) for each in (logits, mask))
    whole = paddle.to_tensor(logits, stop_gradient=False), paddle.to_tensor(outside)
    found = objective.training_terms(whole[0], objective.targets(whole[1]))["loss"]
    assert found.item() == pytest.approx(objective.training_terms(*inside)["loss"].item(), rel=1e-5)
    found.backward()
    assert not whole[0].grad.numpy()[..., 10:].any()
    counted = objective.tally(paddle.to_tensor(logits), whole[1])
    assert counted.sum() == 160
    parts = objective.outputs(paddle.to_tensor(logits))
    figures = objective.figures(Evaluation(0.0, [outside[0]], [parts[0]]))
    truth, scores = mask[0, 0, :, :10].ravel(), 1 / (1 + np.exp(-logits[0, 0, :, :10].ravel()))
    assert figures["overall"]["dice"] == pytest.approx(f1_score(truth, scores > 0.5))
    assert figures["overall"]["auc"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-4)
    assert figures["overall"]["average_precision"] == pytest.approx(average_precision_score(truth, scores), abs=1e-3)
    assert figures["overall"]["mcc"] == pytest.approx(matthews_corrcoef(truth, scores > 0.5))
