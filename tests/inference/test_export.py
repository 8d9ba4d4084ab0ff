import json

import numpy as np
import paddle
import pytest
from paddle import inference

from paddle_eye.errors import InputError, JobError
from paddle_eye.inference import export as export_module
from paddle_eye.inference import exported as exported_module
from paddle_eye.inference.export import export
from paddle_eye.inference.exported import open_exported, open_program
from paddle_eye.inference.predictor import predict
from paddle_eye.runs.predict import open_predictor

PICTURES = np.random.default_rng(1).uniform(-2, 2, (3, 3, 64, 64)).astype("float32")
PADDLE_3 = int(paddle.__version__.split(".")[0]) >= 3


@pytest.fixture(scope="module")
def folder(weights, tmp_path_factory):
    target = tmp_path_factory.mktemp("exported") / "network"
    assert export(open_predictor(weights), target, "paddle") <= 1e-4
    return target


def test_an_exported_network_says_the_same_as_the_training_network(weights, folder, write_picture, tmp_path):
    files = [write_picture(tmp_path / f"{number}.png", number % 3) for number in range(4)]
    trained, exported = open_predictor(weights), open_predictor(folder)
    assert (exported.classes, exported.preprocessing) == (trained.classes, trained.preprocessing)
    assert exported.model is None
    expected, given = (np.stack([p.probabilities for p in predict(each, files)]) for each in (trained, exported))
    np.testing.assert_allclose(given, expected, atol=1e-4)
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "architecture",
    [
        {"name": "resnet", "layers": 50, "class_dim": 2, "version": "D", "definition": "document"},
        {"name": "resnet18", "num_classes": 2, "attention": "nam+spatial", "image_size": 64},
    ],
    ids=lambda architecture: architecture["name"],
)
def test_every_kind_of_network_is_exported(make_weights, architecture, tmp_path):
    weights = make_weights(tmp_path / "w.pdparams", architecture, classes=["healthy", "ill"])
    assert export(open_predictor(weights), tmp_path / "network", "paddle") <= 1e-4


def test_what_stands_beside_it(weights, folder):
    told = json.loads((folder / "description.json").read_text(encoding="utf-8"))
    assert told["classes"] == ["healthy", "ill", "眼底"]
    assert told["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    assert told["exported_as"] == "paddle"


def test_what_the_network_was_trained_on_stays_behind(make_weights, tmp_path):
    weights = make_weights(tmp_path / "w.pdparams", training_pictures=["0" * 16], training_sketches=["A" * 64])
    export(open_predictor(weights), tmp_path / "network", "paddle")
    told = json.loads((tmp_path / "network/description.json").read_text(encoding="utf-8"))
    assert not {"training_pictures", "training_sketches"} & told.keys()


def test_an_earlier_export_is_replaced_and_anything_else_is_not(weights, tmp_path):
    export(open_predictor(weights), tmp_path / "network", "paddle")
    export(open_predictor(weights), tmp_path / "network", "paddle")
    for name in ("network", "mine"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "thesis.txt").write_text("mine")
        with pytest.raises(InputError, match=f"{name}: this exists and was not made by an export"):
            export(open_predictor(weights), tmp_path / name, "paddle")
        assert (tmp_path / name / "thesis.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"network", "mine"}


def test_an_exported_network_that_computes_something_else_is_not_written(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(
        export_module, "open_program", lambda *a, **k: lambda x: open_program(*a, **k)(x) + np.float32(2e-4)
    )
    with pytest.raises(JobError, match=r"probabilities differ by 0.0002; nothing was written"):
        export(open_predictor(weights), tmp_path / "network", "paddle")
    assert list(tmp_path.iterdir()) == []


def test_without_onednn_it_is_run_without_and_says_so(folder, monkeypatch):
    def fail(folder, device, onednn):
        if onednn:
            raise RuntimeError("\n-----\n(Unimplemented) no such kernel")
        return open_program(folder, device, onednn)

    monkeypatch.setattr(exported_module, "open_program", fail)
    with pytest.warns(UserWarning, match="oneDNN does not run it .*no such kernel"):
        exported = open_exported(folder)
    np.testing.assert_allclose(exported.run(PICTURES).sum(axis=1), 1, atol=1e-5)


def test_onednn_is_asked_for_on_a_cpu(folder, monkeypatch):
    seen = []
    create = inference.create_predictor
    monkeypatch.setattr(
        inference, "create_predictor", lambda config: seen.append(config.mkldnn_enabled()) or create(config)
    )
    open_exported(folder)
    assert seen[0]


@pytest.mark.parametrize("missing", ["model.pdiparams", "description.json"])
def test_what_is_missing_is_named(weights, missing, tmp_path):
    export(open_predictor(weights), tmp_path / "network", "paddle")
    (tmp_path / "network" / missing).unlink()
    with pytest.raises(InputError, match=missing.replace(".", r"\.")):
        open_exported(tmp_path / "network")


def test_damaged_parameters_are_an_input_error(weights, tmp_path):
    export(open_predictor(weights), tmp_path / "network", "paddle")
    parameters = tmp_path / "network/model.pdiparams"
    parameters.write_bytes(parameters.read_bytes()[:1000])
    with pytest.warns(UserWarning), pytest.raises(InputError, match="Paddle Inference cannot open this network"):
        open_exported(tmp_path / "network")


@pytest.mark.skipif(not PADDLE_3, reason="ONNX export is for Paddle 3")
def test_onnx_computes_the_same(weights, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    assert export(open_predictor(weights), tmp_path / "network", "onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "network/model.onnx"))
    (given,) = session.run(None, {"pictures": PICTURES})
    np.testing.assert_allclose(given, open_predictor(weights).probabilities(PICTURES), atol=1e-4)


@pytest.mark.skipif(PADDLE_3, reason="ONNX export is for Paddle 3")
def test_onnx_with_paddle_2_says_what_it_needs(weights, tmp_path):
    with pytest.raises(JobError, match="ONNX needs Paddle 3"):
        export(open_predictor(weights), tmp_path / "network", "onnx")
