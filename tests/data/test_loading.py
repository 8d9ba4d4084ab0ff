from itertools import combinations

import numpy as np
import paddle
import pytest

from paddle_eye.data import loading, store
from paddle_eye.data.images import read_picture
from paddle_eye.data.loading import (
    AugmentedDataset,
    EpochSampler,
    PictureDataset,
    class_weights,
    evaluation_loader,
    set_epoch,
    training_loader,
)
from paddle_eye.data.sources.palm import read_palm
from paddle_eye.data.store import Store
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError, JobError

PREPROCESSING = Preprocessing(32)


@pytest.fixture
def record_set(tmp_path, make_palm):
    """5 photographs of class 0, then 2 of class 1."""
    return read_palm(make_palm(tmp_path, {"H": 2, "N": 3, "P": 2}, [0, 1])).training


@pytest.fixture
def dataset(record_set):
    return PictureDataset(record_set, PREPROCESSING)


def orders(count=7, batch_size=3, seed=1, epochs=range(4)):
    """The order of all examples in each epoch."""
    sampler = EpochSampler(count, batch_size, seed)
    found = []
    for epoch in epochs:
        sampler.epoch = epoch
        found.append([index for batch in sampler for index in batch])
    return found


def test_an_item_is_the_networks_input_and_the_label(dataset, record_set):
    assert len(dataset) == len(record_set) == 7
    for (picture, label), record in zip((dataset[index] for index in range(7)), record_set.records):
        assert (picture.dtype, picture.shape, label.dtype) == (np.float32, (3, 32, 32), np.int64)
        np.testing.assert_array_equal(picture, PREPROCESSING(read_picture(record.image)))
        assert label == record.label


def test_the_pictures_are_kept_small(dataset):
    assert {(picture.dtype.name, picture.shape) for picture in dataset.pictures} == {("uint8", (32, 32, 3))}


def test_the_files_are_not_read_again(dataset, record_set):
    for record in record_set.records:
        record.image.unlink()
    assert dataset[6][1] == 1


def test_faults_come_in_one_message(record_set):
    record_set.records[1].image.unlink()
    record_set.records[4].image.write_bytes(b"no picture")
    with pytest.raises(InputError) as raised:
        PictureDataset(record_set, PREPROCESSING)
    first, *faults = str(raised.value).splitlines()
    assert first == "pictures: 2 faults found; replace them or take them out of the data set"
    assert [str(record_set.records[index].image) in fault for index, fault in zip((1, 4), faults)] == [True, True]


def test_every_epoch_has_every_example_once():
    assert all(sorted(order) == list(range(7)) for order in orders())


def test_every_epoch_has_its_own_order():
    assert len({tuple(order) for order in orders(count=20)}) == 4


def test_the_order_depends_on_the_epoch_and_not_on_what_was_before():
    assert orders(epochs=[3, 1])[::-1] == [orders()[1], orders()[3]]


def test_the_order_does_not_depend_on_numpys_global_generator():
    np.random.seed(0)
    first = orders()
    np.random.seed(1)
    assert orders() == first


def test_the_order_depends_on_the_seed_and_not_on_the_batch_size():
    assert orders(count=20, seed=1) != orders(count=20, seed=2)
    assert orders(batch_size=2) == orders(batch_size=7)


def test_runs_of_neighbouring_seeds_do_not_share_orders():
    assert orders(count=20, seed=1, epochs=[1]) != orders(count=20, seed=2, epochs=[0])


@pytest.mark.parametrize(("count", "sizes"), [(7, [3, 3, 1]), (6, [3, 3]), (2, [2])])
def test_only_the_last_batch_may_be_shorter(count, sizes):
    sampler = EpochSampler(count, 3, seed=0)
    assert [len(batch) for batch in sampler] == sizes
    assert len(sampler) == len(sizes)


@pytest.mark.parametrize("count", [1, 2, 7, 12, 13, 30])
@pytest.mark.parametrize(("batch_size", "batches", "ranks"), [(3, 1, 2), (2, 3, 1), (1, 2, 4), (2, 2, 3)])
def test_all_processes_together_take_the_steps_of_one(count, batch_size, batches, ranks):
    joint = batch_size * batches * ranks
    of_one = list(EpochSampler(count, joint, seed=3))
    samplers = [EpochSampler(count, batch_size, 3, batches=batches, rank=rank, ranks=ranks) for rank in range(ranks)]
    of_all = [list(sampler) for sampler in samplers]
    assert {(len(own), len(sampler)) for own, sampler in zip(of_all, samplers)} == {(len(of_all[0]),) * 2}
    assert all(len(batch) <= batch_size for own in of_all for batch in own)
    for number, step in enumerate(of_one):
        place = slice(number * batches, (number + 1) * batches)
        assert sorted(index for own in of_all for batch in own[place] for index in batch) == sorted(step)


def test_an_empty_batch_has_no_tensors(dataset):
    loader = training_loader(dataset, 3, seed=0, rank=1, ranks=2)  # 7 pictures: 3 and 3, then 1 and none
    assert [len(batch) for batch in loader] == [2, 0]


def test_the_training_loader_gives_the_samplers_batches(dataset):
    loader = training_loader(dataset, 3, seed=5)
    set_epoch(loader, 2)
    order = orders(seed=5, epochs=[2])[0]
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    for start, (pictures, labels) in zip((0, 3, 6), batches):
        chosen = order[start : start + 3]
        assert (pictures.numpy().dtype, labels.numpy().dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(pictures.numpy(), [dataset[index][0] for index in chosen])
        np.testing.assert_array_equal(labels.numpy(), dataset.labels[chosen])


def test_a_new_epoch_reorders_the_same_loader(dataset):
    loader = training_loader(dataset, 7, seed=5)
    first, second = [], []
    for epoch, found in ((0, first), (1, second)):
        set_epoch(loader, epoch)
        found.extend(pictures.numpy() for pictures, _ in loader)
    assert not np.array_equal(first[0], second[0])


def test_the_evaluation_loader_keeps_the_order(dataset):
    batches = [(pictures.numpy(), labels.numpy()) for pictures, labels in evaluation_loader(dataset, 4)]
    assert [pictures.shape for pictures, _ in batches] == [(4, 3, 32, 32), (3, 3, 32, 32)]
    assert np.concatenate([labels for _, labels in batches]).tolist() == [0, 0, 0, 0, 0, 1, 1]
    np.testing.assert_array_equal(
        np.concatenate([pictures for pictures, _ in batches]), PREPROCESSING.normalise(np.stack(dataset.pictures))
    )


def test_class_weights_make_every_class_count_the_same(dataset):
    """5 images of one class and 2 of the other."""
    weights = class_weights(dataset)
    assert weights.tolist() == [7 / 10, 7 / 4]
    assert weights[0] * 5 == weights[1] * 2


def test_a_balanced_sampler_draws_every_class_equally_often(dataset):
    loader = training_loader(dataset, 3, seed=0, sampler="balanced")
    drawn = []
    for epoch in range(300):
        set_epoch(loader, epoch)
        drawn += [number % len(dataset) for batch in loader.sampler for number in batch]
    assert len(drawn) == 300 * 7
    assert dataset.labels[drawn].mean() == pytest.approx(0.5, abs=4 * 0.5 / len(drawn) ** 0.5)
    assert np.bincount(drawn)[:5].std() < 30
    set_epoch(loader, 0)
    assert [number % len(dataset) for batch in loader.sampler for number in batch] == drawn[:7]


def test_a_photograph_that_is_drawn_again_is_changed_in_another_way(record_set):
    dataset = AugmentedDataset(record_set, Preprocessing(32, "fundus"), seed=0)
    loader = training_loader(dataset, 3, seed=0, sampler="balanced")
    numbers = [number for batch in loader.sampler for number in batch]
    pictures = np.concatenate([inputs.numpy() for inputs, _ in loader])
    assert len(numbers) == len(pictures) > len({number % len(dataset) for number in numbers})
    for first, second in combinations(range(len(numbers)), 2):
        assert not np.array_equal(pictures[first], pictures[second])
    once = training_loader(dataset, 3, seed=0)
    assert sorted(number for batch in once.sampler for number in batch) == list(range(len(dataset)))


@pytest.mark.parametrize("preset", ["imagenet", "fundus"])
def test_training_pictures_change_with_epoch_and_seed_alone(record_set, preset):
    def pictures(seed, epoch):
        dataset = AugmentedDataset(record_set, Preprocessing(32, preset), seed)
        dataset.epoch = epoch
        return np.stack([dataset[index][0] for index in (6, 0, 3)])

    first = pictures(0, 0)
    assert (first.dtype, first.shape) == (np.float32, (3, 3, 32, 32))
    np.testing.assert_array_equal(first, pictures(0, 0))
    assert not np.array_equal(first, pictures(0, 1))
    assert not np.array_equal(first, pictures(1, 0))


def test_a_training_loader_takes_new_changes_each_epoch(record_set):
    loader = training_loader(AugmentedDataset(record_set, Preprocessing(32, "fundus"), 0), 7, seed=0)
    sums = []
    for epoch in (0, 1, 0):
        set_epoch(loader, epoch)
        ((pictures, _),) = list(loader)
        sums.append(float(pictures.sum()))
    assert sums[0] == sums[2] != sums[1]


class Failing(paddle.io.Dataset):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def __len__(self):
        return 6

    def __getitem__(self, number):
        if number == 4:
            raise self.error
        return np.float32(number), np.int64(number)


@pytest.mark.parametrize("error", [ValueError("a fault"), InputError("x.png: gone")])
def test_an_error_while_a_batch_is_made_ends_the_epoch_with_a_sentence(error):
    """Paddle's own loader waits for ever."""
    loader, seen = evaluation_loader(Failing(error), 2), []
    with pytest.raises(JobError, match=f"a batch could not be made .*{error}"):
        for numbers, _ in loader:
            seen.append(numbers.numpy().tolist())
    assert seen == [[0, 1], [2, 3]]


def test_running_out_of_memory_is_no_fault_of_the_data():
    with pytest.raises(MemoryError):
        list(evaluation_loader(Failing(MemoryError()), 2))


def test_pictures_that_do_not_fit_into_the_memory_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(store, "_chosen", Store(None))
    monkeypatch.setattr(loading, "free_memory", lambda: 2**30)
    assert loading.require_room(2000, 2000, 224) == []
    with pytest.raises(JobError, match=r"not enough memory: 9000 pictures take 1.3 GB at 224 pixels, 1.0 GB are free"):
        loading.require_room(9000, 9000, 224)
    monkeypatch.setattr(loading, "free_memory", lambda: None)
    loading.require_room(10**6, 10**6, 224)


def test_pictures_that_do_not_fit_into_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "room", lambda store: 2**30)
    monkeypatch.setattr(store, "_chosen", Store(tmp_path, named=True))
    assert loading.require_room(2000, 2000, 224) == []
    with pytest.raises(JobError, match=r"9000 pictures take 1.3 GB at 224 pixels, 1.0 GB can be used there; give a"):
        loading.require_room(9000, 9000, 224)
    monkeypatch.setattr(store, "_chosen", Store(tmp_path))
    (note,) = loading.require_room(9000, 9000, 224)
    assert "kept in memory" in note
    assert store.chosen_store().folder is None


@pytest.mark.parametrize("count", [1, 40, 41, 60, 61, 62, 63, 64, 401, 421])
@pytest.mark.parametrize(("ranks", "batches"), [(1, 1), (1, 3), (2, 1), (2, 2), (4, 3)])
def test_whether_a_process_has_an_empty_batch_is_told(count, ranks, batches):
    samplers = [EpochSampler(count, 10, 3, batches=batches, rank=rank, ranks=ranks) for rank in range(ranks)]
    idle = any(not batch for sampler in samplers for batch in sampler)
    assert {sampler.leaves_one_idle for sampler in samplers} == {idle}
