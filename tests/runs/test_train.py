"""A run reads every picture once and asks its network no more often than it must."""

import shutil
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.config import Config
from paddle_eye.data.loading import EpochSampler
from paddle_eye.data.locate import find
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.display import Display
from paddle_eye.errors import InputError, JobError
from paddle_eye.run_folder import RunFolder
from paddle_eye.runs import train as module

RECIPE = {"model.name": "shufflenet_v2_x0_25", "data.image_size": 32, "train.epochs": 2, "train.lr": 0.01}


@pytest.fixture
def run(monkeypatch, tmp_path, make_palm):
    """A function that trains on a small PALM folder: its results, and how often each file was read."""
    root = make_palm(tmp_path / "palm")
    time.sleep(0.1)  # what was written just now is read again, as it may be changed without a new time
    asked = []
    monkeypatch.setattr(module.Run, "_evaluate", lambda self, real=module.Run._evaluate: asked.append(1) or real(self))

    def train(run=None, display=None, **settings):
        read = Counter()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", lambda path, real=Path.read_bytes: read.update([path.name]) or real(path))
            asked.clear()
            folder, results = module.train(
                Config().updated({**RECIPE, "data.path": str(root), **settings}, "test"),
                find(str(root)),
                tmp_path / "output",
                run=run,
                overwrite=False,
                command="",
                display=display or Display(),
            )
        return folder, results, {name: count for name, count in read.items() if name.endswith(".jpg")}, len(asked)

    return train


def test_every_picture_is_read_once_and_the_last_epoch_evaluated_once(run):
    folder, results, read, asked_again = run()
    assert (set(read.values()), len(read), asked_again) == ({1}, 17, 0)
    continued = RunFolder(folder.path, folder.name)
    _, again, read, asked_again = run(continued)
    assert (read, asked_again) == ({}, 2)  # the store has all of them
    assert (again["best"], again["last"]) == (results["best"], results["last"])


def test_with_photographs_kept_aside_the_validation_part_is_looked_at_after_training(run):
    _, results, read, asked_again = run(**{"data.holdout": 0.3})
    assert (set(read.values()), asked_again) == ({1}, 2)
    assert results["data"]["images_chosen_on"] == 4 and results["best"]["images"] == 5


def test_augmented_pictures_are_read_once_too(run):
    _, _, read, _ = run(**{"data.preset": "fundus", "data.holdout": 0.3})
    assert (set(read.values()), len(read)) == ({1}, 17)


def test_a_history_that_is_an_epoch_short_is_made_whole_from_the_checkpoint(run):
    """Killed between the checkpoint and the files for people."""
    folder, *_ = run()
    whole = folder.history.read_text()
    folder.history.write_text(whole.rsplit("\n", 2)[0] + "\n")
    folder.training_log.unlink()
    run(RunFolder(folder.path, folder.name))
    assert folder.history.read_text() == whole
    assert "epoch:2" in folder.training_log.read_text()


def test_a_folder_that_is_removed_while_it_trains_is_missed(run, monkeypatch):
    saved = []

    def save(path, *arguments, real=module.save_checkpoint):
        real(path, *arguments)
        saved.append(path)
        if len(saved) == 2:
            shutil.rmtree(path.parent)

    monkeypatch.setattr(module, "save_checkpoint", save)
    with pytest.raises(JobError, match="the folder was removed while its run was trained"):
        run(**{"train.epochs": 4})


class Listening(Display):
    """Keeps the pictures it hears of, and what the network is given first."""

    def __init__(self):
        self.pictures, self.first_inputs, self.run = {}, None, None

    def started(self, run):
        self.run = run

    def training(self, epoch, epochs, batches, accumulate):
        if epoch == 1:
            self.first_inputs = next(iter(batches))[0].numpy()
        return batches

    def picture(self, name, epoch, png):
        self.pictures[name, epoch] = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_a_display_sees_what_the_network_sees_first_and_the_report(run):
    display = Listening()
    folder, *_ = run(display=display, **{"data.preset": "fundus", "train.epochs": 1})
    assert display.run == folder
    seen = [display.pictures[f"training/{place}", 1] for place in (1, 2, 3, 4)]
    np.testing.assert_array_equal(Preprocessing(32, "fundus").normalise(np.stack(seen)), display.first_inputs[:4])
    report = {name for name, epoch in display.pictures if name.startswith("report/") and epoch == 1}
    assert report >= {"report/curves", "report/confusion_matrix", "report/worst"}
    assert {f"{name.partition('/')[2]}.png" for name in report} <= {path.name for path in folder.path.iterdir()}


def test_a_run_that_another_process_has_trained_meanwhile_is_not_rolled_back(run, monkeypatch):
    folder, *_ = run()

    def prepare(*arguments, real=module.Run.prepare):
        prepared = real(*arguments)
        folder.checkpoint.write_bytes(folder.checkpoint.read_bytes())  # as the other process ends
        return prepared

    with monkeypatch.context() as patch:
        patch.setattr(module.Run, "prepare", prepare)
        before = folder.metrics.read_bytes()
        with pytest.raises(InputError, match="another process has trained this run meanwhile; start again to go on"):
            run(RunFolder(folder.path, folder.name), **{"train.epochs": 4})
    assert folder.metrics.read_bytes() == before


def test_normalisation_over_all_processes_needs_images_for_each():
    module._require_images_for_all(EpochSampler(400, 10, 0, ranks=2))
    with pytest.raises(InputError, match="401 images in batches of 10 leave one of 2 processes without any"):
        module._require_images_for_all(EpochSampler(401, 10, 0, ranks=2))
