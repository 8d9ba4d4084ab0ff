"""What a trained network says: of pictures in memory, of a folder of photographs, and of one large photograph."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import paddle

from paddle_eye.benchmark import documents_way, torchs_way
from paddle_eye.benchmark.contract import (
    AS_IT_STARTS,
    BESIDE_THE_DOCUMENT,
    Alternative,
    Benchmark,
    Conditions,
    Ratio,
    Work,
)
from paddle_eye.benchmark.drawn import camera_picture, exported, network, photographs, side, weight_file
from paddle_eye.choices import ExportFormat
from paddle_eye.data.images import read_picture
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.engine.loop import evaluate
from paddle_eye.files import building
from paddle_eye.inference.export import export
from paddle_eye.inference.files import predict_files
from paddle_eye.models.registry import build
from paddle_eye.opencv import cv2
from paddle_eye.processor import usable_cores
from paddle_eye.runs.predict import open_predictor
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.weights.format import write_weights

_BATCH = 32  # as predict.py takes them
_LARGE_MASK = (2848, 4288)  # height and width of IDRiD's photographs

Network = Callable[[np.ndarray], np.ndarray]


def _pictures(conditions: Conditions) -> np.ndarray:
    shape = (documents_way.BATCH, 3, side(conditions), side(conditions))
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _evaluation(conditions: Conditions, cores: int | None = None) -> Work:
    """10 pictures as an evaluation of the tools looks at them; None takes all cores."""
    conditions.take_device(cores)
    batches = [(_pictures(conditions), np.arange(documents_way.BATCH) % 2)]
    model, objective = network(conditions), ClassificationObjective()

    def run() -> None:
        evaluate(model, batches, objective)

    return Work(run)


def _in_paddle_inference(conditions: Conditions) -> Network:
    conditions.take_device()
    return open_predictor(exported(conditions, "paddle"), paddle.get_device()).probabilities


def _in_onnx_runtime(conditions: Conditions) -> Network:
    """On all cores, with ONNX Runtime alone."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3  # errors
    path = str(exported(conditions, "onnx") / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(None, {session.get_inputs()[0].name: pictures})[0]


def _ten_pictures(opened: Callable[[Conditions], Network], conditions: Conditions) -> Work:
    ask, pictures = opened(conditions), _pictures(conditions)

    def run() -> None:
        ask(pictures)

    return Work(run)


EVALUATION = Benchmark(
    "the answers of ResNet-50 D about 10 pictures of 224 pixels",
    {
        "document": Alternative(documents_way.forward, AS_IT_STARTS),
        "all cores": Alternative(_evaluation),
        "one core": Alternative(partial(_evaluation, cores=1)),
        "exported": Alternative(partial(_ten_pictures, _in_paddle_inference)),
        "PyTorch": Alternative(torchs_way.forward, AS_IT_STARTS),
        "ONNX Runtime": Alternative(partial(_ten_pictures, _in_onnx_runtime)),
    },
    [
        *BESIDE_THE_DOCUMENT,
        Ratio("times as fast as PyTorch", "per_second", "all cores", "PyTorch", at_least=1.0),
        Ratio("exported, times as fast as PyTorch", "per_second", "exported", "PyTorch", at_least=1.0),
        Ratio("exported, times as fast as ONNX Runtime", "per_second", "exported", "ONNX Runtime", at_least=1.0),
    ],
)


def _predict(opened: Callable[[Conditions], Path], conditions: Conditions, large: bool = False) -> Work:
    """A folder as predict.py goes over it; how far the probabilities are from those of the training network."""
    predictor = open_predictor(opened(conditions), conditions.take_device())
    files = photographs(conditions, large)
    expected = _probabilities(open_predictor(weight_file(conditions)), files)

    def run() -> dict[str, float]:
        return {"difference": float(np.abs(_probabilities(predictor, files) - expected).max())}

    return Work(run, len(files))


def _probabilities(predictor: object, files: list[Path]) -> np.ndarray:
    table = predict_files(predictor, files, _BATCH).table
    return table[[column for column in table if column.startswith("p_")]].to_numpy()


def _network_alone(opened: Callable[[Conditions], Network], conditions: Conditions) -> Work:
    """The same pictures, read before."""
    ask = opened(conditions)
    preprocessing = open_predictor(weight_file(conditions)).preprocessing
    pictures = np.stack([preprocessing(read_picture(file)) for file in photographs(conditions, large=False)])
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]

    def run() -> None:
        for batch in batches:
            ask(batch)

    return Work(run, len(pictures))


def _in_paddle(conditions: Conditions) -> Network:
    conditions.take_device()
    return open_predictor(weight_file(conditions)).probabilities


def _exported(kind: ExportFormat) -> Callable[[Conditions], Path]:
    return partial(exported, kind=kind)


PREDICT = Benchmark(
    "a photograph of a folder, of 224 pixels or, 'large', as PALM's camera gives them, through ResNet-50 D",
    {
        "document": Alternative(partial(documents_way.folder, large=False), AS_IT_STARTS),
        "weights": Alternative(partial(_predict, weight_file)),
        "network alone": Alternative(partial(_network_alone, _in_paddle)),
        "exported": Alternative(partial(_predict, _exported("paddle"))),
        "exported network alone": Alternative(partial(_network_alone, _in_paddle_inference)),
        "ONNX": Alternative(partial(_predict, _exported("onnx"))),
        "ONNX network alone": Alternative(partial(_network_alone, _in_onnx_runtime)),
        "document, large": Alternative(partial(documents_way.folder, large=True), AS_IT_STARTS),
        "exported, large": Alternative(partial(_predict, _exported("paddle"), large=True)),
    },
    [
        Ratio("times as fast as the document's way", "per_second", "weights", "document", at_least=1.5),
        Ratio("of the speed of the network alone", "per_second", "weights", "network alone", at_least=0.9),
        Ratio("exported, likewise", "per_second", "exported", "exported network alone", at_least=0.9),
        Ratio("exported as ONNX, likewise", "per_second", "ONNX", "ONNX network alone", at_least=0.9),
        Ratio("exported, other probabilities", "difference", "exported", at_most=1e-4),
        Ratio("exported as ONNX, other probabilities", "difference", "ONNX", at_most=1e-4),
        Ratio("exported, large, likewise", "per_second", "exported, large", "exported network alone", at_least=0.9),
        Ratio(
            "large, times as fast as the document's way",
            "per_second",
            "exported, large",
            "document, large",
            at_least=2.0,
        ),
    ],
)


def _masks(is_exported: bool, conditions: Conditions) -> Work:
    """The mask of one large photograph by U-Net."""
    device = conditions.take_device()
    place = conditions.folder / "masks"
    weights = place / "unet.pdparams"
    if not place.exists():
        with building(place) as made:
            (made / "files").mkdir()
            model = build({"name": "unet", "in_channels": 1})
            told = {"architecture": model.architecture, "preprocessing": PixelPreprocessing(1).describe()}
            write_weights(made / "files" / weights.name, model, told)
            cv2.imwrite(str(made / "files" / "large.jpg"), camera_picture(conditions, _LARGE_MASK))
            (made / "files").rename(place)
    if is_exported:
        export(open_predictor(weights), place / "exported", "paddle")
    segmenter = open_predictor(place / "exported" if is_exported else weights, device)

    def run() -> None:
        list(segmenter.ask([place / "large.jpg"]))

    return Work(run)


MASKS = Benchmark(
    "the mask of a photograph of 4288x2848 pixels by U-Net",
    {"weights": Alternative(partial(_masks, False)), "exported": Alternative(partial(_masks, True))},
    [Ratio("exported, times as fast", "per_second", "exported", "weights", at_least=2.0)],
    rounds=2,
    warm_up=False,
)
