"""Checks exercise 4: what is wrong with a training, told by the figures that it logged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import mlp_data
from checker.asking import Wrong
from mlp_data.dataset import Dataset
from mlp_runtime.inputs import VectorInput
from mlp_train.config import FitConfig
from mlp_train.errors import DivergedError
from mlp_train.metrics_log import MetricsLog
from mlp_train.plan import Settled, make_plan
from mlp_train.trainer import Trainer

ROWS, EPOCHS = 1500, 12
KEY = {"A": "dead units", "B": "scaling", "C": "nothing", "D": "learning rate", "E": "initialisation"}
COLUMNS = ("update_ratios", "gradient_norms", "dead_units")
FOLDER = Path("runs", "exercise-4")
Events = list[dict[str, Any]]


def check(module: ModuleType) -> str:
    """Compare the answers with the key; what a wrong one contradicts comes from the runs themselves."""
    answers, causes = getattr(module, "ANSWERS", None), getattr(module, "CAUSES", None)
    if not isinstance(answers, dict) or not isinstance(causes, dict):
        raise Wrong("ANSWERS and CAUSES must be there, as in the starting file")
    for run in KEY:
        if answers.get(run, "?") == "?":
            raise Wrong(f"ANSWERS[{run!r}] is still open; run exercise_4.py to see the figures of every run")
        if answers[run] not in KEY.values():
            raise Wrong(f"ANSWERS[{run!r}] is {answers[run]!r}, and it is one of {', '.join(causes)}")
    for run, cause in KEY.items():
        if answers[run] != cause:
            speaks = AGAINST[answers[run]](figures(events(run)))
            raise Wrong(f"run {run}: against {answers[run]!r} speaks that {speaks}")
    return "each run has its cause."


def events(run: str) -> Events:
    """Train one of the runs and return what it tells, as metrics.jsonl has it."""
    said: Events = []
    with contextlib.suppress(DivergedError):  # which a learning rate may well bring about
        said.extend(event.to_dict() for event in trainer(KEY[run]).run())
    return said


def trainer(cause: str) -> Trainer:
    """Return a training with something wrong, or with nothing."""
    options: dict[str, Any] = {"hidden": (64, 64), "epochs": EPOCHS, "patience": EPOCHS, "workers": 1, "seed": 4}
    settled = Settled()
    if cause == "learning rate":
        options |= {"activation": "tanh", "optimizer": "momentum", "lr": 0.5}
    if cause == "initialisation":
        options |= {"hidden": (64,) * 4, "activation": "tanh", "optimizer": "momentum"}
    if cause == "scaling":
        settled = Settled(input=VectorInput(784))  # which passes the pixels on as they are
    run = Trainer(make_plan(digits(), FitConfig(**options), settled))
    if cause == "initialisation":
        run.network.flat *= 0.1
    if cause == "dead units":
        run.network.biases[0][:56] = -20.0
    return run


def digits() -> Dataset:
    """Return some of the shipped digits as rows of numbers from 0 to 255."""
    train = mlp_data.load("digits").train
    return mlp_data.from_arrays(train.x[:ROWS].reshape(ROWS, -1).astype(np.float32), train.y[:ROWS], name="digits")


def figures(told: Events) -> dict[str, Any]:
    """Return what matters of a run: before the first step, along the way, and at its end."""
    started, epochs = told[0], [one for one in told if one["event"] == "EpochEnd"]
    return {
        "first": started["first_loss"],
        "chance": started["chance_loss"],
        "losses": [one["loss"] for one in epochs],
        "accuracy": max((one["valid"]["accuracy"] for one in epochs), default=0.0),
        "step": max((max(one["update_ratios"]) for one in epochs), default=float("nan")),
        "dead": max((max(one["dead_units"]) for one in epochs), default=0.0),
        "faded": min((one["gradient_norms"][0] / max(one["gradient_norms"][-1], 1e-30) for one in epochs), default=1.0),
    }


AGAINST: dict[str, Callable[[dict[str, Any]], str]] = {  # what of a run's figures speaks against a wrong cause
    "nothing": lambda said: (
        f"at most {said['accuracy']:.0%} of the held-out digits come out right, where 92% can be reached"
    ),
    "learning rate": lambda said: f"a step moved a layer by at most {said['step']:.2%} of its weights (update_ratios)",
    "dead units": lambda said: f"at most {said['dead']:.0%} of a layer is dead (dead_units)",
    "initialisation": lambda said: (
        f"the gradient of the first layer is at least {said['faded']:.2g} times that of the last (gradient_norms)"
    ),
    "scaling": lambda said: (
        f"first_loss is {said['first']:.3g}, and chance_loss is {said['chance']:.3g}: large inputs push them far apart"
    ),
}


def show() -> None:
    """Train every run, leave its log, and print what matters of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for run in KEY:
        told = events(run)
        path = FOLDER / f"{run}.jsonl"
        path.unlink(missing_ok=True)
        with MetricsLog(path) as log:
            for event in told:
                log.write(event)
        print(f"run {run} ({path}): {' '.join(told[0]['layers'])}; first_loss {told[0]['first_loss']:.3g}")
        print("  epoch     loss  accuracy  " + "  ".join(f"{name:31}" for name in COLUMNS).rstrip())
        for one in [one for one in told if one["event"] == "EpochEnd"]:
            ratios, norms = (" ".join(f"{n:.1e}" for n in one[name]) for name in COLUMNS[:2])
            dead = " ".join(f"{share:.0%}" for share in one["dead_units"])
            begin = f"  {one['epoch']:5}  {one['loss']:7.3g}  {one['valid']['accuracy']:8.1%}"
            print(f"{begin}  {ratios:31}  {norms:31}  {dead}")
