import cv2
import numpy as np
import pytest

from paddle_eye.data.field import field_of_view

GENERATOR = np.random.default_rng(0)


def draw(radius, middle=(200, 150), size=(300, 400)):
    """A shaded, noisy disc with a dark vessel up to its rim on a nearly black ground; and where it is."""
    y, x = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(x - middle[0], y - middle[1])
    inside = distance <= radius
    light = np.where(inside, 200 - 120 * distance / radius, 4)
    light[(np.abs(x - y - 50) < 5) & inside] *= 0.4
    picture = light[..., None] * (0.3, 0.5, 1) + GENERATOR.normal(0, 2, (*size, 3))
    return np.clip(picture, 0, 255).astype(np.uint8), inside


@pytest.mark.parametrize(
    ("radius", "middle"), [(140, (200, 150)), (90, (130, 110)), (170, (200, 150)), (150, (250, 100))]
)
def test_a_disc_is_found_where_it_is_also_cut_off_by_the_pictures_edges(radius, middle):
    picture, inside = draw(radius, middle)
    found = field_of_view(picture)
    assert found.dtype == bool and found.shape == inside.shape
    assert (found != inside).sum() < 0.01 * inside.sum()


@pytest.mark.parametrize("scale", [0.25, 5])
def test_at_every_size(scale):
    picture, _ = draw(140)
    found = field_of_view(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    assert found.sum() == pytest.approx(np.pi * (140 * scale) ** 2, rel=0.04)


def test_a_picture_without_a_rim_has_none():
    picture, _ = draw(140)
    assert field_of_view(picture[60:240, 110:290]) is None
    assert field_of_view(255 - picture) is None
    assert field_of_view(GENERATOR.integers(0, 256, (100, 120, 3)).astype(np.uint8)) is None


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 3), (40, 30)])
def test_nor_has_a_plain_one(size, value):
    assert field_of_view(np.full((*size, 3), value, np.uint8)) is None
