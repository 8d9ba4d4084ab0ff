"""Small trained networks, as files."""

import numpy as np
import paddle
import pytest

from paddle_eye.data.transforms import Preprocessing
from paddle_eye.models.registry import build
from paddle_eye.weights.format import write_weights

CLASSES = ["healthy", "ill", "眼底"]


@pytest.fixture(scope="session")
def make_weights():
    """A function that writes a weight file of a network, random but with trained-looking statistics, for 64 pixels."""

    def make(path, architecture=None, **description):
        paddle.seed(3)
        model = build(architecture or {"name": "shufflenet_v2_x0_25", "num_classes": 3})
        generator = np.random.default_rng(0)
        for name, tensor in model.state_dict().items():
            if name.endswith(("_mean", "_variance")):
                tensor.set_value(generator.uniform(0.5, 1.5, tensor.shape).astype("float32"))
        told = {"architecture": model.architecture, "preprocessing": Preprocessing(64, "fundus").describe()}
        write_weights(path, model, {**told, "classes": CLASSES, **description})
        return path

    return make


@pytest.fixture(scope="session")
def weights(make_weights, tmp_path_factory):
    return make_weights(tmp_path_factory.mktemp("weights") / "small.pdparams")
