"""What test_parallel.py starts under mpiexec: each case is trained by all ranks for an epoch, and by rank 0 alone.

Prints one JSON object: for each case, how far the parameters and the loss are from those of one process, and whether
all ranks had the same bits after the epoch.
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.config import make_config
from mlp_train.learner import Learner, Pass
from mlp_train.optimizers import OPTIMIZERS
from mlp_train.parallel import Ranks, agreed, join, leave, one_rank
from mlp_train.plan import Plan, _targets
from mlp_train.raw_batches import batches
from mlp_train.reader import FileReader, prepare_on_disk
from mlp_train.schedules import SCHEDULES
from mlp_train.trainer import Trainer, settle

Trained = tuple[np.ndarray, float, bool]

ROWS = 20 * 16 + 2  # the last batch has fewer rows than there may be ranks
CASES: dict[str, list[dict[str, Any]]] = {
    "digits": [
        {},
        {"hidden": ()},
        {"hidden": (24, 7, 16)},
        *({"activation": name} for name in ("leaky-relu:0.2", "sigmoid", "sigmoid-hybrid", "tanh", "gelu")),
        {"activation": ("silu", "softmax"), "hidden": (24, 16)},
        *({"optimizer": name} for name in OPTIMIZERS),
        *({"schedule": name} for name in SCHEDULES),
        {"loss": "squared-error"},
        {"loss": "binary-cross-entropy"},
        {"label_smoothing": 0.2},
        {"class_weight": "balanced"},
        {"class_weight": {"3": 5.0}, "mixup": 0.4},
        {"l1": 0.001},
        {"l2": 0.01},
        {"clip_norm": 0.1},
        {"clip_value": 0.001},
        {"max_norm": 0.7},
        {"dropout": 0.3, "hidden": (24, 16)},
        {"augment": "strong"},
        {"augment": "light", "mixup": 0.4},
        {"input_noise": 0.3},
        {"mixup": 0.4},
        {"average": "ema"},
        {"average": "swa"},
        {"lr": "auto"},
        {"batch_size": 3},
        {"batch_size": 2},  # of three ranks one has no row
        # pieces of 512, 2 and 486 rows: a rank that has none draws along all the same
        {"batch_size": 514, "more": True, "dropout": 0.3, "input_noise": 0.2, "mixup": 0.4},
        {"batch_size": 514, "more": True, "dropout": 0.3, "engine": "plain"},
        {"batch_size": "full"},
        {"batch_size": "full", "more": True},  # in two pieces
        {"batch_size": 700, "more": True, "dropout": 0.1, "input_noise": 0.1, "mixup": 0.2, "clip_norm": 0.1},
        {"on_disk": True},
        {"on_disk": True, "augment": "strong", "dropout": 0.2},
        {"engine": "plain"},
        {"engine": "plain", "dropout": 0.3, "mixup": 0.4, "input_noise": 0.1, "class_weight": "balanced"},
        {"engine": "plain", "batch_size": 600, "more": True},
    ],
    "numbers": [
        *({"loss": name} for name in ("squared-error", "absolute-error", "huber:0.5", "quantile:0.8", "poisson")),
        {"weights": True, "clip_norm": 0.1},
        {"weights": True, "engine": "plain"},
    ],
    "labels": [{}, {"dropout": 0.2, "optimizer": "momentum", "l2": 0.001}],
}

FEW = {
    "batch_size",
    "more",
    "hidden",
    "dropout",
    "input_noise",
    "mixup",
    "engine",
    "weights",
    "clip_norm",
}  # what more than two ranks are tried with


def data_of(kind: str, *, more: bool = False, weights: bool = False) -> Dataset:
    """Make the samples of a case, the same on every rank."""
    if kind == "digits":
        return mlp_data.load("digits").take(train=np.arange(1000 if more else ROWS))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, 5)).astype(np.float32)
    y = np.abs(x[:, 0] * 2 - x[:, 1] ** 2)
    if kind == "labels":
        return mlp_data.from_arrays(x, (x[:, :3] > 0).astype(int))
    return mlp_data.from_arrays(x, y, sample_weight=generator.uniform(0, 3, ROWS) if weights else None)


def on_disk(plan: Plan, folder: Path) -> Plan:
    """Have the samples in a file, as if they did not fit in memory, and in blocks smaller than they are."""
    split = plan.dataset.train
    assert split.y is not None
    rows = prepare_on_disk(plan.input, batches(split.x), folder)
    encode = partial(_targets, plan.output)
    reader = FileReader(plan.input, rows, split.y, encode, plan.config.dtype, block=100_000, chunk=4000)
    return replace(plan, train=reader)


def trained(data: Dataset, ranks: Ranks | None, options: dict[str, Any], folder: Path | None) -> Trained:
    """Train for an epoch, from a file in `folder` if given; return parameters, loss, and whether all ranks agree."""
    few = {"epochs": 1, "batch_size": 16, "hidden": (24,), "dtype": "float64", "valid_fraction": 0, "workers": 1}
    config = make_config(**{**few, **options})
    plan = settle(data, config if ranks is None else one_rank(config), measure=ranks is None or ranks.index == 0)
    plan = agreed(plan, ranks)
    trainer = Trainer(plan if folder is None else on_disk(plan, folder), ranks=ranks)
    trainer.lr_scale[0] = 1.0
    trainer.start()
    same = []
    align = Learner.align

    def watched(self: Learner, ranks: Ranks) -> None:
        before = [own.flat.copy() for _, own in self._vectors()]
        for _, own in self._vectors() if ranks.index else ():
            own.flat += 1  # as if this processor rounded very differently
        align(self, ranks)
        same.extend(np.array_equal(a, own.flat) for a, (_, own) in zip(before, self._vectors(), strict=True))

    Learner.align = watched  # type: ignore[method-assign]
    done: Pass | None = None
    try:
        if ranks is None or ranks.index == 0:
            for done in trainer.one_epoch():  # noqa: B007  # the last counts
                continue
        else:
            ranks.listen()
            for done in trainer._own_epoch():  # noqa: B007
                continue
    finally:
        Learner.align = align  # type: ignore[method-assign]
    assert done is not None
    return trainer.network.flat, done.loss, all(same)


def main(folder: Path) -> None:
    """Train every case."""
    ranks = join()
    assert ranks is not None, "start this by mpiexec"
    found = {}
    for kind, cases in CASES.items():
        for case in cases if ranks.count == 2 else [case for case in cases if case.keys() <= FEW]:
            options = dict(case)
            data = data_of(kind, **{name: options.pop(name) for name in ("more", "weights") if name in options})
            place = folder if options.pop("on_disk", False) else None
            flat, loss, same = trained(data, ranks, options, place)
            told = ranks._comm.gather(same)
            if ranks.index == 0:
                alone, loss_alone, _ = trained(data, None, options, place)
                difference = float(np.abs(flat - alone).max())
                found[f"{kind} {case}"] = (difference, abs(loss - loss_alone) / len(data.train), all(told))
    if ranks.index:
        ranks.listen()
    print(json.dumps(found, indent=1))
    ranks.rest()
    leave(0)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception:
        traceback.print_exc()
        leave(1)
