import pytest

from paddle_eye.benchmark.contract import Alternative, Benchmark, Conditions, Work
from paddle_eye.benchmark.reading import READING
from paddle_eye.benchmark.turns import child, measure, take_turn
from paddle_eye.errors import JobError

NORMALISE = READING.alternatives["normalise"]


@pytest.fixture
def conditions(tmp_path):
    return Conditions("cpu", True, tmp_path)


def test_alternatives_take_turns_and_one_that_fails_stops_no_other(monkeypatch, conditions):
    monkeypatch.setattr("paddle_eye.benchmark.turns.QUICK_ROUNDS", 3)
    done = []

    def counting(name, failing_turn=None):
        def run():
            done.append(name)
            if done.count(name) == failing_turn:
                raise JobError(f"{name} is tired")
            return {"seconds": float(done.count(name))}

        return Alternative(lambda conditions: Work(run))

    def absent(conditions):
        raise ImportError("No module named 'torch'")

    alternatives = {"a": counting("a"), "absent": Alternative(absent), "b": counting("b", 3), "c": counting("c")}
    measured = measure("toys", Benchmark("a turn", alternatives, []), conditions)
    assert "".join(done) == "abc" + "abc" + "abc" + "ac"  # the first three are the warm-up
    assert measured["a"]["seconds"] == [2.0, 3.0, 4.0]
    assert measured["a"]["per_second"] == [1 / 2, 1 / 3, 1 / 4]
    assert (measured["b"], measured["absent"]) == ("b is tired", "No module named 'torch'")


def test_seconds_are_those_of_a_unit(monkeypatch):
    clock = iter([10.0, 13.0])
    monkeypatch.setattr("paddle_eye.benchmark.turns.time.perf_counter", lambda: next(clock))
    turn = take_turn(Work(lambda: None, units=6))
    assert (turn["seconds"], turn["per_second"]) == (0.5, 2.0)
    assert turn["peak"] > 10  # MB; this is Python


def test_a_process_of_its_own(conditions):
    with child("reading", "normalise", NORMALISE, conditions) as turn:
        turns = [turn(), turn()]
    assert all(0 < each["seconds"] < 1 and each["peak"] > 10 for each in turns)
    assert turns[0]["seconds"] != turns[1]["seconds"]


def test_a_process_that_cannot_says_why(conditions):
    with pytest.raises(JobError, match="not in a quick trial"):
        child("start", "20000 photographs, cold", NORMALISE, conditions).__enter__()


def test_a_process_has_its_environment_and_its_end_is_told(conditions):
    homeless = NORMALISE._replace(environment={"PYTHONHOME": str(conditions.folder)})
    with pytest.raises(JobError, match=r"its process ended with 1: .*"):
        child("reading", "normalise", homeless, conditions).__enter__()
