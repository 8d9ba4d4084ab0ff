"""From records to batches: pictures decoded once and kept in memory, `paddle.io` data sets and loaders."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable

import numpy as np
import paddle

from paddle_eye.data.images import READING_THREADS, read_picture
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError, JobError, raise_faults
from paddle_eye.processor import free_memory


def require_memory(training: int, others: int, preprocessing: Preprocessing) -> None:
    """Raise a JobError if so many pictures do not fit into the memory that is free.

    Args:
        training: the pictures that are kept for training, which some presets keep at twice the side.
        others: those that are kept as evaluation sees them.
        preprocessing: of all.
    """
    square = 3 * preprocessing.image_size**2
    needed = (training * preprocessing.kept_squares + others) * square
    free = free_memory()
    if free is not None and needed > free:
        raise JobError(
            f"not enough memory: {training + others} pictures take {needed / 2**30:.1f} GB at "
            f"{preprocessing.image_size} pixels, {free / 2**30:.1f} GB are free; lower data.image_size or take fewer"
        )


class PictureDataset(paddle.io.Dataset):
    """The pictures of a record set as evaluation sees them, decoded and fitted when it is made, kept as uint8.

    An item is the network's input, float32 [3, S, S], and the label, int64. A 224x224 picture takes 150 kB.

    Args:
        record_set: the photographs.
        preprocessing: of the pictures.
        pictures: what `keep` gave for each of them; None reads them.

    Raises:
        InputError: pictures that cannot be decoded; all of them in one message.
    """

    def __init__(
        self, record_set: RecordSet, preprocessing: Preprocessing, pictures: list[np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.classes = record_set.classes
        self.counts = record_set.counts()
        self.preprocessing = preprocessing
        self.labels = np.array([record.label for record in record_set.records], dtype=np.int64)
        self.pictures = _read_all(record_set.records, self.keep) if pictures is None else pictures

    def keep(self, picture: np.ndarray) -> np.ndarray:
        """What stays in memory of a decoded picture, uint8 [H, W, 3] BGR."""
        return self.preprocessing.fit(picture)

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
        pictures: list[np.ndarray] | None = None,
    ) -> None:
        super().__init__(record_set, preprocessing, pictures)
        self.seed, self.epoch = seed, 0

    def keep(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureDataset.keep`."""
        return self.preprocessing.keep(picture)

    def seen(self, number: int) -> np.ndarray:
        """See `PictureDataset.seen`."""
        generator = np.random.default_rng([self.seed, self.epoch, number])
        return self.preprocessing.augment(self.pictures[number % len(self)], generator)


def _read_all(records: tuple[Record, ...], prepare: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """The prepared pictures, read with a few threads."""
    pictures: dict[int, np.ndarray] = {}

    def read(index: int) -> str | None:
        try:
            pictures[index] = prepare(read_picture(records[index].image))
        except InputError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(max_workers=READING_THREADS) as pool:
        faults = [fault for fault in pool.map(read, range(len(records))) if fault]
    raise_faults("pictures", faults, "replace them or take them out of the data set")
    return [pictures[index] for index in range(len(records))]


class EpochSampler(paddle.io.BatchSampler):
    """Batches in an order that (seed, epoch) alone decides, so that a resumed run sees what it would have seen.

    Args:
        count: number of examples.
        batch_size: examples per batch; the last batch may be shorter.
        seed: of the whole run.
        shares: [count], how often each example is drawn, with replacement, sum 1; None: each once. What is drawn for
            the k-th time again has k · count added to its index.
    """

    def __init__(self, count: int, batch_size: int, seed: int, shares: np.ndarray | None = None) -> None:
        self.count, self.batch_size, self.seed, self.shares, self.epoch = count, batch_size, seed, shares, 0

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng([self.seed, self.epoch])
        if self.shares is None:
            order = generator.permutation(self.count)
        else:
            drawn = generator.choice(self.count, self.count, p=self.shares)
            order = drawn + self.count * _times_before(drawn)
        for start in range(0, self.count, self.batch_size):
            yield order[start : start + self.batch_size].tolist()

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)


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
    """The batches of a data set, made one ahead by a thread of its own.

    An error in that thread is one here; `paddle.io.DataLoader` waits for ever when its thread dies.

    Args:
        dataset: its items are tuples of arrays.
        batch_sampler: gives the numbers of the items of each batch; its ``epoch`` and that of the data set decide order
            and changes.
    """

    def __init__(self, dataset: paddle.io.Dataset, batch_sampler: paddle.io.BatchSampler) -> None:
        self.dataset, self.batch_sampler = dataset, batch_sampler

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[tuple[paddle.Tensor, ...]]:
        """Tensors of the items' parts, [N, …].

        Raises:
            JobError: a batch could not be made.
        """
        with ThreadPoolExecutor(max_workers=1) as maker:
            coming: deque[Future] = deque()
            for numbers in self.batch_sampler:
                coming.append(maker.submit(self._made, numbers))
                if len(coming) > 1:
                    yield tuple(map(paddle.to_tensor, coming.popleft().result()))
            while coming:
                yield tuple(map(paddle.to_tensor, coming.popleft().result()))

    def _made(self, numbers: list[int]) -> list[np.ndarray]:
        try:
            return [np.stack(parts) for parts in zip(*(self.dataset[number] for number in numbers))]
        except MemoryError:
            raise
        except Exception as error:
            raise JobError(f"a batch could not be made ({type(error).__name__}: {error})") from error


def training_loader(dataset: PictureDataset, batch_size: int, seed: int, sampler: str = "shuffled") -> Batches:
    """Shuffled batches; call `set_epoch` before each epoch.

    Args:
        dataset: what is trained on.
        batch_size: pictures per batch.
        seed: of the whole run.
        sampler: ``'shuffled'`` takes each picture once an epoch; ``'balanced'`` draws as many pictures, with
            replacement, from every class equally often.
    """
    shares = None
    if sampler == "balanced":
        shares = class_weights(dataset)[dataset.labels] / len(dataset)
    return Batches(dataset, EpochSampler(len(dataset), batch_size, seed, shares))


def set_epoch(loader: Batches, epoch: int) -> None:
    """Give a training loader the order and the changes of an epoch, counted from 0."""
    loader.batch_sampler.epoch = loader.dataset.epoch = epoch


def evaluation_loader(dataset: paddle.io.Dataset, batch_size: int = 50) -> Batches:
    """Batches in the order of the records."""
    return Batches(dataset, paddle.io.BatchSampler(dataset, batch_size=batch_size, shuffle=False))
