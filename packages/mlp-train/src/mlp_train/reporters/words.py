"""The figures of an epoch, as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlp_train.events import EpochEnd

# What a person calls a metric where its own name is not it.
NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC-AUC",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "rmse": "RMSE",
    "r2": "R2",
    "mae": "MAE",
}
SHARES = ("accuracy", "balanced_accuracy", "calibration_error")  # of the samples
# What is said of a split in one line; the rest is in the model file, the log and `evaluate`.
SAID = ("loss", "accuracy", "micro_f1", "log_loss", "calibration_error", "rmse", "r2")


def percent(share: float) -> str:
    """Write a share.

    >>> percent(0.97316)
    '97.32 %'
    """
    return f"{100 * share:.2f} %"


def metric(name: str, value: float) -> str:
    """Write one metric; an accuracy is a percentage.

    >>> metric("accuracy", 0.5), metric("rmse", 12.34567)
    ('accuracy 50.00 %', 'RMSE 12.35')
    """
    return f"{NAMES.get(name, name)} {figure(name, value)}"


def figure(name: str, value: float) -> str:
    """Write the value of a metric; a share of the samples is a percentage.

    >>> figure("accuracy", 0.5), figure("rmse", 12.34567)
    ('50.00 %', '12.35')
    """
    return percent(value) if name in SHARES else f"{value:.4g}"


def split_figures(figures: Mapping[str, float]) -> str:
    """Write what matters most about a split.

    >>> split_figures({"loss": 0.25, "accuracy": 0.9, "roc_auc": 0.97, "log_loss": 0.25, "calibration_error": 0.031})
    'loss 0.25, accuracy 90.00 %, log-loss 0.25, calibration error 3.10 %'
    """
    return ", ".join(metric(name, figures[name]) for name in SAID if name in figures)


def calibrated(found: Mapping[str, float]) -> str:
    """Say what a temperature (`Calibration.to_dict`) has changed on the samples that it was fitted on.

    >>> errors = {"calibration_error_before": 0.0773, "calibration_error": 0.0165}
    >>> calibrated({"temperature": 0.58, "samples": 60, "log_loss_before": 0.1664, "log_loss": 0.0988, **errors})
    'calibrated on 60 held-out samples: temperature 0.58, log-loss 0.1664 -> 0.0988, calibration error 7.73 % -> 1.65 %'
    """
    changes = [
        f"{NAMES[name]} {figure(name, found[f'{name}_before'])} -> {figure(name, found[name])}"
        for name in ("log_loss", "calibration_error")
    ]
    return (
        f"calibrated on {found['samples']:,.0f} held-out samples: temperature {found['temperature']:.3g}, "
        f"{', '.join(changes)}"
    )


def epoch_figures(event: EpochEnd) -> str:
    """Write how well the network does after an epoch, on the rows that it trains on and on those held out.

    >>> epoch_figures(EpochEnd(1, 9, 0.5, 0.001, 1.0, 2.0, 16.0, valid_loss=0.41, valid={"accuracy": 0.9}))
    'loss 0.5000  valid loss 0.4100  valid accuracy 90.00 %'
    """
    parts = [f"loss {event.loss:.4f}"]
    if event.valid_loss is not None:
        parts.append(f"valid loss {event.valid_loss:.4f}")
    parts += [f"valid {metric(name, value)}" for name, value in event.valid.items()]
    return "  ".join(parts)


def short_figures(event: EpochEnd, width: int) -> str:
    """Write as much of `epoch_figures` as fits, without the valid loss and then without the last metric.

    >>> short_figures(EpochEnd(1, 9, 0.5, 0.001, 1.0, 2.0, 16.0, valid_loss=0.41, valid={"accuracy": 0.9}), 40)
    'loss 0.5000  valid accuracy 90.00 %'
    """
    kept = [event, replace(event, valid_loss=None)]
    kept += [replace(kept[1], valid=dict([*event.valid.items()][:-n])) for n in range(1, len(event.valid))]
    said = [epoch_figures(one) for one in kept]
    return next((one for one in said if len(one) <= width), said[-1])


def clock(seconds: float) -> str:
    """Write a time span.

    >>> clock(7.6), clock(3725)
    ('0:08', '1:02:05')
    """
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
