"""The log is read back record by record, by VisualDL itself where it is installed."""

import json
import resource
import struct
import sys
from types import ModuleType, SimpleNamespace

import pytest

from paddle_eye.engine.visualdl_log import VisualDLDisplay
from paddle_eye.errors import JobError
from paddle_eye.run_folder import RunFolder

ROW = {"lr": 0.1, "train_loss": 0.6, "train_accuracy": 0.5, "loss": 0.5, "accuracy": 0.75, "auc": float("nan")}


class Record:
    """Stands in for VisualDL's, which need not be installed."""

    Value = Image = MetaData = SimpleNamespace

    def __init__(self, values):
        self.values = values

    def SerializeToString(self):  # noqa: N802
        return json.dumps(
            self.values, default=lambda each: each.hex() if isinstance(each, bytes) else vars(each)
        ).encode()

    @classmethod
    def FromString(cls, data):  # noqa: N802
        return cls([SimpleNamespace(**value) for value in json.loads(data)])


@pytest.fixture
def visualdl(monkeypatch):
    for name in ("visualdl", "visualdl.proto", "visualdl.proto.record_pb2"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["visualdl.proto.record_pb2"].Record = Record


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path, "run")


def train(run, epochs, batches=3):
    """What a display hears of these epochs, from the start of the program."""
    display = VisualDLDisplay()
    display.started(run)
    for place in (1, 2):
        display.picture(f"training/{place}", 1, b"PNG")
    for epoch in epochs:
        if epoch:
            for index, loss in enumerate(display.training(epoch, 9, [1 / epoch] * batches, accumulate=1)):
                display.step(epoch, index, loss, 0.0)
        row = {**ROW, "lr": ROW["lr"] if epoch else None, "confusion_matrix": [[1]], "seconds": 2.0}
        display.evaluated({"epoch": epoch, **row}, "accuracy")
    return display


def read(run):
    """Tag and step of every record, in their order."""
    data, records = run.visualdl_log.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        (value,) = Record.FromString(data[8 : 8 + length]).values
        records.append((value.tag, value.id))
        data = data[8 + length :]
    return records


def test_a_step_of_several_batches_is_one_step(visualdl, run):
    display = VisualDLDisplay()
    display.started(run)
    for epoch in (1, 2):
        display.training(epoch, 9, [None] * 5, accumulate=2)
        for index in range(3):
            display.step(epoch, index, 0.5, 0.0)
    assert [step for tag, step in read(run) if tag == "step/loss"] == [1, 2, 3, 4, 5, 6]


def test_after_fewer_steps_an_epoch_the_numbers_of_steps_go_on(visualdl, run):
    """As where a run is continued by more processes, and by fewer."""
    train(run, [0, 1, 2], batches=4)
    train(run, [3, 4], batches=3)
    train(run, [5], batches=1)
    train(run, [6], batches=8)
    assert [step for tag, step in read(run) if tag == "step/loss"] == list(range(1, 8 + 6 + 1 + 8 + 1))


def test_steps_epochs_and_pictures_are_logged(visualdl, run):
    train(run, [0, 1, 2])
    records = read(run)
    assert records[:3] == [("meta_data_tag", 0), ("training/1", 1), ("training/2", 1)]
    assert [step for tag, step in records if tag == "step/loss"] == [1, 2, 3, 4, 5, 6]
    assert [step for tag, step in records if tag == "evaluation/accuracy"] == [0, 1, 2]
    assert [step for tag, step in records if tag == "train/learning_rate"] == [1, 2]
    tags = {"train/loss", "train/accuracy", "train/learning_rate", "evaluation/loss", "evaluation/accuracy"}
    assert {tag for tag, _ in records[3:]} == tags | {"step/loss"}


def test_a_continued_run_continues_its_log(visualdl, run):
    stopped = train(run, [0, 1])
    stopped.step(2, 0, 0.5, 0.0)  # and then the program was killed, in an epoch that is trained again
    with open(run.visualdl_log, "ab") as log:
        log.write(struct.pack("<Q", 90) + b"half a record")
    with pytest.warns(UserWarning, match="21 damaged bytes at its end were cut off"):
        train(run, [2, 3])
    records = read(run)
    assert len(records) == len(set(records))
    assert [step for tag, step in records if tag == "step/loss"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [step for tag, step in records if tag == "evaluation/loss"] == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", [b"\xff" * 30, struct.pack("<Q", 3) + b"no record", b"\x01"])
def test_a_damaged_log_keeps_its_good_beginning(visualdl, run, damage):
    train(run, [0, 1])
    whole = read(run)
    with open(run.visualdl_log, "ab") as log:
        log.write(damage)
    with pytest.warns(UserWarning, match="cut off"):
        VisualDLDisplay().started(run)
    assert read(run) == whole


def test_a_full_disk_does_not_stop_the_training_and_leaves_no_half_record(visualdl, run):
    display = train(run, [0])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (run.visualdl_log.stat().st_size + 30, limits[1]))  # half a record fits
    try:
        display.training(1, 9, [0] * 3, accumulate=1)
        with pytest.warns(UserWarning, match="training goes on, the log has gaps"):
            display.step(1, 0, 0.7, 0.0)
            display.step(1, 1, 0.7, 0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    before = read(run)
    display.step(1, 2, 0.7, 0.0)
    assert read(run) == [*before, ("step/loss", 3)]
    assert "step/loss" not in dict(before)


def test_a_folder_that_cannot_be_written_is_said_before_training(visualdl, run):
    run.visualdl_log.parent.write_text("a file")
    with pytest.raises(JobError, match=r"vdl_log.*the log cannot be written \(.+\)"):
        VisualDLDisplay().started(run)


def test_without_visualdl_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    with pytest.raises(JobError, match=r'pip install -e "\.\[visualdl\]"'):
        VisualDLDisplay()


def test_visualdl_reads_it(run):
    visualdl = pytest.importorskip("visualdl", reason='pip install -e ".[visualdl]"')
    train(run, [0, 1])
    train(run, [1, 2])
    reader = visualdl.LogReader(file_path=str(run.visualdl_log))
    losses = [(each.id, round(each.value, 4)) for each in reader.get_data("scalar", "step/loss")]
    assert losses == [(1, 1), (2, 1), (3, 1), (4, 0.5), (5, 0.5), (6, 0.5)]
    assert [each.id for each in reader.get_data("scalar", "train/loss")] == [0, 1, 2]
    assert [each.image.encoded_image_string for each in reader.get_data("image", "training/2")] == [b"PNG"]
