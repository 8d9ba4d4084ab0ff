import contextlib

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_eye.engine import optim
from paddle_eye.engine.checkpoint import load_checkpoint, save_checkpoint
from paddle_eye.engine.precision import Precision, prepare_device
from paddle_eye.errors import InputError

STATE = {
    "scale": np.array([1024.0], np.float32),
    "incr_ratio": 2.0,
    "decr_ratio": 0.5,
    "incr_every_n_steps": 1000,
    "decr_every_n_nan_or_inf": 2,
    "incr_count": 7,
    "decr_count": 1,
    "use_dynamic_loss_scaling": True,
}


class Scaler:
    """What `paddle.amp.GradScaler` is on a GPU."""

    def __init__(self, state):
        self.state = dict(state)

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def test_float32_takes_the_same_way_and_changes_nothing():
    precision = Precision()
    parameter = paddle.create_parameter([2], "float32", default_initializer=nn.initializer.Constant(1.0))
    optimizer = paddle.optimizer.SGD(0.5, parameters=[parameter])
    with precision.computing():
        product = parameter @ parameter
    assert product.dtype == paddle.float32
    precision.backward(product)
    precision.step(optimizer)
    assert parameter.numpy().tolist() == [0.0, 0.0]
    assert parameter.grad is None or not parameter.grad.numpy().any()
    assert precision.state_arrays() == {}


@pytest.mark.parametrize(("name", "dtype"), [("bf16", "bfloat16"), ("fp16", "float16")])
def test_parameters_stay_as_they_are_with_16_bits(name, dtype, monkeypatch):
    asked = []
    monkeypatch.setattr(paddle.amp, "auto_cast", lambda **how: asked.append(how) or contextlib.nullcontext())
    with Precision(name).computing():
        pass
    assert asked == [{"dtype": dtype, "level": "O1"}]  # O2 would cast the parameters, too


def test_the_scaling_comes_back_from_a_checkpoint(tmp_path):
    path, model = tmp_path / "checkpoint.safetensors", nn.Linear(2, 2)
    precision = Precision()
    precision.scaler = Scaler(STATE)
    save_checkpoint(path, model, optim.build("SGD", model, 0.1), [{"epoch": 0}], precision)
    continued = Precision()
    continued.scaler = Scaler({**STATE, "scale": np.array([65536.0], np.float32), "incr_count": 0, "decr_count": 0})
    load_checkpoint(path, model, optim.build("SGD", model, 0.1), continued)
    assert continued.scaler.state == STATE
    assert [type(value) for value in continued.scaler.state.values()] == [type(value) for value in STATE.values()]


def test_a_run_may_go_on_with_another_precision(tmp_path):
    path, model = tmp_path / "checkpoint.safetensors", nn.Linear(2, 2)
    save_checkpoint(path, model, optim.build("SGD", model, 0.1), [{"epoch": 0}], Precision())
    scaled = Precision()
    scaled.scaler = Scaler(STATE)
    assert load_checkpoint(path, model, optim.build("SGD", model, 0.1), scaled) == [{"epoch": 0}]
    assert scaled.scaler.state == STATE


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_16_bits_need_a_gpu(name):
    with pytest.raises(InputError, match=rf"--amp {name}: it needs a GPU, this run computes on the cpu; leave it out"):
        prepare_device(name, "cpu")


def test_nothing_of_a_gpu_is_touched_without_being_asked(monkeypatch):
    monkeypatch.setattr(paddle, "set_flags", None)
    prepare_device("off", "cpu")
    prepare_device("off", "gpu:0")
