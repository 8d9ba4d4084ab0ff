import hashlib
import json

import pandas as pd
import pytest

from paddle_eye.errors import InputError
from paddle_eye.report.compare import comparison_table, differences, read_run
from paddle_eye.runs.compare import read_runs


@pytest.fixture
def make_run(tmp_path, two_classes):
    """A function that writes the files of a run whose network is right where ``right`` has a 1."""

    def make(name, right, images=None, patients=None, **changes):
        folder = tmp_path / name
        folder.mkdir()
        figures = {"epoch": 3, **two_classes, "images": len(right), **changes}
        results = {
            "preprocessing": {"image_size": 224, "preset": "document"},
            "model": "ResNet18",
            "parameters": 11_179_590,
            "multiply_adds": 1_814_000_000,
        }
        (folder / "metrics.json").write_text(json.dumps({**results, "last": figures, "best": {**figures, "epoch": 2}}))
        rows = {"image": images or [f"{number}.jpg" for number in range(len(right))], "label": [1] * len(right)}
        of_patients = {} if patients is None else {"patient": patients}
        pd.DataFrame({**rows, **of_patients, "predicted": right}).to_csv(folder / "predictions_last.csv", index=False)
        return folder

    return make


def test_a_run_has_a_line_with_its_size_and_its_figures(make_run):
    path = make_run("one", [1, 0])
    line = comparison_table(*read_runs([path], "last")).splitlines()[1]
    expected = "one ResNet18 3 11,179,590 1,814,000,000 224 document 0.5124 0.8750 [0.739, 0.945] 0.8750 0.0250"
    assert line.split() == expected.split()


@pytest.mark.parametrize(
    ("only_first", "only_second", "verdict"),
    [(5, 5, "the difference is within noise"), (1, 9, "they differ by more than noise")],
)
def test_a_difference_is_tested_on_the_images_where_the_runs_disagree(make_run, only_first, only_second, verdict):
    """p of 1 and 9 is 2 · (1 + 10) / 2^10 = 0.021."""
    first = make_run("one", [1] * 20 + [1] * only_first + [0] * only_second)
    second = make_run("two", [1] * 20 + [0] * only_first + [1] * only_second)
    (sentence,) = differences(*read_runs([first, second], "last"))
    assert sentence.startswith(f"one and two: {verdict} (of 30 images, the one alone is right on {only_first}")
    if only_first == 1:
        assert "p = 0.021" in sentence


def test_a_difference_is_tested_over_patients_who_have_several_images(make_run):
    """Ten images of which one run alone is right are two patients only."""
    patients = [*range(10), *[10] * 5, *[11] * 5]
    first = make_run("one", [1] * 20, patients=patients)
    (sentence,) = differences(*read_runs([first, make_run("two", [1] * 10 + [0] * 10, patients=patients)], "last"))
    assert sentence == (
        "one and two: the difference is within noise (of 20 images of 12 patients, the one alone is right on 10, the "
        "other alone on 0; McNemar's test over patients p = 0.500)"
    )


def test_patients_of_a_run_whose_predictions_do_not_number_them_are_those_of_its_names(make_run):
    images = [f"{number}_{side}.jpg" for number in range(10) for side in ("left", "right")]
    runs = [make_run(name, [right] * 20, images, intervals_over="patients") for name, right in (("a", 1), ("b", 0))]
    (sentence,) = differences(*read_runs(runs, "last"))
    assert "of 20 images of 10 patients" in sentence and "McNemar's test over patients p = 0.002" in sentence


def test_every_pair_has_its_sentence(make_run):
    runs = [make_run(name, [1, 0, 1]) for name in ("one", "two", "three")]
    assert [sentence.partition(":")[0] for sentence in differences(*read_runs(runs, "last"))] == [
        "one and two",
        "one and three",
        "two and three",
    ]


@pytest.mark.parametrize("images", [["0.jpg", "x.jpg"], ["1.jpg", "0.jpg"]])
def test_runs_on_other_images_are_not_tested(make_run, images):
    runs = [make_run("one", [1, 0]), make_run("two", [1, 1], images)]
    (sentence,) = differences(*read_runs(runs, "last"))
    assert sentence == "one and two were not measured on the same images and cannot be tested against each other"


def test_what_is_no_finished_run_is_named(make_run, tmp_path):
    unfinished = make_run("one", [1])
    (unfinished / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"one: this is no finished run .*--resume"):
        read_run(unfinished, "last")
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        read_run(tmp_path / "nowhere", "last")


def test_predictions_that_are_cut_off_are_named(make_run):
    folder = make_run("one", [1, 0, 1])
    lines = (folder / "predictions_last.csv").read_text().splitlines()
    (folder / "predictions_last.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(InputError, match=r"predictions_last.csv has 2 rows"):
        read_run(folder, "last")


def test_a_tiny_probability_is_not_zero(make_run):
    runs = [make_run("one", [1] * 30), make_run("two", [0] * 30)]
    assert "McNemar's test p < 0.001" in differences(*read_runs(runs, "last"))[0]


def test_of_several_pairs_each_is_corrected(make_run):
    """p of 1 and 9 is 11/512 = 0.0215; the smallest of three, it counts three times: 0.0645."""
    runs = [make_run("one", [1] * 21 + [0] * 9), make_run("two", [1] * 20 + [0] + [1] * 9)]
    (alone,) = differences(*read_runs(runs, "last"))
    assert "differ by more than noise" in alone
    first, *_ = differences(*read_runs([*runs, make_run("three", [1] * 21 + [0] * 9)], "last"))
    assert "within noise" in first
    assert "p = 0.064 after Holm's correction" in first


def test_runs_of_one_name_are_verdict_apart(make_run, tmp_path):
    first = make_run("run", [1, 0])
    (tmp_path / "other").mkdir()
    second = (make_run("same", [1, 0])).rename(tmp_path / "other/run")
    assert [run.name for run in read_runs([first, second], "last")[0]] == [str(first), str(second)]


@pytest.fixture
def make_mask_run(tmp_path, masks):
    """A function that writes the files of a run on masks of these Dices."""

    def make(name, dices, share=0.5):
        folder = tmp_path / name
        folder.mkdir()
        figures = {"epoch": 8, **masks, "images": len(dices)}
        size = {"parameters": 5_631_463, "multiply_adds": 7_000_000_000, "seconds": 840.0}
        results = {"task": "segmentation", "model": "DAMU-Net", "classes": ["membrane", "cell interior"], **size}
        (folder / "metrics.json").write_text(json.dumps({**results, "last": figures, "best": figures}))
        rows = {"image": [f"image/{number}.png" for number in range(len(dices))], "dice": dices}
        rows["constant_dice"] = [share] * len(dices)
        pd.DataFrame(rows).to_csv(folder / "predictions_last.csv", index=False)
        return folder

    return make


def test_a_run_on_masks_has_a_line_with_its_dice_and_time(make_mask_run):
    path = make_mask_run("one", [0.7, 0.9])
    line = comparison_table(*read_runs([path], "last")).splitlines()[1]
    expected = "one DAMU-Net 8 5,631,463 7,000,000,000 cell interior 0.8000 [0.700, 0.900] 0.8750 0.5500 0.7500 105"
    assert line.split() == expected.split()


def test_masks_are_tested_by_the_ranks_of_their_differences(make_mask_run):
    """Six differences of one sign: p is 2 / 2^6 = 0.031 (Wilcoxon's test, exact)."""
    first = [0.7, 0.72, 0.74, 0.76, 0.78, 0.8]
    runs = [make_mask_run("one", first), make_mask_run("two", [d + 0.01 * (n + 1) for n, d in enumerate(first)])]
    (sentence,) = differences(*read_runs(runs, "last"))
    assert sentence == (
        "one and two: they differ by more than noise (of 6 images, the Dice of one is higher on 0, of two on 6, "
        "that of two differs by +0.0350 on average; Wilcoxon's test p = 0.031)"
    )
    (same,) = differences(*read_runs([runs[0], make_mask_run("three", first)], "last"))
    assert "Wilcoxon's test p = 1.000" in same


def test_masks_of_other_things_in_the_same_pictures_are_not_tested(make_mask_run):
    dices = [0.7, 0.72, 0.74, 0.76, 0.78, 0.8]
    (sentence,) = differences(*read_runs([make_mask_run("vessels", dices, 0.2), make_mask_run("disc", dices)], "last"))
    assert sentence.startswith("vessels and disc were not measured on the same images")


def test_so_few_images_that_no_difference_could_be_verdict(make_mask_run):
    """Five images cannot have less than 2 / 2^5 = 0.0625, and six not less than 3 · 0.031 with two more tests."""
    dices = [0.7, 0.72, 0.74, 0.76, 0.78, 0.8]
    five = [make_mask_run(name, [dice + change for dice in dices[:5]]) for name, change in (("one", 0), ("two", 0.1))]
    assert "one and two: too few images to tell a difference from noise" in differences(*read_runs(five, "last"))[0]
    six = [make_mask_run(name, [dice**power for dice in dices]) for name, power in (("a", 3), ("b", 2), ("c", 1))]
    assert "differ by more than noise" in differences(*read_runs(six[:2], "last"))[0]
    assert all("too few images" in sentence for sentence in differences(*read_runs(six, "last")))


def test_a_dice_that_is_not_defined_is_left_out(make_mask_run):
    runs = [make_mask_run("one", [0.7, None, 0.9]), make_mask_run("two", [0.8, 0.6, 0.8])]
    (sentence,) = differences(*read_runs(runs, "last"))
    assert "the Dice of one is higher on 1, of two on 1, that of two differs by +0.0000 on average" in sentence


def test_masks_and_classes_are_not_compared(make_run, make_mask_run):
    with pytest.raises(InputError, match="cannot be compared; give runs of one kind"):
        read_runs([make_run("one", [1, 0]), make_mask_run("two", [0.7, 0.8])], "last")


def test_so_few_photographs_that_no_difference_could_be_told(make_run):
    """Five photographs cannot have less than 2 / 2^5 = 0.0625, however the runs differ."""
    runs = [make_run("one", [1] * 5), make_run("two", [0] * 5)]
    assert "one and two: too few images to tell a difference from noise" in differences(*read_runs(runs, "last"))[0]
    more = [make_run("three", [1] * 6), make_run("four", [0] * 6)]
    assert "differ by more than noise" in differences(*read_runs(more, "last"))[0]


def test_a_run_whose_predictions_lack_a_column_is_named(make_run):
    path = make_run("one", [1, 0])
    pd.read_csv(path / "predictions_last.csv").drop(columns="predicted").to_csv(path / "predictions_last.csv")
    with pytest.raises(InputError, match=r"one: .*\(its predictions have no column predicted\)"):
        read_runs([path], "last")


def test_a_folder_of_runs_is_no_run(tmp_path):
    (tmp_path / "runs/one").mkdir(parents=True)
    (tmp_path / "runs/one/metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"runs: this is no run's folder; did you mean .*runs/one\?"):
        read_run(tmp_path / "runs", "last")


def test_predictions_that_a_kill_parted_from_their_figures_are_not_compared(make_run):
    path = make_run("one", [1, 0])
    written = hashlib.sha256((path / "predictions_last.csv").read_bytes()).hexdigest()
    results = json.loads((path / "metrics.json").read_text())
    (path / "metrics.json").write_text(json.dumps({**results, "predictions": {"last": written}}))
    read_runs([path], "last")
    pd.read_csv(path / "predictions_last.csv").assign(predicted=0).to_csv(path / "predictions_last.csv", index=False)
    with pytest.raises(InputError, match=r"predictions_last.csv is not what metrics.json was written with"):
        read_runs([path], "last")
