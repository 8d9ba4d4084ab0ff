import json
import shutil
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import inference
from scipy.special import expit

from paddle_eye.data.images import read_picture
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.errors import InputError, JobError
from paddle_eye.inference import export as export_module
from paddle_eye.inference import exported as exported_module
from paddle_eye.inference.export import export
from paddle_eye.inference.exported import open_exported, open_program
from paddle_eye.inference.predictor import predict
from paddle_eye.inference.segmenter import segment
from paddle_eye.inference.tiles import predict_tiled
from paddle_eye.models.registry import build
from paddle_eye.runs.predict import open_predictor
from paddle_eye.weights.format import write_weights

MASK_NETWORKS = ["unet", "damu_unet"]  # the second has every layer that the others have
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
    with pytest.raises(InputError, match="this is an exported network already; give the weight file"):
        export(exported, tmp_path / "again", "paddle")


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


def test_what_was_set_aside_by_others_is_left_alone(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("mine", ".mine.replaced"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "thesis.txt").write_text("mine")
    for target in ("mine", ".", "/"):
        with pytest.raises(InputError, match=r"was not made by an export|expected a folder of its own"):
            export(open_predictor(weights), Path(target), "paddle")
    assert (tmp_path / ".mine.replaced/thesis.txt").read_text() == "mine"


def test_what_an_exported_network_gives_is_finite(weights, write_picture, tmp_path):
    export(open_predictor(weights), tmp_path / "network", "paddle")
    parameters = tmp_path / "network/model.pdiparams"
    content = bytearray(parameters.read_bytes())
    content[-4:] = np.float32(np.nan).tobytes()
    parameters.write_bytes(content)
    damaged = open_predictor(tmp_path / "network")
    with pytest.raises(JobError, match="what the network gives are no finite numbers; its weights are no use"):
        list(predict(damaged, [write_picture(tmp_path / "a.png")]))


def test_what_a_network_of_pixels_gives_is_finite(write_picture, tmp_path):
    weights = write_mask_network(tmp_path / "w.pdparams", "unet", 3)
    segmenter = open_predictor(weights)
    last = list(segmenter.model.state_dict().values())[-1]
    last.set_value(paddle.full(last.shape, float("inf")))
    with pytest.raises(JobError, match=r"w.pdparams: what the network gives are no finite numbers"):
        list(segment(segmenter, [write_picture(tmp_path / "a.png", size=(32, 32))]))


def test_an_exported_network_that_computes_something_else_is_not_written(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(
        export_module, "open_program", lambda *a, **k: lambda x: open_program(*a, **k)(x) + np.float32(2e-4)
    )
    with pytest.raises(JobError, match=r"probabilities differ by 0.0002; nothing was written"):
        export(open_predictor(weights), tmp_path / "network", "paddle")
    assert list(tmp_path.iterdir()) == []


def test_the_network_before_it_became_a_program_is_what_it_is_compared_with(weights, tmp_path, monkeypatch):
    to_static = paddle.jit.to_static

    def changed(layer, **options):
        bias = layer.parameters()[-1]
        bias.set_value(bias + paddle.arange(bias.shape[0], dtype="float32"))
        return to_static(layer, **options)

    monkeypatch.setattr(paddle.jit, "to_static", changed)
    with pytest.raises(JobError, match="the exported network's probabilities differ by"):
        export(open_predictor(weights), tmp_path / "network", "paddle")
    assert not (tmp_path / "network").exists()


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


def write_mask_network(path, name, channels):
    """Random weights with statistics after which something is left of a picture."""
    paddle.seed(3)
    model = build({"name": name, "in_channels": channels})
    generator = np.random.default_rng(0)
    for key, tensor in model.state_dict().items():
        if key.endswith(("_mean", "_variance")):
            low, high = (-0.5, 0.5) if key.endswith("_mean") else (0.5, 1.5)
            tensor.set_value(generator.uniform(low, high, tensor.shape).astype("float32"))
    pixels = PixelPreprocessing(channels).describe()
    write_weights(path, model, {"architecture": model.architecture, "classes": ["a", "b"], "preprocessing": pixels})
    return path


@pytest.mark.parametrize("name", MASK_NETWORKS)
def test_an_exported_network_of_pixels_draws_the_same_masks(name, write_picture, tmp_path, monkeypatch):
    """Of a small picture, and of one that is looked at by tiles."""
    monkeypatch.setattr(predict_tiled, "__defaults__", (48, 16, 64 * 64, 4, iter))
    weights = write_mask_network(tmp_path / "w.pdparams", name, 3)
    files = [write_picture(tmp_path / f"{n}.png", size=size) for n, size in enumerate([(20, 50), (90, 70)])]
    assert export(open_predictor(weights), tmp_path / "network", "paddle") <= 1e-4
    trained, exported = open_predictor(weights), open_predictor(tmp_path / "network")
    assert (exported.model, exported.classes, exported.preprocessing) == (None, ["a", "b"], trained.preprocessing)
    picture = trained.preprocessing(read_picture(files[1]))
    expected, given = (predict_tiled(each.run, picture, 16) for each in (trained, exported))
    np.testing.assert_allclose(expit(given), expit(expected), atol=1e-4)
    assert expected.std() > 0.01
    for one, other in zip(segment(trained, files), segment(exported, files)):
        assert (one.mask != other.mask).mean() < 0.001


@pytest.mark.skipif(not PADDLE_3, reason="ONNX export is for Paddle 3")
def test_onnx_computes_the_same(weights, tmp_path):
    """Also in ONNX Runtime alone."""
    onnxruntime = pytest.importorskip("onnxruntime")
    assert export(open_predictor(weights), tmp_path / "network", "onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "network/model.onnx"))
    (given,) = session.run(None, {"pictures": PICTURES})
    expected = open_predictor(weights).probabilities(PICTURES)
    np.testing.assert_allclose(given, expected, atol=1e-4)
    np.testing.assert_allclose(open_predictor(tmp_path / "network").probabilities(PICTURES), expected, atol=1e-4)


@pytest.mark.skipif(not PADDLE_3, reason="ONNX export is for Paddle 3")
@pytest.mark.parametrize("name", MASK_NETWORKS)
def test_onnx_takes_pictures_of_any_size(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    weights = write_mask_network(tmp_path / "w.pdparams", name, 1)
    assert export(open_predictor(weights), tmp_path / "network", "onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "network/model.onnx"))
    assert [session.get_outputs()[0].shape[axis] for axis in (1, 2, 3)] == [1, "any", "any"]
    trained, exported = open_predictor(weights), open_predictor(tmp_path / "network")
    for shape in ((2, 1, 64, 32), (1, 1, 48, 80)):
        pictures = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
        expected = trained.run(pictures)
        for given in (exported.run(pictures), session.run(None, {"pictures": pictures})[0]):
            np.testing.assert_allclose(expit(given), expit(expected), atol=1e-4)


@pytest.mark.skipif(not PADDLE_3, reason="ONNX export is for Paddle 3")
def test_a_network_that_paddle2onnx_cannot_write_is_a_failed_job(weights, tmp_path, monkeypatch):
    def give_up(*_files, **_how):
        print("ERROR Failed to convert PaddlePaddle model: an operator is not known.")
        sys.exit(-1)

    pytest.importorskip("onnx")
    monkeypatch.setattr(pytest.importorskip("paddle2onnx"), "export", give_up)
    with pytest.raises(JobError, match=r"Paddle2ONNX could not write the network: .* an operator is not known"):
        export(open_predictor(weights), tmp_path / "network", "onnx")
    assert not (tmp_path / "network").exists()


def test_onnx_without_its_runtime_says_what_it_needs(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "network")
    told = json.loads((folder / "description.json").read_text(encoding="utf-8"))
    (tmp_path / "network/description.json").write_text(json.dumps({**told, "exported_as": "onnx"}))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(JobError, match=r"network: ONNX needs more packages .*pip install -e '\.\[onnx\]'"):
        open_predictor(tmp_path / "network")
    monkeypatch.undo()
    pytest.importorskip("onnxruntime")
    with pytest.raises(InputError, match=r"expected model\.onnx there"):
        open_predictor(tmp_path / "network")
    (tmp_path / "network/model.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="ONNX Runtime cannot open this network"):
        open_predictor(tmp_path / "network")


@pytest.mark.skipif(PADDLE_3, reason="ONNX export is for Paddle 3")
def test_onnx_with_paddle_2_says_what_it_needs(weights, tmp_path):
    with pytest.raises(JobError, match="ONNX needs Paddle 3"):
        export(open_predictor(weights), tmp_path / "network", "onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": {"name": "resnet"}}, "no description of an exported network"),
        (
            {"architecture": {"name": "shufflenet_v2_x0_25", "num_classes": "3"}},
            "no description of an exported network",
        ),
        ({"classes": ["a", "a", "b"]}, "the names of 3 classes, all different"),
        (
            {"architecture": {"name": "shufflenet_v2_x0_25", "num_classes": 2}, "classes": ["a", "b"]},
            "2 classes, and the network gives 3",
        ),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(weights, changes, message, tmp_path):
    export(open_predictor(weights), tmp_path / "network", "paddle")
    description = json.loads((tmp_path / "network/description.json").read_text())
    (tmp_path / "network/description.json").write_text(json.dumps({**description, **changes}))
    with pytest.raises(InputError, match=message):
        open_exported(tmp_path / "network")


@pytest.mark.skipif(not PADDLE_3, reason="ONNX export is for Paddle 3")
@pytest.mark.parametrize(
    ("inputs", "answer", "message"),
    [
        (
            {"pictures": [None, 3, None, None]},
            [-1],
            r"the network gives .* for \[1, 3, 64, 64\], which is no answer",
        ),
        ({"pictures": [None, 3, 7, 7]}, [0, -1], "the network takes other pictures than description.json says"),
        ({"pictures": [None, 3, None, None], "more": [1]}, [0, -1], "the network takes other pictures than"),
    ],
)
def test_a_foreign_onnx_network_that_does_not_fit_is_refused(folder, tmp_path, inputs, answer, message):
    onnx = pytest.importorskip("onnx")
    shutil.copytree(folder, tmp_path / "network")
    told = json.loads((folder / "description.json").read_text(encoding="utf-8"))
    (tmp_path / "network/description.json").write_text(json.dumps({**told, "exported_as": "onnx"}))
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    given = [helper.make_tensor_value_info(name, real, shape) for name, shape in inputs.items()]
    shape = helper.make_tensor("shape", onnx.TensorProto.INT64, [len(answer)], answer)
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["pictures", "shape"], ["answer"])],
        "foreign",
        given,
        [helper.make_tensor_value_info("answer", real, [None] * len(answer))],
        [shape],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "network/model.onnx")
    with pytest.raises(InputError, match=message):
        open_predictor(tmp_path / "network")
