import numpy as np
import paddle
import pytest
from paddle.vision import models

from paddle_eye.models.attention import NAMChannelAttention, NAMSpatialAttention, nam_penalty
from paddle_eye.models.resnet_nam import BasicBlock, resnet18, resnet18_nam


def trainable(model):
    return sum(int(np.prod(p.shape)) for p in model.parameters() if not p.stop_gradient)


def test_without_attention_it_is_paddle_visions_resnet18():
    ours, theirs = resnet18(num_classes=6), models.resnet18(num_classes=6)
    missing, unexpected = ours.set_state_dict(theirs.state_dict())
    assert (missing, unexpected) == ([], [])
    ours.eval()
    theirs.eval()
    x = paddle.to_tensor(np.random.default_rng(0).uniform(-1, 1, (2, 3, 96, 96)).astype("float32"))
    expected = theirs(x).numpy()
    np.testing.assert_allclose(ours(x).numpy(), expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_parameters():
    assert trainable(resnet18(num_classes=6)) == 11_179_590
    assert trainable(resnet18_nam(num_classes=6)) == 11_179_590 + 3_840
    positions = 2 * (16**2 + 8**2 + 4**2 + 2**2)  # two blocks per stage at 64x64
    assert trainable(resnet18(6, "nam+spatial", 64)) == 11_179_590 + 3_840 + 2 * positions


def test_attention_ends_the_residual_branch():
    block = BasicBlock(4, 4, 1, "nam", 8)
    block.eval()
    x = paddle.to_tensor(np.random.default_rng(1).normal(size=(2, 4, 8, 8)).astype("float32"))
    branch = block.bn2(block.conv2(paddle.nn.functional.relu(block.bn1(block.conv1(x)))))
    expected = paddle.nn.functional.relu(block.attention[0](branch) + x)
    np.testing.assert_allclose(block(x).numpy(), expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("attention", [None, "nam", "nam+spatial"])
def test_every_parameter_gets_a_gradient(attention):
    model = resnet18(6, attention, 64)
    x = paddle.to_tensor(np.random.default_rng(2).uniform(-1, 1, (4, 3, 64, 64)).astype("float32"))
    loss = paddle.nn.functional.cross_entropy(model(x), paddle.to_tensor([0, 1, 2, 5]))
    if attention:
        loss = loss + nam_penalty(model)
    loss.backward()
    for name, parameter in model.named_parameters():
        if not parameter.stop_gradient:
            assert parameter.grad is not None and float(parameter.grad.abs().sum()) > 0, name


def test_modules_per_attention():
    def kinds(model):
        return [
            type(layer) for layer in model.sublayers() if isinstance(layer, (NAMChannelAttention, NAMSpatialAttention))
        ]

    assert kinds(resnet18()) == []
    assert kinds(resnet18_nam()) == [NAMChannelAttention] * 8
    assert kinds(resnet18(6, "nam+spatial")) == [NAMChannelAttention, NAMSpatialAttention] * 8


def test_summary_of_the_document_works(capsys):
    counted = paddle.summary(resnet18_nam(num_classes=6), (1, 3, 64, 64))
    assert counted["trainable_params"] == 11_183_430
    capsys.readouterr()


def test_head_contract():
    model = resnet18(3)
    model.eval()
    x = paddle.rand([1, 3, 64, 64])
    assert model.forward_features(x).shape == [1, 512, 2, 2]
    np.testing.assert_allclose(model.forward_head(model.forward_features(x)).numpy(), model(x).numpy(), rtol=1e-5)
    model.reset_classifier(9)
    assert model(x).shape == [1, 9]
    assert model.architecture["num_classes"] == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"attention": "cbam"}, "choices are None, nam, nam\\+spatial"), ({"image_size": 100}, "multiple of 32, got 100")],
)
def test_wrong_arguments_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        resnet18(**arguments)


def test_another_picture_size_than_the_spatial_attention_was_built_for():
    with pytest.raises(ValueError, match="built for 56x56 positions, the input has 16x16"):
        resnet18(6, "nam+spatial", 224)(paddle.zeros([1, 3, 64, 64]))
