import dataclasses
import os
import re

import pytest

from paddle_eye import config
from paddle_eye.config import Config, load, parse_assignments, to_yaml
from paddle_eye.errors import InputError


@pytest.fixture
def write(tmp_path):
    """A function that writes a settings file and returns its path."""

    def write_file(text, name="settings.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write_file


def updated(**values):
    return Config().updated({key.replace("__", "."): value for key, value in values.items()}, "your settings")


def test_the_defaults_are_the_documents_recipe():
    """ResNet-50 in its first version, pictures of 224, 20 epochs of batches of 10, momentum 0.9, rate 0.0001 for the
    sum of a batch's losses."""
    settings = Config()
    assert (settings.model.layers, settings.model.version, settings.data.image_size) == (50, "O", 224)
    assert (settings.train.epochs, settings.train.batch_size) == (20, 10)
    assert (settings.train.lr, settings.train.momentum) == (10 * 0.0001, 0.9)


def test_a_file_changes_only_what_it_names(write):
    settings = load(write("model:\n  version: D\ntrain:\n  epochs: 3\n"))
    assert settings == updated(model__version="D", train__epochs=3)
    assert dataclasses.asdict(settings.data) == dataclasses.asdict(Config().data)


def test_an_empty_file_gives_the_defaults(write):
    assert load(write("# nothing\n")) == Config()


def test_a_file_wins_over_its_base(write):
    write("train:\n  epochs: 3\n  seed: 7\n", "base.yaml")
    settings = load(write("_base_: base.yaml\ntrain:\n  epochs: 5\n"))
    assert (settings.train.epochs, settings.train.seed) == (5, 7)


def test_a_base_has_no_base_of_its_own(write):
    write("_base_: other.yaml\n", "base.yaml")
    with pytest.raises(InputError, match=r"base.yaml: a base file may not have a _base_.*write its settings out"):
        load(write("_base_: base.yaml\n"))


def test_a_fault_in_the_base_names_the_base(write):
    write("train:\n  epochs: many\n", "base.yaml")
    with pytest.raises(InputError, match=r"base.yaml: train.epochs: expected int, got 'many'"):
        load(write("_base_: base.yaml\n"))


@pytest.mark.parametrize("key", ["train.epoch", "training.epochs", "epochs", "train", "train.lr.x", "train.__class__"])
def test_an_unknown_key_is_named_with_the_known_ones(key):
    with pytest.raises(InputError, match=f"your settings: unknown key {key}; known are model.name, .*train.device"):
        Config().updated({key: 1}, "your settings")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("train.epochs", True, "int, got True"),
        ("train.epochs", "3", "int, got '3'"),
        ("train.epochs", 3.0, "int, got 3.0"),
        ("train.epochs", None, "int, got None"),
        ("train.lr", True, "float, got True"),
        ("train.lr", "fast", "a number, got 'fast'"),
        ("train.lr", None, "a number, got None"),
        ("train.device", 0, "str, got 0"),
        ("data.path", 5, "str, got 5"),
        ("model.layers", "50", "one of 50, 101, 152, got '50'"),
        ("model.layers", 50.0, "one of 50, 101, 152, got 50.0"),
        ("model.layers", 34, "one of 50, 101, 152, got 34"),
        ("model.version", "A", "one of O, B, C, D, got 'A'"),
        ("train.epochs", -1, "a value at least 0, got -1"),
        ("train.batch_size", 0, "a value at least 1, got 0"),
        ("train.lr", 0, "a value above 0, got 0.0"),
        ("train.lr", float("nan"), "a value above 0, got nan"),
        ("train.lr", float("inf"), "a value above 0, got inf"),
        ("data.holdout", 1, "a value at least 0.0 and below 1.0, got 1.0"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(key, value, expected):
    with pytest.raises(InputError) as raised:
        Config().updated({key: value}, "your settings")
    assert str(raised.value) == f"your settings: {key}: expected {expected}"


def test_several_faults_come_in_one_message():
    with pytest.raises(InputError) as raised:
        updated(train__epochs=-1, train__speed=3, model__version="X", train__seed=4)
    message = str(raised.value)
    assert all(key in message for key in ("train.epochs: ", "unknown key train.speed", "model.version: "))
    assert "train.seed: " not in message


@pytest.mark.parametrize(
    ("key", "value"),
    [("train.lr", 1), ("train.momentum", 0), ("data.holdout", 0.5), ("train.epochs", 0), ("data.path", None)],
)
def test_the_ends_of_the_ranges_are_accepted(key, value):
    assert Config().updated({key: value}, "x").flat()[key] == value


def test_a_number_without_a_point_is_a_float_for_a_float(write):
    """YAML 1.1 reads 1e-4 as text and 1 as an int."""
    settings = load(write("train:\n  lr: 1e-4\n  momentum: 0\n"))
    assert settings.train.lr == 0.0001
    assert type(settings.train.momentum) is float


def test_flat_has_every_setting_under_its_key():
    flat = Config().flat()
    fields = [
        (s.name, f.name) for s in dataclasses.fields(Config) for f in dataclasses.fields(getattr(Config(), s.name))
    ]
    assert list(flat) == [f"{section}.{name}" for section, name in fields]
    assert flat["train.lr"] == Config().train.lr


def test_to_yaml_reads_back_equal(write):
    settings = updated(
        model__layers=101, data__path="/daten/müller #1: yes", train__lr=1e-05, train__weights="no", data__holdout=0.15
    )
    assert load(write(to_yaml(settings.flat()))) == settings


def test_an_assignment_is_given_once():
    with pytest.raises(InputError, match=r"--set train.lr = 2: train.lr is given twice; leave one"):
        parse_assignments(["train.lr=1", "train.lr = 2"])


def test_assignments_are_read_as_yaml():
    texts = ["train.lr=0.001", "train.epochs=3", "data.path=null", "train.weights=a=b.pdparams", " model.version =D"]
    assert parse_assignments(texts) == {
        "train.lr": 0.001,
        "train.epochs": 3,
        "data.path": None,
        "train.weights": "a=b.pdparams",
        "model.version": "D",
    }


@pytest.mark.parametrize("text", ["train.lr", "=3", ""])
def test_an_assignment_needs_a_key_and_a_value(text):
    with pytest.raises(InputError, match=f"--set {text}: expected key=value, for example train.lr=0.001"):
        parse_assignments([text])


@pytest.mark.parametrize("value", ["[1", "{", "'"])
def test_an_assignment_that_is_no_yaml_is_named(value):
    with pytest.raises(InputError, match=r"--set train.lr=.*: the value is no YAML \(") as raised:
        parse_assignments([f"train.lr={value}"])
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.yaml: .*No such file or directory.*give a YAML file of settings"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"train: [\n", b"a: b: c\n", b"\xff\xfe\x00", b"!!python/object:os.system {}\n"])
def test_a_file_that_is_no_yaml_is_named(tmp_path, content):
    (tmp_path / "settings.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"settings.yaml: this is no YAML file \(") as raised:
        load(tmp_path / "settings.yaml")
    assert "\n" not in str(raised.value)


def test_a_file_without_sections_says_what_is_expected(write):
    with pytest.raises(InputError, match=r"settings.yaml: expected sections such as 'train:' at the top, found list"):
        load(write("- train\n"))


@pytest.mark.parametrize("value", ["2020-13-45", "0x_"])
def test_a_scalar_that_yaml_cannot_build_is_wrong_input(write, value):
    for read in (lambda: parse_assignments([f"train.lr={value}"]), lambda: load(write(f"train:\n  lr: {value}\n"))):
        with pytest.raises(InputError):
            read()


def test_a_number_beyond_all_floats_is_wrong_input():
    with pytest.raises(InputError, match=r"train\.lr"):
        updated(train__lr=10**400)


def test_an_empty_base_is_named_with_its_file(write):
    with pytest.raises(InputError, match=r"settings.yaml.*_base_"):
        load(write("_base_:\n"))


def test_the_module_offers_no_way_around_the_checks():
    """Settings are frozen; a change goes through `updated`."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.Config().train.lr = -1


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 1]\nb: [*a, *a]",
        "train: {lr: !!timestamp x}",
        "[" * 5000,
        "{a: " * 3000,
        "train: {epochs: !!python/object/apply:os.getcwd []}",
    ],
    ids=["alias", "timestamp", "brackets", "braces", "object"],
)
def test_hostile_settings_are_an_input_error_of_one_line(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=r"c.yaml: this is no YAML file") as caught:
        config.load(tmp_path / "c.yaml")
    assert len(str(caught.value)) < 500


def test_what_is_no_file_of_settings_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "large.yaml").write_text("# " + "x" * 2**20)
    for name in ("pipe.yaml", "large.yaml"):
        with pytest.raises(InputError, match=f"{name}: .*; give a YAML file of settings"):
            config.load(tmp_path / name)


def test_a_long_value_is_cut_in_its_message():
    with pytest.raises(InputError) as caught:
        config.Config().updated({"model.version": "x" * 10**6}, "test")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {lr: 0.1, lr: 0.2}", "lr is given twice"),
        ("train: {lr: 0.1}\ntrain: {epochs: 3}", "train is given twice"),
        ("train: {lr: 0.1}\ntrain.lr: 0.2", "train.lr is given twice; leave one"),
        ("train: {epochs: 010}", "010 is read as another number; write it in tens"),
        ("train: {epochs: 1:30}", "1:30 is read as another number"),
        ("train: {lr: 1:30.5}", "1:30.5 is read as another number"),
    ],
)
def test_what_yaml_takes_for_something_else_is_refused(tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        load(tmp_path / "config.yaml")


def test_numbers_are_what_they_look_like(tmp_path):
    (tmp_path / "config.yaml").write_text("train: {lr: 0.05, epochs: 30, momentum: .9}")
    loaded = load(tmp_path / "config.yaml").train
    assert (loaded.lr, loaded.epochs, loaded.momentum) == (0.05, 30, 0.9)
