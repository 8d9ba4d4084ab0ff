"""What several processes do, by two threads; tests/runs/test_launch.py has real ones."""

import threading

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_eye.engine import ranks as module
from paddle_eye.engine.ranks import Ranks
from paddle_eye.errors import InputError


@pytest.fixture
def side_by_side(monkeypatch):
    """A function that runs another in two threads, as ranks 0 and 1, and returns what each gave."""
    meeting, given = threading.Barrier(2, timeout=20), {}

    def met(rank, value, join):
        given[rank] = value
        meeting.wait()
        joined = join([given[0], given[1]])
        meeting.wait()
        return joined

    own = threading.local()
    total = lambda tensor: tensor.set_value(met(own.rank, tensor.numpy(), lambda both: np.asarray(both[0] + both[1])))  # noqa: E731
    first = lambda tensor, root: tensor.set_value(met(own.rank, tensor.numpy(), lambda both: np.asarray(both[root])))  # noqa: E731
    monkeypatch.setattr(Ranks, "meet", lambda ranks: meeting.wait() if ranks.count > 1 else None)
    monkeypatch.setattr(module.dist, "all_reduce", total)
    monkeypatch.setattr(module.dist, "broadcast", first)
    monkeypatch.setattr(
        module.dist, "all_gather_object", lambda every, value: every.extend(met(own.rank, value, lambda both: both))
    )

    def run(work):
        results = {}

        def one(rank):
            own.rank = rank
            paddle.disable_static()
            results[rank] = work(Ranks(rank, 2))

        threads = [threading.Thread(target=one, args=(rank,)) for rank in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return results[0], results[1]

    return run


def test_alone_nothing_is_changed():
    ranks, items = Ranks.join(), [1, 2, 3]
    assert (ranks.rank, ranks.count, ranks.leads) == (0, 1, True)
    assert ranks.own(items) is items
    assert (ranks.gathered(5), ranks.in_order(items), ranks.shares([7])) == ([5], items, [1.0])


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_own_items_come_back_in_order(count, side_by_side):
    items = list(range(count))
    both = side_by_side(lambda ranks: ranks.in_order([ranks.own(items)[k] for k in range(len(ranks.own(items)))]))
    assert both == (items, items)


def test_shares_are_of_the_whole_step(side_by_side):
    shares = side_by_side(lambda ranks: [float(each) for each in ranks.shares([[3, 1], [4]][ranks.rank])])
    assert shares == ([3 / 8, 1 / 8], [4 / 8])
    empty = side_by_side(lambda ranks: [float(each) for each in ranks.shares([[3], []][ranks.rank])])
    assert empty == ([1.0], [])
    assert [float(each) for each in Ranks().shares([paddle.to_tensor(1.5), paddle.to_tensor(4.5)])] == [0.25, 0.75]


def test_gradients_are_added_also_where_a_process_has_none(side_by_side):
    def work(ranks):
        layer = nn.Linear(2, 3)
        layer.bias.stop_gradient = True
        if ranks.rank == 0:
            (layer.weight * paddle.to_tensor(np.arange(6, dtype="float32").reshape(2, 3))).sum().backward()
        ranks.add_gradients(layer.parameters())
        return layer.weight.grad.numpy(), layer.bias.grad

    for gradient, frozen in side_by_side(work):
        np.testing.assert_array_equal(gradient, np.arange(6).reshape(2, 3))
        assert frozen is None


def test_a_network_becomes_one(side_by_side):
    def work(ranks):
        layer = nn.BatchNorm1D(2)
        layer.weight.set_value(np.full(2, 1.0 + ranks.rank, "float32"))
        layer._mean.set_value(np.array([1, 3], "float32") * (1 + 2 * ranks.rank))
        ranks.unite(layer)
        return layer.weight.numpy().tolist(), layer._mean.numpy().tolist()

    assert side_by_side(work) == (([1, 1], [2, 6]),) * 2


def test_one_process_of_a_machine_is_first(side_by_side):
    order = []

    def work(ranks):
        with Ranks(ranks.rank, 2, local_rank=1 - ranks.rank).one_first():
            order.append(ranks.rank)

    side_by_side(work)
    assert order == [1, 0]


def test_processes_that_see_different_things_are_told(side_by_side):
    def work(ranks):
        ranks.require_same(["digest", 3])
        with pytest.raises(InputError, match=r"see other data, or .*, or were started with other settings"):
            ranks.require_same(["digest", ranks.rank])
        return True

    assert side_by_side(work) == (True, True)
    Ranks().require_same("anything")


def test_normalisation_of_all_processes_needs_gpus():
    with pytest.raises(InputError, match=r"train.sync_batchnorm=true: it needs GPUs, this run computes on the cpu"):
        Ranks(0, 2).synchronise_normalisation(nn.BatchNorm2D(3), "cpu")


def test_normalisation_that_is_trained_is_synchronised_under_the_same_names():
    model = nn.Sequential(
        nn.Conv2D(3, 4, 1), nn.BatchNorm2D(4), nn.Sequential(nn.BatchNorm2D(4, use_global_stats=True))
    )
    before = {key: value.numpy() for key, value in model.state_dict().items()}
    Ranks(0, 2).synchronise_normalisation(model, "gpu:0")
    assert isinstance(model[1], nn.SyncBatchNorm)
    assert type(model[2][0]) is nn.BatchNorm2D
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])
    assert model.state_dict().keys() == before.keys()
