from pathlib import Path

import pytest

from paddle_eye.data import locate
from paddle_eye.data.locate import DEMONSTRATION_FOLDER, PALM_FOLDER, Location, find
from paddle_eye.data.preparation import synthetic
from paddle_eye.data.sources.palm import VALIDATION_FOLDER
from paddle_eye.errors import InputError

ARCHIVES = ("training.zip", "validation.zip", "valid_gt.zip")


@pytest.fixture(autouse=True)
def drawn(tmp_path, monkeypatch):
    """An empty working folder with no archives; the folders that are drawn are listed instead of drawn in full."""
    calls = []

    def draw(folder):
        calls.append(folder)
        folder.mkdir(parents=True)
        (folder / synthetic.MARKER_FILE).touch()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locate, "AI_STUDIO_MOUNTS", (tmp_path / "studio", tmp_path / "task"))
    monkeypatch.setattr(locate, "AI_STUDIO_UNPACKED", (tmp_path / "work/palm",))
    monkeypatch.setattr(synthetic, "draw", draw)
    return calls


@pytest.fixture
def unpacked(monkeypatch):
    """The (archives, target) pairs that are unpacked, instead of unpacking."""
    calls = []

    def unpack(folder, target):
        calls.append((folder, target))
        (target / VALIDATION_FOLDER).mkdir(parents=True)

    monkeypatch.setattr(locate.archives, "unpack", unpack)
    return calls


def put_archives(folder, names=ARCHIVES):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_what_is_given_comes_first(tmp_path, drawn, unpacked):
    put_archives(tmp_path / "studio")
    (PALM_FOLDER / VALIDATION_FOLDER).mkdir(parents=True)
    Path("mine").mkdir()
    assert find("mine") == Location(Path("mine"), "mine", demonstration=False)
    assert drawn == unpacked == []


@pytest.mark.parametrize("given", ["none", "file.txt"])
def test_what_is_given_and_is_no_folder_is_never_replaced(given, tmp_path, drawn, unpacked):
    put_archives(tmp_path / "studio")
    (PALM_FOLDER / VALIDATION_FOLDER).mkdir(parents=True)
    Path("file.txt").touch()
    with pytest.raises(
        InputError, match=rf"--data {given}: (no such folder|this is a file, no folder.*); dataset/README.md says"
    ):
        find(given)
    assert drawn == unpacked == []


def test_given_archives_are_answered_with_the_command_that_unpacks_them():
    put_archives(Path("packed"))
    with pytest.raises(InputError) as raised:
        find("packed")
    command = "python tools/prepare_data.py --archives packed"
    assert str(raised.value) == f"--data packed: these are the archives; run: {command}"


def test_the_palm_folder_comes_before_the_archives(tmp_path, drawn, unpacked):
    put_archives(tmp_path / "studio")
    (PALM_FOLDER / VALIDATION_FOLDER).mkdir(parents=True)
    assert find() == Location(PALM_FOLDER, "PALM", demonstration=False)
    assert drawn == unpacked == []


def test_the_archives_come_before_the_demonstration(tmp_path, drawn, unpacked):
    put_archives(tmp_path / "studio")
    DEMONSTRATION_FOLDER.mkdir(parents=True)
    assert find() == Location(PALM_FOLDER, "PALM", demonstration=False)
    assert unpacked == [(tmp_path / "studio", PALM_FOLDER)]
    assert find() == Location(PALM_FOLDER, "PALM", demonstration=False)
    assert len(unpacked) == 1
    assert drawn == []


def test_the_demonstration_is_drawn_once(drawn):
    assert find() == Location(DEMONSTRATION_FOLDER, "DEMO", demonstration=True)
    assert find() == Location(DEMONSTRATION_FOLDER, "DEMO", demonstration=True)
    assert drawn == [DEMONSTRATION_FOLDER]


@pytest.mark.parametrize("given", ["somewhere", None])
def test_a_demonstration_set_is_known_wherever_it_is(given):
    folder = Path(given) if given else PALM_FOLDER
    folder.mkdir(parents=True)
    (folder / synthetic.MARKER_FILE).touch()
    assert find(given) == Location(folder, "DEMO", demonstration=True)


@pytest.mark.parametrize("given", ["six", "six/", "six/../six", "./six"])
def test_another_data_set_has_the_name_of_its_folder(given):
    Path("six").mkdir()
    assert find(given).name == "six"


def test_the_banner_says_what_the_pictures_are_and_how_to_get_real_ones():
    assert "not\n medical data" in locate.BANNER
    assert "python tools/prepare_data.py --archives DIR" in locate.BANNER
    assert all(name in locate.BANNER for name in ARCHIVES)


def test_incomplete_archives_are_an_error_and_no_demonstration(tmp_path, drawn):
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "training.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"missing: validation\.zip"):
        locate.find()
    assert drawn == []


def test_an_empty_name_is_no_folder(drawn):
    with pytest.raises(InputError, match="no such folder"):
        locate.find("")


def test_the_first_mount_that_is_whole_is_unpacked(tmp_path, drawn, unpacked):
    (tmp_path / "studio").mkdir()
    put_archives(tmp_path / "task")
    assert find() == Location(PALM_FOLDER, "PALM", demonstration=False)
    assert unpacked == [(tmp_path / "task", PALM_FOLDER)]


@pytest.mark.parametrize("place", ["work/palm", "task"])
def test_what_is_unpacked_already_is_taken_as_it_is(tmp_path, drawn, unpacked, place):
    put_archives(tmp_path / "studio")
    (tmp_path / place / VALIDATION_FOLDER).mkdir(parents=True)
    assert find() == Location(tmp_path / place, "PALM", demonstration=False)
    assert drawn == unpacked == []


def test_the_mounts_of_notebooks_and_script_tasks_are_known(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(tmp_path))
    known = {path.expanduser().relative_to(tmp_path).as_posix() for path in locate.AI_STUDIO_MOUNTS}
    assert {"data/data19469", "data/data127091", "paddlejob/workspace/train_data/datasets/data19065"} <= known
