import pytest

from paddle_eye.benchmark import results
from paddle_eye.benchmark.contract import Benchmark, Ratio

MEASURED = {
    "slow": {"seconds": [4.0, 6.0, 10.0], "peak": [300.0, 300.0, 300.0]},
    "fast": {"seconds": [2.0, 2.0, 2.0]},
    "absent": "No module named 'torch'",
}


@pytest.fixture
def judged():
    """A function that gives the result of one ratio of `MEASURED`."""

    def judge(**asked):
        benchmark = Benchmark("a step", {}, [Ratio("slow beside fast", **asked)])
        return results.summary(benchmark, MEASURED)["ratios"][0]

    return judge


def test_a_ratio_is_the_median_of_the_quotients_of_the_turns(judged):
    ratio = judged(figure="seconds", of="slow", to="fast", at_least=3.0)
    assert ratio["turns"] == [2.0, 3.0, 5.0]
    assert (ratio["low"], ratio["median"], ratio["high"]) == (2.5, 3.0, 4.0)


@pytest.mark.parametrize(
    ("bar", "result"),
    [
        ({"at_least": 3.0}, "passes"),
        ({"at_least": 3.1}, "misses"),
        ({"at_most": 3.0}, "passes"),
        ({"at_most": 2.9}, "misses"),
    ],
)
def test_bars_are_from_below_or_from_above(judged, bar, result):
    assert judged(figure="seconds", of="slow", to="fast", **bar)["result"] == result


def test_a_figure_by_itself(judged):
    ratio = judged(figure="peak", of="slow", at_most=299.0)
    assert (ratio["median"], ratio["result"]) == (300.0, "misses")


def test_what_is_not_measured_says_why(judged):
    assert judged(figure="seconds", of="slow", to="absent", at_least=1.0)["result"] == (
        "not measured (No module named 'torch')"
    )
    assert judged(figure="peak", of="fast", at_most=1.0)["result"] == "not measured (this system does not tell peak)"


def test_lines_table_and_conclusion():
    asked = [
        Ratio("times as slow", "seconds", "slow", "fast", at_most=2.0),
        Ratio("memory in MB", "peak", "slow", at_most=300.0),
        Ratio("times as slow as PyTorch", "seconds", "slow", "absent", at_most=2.0),
    ]
    one = results.summary(Benchmark("a step", {}, asked), MEASURED)
    text = results.lines("steps", one)
    assert "slow: 6 [5, 8] s, 300 [300, 300] MB" in text
    assert "absent: not measured (No module named 'torch')" in text
    table = results.markdown({"steps": one}).splitlines()
    assert table[2] == "| `steps` | times as slow (slow / fast) | at most 2 | 3 [2.5, 4] | misses |"
    assert {line.count("|") for line in table} == {6}
    assert results.conclusion({"steps": one}).splitlines() == [
        "1 of 3 bars passed, 1 missed, 1 not measured",
        "missed: steps: times as slow",
    ]


@pytest.mark.parametrize(("load", "warns"), [(0.2, False), (1.5, True)])
def test_a_busy_machine_is_told(monkeypatch, load, warns):
    monkeypatch.setattr(results.os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert ("WARNING" in results.machine_lines(results.machine("cpu"))) == warns
