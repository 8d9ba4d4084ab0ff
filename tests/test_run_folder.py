import pytest

from paddle_eye.errors import InputError
from paddle_eye.files import claimed
from paddle_eye.run_folder import CLAIM, RunFolder, best_weights_in


def test_create_numbers_the_folders(tmp_path):
    names = [RunFolder.create(tmp_path / "output", "run").path.name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]


def test_weights_of_runs_in_folders_inside_are_found(tmp_path):
    names = ["b/b.pdparams", "frozen/a/a.pdparams", "table/row-seed0/c/c.pdparams"]
    for name in (*names, "b/last.pdparams", ".b.replaced/b.pdparams", "1/2/3/4/too-deep.pdparams"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert best_weights_in(tmp_path) == [tmp_path / name for name in names]


def test_create_passes_over_a_file_of_the_name(tmp_path):
    (tmp_path / "run").touch()
    assert RunFolder.create(tmp_path, "run").path == tmp_path / "run-2"


def test_existing_counts_as_people_do(tmp_path):
    for name in ("run-10", "run-9", "run", "run-2"):
        (tmp_path / name).mkdir()
    assert [run.path.name for run in RunFolder.existing(tmp_path, "run")] == ["run", "run-2", "run-9", "run-10"]


def test_existing_takes_no_other_name(tmp_path):
    for name in ("runner", "run-x", "run-2-old", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "run-3").touch()
    assert RunFolder.existing(tmp_path, "run") == []


def test_existing_of_a_folder_that_is_not_there_is_empty(tmp_path):
    assert RunFolder.existing(tmp_path / "output", "run") == []


def test_replace_empties_a_run(tmp_path):
    run = RunFolder.create(tmp_path, "run")
    run.config.touch()
    (run.path / "old.txt").touch()
    assert RunFolder.replace(tmp_path, "run") == run
    assert list(run.path.iterdir()) == []


def test_replace_makes_a_folder_that_is_not_there(tmp_path):
    assert RunFolder.replace(tmp_path / "output", "run").path.is_dir()


def test_replace_refuses_a_folder_that_is_no_run(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").touch()
    with pytest.raises(InputError, match=r"run is no training run .* and is not overwritten"):
        RunFolder.replace(tmp_path, "run")
    assert (tmp_path / "run" / "thesis.txt").is_file()


def test_the_weights_are_named_after_the_experiment(tmp_path):
    RunFolder.create(tmp_path, "run")
    assert RunFolder.create(tmp_path, "run").best_weights == tmp_path / "run-2" / "run.pdparams"


def test_a_name_with_signs_of_patterns_is_a_name(tmp_path):
    """A data set's folder may be called anything."""
    for _ in range(2):
        RunFolder.create(tmp_path, "resnet18_a[1]b")
    (tmp_path / "resnet18_a1b").mkdir()
    assert [run.path.name for run in RunFolder.existing(tmp_path, "resnet18_a[1]b")] == [
        "resnet18_a[1]b",
        "resnet18_a[1]b-2",
    ]


def test_a_run_that_is_replaced_is_removed_last(tmp_path):
    old = RunFolder.create(tmp_path, "run")
    old.config.write_text("old")
    new = RunFolder.replace(tmp_path, "run")
    assert list(new.path.iterdir()) == []
    new.bring_back_replaced()  # the recipe failed before there was anything to show
    assert old.config.read_text() == "old"
    new = RunFolder.replace(tmp_path, "run")
    new.checkpoint.write_text("new")
    new.forget_replaced()
    new.bring_back_replaced()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert new.checkpoint.read_text() == "new"


def test_a_killed_replacement_brings_the_old_run_back_at_the_next_one(tmp_path):
    RunFolder.create(tmp_path, "run").config.write_text("old")
    RunFolder.replace(tmp_path, "run")  # killed here
    again = RunFolder.replace(tmp_path, "run")
    again.bring_back_replaced()
    assert again.config.read_text() == "old"


def test_a_replacement_that_is_being_trained_is_left_alone(tmp_path):
    RunFolder.create(tmp_path, "run").config.write_text("old")
    trained = RunFolder.replace(tmp_path, "run")
    trained.config.write_text("new")
    with claimed(trained.path, CLAIM), pytest.raises(InputError, match="another process is training this run"):
        RunFolder.replace(tmp_path, "run")
    with claimed(trained.path, CLAIM):
        assert RunFolder.existing(tmp_path, "run") == [trained]
    assert trained.config.read_text() == "new"
    trained.bring_back_replaced()
    assert trained.config.read_text() == "old"


def test_a_folder_with_weights_of_another_name_is_no_run_of_this_one(tmp_path):
    """resnet50_mine-2 is the second run on mine, or the first one on mine-2."""
    for name in ("run", "run-2"):
        run = RunFolder.create(tmp_path, name)
        run.config.touch()
        run.best_weights.touch()
        run.last_weights.touch()
    assert [run.path.name for run in RunFolder.existing(tmp_path, "run")] == ["run"]
    second = RunFolder.create(tmp_path, "run")
    second.config.touch()
    second.best_weights.touch()
    assert second.path.name == "run-3"
    assert [run.path.name for run in RunFolder.existing(tmp_path, "run")] == ["run", "run-3"]
    assert RunFolder.existing(tmp_path, "run-3") == []
    with pytest.raises(InputError, match=r"run-3 is a run that is not called so, as its weights run.pdparams say"):
        RunFolder.replace(tmp_path, "run-3")
    assert second.best_weights.is_file()


@pytest.mark.parametrize("there", [True, False], ids=["begun", "moved"])
@pytest.mark.parametrize("find", [RunFolder.create, RunFolder.existing])
def test_a_killed_replacement_brings_the_old_run_back_for_whoever_looks(tmp_path, find, there):
    RunFolder.create(tmp_path, "run").config.write_text("old")
    new = RunFolder.replace(tmp_path, "run")  # killed here
    if not there:
        new.path.rmdir()
    find(tmp_path, "run")
    assert new.config.read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_was_being_forgotten_is_not_brought_back(tmp_path, monkeypatch):
    RunFolder.create(tmp_path, "run").config.write_text("old")
    new = RunFolder.replace(tmp_path, "run")
    new.config.write_text("new")
    monkeypatch.setattr("paddle_eye.run_folder.shutil.rmtree", lambda *_, **__: None)  # killed while it removed
    new.forget_replaced()
    assert RunFolder.existing(tmp_path, "run") == [new]
    assert new.config.read_text() == "new"
