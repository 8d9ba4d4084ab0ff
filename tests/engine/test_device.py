import paddle
import pytest

from paddle_eye.engine.device import select_device
from paddle_eye.errors import InputError


def test_the_cpu_is_always_there():
    assert select_device("cpu") == "cpu"
    assert paddle.get_device() == "cpu"


@pytest.mark.parametrize("name", ["tpu", "gpu:x", "GPU", ""])
def test_unknown_names(name):
    with pytest.raises(InputError, match="expected auto, cpu, gpu or gpu:N"):
        select_device(name)


@pytest.mark.parametrize("name", ["gpu", "gpu:7"])
def test_a_gpu_that_is_not_there_is_an_error(name, monkeypatch):
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match=f"--device {name}: 0 GPUs can be used here.*--device cpu"):
        select_device(name)


@pytest.mark.parametrize(("name", "chosen"), [("auto", "gpu:0"), ("gpu", "gpu:0"), ("gpu:1", "gpu:1")])
def test_a_gpu_that_is_there_is_chosen(name, chosen, monkeypatch):
    """The calls that would reach a GPU are replaced: this shows the choice, not the computation."""
    asked = []
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(paddle, "set_device", asked.append)
    assert select_device(name) == chosen
    assert asked == [chosen]


def test_auto_without_a_gpu_is_the_cpu(monkeypatch):
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: 0)
    assert select_device("auto") == "cpu"
