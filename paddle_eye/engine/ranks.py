"""The processes that train one network together, each with a part of every step's images."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

import paddle
import paddle.distributed as dist
from paddle import nn
from paddle.base import core

from paddle_eye.errors import InputError

_PATIENCE = 24 * 3600 * 1000  # milliseconds; so long may one process keep the others waiting within a step
_MEETINGS = itertools.count(1)
_STATISTICS = ("_mean", "_variance")  # of batch normalisation, as Paddle names them
_NOTHING = object()


class Ranks:
    """This process among those that `paddle.distributed.launch` started; alone, nothing here does anything.

    Args:
        rank: the number of this process, from 0.
        count: of the processes.
        local_rank: the number of this process among those of its machine.
    """

    def __init__(self, rank: int = 0, count: int = 1, local_rank: int = 0) -> None:
        self.rank, self.count, self.local_rank = rank, count, local_rank

    @classmethod
    def join(cls) -> Ranks:
        """Meet the other processes; every one must call this."""
        if int(os.environ.get("PADDLE_TRAINERS_NUM", "1")) == 1:
            return cls()
        os.environ.setdefault("PADDLE_PG_TIMEOUT", str(_PATIENCE))
        if not dist.is_initialized():
            dist.init_parallel_env()
        return cls(dist.get_rank(), dist.get_world_size(), int(os.environ["PADDLE_LOCAL_RANK"]))

    @property
    def leads(self) -> bool:
        """Whether this process writes and shows what there is to write and show."""
        return self.rank == 0

    @contextlib.contextmanager
    def one_first(self) -> Iterator[None]:
        """What is within is done by one process of each machine, then by the others, which find what it left."""
        if self.local_rank != 0:
            self.meet()
        yield
        if self.local_rank == 0:
            self.meet()

    def meet(self) -> None:
        """Wait for all processes, as long as it takes: where they compute on CPUs, whatever else they do together gives
        up when one is 30 s late, and cannot be told otherwise."""
        if self.count == 1:
            return
        store, key = core.create_or_get_global_tcp_store(), f"paddle_eye/{next(_MEETINGS)}"
        if store.add(key, 1) == self.count:
            store.set(f"{key}/all", b"1")
        store.wait(f"{key}/all")

    def own(self, items: Any) -> Any:
        """The items of a data set that this process evaluates: every `count`-th."""
        return items if self.count == 1 else paddle.io.Subset(items, range(self.rank, len(items), self.count))

    def gathered(self, own: Any) -> list[Any]:
        """What every process gave, in the order of their numbers."""
        if self.count == 1:
            return [own]
        self.meet()
        every: list[Any] = []
        dist.all_gather_object(every, own)
        return every

    def require_same(self, own: Any) -> None:
        """Raise an InputError if the processes do not go on from the same state with the same data.

        Args:
            own: what tells, in this process.
        """
        if any(each != own for each in self.gathered(own)):
            raise InputError(
                "the processes see other data, or another state of the run, or were started with other settings or "
                "versions; give all the same command, and put the data and the folder of the runs (--output) on a disk "
                "that all machines share"
            )

    def in_order(self, own: Sequence[Any]) -> list[Any]:
        """What all processes have of their `own` items, in the order of all items."""
        rounds = zip_longest(*self.gathered(list(own)), fillvalue=_NOTHING)
        return [each for each in chain.from_iterable(rounds) if each is not _NOTHING]

    def shares(self, weights: Sequence[Any]) -> list[Any]:
        """How much each part that this process has of a step counts in the whole step; all of all processes sum to 1.

        Args:
            weights: how much each part counts; numbers, or tensors of one.
        """
        if self.count == 1 and len(weights) == 1:
            return [1.0]
        total = paddle.to_tensor(0.0) + sum(weights)
        if self.count > 1:
            dist.all_reduce(total)
        return [weight / total for weight in weights]

    def add_gradients(self, parameters: Sequence[paddle.Tensor]) -> None:
        """Replace the gradients by their sums over all processes, some of which may have none."""
        if self.count == 1:
            return
        trained = [each for each in parameters if not each.stop_gradient]
        own = [paddle.zeros(each.shape, each.dtype) if each.grad is None else each.grad for each in trained]
        flat = paddle.concat([gradient.flatten() for gradient in own])
        dist.all_reduce(flat)
        for each, part in zip(trained, paddle.split(flat, [int(each.size) for each in trained])):
            each.grad = part.reshape(each.shape)

    def synchronise_normalisation(self, model: paddle.nn.Layer, device: str) -> None:
        """Have batch normalisation that is trained use the images of all processes; names of parameters stay.

        Raises:
            InputError: the device cannot do that.
        """
        if not device.startswith("gpu"):
            raise InputError(
                f"train.sync_batchnorm=true: it needs GPUs, this run computes on the {device}; leave it out"
            )
        for parent in model.sublayers(include_self=True) if self.count > 1 else ():
            for name, layer in list(parent.named_children()):
                if isinstance(layer, (nn.BatchNorm1D, nn.BatchNorm2D)) and not layer._use_global_stats:
                    parent.add_sublayer(name, nn.SyncBatchNorm.convert_sync_batchnorm(layer))

    def unite(self, model: paddle.nn.Layer) -> None:
        """Give all processes one network: the means of running statistics, and the first process's parameters."""
        if self.count == 1:
            return
        self.meet()
        for key, tensor in model.state_dict().items():
            if key.endswith(_STATISTICS):
                dist.all_reduce(tensor)
                tensor.set_value(tensor / self.count)
            else:
                dist.broadcast(tensor, 0)
