import warnings

import numpy as np
import pytest

from paddle_eye.report import fonts, plots

CHINESE = ("正常", "青光眼")


@pytest.fixture
def no_chinese(monkeypatch):
    """A machine with matplotlib's own font alone."""
    own = [font for font in fonts._fonts() if font.name == "DejaVu Sans"]
    monkeypatch.setattr(fonts, "_fonts", lambda: own)
    fonts.family_with.cache_clear()
    yield
    fonts.family_with.cache_clear()


def test_names_that_every_font_has_are_drawn_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fonts.drawable_names(["normal", "œdème $x$"]) == ["normal", r"œdème \$x\$"]


def test_without_a_font_for_a_name_the_classes_are_counted_and_the_cure_is_said(no_chinese):
    with pytest.warns(UserWarning, match="no font on this machine has .*常.*fonts-noto-cjk"):
        assert fonts.drawable_names(("normal", *CHINESE)) == ["class 0", "class 1", "class 2"]


def test_a_picture_without_a_font_for_its_names_is_drawn_without_boxes(no_chinese):
    with pytest.warns(UserWarning) as raised:
        plots.confusion_matrix([[3, 1], [1, 3]], CHINESE)
    assert not [each for each in raised if "Glyph" in str(each.message)]


def test_a_font_that_has_the_letter_is_taken_whatever_it_is_called(monkeypatch):
    """STIX, which matplotlib brings along, has a letter that its own font lacks."""
    lacking = fonts._letters(next(font.fname for font in fonts._fonts() if font.name == "DejaVu Sans"))
    stix = next(font for font in fonts._fonts() if font.name == "STIXGeneral")
    letter = chr(min(code for code in fonts._letters(stix.fname) - lacking if chr(code).isprintable()))
    assert fonts.family_with(letter) is not None
    assert fonts.families(f"a{letter}")[0] == "DejaVu Sans"
    assert len(fonts.families(f"a{letter}")) == 2


def test_a_long_name_is_shortened():
    assert fonts.literal("x" * 100_000) == "x" * 38 + " …"


@pytest.mark.parametrize("count", [9, 46])
def test_the_legend_of_many_classes_stands_beside_the_curves(monkeypatch, count):
    drawn = []
    monkeypatch.setattr(plots, "png", lambda figure: drawn.append(figure))
    labels = np.arange(4 * count) % count
    scores = np.random.default_rng(0).random((4 * count, count))
    plots.roc(labels, scores / scores.sum(axis=1, keepdims=True), [f"disease {number}" for number in range(count)])
    (figure,) = drawn
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert not axes.get_window_extent().overlaps(legend.get_window_extent())
    assert figure.bbox.containsx(legend.get_window_extent().x1)
    assert figure.bbox.y0 <= legend.get_window_extent().y0
    assert len(legend.get_texts()) == count + 1
    colours = {tuple(line.get_color()) for line in axes.get_lines() if len(line.get_xdata()) > 2}
    assert len(colours) == count


def test_letters_without_a_font_are_marked_and_told_once(monkeypatch, recwarn):
    monkeypatch.setattr(fonts, "family_with", lambda letter: "DejaVu Sans" if letter.isascii() else None)
    assert fonts.literal("眼底1.jpg") == "??1.jpg"
    for _ in range(3):
        assert fonts.drawable_names(["正常", "异常眼"]) == ["class 0", "class 1"]
    assert len([each for each in recwarn if "no font on this machine has" in str(each.message)]) == 1
