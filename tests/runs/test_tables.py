"""Whole tables, with rows that train in seconds."""

import csv
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from paddle_eye.data import locate
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import write_bytes
from paddle_eye.runs.tables import reproduce
from paddle_eye.runs.tables.plan import read_plan
from paddle_eye.runs.tables.reproduce import Table
from paddle_eye.runs.tables.results import read_lines, table_file, update_pages
from paddle_eye.runs.tables.rows import commit_of, read_provenance, row_settings, shown_command, train_row

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
model: {name: shufflenet_v2_x0_25}
data: {path: palm, image_size: 32}
train: {epochs: 1, batch_size: 6, lr: 0.01}
"""
TABLE = """
rows:
  - {name: first, config: small.yaml, reported: {accuracy: 0.5}}
  - {name: broken, config: small.yaml, settings: {train.lr: 1.0e+30}}
  - {name: again, config: small.yaml, begins_with: first, settings: {train.epochs: 0}}
  - {name: longer, config: small.yaml, continues: first, settings: {train.epochs: 2}}
"""
PAGE = """before
<!-- table: small -->
old
<!-- end of table -->
<!-- differences: small -->
<!-- end of differences -->
after
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, make_palm):
    """A folder in which a table of four rows was trained, one of which fails, and the tool's output."""
    folder = tmp_path_factory.mktemp("tables")
    make_palm(folder / "palm")
    (folder / "configs/tables").mkdir(parents=True)
    (folder / "configs/small.yaml").write_text(RECIPE)
    (folder / "configs/tables/small.yaml").write_text(TABLE)
    (folder / "page.md").write_text(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with pytest.raises(JobError, match="1 rows failed: broken-seed0"):
            table().train()
    return folder


def table(rows=None, name="small"):
    plan = read_plan(Path(f"configs/tables/{name}.yaml"))
    return Table(
        plan, plan.choose(rows), ROOT / "tools/train.py", Path("output") / name, Path("results"), [Path("page.md")]
    )


def lines():
    with open("results/small.csv", newline="") as file:
        return {line["row"]: line for line in csv.DictReader(file)}


@pytest.fixture
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def test_every_row_that_can_be_trained_has_a_line(inside):
    found = lines()
    assert list(found) == ["first", "again", "longer"]
    metrics = json.loads((inside / "output/small/longer-seed0/shufflenet_v2_x0_25_PALM/metrics.json").read_text())
    assert float(found["longer"]["last_accuracy"]) == metrics["last"]["accuracy"]
    assert float(found["longer"]["last_accuracy_low"]) == metrics["last"]["accuracy_interval"][0]
    assert found["longer"]["data_digest"] == metrics["data"]["digest"]
    assert (found["longer"]["last_epoch"], found["first"]["last_epoch"], found["again"]["last_epoch"]) == (
        "2",
        "1",
        "0",
    )
    assert int(found["first"]["peak_memory_mib"]) > 100
    assert len(found["first"]["last_sha256"]) == 64
    assert found["first"]["command"].startswith("python tools/train.py --config configs/small.yaml --seed 0 --output")


def test_the_page_holds_the_table_and_its_differences(inside):
    page = (inside / "page.md").read_text()
    assert page.startswith("before\n") and page.endswith("after\n") and "old" not in page
    assert "| the document |" in page and "| 0.5 |" in page
    assert f"| first | 1 | {float(lines()['first']['last_accuracy']):.4f} [" in page
    assert "first and longer: too few images to tell a difference from noise" in page
    assert "DeLong's test" in page
    assert (inside / "results/small-curves.png").read_bytes()[:4] == b"\x89PNG"
    assert (inside / "results/small-roc.png").is_file()


def test_finished_rows_are_skipped_and_lines_outlive_their_runs(inside, monkeypatch, capsys):
    (inside / "output").rename(inside / "elsewhere")
    before = (inside / "results/small.csv").read_text()
    table("first,longer").train()
    said = "its line is in results/small.csv; --results DIR trains it anew"
    assert capsys.readouterr().out == f"first-seed0: {said}\nlonger-seed0: {said}\nresults/small.csv\n"
    assert (inside / "results/small.csv").read_text() == before
    (inside / "elsewhere").rename(inside / "output")


def test_a_row_comes_out_the_same_again(inside, capsys):
    table("first").check()
    compared = int(re.search(r"first-seed0: all (\d+) figures", capsys.readouterr().out)[1])
    text = (inside / "results/small.csv").read_text()
    loss = lines()["first"]["last_loss"]
    changed = sum(value == loss for value in lines()["first"].values())  # that of the best epoch, if it is the last
    (inside / "results/small.csv").write_text(text.replace(loss, "0.123"))
    with pytest.raises(JobError, match=rf"{changed} of \d+ figures differ .*last_loss 0.123 before"):
        table("first").check()
    (inside / "results/small.csv").write_text(text.replace(loss, ""))  # as if it had not been measured then
    table("first").check()
    assert f"all {compared - changed} figures" in capsys.readouterr().out
    (inside / "results/small.csv").write_text(text)


def test_a_row_of_this_processor_is_trained_again_before_a_shorter_one(inside, capsys):
    rows = "rows: [{name: first, config: small.yaml}, {name: shorter, config: small.yaml, settings: {train.epochs: 0}}]"
    (inside / "configs/tables/two.yaml").write_text(rows)
    first = lines()["first"]
    with open("results/two.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, first)
        writer.writeheader()
        writer.writerows([first, {**first, "row": "shorter", "seconds": "0.1", "processors": "another, 1 core"}])
    table(name="two").check()
    assert "first-seed0: all " in capsys.readouterr().out


def test_the_cost_of_a_row_is_measured(inside, capsys):
    shutil.rmtree(inside / "output/small/longer-seed0")
    (inside / "results/small.csv").rename("small.csv")
    table().estimate()
    Path("small.csv").rename("results/small.csv")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "first-seed0: finished, output/small/first-seed0"
    assert out[1].startswith("broken-seed0: the loss became nan")
    assert re.match(r"longer-seed0: \d+ minutes \(1 epochs to go, 2 steps of \d+\.\d\d s and an evaluation of", out[3])
    assert out[-1].startswith("small: 0.0 hours")


def test_a_commit_says_whether_code_differs_from_it(tmp_path):
    def git(*arguments):
        name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(
            ["git", "-C", str(tmp_path), *name, *arguments], check=True, capture_output=True, text=True
        )

    for name in ("paddle_eye/losses.py", "docs/results/small.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("before")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD").stdout.strip()
    (tmp_path / "docs/results/small.csv").write_text("a new table")
    assert commit_of(tmp_path) == commit
    (tmp_path / "paddle_eye/losses.py").write_text("another loss")
    assert commit_of(tmp_path) == f"{commit}+"
    for place in ("docs/results/nowhere", "docs/results"):  # also unpacked in someone else's project
        assert commit_of(tmp_path / place) == "unknown"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "rows: [{name: a, config: small.yaml, settings: {train.lr: quick}}, {name: b, config: none.yaml}]",
            ["a-seed0: your settings: train.lr: expected a number", "b-seed0: configs/none.yaml"],
        ),
        ("rows: [{name: a, config: small.yaml, settings: {data.path: nowhere}}]", ["--data nowhere: no such folder"]),
        ("rows: [{name: a, config: small.yaml}]\ncells: true", ["networks answer for each pixel"]),
        (
            "rows: [{name: a, config: small.yaml, settings: {model.name: unet, data.classes: [x, y, z]}}]\ncells: true",
            ["a-seed0: it tells apart several classes of pixels"],
        ),
        ("rows: [{name: a, config: small.yaml}]\ntogether: {b: [a]}", ["networks answer for each pixel"]),
        (
            "rows: [{name: a, config: small.yaml}, {name: b, config: small.yaml, settings: {train.lr: 0.5}}]\n"
            "together: {c: [a, b]}",
            ["together c: its rows have other values of train.lr", "together c: two of its rows are measured on one"],
        ),
        (
            "rows: [{name: a, config: small.yaml}, {name: b, config: small.yaml, settings: {train.task: multilabel}}]",
            ["the rows learn different things, classification and multilabel"],
        ),
    ],
)
def test_a_table_with_a_wrong_row_trains_nothing(text, faults, inside, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/wrong.yaml").write_text(text.replace("config: ", f"config: {inside}/configs/"))
    plan = read_plan(tmp_path / "tables/wrong.yaml")
    wrong = Table(plan, plan.rows, ROOT / "tools/train.py", tmp_path / "output", tmp_path / "results", [])
    for work in (wrong.train, wrong.estimate):
        with pytest.raises(InputError, match="nothing was trained") as caught:
            work()
        assert all(fault.replace("configs/", f"{inside}/configs/") in str(caught.value) for fault in faults)
    assert not (tmp_path / "output").exists()


def test_a_finished_row_with_other_settings_is_refused(inside):
    changed = TABLE.replace("reported: {accuracy: 0.5}", "settings: {train.lr: 0.02}")
    (inside / "configs/tables/small.yaml").write_text(changed)
    with pytest.raises(InputError, match=r"first-seed0: .* other values of train.lr \(0.01 then, 0.02 now\)"):
        table("first").train()
    (inside / "configs/tables/small.yaml").write_text(TABLE)


def test_a_finished_row_is_the_same_however_the_path_of_its_data_is_written(inside):
    changed = TABLE.replace("reported: {accuracy: 0.5}", "settings: {data.path: ./palm/}")
    (inside / "configs/tables/small.yaml").write_text(changed)
    table("first").train()
    (inside / "configs/tables/small.yaml").write_text(TABLE)


def test_a_finished_row_that_began_with_others_weights_is_refused(inside):
    changed = TABLE.replace("{name: again", "{name: other, config: small.yaml}\n  - {name: again")
    (inside / "configs/tables/small.yaml").write_text(changed.replace("begins_with: first", "begins_with: other"))
    with pytest.raises(
        InputError, match=r"again-seed0: .* train.weights \(output/small/first-seed0 then, those of other"
    ):
        table("again").train()
    (inside / "configs/tables/small.yaml").write_text(TABLE)


def test_a_row_whose_run_is_gone_keeps_its_settings(inside, tmp_path):
    changed = TABLE.replace("reported: {accuracy: 0.5}", "settings: {train.lr: 0.02}")
    (inside / "configs/tables/small.yaml").write_text(changed)
    plan = read_plan(Path("configs/tables/small.yaml"))
    with pytest.raises(InputError, match=r"this is no metrics.json of a run; remove it"):
        (tmp_path / "first-seed0").mkdir()
        (tmp_path / "first-seed0/metrics.json").write_text("{}")
        row_settings(plan.rows[0], tmp_path / "output", tmp_path, finished=True)
    with pytest.raises(InputError, match=r"train.lr \(0.01 then, 0.02 now\); give the row another name"):
        row_settings(plan.rows[0], tmp_path / "output", Path("results/small"), finished=True)
    (inside / "configs/tables/small.yaml").write_text(TABLE)


def test_a_row_behind_one_that_failed_is_not_trained(inside, tmp_path, monkeypatch, capsys):
    def train(row, trainer, output):
        write_bytes(output / row.key / "run/run.pdparams", b"half trained")
        raise JobError(f"{row.key}: exit code 1")

    monkeypatch.setattr(reproduce, "train_row", train)
    plan = read_plan(Path("configs/tables/small.yaml"))
    rows = plan.choose("again")
    with pytest.raises(JobError, match="2 rows failed: first-seed0, again-seed0"):
        Table(plan, rows, ROOT / "tools/train.py", tmp_path / "output", tmp_path / "results", []).train()
    assert "again-seed0: not trained, as first-seed0 is not finished" in capsys.readouterr().out


def test_a_row_has_the_command_that_trained_it_last(inside, tmp_path):
    (tmp_path / "train.py").write_text("raise SystemExit(1)")
    (row, *_) = read_plan(Path("configs/tables/small.yaml")).rows
    for settings in ({"train.epochs": 3}, {"train.epochs": 9}):
        changed = replace(row, settings=settings)
        with pytest.raises(JobError, match="exit code 1"):
            train_row(changed, tmp_path / "train.py", tmp_path / "out")
        assert read_provenance(tmp_path / "out" / row.key).command == shown_command(changed, tmp_path / "out")


def test_a_row_whose_table_was_killed_is_trained_by_one_process_alone(inside, tmp_path):
    command = [sys.executable, str(ROOT / "tools/reproduce.py"), "configs/tables/small.yaml", "--rows", "first"]
    command += ["--output", str(tmp_path / "output"), "--results", str(tmp_path / "results")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    row = tmp_path / "output/small/first-seed0/row.json"
    while not row.is_file():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    second = subprocess.run(command, capture_output=True, text=True)
    if second.returncode:  # the first one's training still goes on
        assert "another process is training this row" in second.stdout
    end = time.monotonic() + 120
    while subprocess.run(command, capture_output=True).returncode and time.monotonic() < end:
        time.sleep(1)
    assert (tmp_path / "results/small.csv").is_file()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_table_that_is_stopped_stops_its_training(sent, code, inside, tmp_path):
    """Also when the signal is sent to the tool alone, as by a notebook or a queue of jobs."""
    endless = "rows: [{name: endless, config: small.yaml, settings: {train.epochs: 1000}}]"
    (inside / "configs/tables/endless.yaml").write_text(endless)
    command = [sys.executable, str(ROOT / "tools/reproduce.py"), "configs/tables/endless.yaml"]
    command += ["--output", str(tmp_path), "--results", str(tmp_path)]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background inherit a deaf ear
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=heed, start_new_session=True)
    row = tmp_path / "endless/endless-seed0"
    try:
        while not list(row.glob("*/history.csv")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(sent)
        assert process.wait(60) == code
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    with open(row / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no training holds it any more
    assert "Traceback" not in (row / "train.log").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rows: 3", "expected a list of rows"),
        ("rows: [{name: a}]", "row 1: expected name, config"),
        ("rows: [{name: a, config: x, colour: red}]", "row 1: unknown key 'colour'"),
        ("rows: [{name: ../a, config: x}]", "row 1: name '../a'"),
        ("rows: [{name: a, config: x, seeds: [-1]}]", "seeds: expected whole numbers"),
        ("rows: [{name: a, config: x, seeds: [0, 0]}]", "seeds: expected whole numbers"),
        (
            "rows: [{name: a, config: x, begins_with: b}]",
            "begins_with b: no row of this name, with the same seeds, stands before it",
        ),
        ("rows: [{name: a, config: x}]\nsells: true", "unknown key 'sells'"),
        ("rows: [{name: a, config: x}]\ntogether: {b: [c]}", "together: expected lists"),
        (
            "rows: [{name: a, config: x}, {name: b, config: x, seeds: [1], begins_with: a}]",
            "row 2: begins_with a: no row of this name, with the same seeds",
        ),
        ("rows: [{name: a, config: x}]\ntogether: {a: [a]}", "together: expected lists of names of rows, each once"),
        ("rows: [{name: a, config: x}]\ntogether: {b: [a, a]}", "together: expected lists of names of rows, each once"),
        ("rows: [{name: a, config: x, settings: {1: 2}}]", "settings: expected dotted keys"),
        ("rows: [{name: a, config: x, settings: {train.seed: 2}}]", "settings: train.seed is said with seeds"),
        ('rows: [{name: a, config: x, reported: {accuracy: "0.9"}}]', "reported: expected a number"),
        ("rows: [{name: a, config: x}]\nrows: [{name: b, config: x}]", "rows is given twice"),
        ("rows: [", "this is no YAML file"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path, text, message):
    (tmp_path / "table.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "table.yaml")
    assert message in str(caught.value)


def test_a_row_that_is_not_there_is_named():
    plan = read_plan(ROOT / "configs/tables/palm_document.yaml")
    with pytest.raises(InputError, match="palm_document has no row E; it has O, B, C, D, O-again, D-again"):
        plan.choose("O,E")


TABLES = sorted((ROOT / "configs/tables").glob("*.yaml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_the_project_s_tables_can_be_read(path):
    plan = read_plan(path)
    assert all(row.config.is_file() for row in plan.rows)
    assert len({shown_command(row, Path("output") / plan.name) for row in plan.rows}) == len(plan.rows)


def test_a_long_setting_is_typed_whole(tmp_path):
    long = "the inside of cells " * 20 + "as they were drawn by hand"
    (tmp_path / "table.yaml").write_text(f"rows: [{{name: a, config: x, settings: {{data.foreground: {long}}}}}]")
    (row,) = read_plan(tmp_path / "table.yaml").rows
    assert f"data.foreground={long}" in shown_command(row, Path("output"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_pages_hold_what_the_csv_files_of_the_tables_say(path, tmp_path):
    """Written anew from the CSV file and what is kept beside it, every page stays as it is."""
    plan, results = read_plan(path), ROOT / "docs/results"
    pages = {
        page: tmp_path / str(number) for number, page in enumerate([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    }
    for page, copied in pages.items():
        shutil.copy(page, copied)
    shutil.copytree(results, tmp_path / "results")
    lines = read_lines(table_file(results, plan))
    update_pages(plan, lines, tmp_path / "results", pages.values())
    assert [page for page, copied in pages.items() if page.read_text() != copied.read_text()] == []
    shown = [page.name for page in pages if f"<!-- table: {plan.name} -->" in page.read_text()]
    assert shown
    assert set(lines) <= {row.key for row in plan.rows} | {f"{name}-seed0" for name in plan.together}


def test_a_table_is_not_trained_on_drawn_photographs(tmp_path, monkeypatch):
    (tmp_path / "configs/tables").mkdir(parents=True)
    (tmp_path / "dataset/demo").mkdir(parents=True)
    (tmp_path / "configs/small.yaml").write_text(RECIPE.replace("path: palm, ", ""))
    (tmp_path / "configs/tables/small.yaml").write_text(TABLE.split("\n  - {name: broken")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(locate.synthetic, "is_demonstration", lambda folder: folder.name == "demo")
    for work in (table().train, table().estimate):
        with pytest.raises(InputError, match=r"first-seed0: the photographs of PALM are not here"):
            work()
    assert not (tmp_path / "output").exists()


def test_a_table_without_a_page_gets_one_of_its_own(inside, tmp_path):
    plan = read_plan(Path("configs/tables/small.yaml"))
    Table(plan, plan.choose("first"), ROOT / "tools/train.py", Path("output/small"), tmp_path, []).train()
    page = (tmp_path / "small-table.md").read_text()
    assert page.startswith("| row | epochs |") and "\n\n- first and again: " in page
    assert not Path("results/small-table.md").exists()
