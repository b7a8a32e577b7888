"""A reader gives every sample once in an epoch, whether the samples are in memory or in a file."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mlp_data
from mlp_data.dataset import Dataset, Split
from mlp_data.rows import FileRows
from mlp_runtime.inputs import ImageInput, VectorInput
from mlp_train.checkpoints import Checkpoint
from mlp_train.errors import CheckpointError, OutputError
from mlp_train.piece import PIECE
from mlp_train.raw_batches import batches
from mlp_train.reader import ArrayReader, BlockReader, FileReader, prepare_on_disk
from mlp_train.trainer import train

COUNT = 1000
FRAMES = np.random.default_rng(0).integers(0, 256, (COUNT, 2, 2), np.uint8)
FRAMES[:, 0, 0], FRAMES[:, 0, 1] = np.divmod(np.arange(COUNT), 256)  # each frame says which it is
INPUT = ImageInput(2, 2, ink="light", scale=1.0)


def encode(y: np.ndarray) -> np.ndarray:
    return y[:, None]


@pytest.fixture
def on_disk(tmp_path: Path) -> FileReader:
    """Frames that know their number, in blocks of 100 frames from chunks of 10."""
    rows = prepare_on_disk(INPUT, batches(FRAMES), tmp_path)
    return FileReader(INPUT, rows, np.arange(COUNT), encode, block=400, chunk=40)


def numbers(reader: BlockReader, size: int, seed: int | None) -> list[list[int]]:
    generator = None if seed is None else np.random.default_rng(seed)
    found, batch = [], []
    for x, y, _, rows, ends in reader.batches(size, generator):
        assert x.dtype == y.dtype == np.float32
        assert (x[:, 0] * 256 + x[:, 1] == y[:, 0]).all()  # the answers go with their samples
        assert len(x) <= PIECE
        batch += y[:, 0].astype(int).tolist()
        if ends:
            assert len(batch) == rows
            found.append(batch)
            batch = []
    assert not batch
    return found


def flat(found: list[list[int]]) -> list[int]:
    return [number for batch in found for number in batch]


@pytest.mark.parametrize("size", [1, 7, 32, 100, 600, 1000, 5000])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_sample_comes_once_and_only_the_last_batch_is_smaller(
    on_disk: FileReader, size: int, seed: int | None
) -> None:
    found = numbers(on_disk, size, seed)
    assert sorted(flat(found)) == list(range(COUNT))
    assert [len(batch) for batch in found[:-1]] == [size] * (len(found) - 1)
    assert len(found) == -(-COUNT // size)


def test_without_a_generator_the_order_is_that_of_the_file(on_disk: FileReader) -> None:
    assert flat(numbers(on_disk, 32, None)) == list(range(COUNT))


def test_the_same_seed_gives_the_same_order_and_another_seed_another(on_disk: FileReader) -> None:
    assert numbers(on_disk, 32, 1) == numbers(on_disk, 32, 1)
    assert numbers(on_disk, 32, 1) != numbers(on_disk, 32, 2)


def test_a_block_holds_rows_from_all_over_the_file_and_mixes_them(on_disk: FileReader) -> None:
    first = flat(numbers(on_disk, 10, 1)[:10])  # one block
    assert min(first) < COUNT / 5
    assert max(first) > COUNT * 4 / 5
    assert all(len({number // 10 for number in batch}) > 3 for batch in np.reshape(first, (10, 10)).tolist())


def test_samples_in_memory_and_on_disk_are_the_same_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(5, 3, (70, 4)).astype(np.float32)
    vectors = VectorInput(4, mean=x.mean(axis=0), scale=1 / x.std(axis=0))
    for prepared, raw in ((vectors, x), (INPUT, FRAMES)):
        y = np.arange(len(raw))
        in_memory = ArrayReader(prepared, prepared.prepare(raw, many=True), encode(y))
        in_file = FileReader(prepared, prepare_on_disk(prepared, batches(raw), tmp_path), y, encode)
        both = zip(in_memory.batches(16), in_file.batches(16), strict=True)
        assert all((one[0] == other[0]).all() and (one[1] == other[1]).all() for one, other in both)


def test_rows_on_disk_leave_no_file_behind(on_disk: FileReader, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mlp_train.reader.tempfile.TemporaryFile", full)
    with pytest.raises(OutputError, match="cannot be written: the disk is full"):
        prepare_on_disk(INPUT, batches(FRAMES), tmp_path)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """The shipped digits, in a file."""
    digits = mlp_data.load("digits").take(train=np.arange(2000))
    assert isinstance(digits.train.x, np.ndarray)
    path = tmp_path / "digits"
    path.write_bytes(digits.train.x.tobytes())
    rows = FileRows(path.open("rb"), digits.train.x.shape, cache=tmp_path)
    parts = {"train": Split(rows, digits.train.y), "test": digits.splits["test"]}
    return Dataset("digits", "image", "classification", parts, digits.classes)


def test_training_from_disk_learns_and_repeats_itself(dataset: Dataset) -> None:
    models = []
    for _ in range(2):
        *_, finished = train(dataset, epochs=3, hidden=(32,), seed=5)
        models.append(finished.result.to_bytes())
    assert models[0] == models[1]
    assert finished.result.metrics["valid"]["accuracy"] > 0.85


def test_training_from_disk_goes_on_to_the_same_bits(dataset: Dataset) -> None:
    saved: list[Checkpoint] = []
    *_, whole = train(dataset, epochs=3, hidden=(16,), seed=5, checkpoint=saved.append)
    *_, resumed = train(dataset, epochs=3, hidden=(16,), seed=5, resume=saved[0])
    assert resumed.result.to_bytes() == whole.result.to_bytes()
    in_memory = replace(dataset, splits={"train": Split(np.asarray(dataset.train.x), dataset.train.y)})
    with pytest.raises(CheckpointError, match=r"another place of the samples \(it was 'disk' and is 'memory'\)"):
        list(train(in_memory, epochs=3, hidden=(16,), seed=5, resume=saved[0]))


def test_a_full_batch_from_disk_is_the_one_step_that_it_is_in_memory(dataset: Dataset) -> None:
    in_memory = replace(dataset, splits={"train": Split(np.asarray(dataset.train.x), dataset.train.y)})
    options = {"batch_size": "full", "epochs": 1, "hidden": (8,), "dtype": "float64", "valid_fraction": 0}
    parameters = [list(train(data, **options))[-1].result.network.flat for data in (dataset, in_memory)]
    assert np.allclose(*parameters, rtol=0, atol=1e-9)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in units of its own elsewhere")
def test_fit_stays_below_the_memory_that_it_may_take(command: list[str], tmp_path: Path) -> None:
    digits = mlp_data.load("digits")
    times = 60  # 280 MB of images, as large as all the memory allowed
    source = tmp_path / "source"
    source.mkdir()
    for split, name, repeat in (("train", "train", times), ("test", "t10k", 1)):
        x, y = np.asarray(digits.splits[split].x), digits.splits[split].y
        assert y is not None
        with (source / f"{name}-images.idx3-ubyte").open("wb") as file:
            file.write(struct.pack(">BBBBIII", 0, 0, 8, 3, len(x) * repeat, 28, 28))
            for _ in range(repeat):
                file.write(x.tobytes())
        head = struct.pack(">BBBBI", 0, 0, 8, 1, len(y) * repeat)
        (source / f"{name}-labels.idx1-ubyte").write_bytes(head + y.astype(np.uint8).tobytes() * repeat)
    fit = ["fit", "source", "--epochs", "1", "--hidden", "16", "--max-memory", "320M", "--cache", "cache"]
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    run = [sys.executable, "-c", measured, *command, *fit, "--out", "run", "--json", "--batch-size", "256"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    peak = int(done.stderr.splitlines()[-1]) << 10
    assert peak < 320 << 20
    assert json.loads(done.stdout)["metrics"]["test"]["accuracy"] > 0.9
    assert list((tmp_path / "cache").iterdir()) == []
