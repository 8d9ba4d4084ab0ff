import numpy as np
import paddle
import pytest

from paddle_eye.inference.cam import grad_cam
from paddle_eye.models.registry import build

PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 64)).astype("float32")


@pytest.mark.parametrize(
    ("architecture", "head"),
    [
        ({"name": "shufflenet_v2_x0_25", "num_classes": 3}, "_fc"),
        ({"name": "resnet34", "num_classes": 3}, "fc"),
        ({"name": "resnet18", "num_classes": 3, "attention": "nam", "image_size": 64}, "fc"),
        ({"name": "resnet", "layers": 50, "class_dim": 3, "version": "D", "definition": "document"}, "out"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_it_is_the_class_activation_map_of_pooled_features(architecture, head):
    """Behind global average pooling and one linear layer, Grad-CAM is CAM (Zhou et al., CVPR 2016), cut off at 0."""
    paddle.seed(0)
    model = build(architecture)
    heat = grad_cam(model, PICTURES, [2, 0])
    assert heat.shape == (2, 64, 64)
    features = model.forward_features(paddle.to_tensor(PICTURES)).numpy()
    weights = getattr(model, head).weight.numpy()
    for number, label in enumerate([2, 0]):
        map_ = np.maximum(np.einsum("chw,c->hw", features[number], weights[:, label]), 0)
        # bilinear stretching to 32 times the size leaves each quarter's outer corner at the map's own values
        corners = heat[number][np.ix_([0, -1], [0, -1])]
        expected = map_ / (map_.max() or 1)
        np.testing.assert_allclose(corners, expected, atol=1e-4)


def test_a_map_has_its_maximum_at_1_and_leaves_no_gradients_behind():
    model = build({"name": "shufflenet_v2_x0_25", "num_classes": 3})
    heat = grad_cam(model, PICTURES, [0, 0])
    assert heat.min() >= 0
    assert set(heat.max(axis=(1, 2)).round(5)) <= {0.0, 1.0}
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_evidence_against_a_class_is_no_heat():
    model = build({"name": "shufflenet_v2_x0_25", "num_classes": 3})
    model._fc.weight.set_value(-paddle.ones_like(model._fc.weight))
    assert grad_cam(model, PICTURES, [1, 1]).max() == 0  # the features are positive, behind a ReLU
