"""From records to batches: `paddle.io` data sets of prepared pictures, and their loaders."""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import paddle

from paddle_eye.data.examination import examine_pictures
from paddle_eye.data.images import READING_THREADS
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.store import OFF, Store, choose_store, chosen_store
from paddle_eye.data.transforms import Preparation, Preprocessing
from paddle_eye.errors import JobError, raise_faults
from paddle_eye.processor import free_memory


def require_room(squares: int, pictures: int, image_size: int) -> list[str]:
    """Raise a JobError if pictures have no room in `chosen_store` and in memory.

    Args:
        squares: of the network's input that are kept; see `Preprocessing.kept_squares`.
        pictures: of which.
        image_size: side of a square.

    Returns:
        What a person should know of where they are kept.
    """
    needed = squares * 3 * image_size**2
    taken = f"{pictures} pictures take {needed / 2**30:.1f} GB at {image_size} pixels"
    store = chosen_store()
    if store.folder is not None and needed > store.room():
        if store.named:
            raise JobError(
                f"--cache {store.folder}: {taken}, {store.room() / 2**30:.1f} GB can be used there; "
                "give a folder on another disk, or off"
            )
        choose_store(OFF)
        store = Store(None, f"{taken}, too many for {store.folder}: they are kept in memory; see --cache")
    if store.folder is None:
        free, processes = free_memory(), int(os.environ.get("PADDLE_LOCAL_SIZE", "1"))  # each keeps its own
        if free is not None and processes * needed > free:
            times = f", {processes} times" if processes > 1 else ""
            raise JobError(
                f"not enough memory: {taken}{times}, {free / 2**30:.1f} GB are free; "
                "lower data.image_size, take fewer, or give a folder on a large disk (--cache DIR)"
            )
    return [store.note] if store.note else []


class PictureDataset(paddle.io.Dataset):
    """The pictures of a record set as evaluation sees them.

    An item is the network's input, float32 [3, S, S], and the label, int64.

    Args:
        record_set: the photographs.
        preprocessing: of the pictures.
        pictures: what was kept of each of them, uint8 [h, w, 3]; None examines them.

    Raises:
        InputError: pictures that cannot be decoded; all of them in one message.
    """

    def __init__(
        self, record_set: RecordSet, preprocessing: Preprocessing, pictures: Sequence[np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.classes = record_set.classes
        self.counts = record_set.counts()
        self.preprocessing = preprocessing
        self.labels = np.array([record.label for record in record_set.records], dtype=np.int64)
        self.pictures = _read_all(record_set.records, self.preparation) if pictures is None else pictures

    @property
    def preparation(self) -> Preparation:
        """What is kept of a decoded picture."""
        return self.preprocessing.fitting

    def __len__(self) -> int:
        return len(self.labels)

    def seen(self, number: int) -> np.ndarray:
        """An item's picture as the network sees it, uint8 [S, S, 3] BGR."""
        return self.pictures[number % len(self)]

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.int64]:
        return self.preprocessing.normalise(self.seen(number)), self.labels[number % len(self)]


class AugmentedDataset(PictureDataset):
    """The pictures of a record set changed at random, as seed, epoch and number decide; set ``epoch`` before each.

    The number of an item is its index or, of the k-th time that an epoch draws it again, its index + k · N, so that
    no two drawings of a photograph are changed alike.

    Args:
        record_set: the photographs.
        preprocessing: one that augments.
        seed: of the whole run.
        pictures: see `PictureDataset`.

    Raises:
        InputError: see `PictureDataset`.
    """

    def __init__(
        self,
        record_set: RecordSet,
        preprocessing: Preprocessing,
        seed: int,
        pictures: Sequence[np.ndarray] | None = None,
    ) -> None:
        super().__init__(record_set, preprocessing, pictures)
        self.seed, self.epoch = seed, 0

    @property
    def preparation(self) -> Preparation:
        """See `PictureDataset`."""
        return self.preprocessing.keeping

    def seen(self, number: int) -> np.ndarray:
        """See `PictureDataset.seen`."""
        generator = np.random.default_rng([self.seed, self.epoch, number])
        return self.preprocessing.augment(self.pictures[number % len(self)], generator)


def _read_all(records: Sequence[Record], preparation: Preparation) -> Sequence[np.ndarray]:
    """The prepared pictures of records."""
    examined = examine_pictures([record.image for record in records], [preparation] * len(records))
    raise_faults("pictures", examined.faults.values(), "replace them or take them out of the data set")
    return examined.prepared


class EpochSampler:
    """Batches in an order that (seed, epoch) alone decides, so that a resumed run sees what it would have seen.

    Of several processes each gets a part of every step. All get as many batches, and all together see every example
    once; towards the end of an epoch batches may be shorter, in some processes empty.

    Args:
        count: number of examples.
        batch_size: examples per batch.
        seed: of the whole run.
        shares: [count], how often each example is drawn, with replacement, sum 1; None: each once. What is drawn for
            the k-th time again has k · count added to its index.
        batches: of a step, in each process.
        rank: the number of this process.
        ranks: how many processes there are.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int,
        shares: np.ndarray | None = None,
        *,
        batches: int = 1,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.count, self.batch_size, self.seed, self.shares, self.epoch = count, batch_size, seed, shares, 0
        self.batches, self.rank, self.ranks = batches, rank, ranks

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng([self.seed, self.epoch])
        if self.shares is None:
            order = generator.permutation(self.count)
        else:
            drawn = generator.choice(self.count, self.count, p=self.shares)
            order = drawn + self.count * _times_before(drawn)
        for start, batches in self._steps():
            own = order[start : start + self._step_size][self.rank :: self.ranks].tolist()
            for number in range(batches):
                yield own[number * self.batch_size : (number + 1) * self.batch_size]

    def __len__(self) -> int:
        return sum(batches for _, batches in self._steps())

    @property
    def leaves_one_idle(self) -> bool:
        """Whether some process has an empty batch in the last step of an epoch, where others have one to do."""
        images = self.count % self._step_size
        *_, (_, batches) = self._steps()
        return images > 0 and images // self.ranks <= (batches - 1) * self.batch_size

    @property
    def _step_size(self) -> int:
        return self.batch_size * self.batches * self.ranks

    def _steps(self) -> Iterator[tuple[int, int]]:
        """Where each step starts, and how many batches every process has of it."""
        for start in range(0, self.count, self._step_size):
            images = min(self._step_size, self.count - start)
            yield start, math.ceil(math.ceil(images / self.ranks) / self.batch_size)


def _times_before(drawn: np.ndarray) -> np.ndarray:
    """How often each number stands before its own place."""
    seen: Counter[int] = Counter()
    times = []
    for number in drawn.tolist():
        times.append(seen[number])
        seen[number] += 1
    return np.array(times)


def class_weights(dataset: PictureDataset) -> np.ndarray:
    """[C], N / (C · N_c): the rarer a class, the more its images count; their mean over the images is 1."""
    counts = np.array(list(dataset.counts.values()))
    return len(dataset) / (len(counts) * counts)


class Batches:
    """The batches of a data set, made ahead by threads.

    An error in a thread is one here; `paddle.io.DataLoader` waits for ever when its thread dies.

    Args:
        dataset: its items are tuples of arrays.
        sampler: gives the numbers of the items of each batch; an `EpochSampler` while training.
    """

    def __init__(self, dataset: paddle.io.Dataset, sampler: Any) -> None:
        self.dataset, self.sampler = dataset, sampler

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[tuple[paddle.Tensor, ...]]:
        """Tensors of the items' parts, [N, …]; an empty batch has none.

        Raises:
            JobError: a batch could not be made.
        """
        with ThreadPoolExecutor(max_workers=READING_THREADS) as makers:
            coming: deque[Future] = deque()
            for numbers in self.sampler:
                coming.append(makers.submit(self._made, numbers))
                if len(coming) > READING_THREADS:
                    yield tuple(map(paddle.to_tensor, coming.popleft().result()))
            while coming:
                yield tuple(map(paddle.to_tensor, coming.popleft().result()))

    def _made(self, numbers: list[int]) -> list[np.ndarray]:
        try:
            return [np.stack(parts) for parts in zip(*(self.dataset[number] for number in numbers))]
        except (MemoryError, JobError):
            raise
        except Exception as error:
            raise JobError(f"a batch could not be made ({type(error).__name__}: {error})") from error


def training_loader(
    dataset: PictureDataset,
    batch_size: int,
    seed: int,
    sampler: str = "shuffled",
    **share: int,
) -> Batches:
    """Shuffled batches; call `set_epoch` before each epoch.

    Args:
        dataset: what is trained on.
        batch_size: pictures per batch.
        seed: of the whole run.
        sampler: ``'shuffled'`` takes each picture once an epoch; ``'balanced'`` draws as many pictures, with
            replacement, from every class equally often.
        share: ``batches``, ``rank`` and ``ranks`` of `EpochSampler`.
    """
    shares = None
    if sampler == "balanced":
        shares = class_weights(dataset)[dataset.labels] / len(dataset)
    return Batches(dataset, EpochSampler(len(dataset), batch_size, seed, shares, **share))


def set_epoch(loader: Batches, epoch: int) -> None:
    """Give a training loader the order and the changes of an epoch, counted from 0."""
    loader.sampler.epoch = loader.dataset.epoch = epoch


def evaluation_loader(dataset: paddle.io.Dataset, batch_size: int) -> Batches:
    """Batches in the order of the records."""
    return Batches(dataset, paddle.io.BatchSampler(dataset, batch_size=batch_size, shuffle=False))
