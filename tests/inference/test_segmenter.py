import numpy as np
import pytest

import paddle_eye
from paddle_eye.data.field import field_of_view
from paddle_eye.data.images import read_picture
from paddle_eye.inference.export import export
from paddle_eye.inference.predictor import EXAMPLE_PICTURE
from paddle_eye.weights.format import write_weights

EXAMPLE = str(EXAMPLE_PICTURE)


@pytest.fixture
def write_everywhere(tmp_path):
    """A function that writes a network that sees foreground, or the second of three classes, in every pixel."""

    def write(data, num_classes=2):
        model = paddle_eye.create_model("unet", in_channels=1, num_classes=num_classes)
        model.final.weight.set_value(np.zeros(model.final.weight.shape, "float32"))
        model.final.bias.set_value(np.array([1] if num_classes == 2 else [0, 0, 1], "float32"))
        write_weights(tmp_path / "w.pdparams", model, {"architecture": model.architecture, "data": data})
        return paddle_eye.open_predictor(tmp_path / "w.pdparams")

    return write


@pytest.mark.parametrize(("num_classes", "label"), [(2, 1), (3, 2)])
def test_outside_the_field_of_a_photograph_nothing_is_drawn_by_what_learned_in_fields(
    num_classes, label, write_everywhere, tmp_path
):
    segmenter = write_everywhere({"field_of_view": True}, num_classes)
    export(segmenter, tmp_path / "exported", "paddle")
    photograph = read_picture(EXAMPLE)
    inside = field_of_view(photograph)
    assert 0.5 < inside.mean() < 0.9
    for each in (segmenter, paddle_eye.open_predictor(tmp_path / "exported")):
        mask, field = each.look(photograph)
        np.testing.assert_array_equal(mask, label * inside)
        np.testing.assert_array_equal(field, inside)
        shown = each.show(photograph)
        assert shown.row[-1] == 1 and shown.pictures[1][0].endswith("100.0% of the field of view")
        mask, field = each.look(np.full((40, 30, 3), 90, np.uint8))
        assert (mask == label).all() and field is None


@pytest.mark.parametrize("data", [{}, {"field_of_view": False}, {"field_of_view": "yes"}])
def test_what_learned_elsewhere_draws_everywhere(data, write_everywhere):
    segmenter = write_everywhere(data)
    mask, field = segmenter.look(read_picture(EXAMPLE))
    assert (mask == 1).all() and field is None
    assert segmenter.show(read_picture(EXAMPLE)).pictures[1][0].endswith("100.0% of the picture")
