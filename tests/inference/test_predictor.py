import numpy as np
import paddle
import pytest

from paddle_eye.data.images import read_picture
from paddle_eye.errors import InputError
from paddle_eye.inference.predictor import predict
from paddle_eye.inference.segmenter import segment
from paddle_eye.runs.predict import open_predictor
from paddle_eye.weights.opened import open_weights


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, write_picture):
    folder = tmp_path_factory.mktemp("pictures")
    return [write_picture(folder / f"{number}.png", number % 3) for number in range(7)]


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_predictions_are_those_of_the_network_one_by_one_in_order(weights, pictures, batch_size):
    opened = open_weights(weights)
    predictions = list(predict(open_predictor(weights), pictures, batch_size))
    assert [prediction.image for prediction in predictions] == pictures
    for prediction in predictions:
        inputs = paddle.to_tensor(opened.preprocessing(read_picture(prediction.image))[None])
        logits = opened.model(inputs).numpy()[0].astype(float)
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(prediction.probabilities, expected, atol=1e-5)


def test_a_bad_file_stops_nothing(weights, pictures, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    files = [pictures[0], bad, pictures[1]]
    first, second, third = predict(open_predictor(weights), files, 2)
    assert "bad.png: this is no picture" in second.fault
    assert second.probabilities is None
    assert first.fault is third.fault is None
    np.testing.assert_array_equal(
        [first.probabilities, third.probabilities],
        [prediction.probabilities for prediction in predict(open_predictor(weights), pictures[:2], 1)],
    )


def test_a_batch_of_bad_files_stops_nothing(weights, pictures, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    assert [p.fault is None for p in predict(open_predictor(weights), [bad, bad, pictures[0]], 2)] == [
        False,
        False,
        True,
    ]


def test_questions_that_are_none_are_explained(weights, pictures):
    network = open_predictor(weights)
    with pytest.raises(InputError, match=r"0\.png: give a list of picture files, also of one: \['"):
        predict(network, str(pictures[0]))
    with pytest.raises(InputError, match=r"'best.pdparams': this is no network to be asked; open one with"):
        predict("best.pdparams", pictures)
    with pytest.raises(InputError, match="batch_size 0: expected at least 1"):
        predict(network, pictures, 0)
    with pytest.raises(InputError, match="draws no masks; ask it with predict"):
        segment(network, pictures)
    with pytest.raises(InputError, match="device 'tpu': expected 'cpu' or 'gpu:N'"):
        open_predictor(weights, "tpu")
    assert len(list(predict(network, iter(pictures)))) == len(pictures)


def test_a_task_that_the_network_does_not_answer_for_is_refused(make_weights, tmp_path):
    path = make_weights(tmp_path / "w.pdparams", task="segmentation")
    with pytest.raises(InputError, match=r"w.pdparams: its description says segmentation, which is nothing that its"):
        open_predictor(path)


def test_no_files(weights):
    assert list(predict(open_predictor(weights), [])) == []


def test_a_run_is_its_best_weights(make_weights, tmp_path):
    make_weights(tmp_path / "run/shufflenet.pdparams", epoch=3)
    make_weights(tmp_path / "run/last.pdparams", epoch=5)
    assert open_predictor(tmp_path / "run").description["epoch"] == 3


def test_a_folder_of_several_runs_is_refused(make_weights, tmp_path):
    for name in "ab":
        make_weights(tmp_path / name / "w.pdparams")
    with pytest.raises(
        InputError, match=r"expected a run with one file of best weights, found 2: .*a/w.pdparams, .*b/w.pdparams"
    ):
        open_predictor(tmp_path)


def test_classes_without_names_are_numbered(make_weights, tmp_path):
    opened = open_weights(make_weights(tmp_path / "w.pdparams"))
    from paddle_eye.weights.format import write_weights

    write_weights(tmp_path / "unnamed.pdparams", opened.model, {"architecture": opened.description["architecture"]})
    assert open_predictor(tmp_path / "unnamed.pdparams").classes == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize("classes", [["a"], "abc", [1, 2, 3], ["a", "b", "a"]])
def test_wrong_names_of_classes_are_refused(make_weights, tmp_path, classes):
    path = make_weights(tmp_path / "w.pdparams", classes=classes)
    with pytest.raises(InputError, match=r"w.pdparams: expected the names of 3 classes"):
        open_predictor(path)
