"""Events are what the trainer tells while it works; whoever listens prints, draws or stores them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlp_train.result import Result


@dataclass(frozen=True)
class Event:
    """Something that happened during training."""

    def to_dict(self) -> dict[str, Any]:
        """Return the event as values that JSON knows, with its kind under `event`."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Started(Event):
    """Training begins: what is trained, on what, and what was chosen where the configuration said `auto`."""

    samples: int
    valid_samples: int
    layers: tuple[str, ...]  # "784 -> 128 relu"
    parameters: int
    loss: str
    optimizer: str
    lr: float
    batch_size: int
    batches: int  # an epoch
    epochs: int
    first_epoch: int  # 1, or the first one that a resumed run still has to do
    input: str
    workers: int = 1  # processes
    first_loss: float = 0.0  # of some samples, before the first epoch to be done
    chance_loss: float | None = None  # what knowing nothing costs: ln(classes) of cross-entropy
    label_smoothing: float = 0.0  # 0 where the loss is not one of smoothed labels
    left_out: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress(Event):
    """A long pass over the training samples is on its way; told a few times a second, for whoever watches."""

    epoch: int  # the one being done: 1, 2, ...
    epochs: int
    share: float  # of its samples that were seen, 0..1
    loss: float  # mean over these samples
    seconds: float  # since training started
    eta: float  # seconds left if every epoch is still done
    gradient_norms: tuple[float, ...] = ()  # of each layer in the last batch, where `Control.every_batch` asks for it


@dataclass(frozen=True)
class EpochEnd(Event):
    """One pass over the training samples is done."""

    epoch: int  # 1, 2, ...
    epochs: int
    loss: float  # mean over the epoch's batches, while the weights were changing
    lr: float
    gradient_norm: float  # of the last batch, before clipping
    seconds: float  # since training started
    eta: float  # seconds left if every epoch is still done
    gradient_norms: tuple[float, ...] = ()  # the same of each layer
    update_ratios: tuple[float, ...] = ()  # how far the last step moved each layer, as a share of its length
    dead_units: tuple[float, ...] = ()  # the share of each hidden layer that answers 0 to every sample watched
    valid_loss: float | None = None
    valid: dict[str, float] = field(default_factory=dict)  # accuracy, or rmse and r2
    best: bool = False  # the lowest validation loss so far


@dataclass(frozen=True)
class Stopped(Event):
    """Training ends before its last epoch."""

    reason: str


@dataclass(frozen=True)
class Finished(Event):
    """Training is over; `result` holds the trained network."""

    result: Result

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of the result; the network itself is in the model file."""
        return {"event": "Finished", "epoch": self.result.epoch, "metrics": dict(self.result.metrics)}
