"""Assessing runs a network over samples without training it, and turns its outputs into loss and figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_train.array import Array
from mlp_train.blas import one_thread_where_small
from mlp_train.diagnose import DeadUnits
from mlp_train.losses import smooth_labels
from mlp_train.metrics import full_score, score
from mlp_train.network import ForwardPass, Network
from mlp_train.piece import PIECE
from mlp_train.plan import Plan
from mlp_train.reader import BlockReader
from mlp_train.temperature import SIGMOIDS, Calibration, calibrate, probabilities


@dataclass(frozen=True)
class Seen:
    """What a network made of the samples of a split."""

    split: str
    loss: float  # the weighted mean
    objective: float  # the same with labels smoothed as in training, which decides what weights are best
    predicted: Array  # answers as in `Split.y`
    actual: Array
    z: Array | None  # (n, n_out), before the last activation; None where it was not to be kept


def look(plan: Plan, split: str, network: Network, dead: DeadUnits | None = None, *, keep: bool = True) -> Seen:
    """Run `network` over a split, `train` or `valid`; `dead` watches the hidden units, `keep` asks for every z."""
    reader: BlockReader | None = plan.train if split == "train" else plan.valid
    assert reader is not None
    forward = ForwardPass(network, min(PIECE, len(reader)), keep_last_z=True)
    loss = objective = weight = 0.0
    predicted: list[Array] = []
    actual: list[Array] = []
    kept: list[Array] = []
    with one_thread_where_small(network, PIECE), np.errstate(over="ignore", invalid="ignore"):
        for piece in reader.batches(PIECE):
            a = network.forward(piece.x, forward)
            z = forward.z[-1]
            assert z is not None
            counts = np.ones(len(a)) if piece.weight is None else piece.weight
            loss += float(plan.loss.value(z, a, piece.y).astype(np.float64) @ counts)
            if plan.smoothing:
                smooth = smooth_labels(piece.y, plan.smoothing)
                objective += float(plan.loss.value(z, a, smooth).astype(np.float64) @ counts)
            weight += float(counts.sum())
            predicted.append(plan.answers(a))
            actual.append(plan.answers(piece.y))
            if keep:
                kept.append(z.copy())
            if dead is not None:
                dead.look(forward)
    return Seen(
        split,
        loss / weight,
        (objective if plan.smoothing else loss) / weight,
        np.concatenate(predicted),
        np.concatenate(actual),
        np.concatenate(kept) if keep else None,
    )


def few_figures(plan: Plan, seen: Seen) -> dict[str, float]:
    """Return the figures that are told after every epoch."""
    weights = plan.dataset.splits[seen.split].weight
    return score(plan.task, seen.predicted, seen.actual, weights)


def all_figures(plan: Plan, seen: Seen, temperature: float = 1.0) -> dict[str, float]:
    """Return the loss and every figure of the task, with probabilities as the model file will give them."""
    weights, activation = plan.dataset.splits[seen.split].weight, plan.layers[-1].activation
    shares = None
    if seen.z is not None and plan.task != "regression" and activation in ("softmax", *SIGMOIDS):
        shares = probabilities(seen.z, activation, temperature)
    figures = full_score(plan.task, seen.predicted, seen.actual, shares, weights)
    return {"loss": seen.loss, **figures}


def calibration(plan: Plan, seen: Seen) -> Calibration | None:
    """Fit a temperature on what was seen; None where that makes no sense or is not wanted."""
    if seen.z is None or not plan.config.calibrate or plan.task == "regression":
        return None
    weights = plan.dataset.splits[seen.split].weight
    return calibrate(seen.z, seen.actual, plan.layers[-1].activation, weights)
