import warnings

import numpy as np
import paddle

from paddle_eye.models.layers import ReLU, relu


def test_relu_and_its_gradient():
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    inputs = paddle.to_tensor(values, stop_gradient=False)
    outputs = relu(inputs * 2)
    np.testing.assert_array_equal(outputs.numpy(), np.maximum(values * 2, 0))
    outputs.sum().backward()
    np.testing.assert_array_equal(inputs.grad.numpy(), 2 * (values > 0))


def test_relu_takes_its_inputs_memory():
    inputs = paddle.to_tensor([-1.0, 2.0])
    assert relu(inputs) is inputs
    assert inputs.tolist() == [0, 2]


def test_relu_in_a_static_program_warns_of_nothing(tmp_path):
    with warnings.catch_warnings(record=True) as warned:
        paddle.jit.save(ReLU(), str(tmp_path / "relu"), input_spec=[paddle.static.InputSpec([None, 2])])
    assert not [each for each in warned if "relu" in str(each.message)]
    assert paddle.jit.load(str(tmp_path / "relu"))(paddle.to_tensor([[-1.0, 2.0]])).tolist() == [[0, 2]]
