"""Typed settings: defaults, one YAML file with one level of ``_base_``, and ``key=value`` overrides."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Optional, Union, get_args, get_origin, get_type_hints

import yaml

from paddle_eye import choices
from paddle_eye.errors import InputError, brief
from paddle_eye.files import read_ordinary

MaskClasses = Union[list, dict]
_MOST_MASK_CLASSES, _MOST_MASK_VALUE = 250, 65535


def _number(
    default: float | None,
    at_least: float,
    below: float = float("inf"),
    positive: bool = False,
) -> Any:
    """A numeric setting with its range."""
    return field(default=default, metadata={"limits": {"at_least": at_least, "below": below, "positive": positive}})


@dataclass(frozen=True)
class ModelSettings:
    """The network: a name in `paddle_eye.models.registry` and the settings it has there."""

    name: choices.NetworkName = "resnet"
    layers: choices.LayerCount = 50
    version: choices.Version = "O"
    definition: choices.Definition = "document"
    attention: choices.Attention = None
    in_channels: Literal[1, 3] = 1


@dataclass(frozen=True)
class DataSettings:
    """Where the pictures are (None: looked for) and what becomes of them.

    Of masks, ``image_size`` is the side of the squares that training cuts out, ``crops`` how many of a picture in an
    epoch; ``pixels`` is what the network sees of a picture, ``bending`` whether squares are bent. Pictures that do not
    come divided are, in their order, divided into ``folds`` blocks, and block ``fold`` (None: the last) is tested.
    ``classes`` are the names of three or more classes of masks, the background first: with their values in the mask
    files, or in the order of these values.
    """

    path: Optional[str] = None
    image_size: int = _number(224, at_least=32, below=4097)
    preset: choices.Preset = "document"
    holdout: float = _number(0.0, at_least=0.0, below=1.0)
    crops: int = _number(4, at_least=1)
    pixels: choices.Pixels = "plain"
    bending: bool = True
    folds: int = _number(5, at_least=2)
    fold: Optional[int] = _number(None, at_least=1)
    background: str = "background"
    foreground: str = "foreground"
    classes: Optional[MaskClasses] = None


@dataclass(frozen=True)
class TrainSettings:
    """The recipe. The defaults are the document's.

    ``lr`` is of the mean loss of a step. The document goes backward from the losses of ten photographs at once, which
    adds their gradients up, so that its 0.0001 is 0.001 here.

    ``task`` is a row of `paddle_eye.tasks.registry.TASKS`; None takes what the network answers for. A step has
    ``accumulate`` batches in each process. ``amp`` is a `paddle_eye.engine.precision.Precision`, and ``sync_batchnorm``
    normalises by the batches of all processes together; both need GPUs.
    """

    task: Optional[str] = None
    epochs: int = _number(20, at_least=0)
    batch_size: int = _number(10, at_least=1)
    accumulate: int = _number(1, at_least=1)
    amp: choices.Amp = "off"
    sync_batchnorm: bool = False
    optim: choices.Optimizer = "SGD"
    lr: float = _number(1e-3, at_least=0.0, positive=True)
    momentum: float = _number(0.9, at_least=0.0, below=1.0)
    schedule: choices.LearningRateSchedule = "constant"
    lrf: float = _number(0.0, at_least=0.0, below=1.0)
    warmup: int = _number(0, at_least=0)
    loss: choices.MaskLoss = "tversky"
    label_smoothing: float = _number(0.0, at_least=0.0, below=1.0)
    freeze: Optional[str] = None
    class_weights: Optional[Literal["balanced"]] = None
    sampler: choices.Sampler = "shuffled"
    seed: int = _number(0, at_least=0, below=2**31)
    weights: Optional[str] = None
    pretrained: Optional[str] = None
    device: str = "auto"


@dataclass(frozen=True)
class Config:
    """All settings of one experiment, in sections; a key is written ``section.name``."""

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def updated(self, values: Mapping[str, Any], source: str) -> Config:
        """A copy with the dotted keys of ``values`` replaced.

        Raises:
            InputError: an unknown key, a wrong type or a value out of range; all of them in one message.
        """
        sections = {section.name: {} for section in dataclasses.fields(self)}
        faults = []
        for key, value in values.items():
            section, _, name = key.partition(".")
            hints = get_type_hints(type(getattr(self, section))) if section in sections else {}
            if name not in hints:
                faults.append(f"unknown key {brief(key)}; known are {', '.join(self.flat())}")
                continue
            setting = next(f for f in dataclasses.fields(getattr(self, section)) if f.name == name)
            try:
                sections[section][name] = _checked(value, hints[name], setting.metadata.get("limits"))
            except ValueError as error:
                faults.append(f"{key}: {error}")
        if faults:
            raise InputError(f"{source}: " + "; ".join(faults))
        return Config(**{name: dataclasses.replace(getattr(self, name), **new) for name, new in sections.items()})

    def flat(self) -> dict[str, Any]:
        """Every setting under its dotted key."""
        return {
            f"{section}.{name}": value
            for section, values in dataclasses.asdict(self).items()
            for name, value in values.items()
        }


def to_yaml(settings: Mapping[str, Any]) -> str:
    """Settings under their dotted keys as a file that `load` reads back to them, and to the defaults of others."""
    sections: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in settings.items():
        section, _, name = key.partition(".")
        sections[section][name] = value
    return yaml.safe_dump(dict(sections), sort_keys=False, allow_unicode=True)


def load(path: Path) -> Config:
    """Read one YAML file over the defaults; its ``_base_`` names another file, read before it.

    Raises:
        InputError: the file is missing, no YAML, has a base of a base, or holds a wrong setting.
    """
    values = _read(path)
    config = Config()
    if "_base_" in values:
        base_name = values.pop("_base_")
        if not isinstance(base_name, str):
            raise InputError(f"{path}: _base_ must be the name of another file, got {base_name!r}")
        base_path = path.parent / base_name
        base = _read(base_path)
        if "_base_" in base:
            raise InputError(f"{base_path}: a base file may not have a _base_ of its own; write its settings out")
        config = config.updated(base, str(base_path))
    return config.updated(values, str(path))


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """Turn ``["train.lr=0.001"]`` into ``{"train.lr": 0.001}``; the value is read as YAML."""
    values = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise InputError(f"--set {assignment}: expected key=value, for example train.lr=0.001")
        if key.strip() in values:
            raise InputError(f"--set {assignment}: {key.strip()} is given twice; leave one")
        try:
            values[key.strip()] = _yaml(text)
        except ValueError as error:
            raise InputError(f"--set {assignment}: the value is no YAML ({_one_line(error)})") from error
    return values


def read_yaml(path: Path) -> Any:
    """What a YAML file holds: plain values, lists and dicts.

    Raises:
        InputError: it cannot be read, is no ordinary file, is larger than a megabyte, or is no YAML.
    """
    content = read_ordinary(path, 1, "a YAML file of settings")
    try:
        return _yaml(content.decode())
    except ValueError as error:
        raise InputError(f"{path}: this is no YAML file ({_one_line(error)})") from error


class _Strict(yaml.SafeLoader):
    """Without aliases, of which a few lines can stand for more than fits into the memory, without keys that are given
    twice, and without numbers that people write in tens and YAML 1.1 reads in eights (010) and sixties (1:30)."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if doubles := sorted(key for key, count in counts.items() if count > 1):
            raise yaml.YAMLError(f"{', '.join(doubles)} is given twice")
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> Any:
        if re.match(r"[-+]?0[0-9_]", node.value) or ":" in node.value:
            raise yaml.YAMLError(f"{node.value} is read as another number; write it in tens, or as text in quotes")
        return self.construct_yaml_int(node) if node.tag.endswith(":int") else self.construct_yaml_float(node)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name) has no place here")
        return super().compose_node(parent, index)


for _tag in ("int", "float"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_tag}", _Strict.construct_number)


def _yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        ValueError: it is none.
    """
    try:
        return yaml.load(text, _Strict)  # noqa: S506 - derived from SafeLoader
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    except Exception as error:  # a tag with a wrong value fails in the ways of its type
        raise ValueError(_one_line(error)) from error


def _read(path: Path) -> dict[str, Any]:
    """One file's settings under dotted keys."""
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected sections such as 'train:' at the top, found {type(content).__name__}")
    flat = {}
    for section, values in content.items():
        if section != "_base_" and isinstance(values, dict):
            found = {f"{section}.{name}": value for name, value in values.items()}
        else:
            found = {str(section): values} if values is not None or section == "_base_" else {}
        if doubles := flat.keys() & found.keys():
            raise InputError(f"{path}: {', '.join(sorted(doubles))} is given twice; leave one")
        flat.update(found)
    return flat


def _checked(value: Any, expected: Any, limits: Mapping[str, Any] | None) -> Any:
    """``value`` as the setting's type, or a ValueError that says what was expected."""
    if get_origin(expected) is Union:  # Optional[X]
        if value is None:
            return None
        if expected == Optional[MaskClasses]:
            return _mask_classes(value)
        expected = get_args(expected)[0]
    if get_origin(expected) is Literal:
        value = "off" if value is False and "off" in get_args(expected) else value  # YAML 1.1 reads off as false
        for choice in get_args(expected):
            if value == choice and type(value) is type(choice):
                return value
        raise ValueError(f"expected one of {', '.join(map(str, get_args(expected)))}, got {brief(repr(value))}")
    if expected is float and not isinstance(value, bool):
        try:  # YAML 1.1 reads 1e-4, without a point, as text
            value = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"expected a number, got {brief(repr(value))}") from None
    if type(value) is not expected:
        raise ValueError(f"expected {expected.__name__}, got {brief(repr(value))}")
    if limits:
        fits = limits["at_least"] <= value < limits["below"] and not (limits["positive"] and value == 0)
        if not fits:
            lowest = "above 0" if limits["positive"] else f"at least {limits['at_least']}"
            highest = f" and below {limits['below']}" if limits["below"] != float("inf") else ""
            raise ValueError(f"expected a value {lowest}{highest}, got {brief(str(value))}")
    return value


def _mask_classes(value: Any) -> list[str] | dict[str, int]:
    """``value`` as `DataSettings.classes`, or a ValueError that says what was expected."""
    names = list(value) if isinstance(value, (list, dict)) else []
    named = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    if not named or not 3 <= len(names) <= _MOST_MASK_CLASSES:
        raise ValueError(
            "expected three or more different names, the background first (of two there are data.background and "
            "data.foreground), such as [background, disc, cup] or {background: 0, disc: 1, cup: 2}, "
            f"got {brief(repr(value))}"
        )
    values = list(value.values()) if isinstance(value, dict) else []
    whole = all(type(each) is int and 0 <= each <= _MOST_MASK_VALUE for each in values)
    if not whole or len(set(values)) != len(values):
        raise ValueError(f"expected a different value from 0 to {_MOST_MASK_VALUE} of each, got {brief(repr(value))}")
    return value


def _one_line(error: Exception) -> str:
    return brief(" ".join(str(error).split()))
