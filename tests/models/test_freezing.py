import numpy as np
import paddle
import pytest

from paddle_eye.engine import optim
from paddle_eye.engine.loop import train_one_epoch
from paddle_eye.models.complexity import trainable_parameters
from paddle_eye.models.freezing import freeze
from paddle_eye.models.resnet import BLOCKS_PER_STAGE, ResNet
from paddle_eye.models.resnet_nam import resnet18
from paddle_eye.models.transfer import build_transfer
from paddle_eye.models.unet import AttentionUNet, DAMUNet, DeepAttentionUNet, UNet
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.tasks.segmentation import SegmentationObjective

PICTURES = np.random.default_rng(0).uniform(-1, 1, (4, 3, 64, 64)).astype("float32")
LABELS = np.array([0, 1, 1, 0])


def train(model):
    """Two steps; the names of the parameters and statistics that they changed."""
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    model.eval()
    batches = [(PICTURES, LABELS), (PICTURES[::-1].copy(), LABELS)]
    train_one_epoch(model, optim.build("Adam", model, 0.01), ClassificationObjective(), batches)
    return {key for key, value in model.state_dict().items() if not np.array_equal(value.numpy(), before[key])}


def test_a_frozen_shufflenet_has_the_documents_numbers():
    model = build_transfer("shufflenet_v2_x0_5", 2)
    assert trainable_parameters(model) == 343_842
    freeze(model, "backbone")
    assert trainable_parameters(model) == 2_050


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_25", "resnet34"])
def test_of_a_frozen_backbone_nothing_moves(name):
    model = build_transfer(name, 2)
    freeze(model, "backbone")
    assert train(model) == {f"{model.head}.weight", f"{model.head}.bias"}


def test_what_is_not_frozen_moves_with_its_statistics():
    model = resnet18(2, "nam")
    freeze(model, "stage2")
    changed = train(model)
    frozen = {key for key in model.state_dict() if key.startswith(("conv1", "bn1", "layer1", "layer2"))}
    assert changed == set(model.state_dict()) - frozen


@pytest.mark.parametrize("kind", [UNet, AttentionUNet, DeepAttentionUNet, DAMUNet])
def test_a_frozen_encoder_of_masks_stays_and_the_decoder_learns(kind):
    model = kind(3)
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    freeze(model, "stage4")
    pictures, masks = PICTURES[:, :, :32, :32], (PICTURES[:, :1, :32, :32] > 0).astype("uint8")
    train_one_epoch(model, optim.build("Adam", model, 0.01), SegmentationObjective(), [(pictures, masks)])
    changed = {key for key, value in model.state_dict().items() if not np.array_equal(value.numpy(), before[key])}
    encoder = ("encoder.", "pyramid.", "center.")
    assert changed == {key for key in model.state_dict() if not key.startswith(encoder)}


def test_the_documents_network_has_stages_too(monkeypatch):
    monkeypatch.setitem(BLOCKS_PER_STAGE, 50, (1, 1, 1, 1))
    model = ResNet(class_dim=2, version="C", definition="paper")
    freeze(model, "stem")
    assert train(model) == {key for key in model.state_dict() if not key.startswith("input_stem")}


def test_frozen_layers_compute_in_training_as_in_evaluation():
    model = build_transfer("shufflenet_v2_x0_25", 2)
    freeze(model, "backbone")
    inputs = paddle.to_tensor(PICTURES)
    model.eval()
    expected = model(inputs).numpy()
    model.train()
    np.testing.assert_array_equal(model(inputs).numpy(), expected)


def test_an_unknown_part_is_answered_with_the_parts():
    told = "no part 'stage5' to freeze; it has stem, stage1, stage2, stage3, stage4, backbone"
    with pytest.raises(ValueError, match=told):
        freeze(resnet18(2), "stage5")
