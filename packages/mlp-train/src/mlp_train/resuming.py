"""A training that stopped goes on exactly where it was: this is what it saves, and how that comes back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp_train.checkpoints import Checkpoint
from mlp_train.errors import CheckpointError
from mlp_train.plan import Settled

if TYPE_CHECKING:
    from mlp_train.trainer import Trainer


def checkpoint(trainer: Trainer, seconds: float) -> Checkpoint:
    """Return everything that decides how training goes on from the end of this epoch, `seconds` after it began."""
    arrays = {name: trainer.state.vectors[name].copy() for name in trainer.state.saved}
    plan = trainer.plan
    state = {
        "epoch": trainer.epoch,
        "best_epoch": trainer.best_epoch,
        "best_loss": None if np.isinf(trainer.best_loss) else trainer.best_loss,
        "seconds": seconds,
        "stopped": trainer.stopped,
        "lr_factor": trainer.lr_factor,
        "plateau": trainer.plateau.state(),
        "generators": [generator.bit_generator.state for generator in (plan.shuffle_generator, plan.noise_generator)],
        "history": list(trainer.history),
        "settled": {"workers": plan.workers, "epochs": plan.epochs, "lr": plan.found_lr},
        "identity": plan.identity(),
    }
    return Checkpoint({**arrays, "best": trainer.best.copy()}, state)


def settled(saved: Checkpoint) -> Settled:
    """Return what was measured or chosen when the training of a checkpoint began."""
    return Settled(**saved.part("settled", _is_settled))


def _is_settled(value: Any) -> bool:
    names = ("workers", "epochs", "lr")
    return (
        isinstance(value, dict)
        and sorted(value) == sorted(names)
        and _is_count(value["workers"])
        and 1 <= value["workers"] <= 64
        and _is_count(value["epochs"])
        and 0 < value["epochs"] <= 10**9
        and (value["lr"] is None or (_is_number(value["lr"]) and value["lr"] > 0))
    )


def restore(trainer: Trainer, saved: Checkpoint) -> None:
    """Put `trainer` where it was; CheckpointError where the checkpoint is not one of the same training."""
    ours = trainer.plan.identity()
    identity = saved.part("identity", lambda value: isinstance(value, dict) and value.keys() == ours.keys())
    for name, now in ours.items():
        then = identity[name]
        if then != now:
            raise CheckpointError(
                f"this checkpoint was made with another {name} ({_difference(then, now)}), "
                "so resuming would not continue the same training: start a new run"
            )
    for name in trainer.state.saved:
        vector = trainer.state.vectors[name]
        np.copyto(vector, saved.array(name, vector))
    trainer.best = saved.array("best", trainer.network.flat).copy()
    states = saved.part("generators", lambda value: isinstance(value, list) and len(value) == 2 and _has_counts(value))
    try:
        for generator, state in zip(
            (trainer.plan.shuffle_generator, trainer.plan.noise_generator), states, strict=True
        ):
            generator.bit_generator.state = state
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise saved.refusal(f"generators: {error}") from error
    trainer.epoch = saved.part("epoch", lambda value: _is_count(value) and value <= trainer.plan.epochs)
    trainer.best_epoch = saved.part("best_epoch", lambda value: _is_count(value) and value <= trainer.epoch)
    best_loss = saved.part("best_loss", lambda value: value is None or _is_number(value))
    trainer.best_loss = np.inf if best_loss is None else best_loss
    trainer.seconds = saved.part("seconds", lambda value: _is_number(value) and value >= 0)
    trainer.stopped = saved.part("stopped", lambda value: value is None or isinstance(value, str))
    trainer.lr_factor = saved.part("lr_factor", lambda value: _is_number(value) and value > 0)
    trainer.plateau.restore(saved.part("plateau", _is_plateau))
    trainer.history = list(saved.part("history", _is_history))


def _is_plateau(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and sorted(value) == ["lowest", "share", "waited"]
        and (value["lowest"] is None or _is_number(value["lowest"]))
        and _is_number(value["share"])
        and value["share"] > 0
        and _is_count(value["waited"])
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _has_counts(state: Any) -> bool:
    """Say whether every number in a generator's state is a count of at most 128 bits, as PCG64 has them."""
    if isinstance(state, (dict, list)):
        return all(map(_has_counts, state.values() if isinstance(state, dict) else state))
    return not isinstance(state, (int, float)) or (_is_count(state) and state < 2**128)


def _is_history(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(epoch, dict) for epoch in value)


def _difference(then: Any, now: Any) -> str:
    """Say what is not as it was; of a whole configuration only the settings that differ."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return f"it was {repr(then)[:20]} and is {repr(now)[:20]}"
    return ", ".join(f"{key} was {then.get(key)} and is {now[key]}" for key in now if then.get(key) != now[key])
