import pytest

from paddle_eye.data import locate
from paddle_eye.errors import InputError
from paddle_eye.runs.choose import choose_settings


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(locate, "find", lambda given: locate.Location(tmp_path, "set", False))


def write(path, train):
    path.write_text(f"model: {{name: resnet18}}\ntrain: {train}\n")
    return path


@pytest.mark.parametrize(
    ("train", "why", "given"),
    [
        ("{lrf: 0.1}", "train.lrf=0.1: the learning rate is constant", {"train.schedule": "cosine"}),
        ("{optim: Adam, momentum: 0.5}", "train.momentum=0.5: Adam has none", {"train.optim": "SGD"}),
    ],
)
def test_what_a_file_says_to_no_effect_is_refused(tmp_path, train, why, given):
    file = write(tmp_path / "mine.yaml", train)
    with pytest.raises(InputError, match=f"mine.yaml: {why}"):
        choose_settings(file, {})
    choose_settings(file, given)


def test_what_a_flag_takes_back_is_no_fault_of_the_file(tmp_path):
    file = write(tmp_path / "mine.yaml", "{schedule: cosine, lrf: 0.1}")
    assert choose_settings(file, {"train.schedule": "constant"})[0].train.lrf == 0.1


def test_rare_classes_do_not_count_twice(tmp_path):
    file = write(tmp_path / "mine.yaml", "{sampler: balanced}")
    with pytest.raises(InputError, match="both are balanced, and rare classes would count twice; leave one out"):
        choose_settings(file, {"train.class_weights": "balanced"})
