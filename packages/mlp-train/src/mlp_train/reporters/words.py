"""The figures of an epoch, as a person reads them."""

from __future__ import annotations

from dataclasses import replace

from mlp_train.events import EpochEnd


def percent(share: float) -> str:
    """Write a share.

    >>> percent(0.97316)
    '97.32 %'
    """
    return f"{100 * share:.2f} %"


def metric(name: str, value: float) -> str:
    """Write one metric; an accuracy is a percentage.

    >>> metric("accuracy", 0.5), metric("rmse", 12.34567)
    ('accuracy 50.00 %', 'rmse 12.35')
    """
    return f"{name} {percent(value) if name == 'accuracy' else f'{value:.4g}'}"


def epoch_figures(event: EpochEnd) -> str:
    """Write how well the network does after an epoch, on the rows that it trains on and on those held out.

    >>> epoch_figures(EpochEnd(1, 9, 0.5, 0.001, 1.0, 2.0, 16.0, 0.41, {"accuracy": 0.9}))
    'loss 0.5000  valid loss 0.4100  valid accuracy 90.00 %'
    """
    parts = [f"loss {event.loss:.4f}"]
    if event.valid_loss is not None:
        parts.append(f"valid loss {event.valid_loss:.4f}")
    parts += [f"valid {metric(name, value)}" for name, value in event.valid.items()]
    return "  ".join(parts)


def short_figures(event: EpochEnd, width: int) -> str:
    """Write as much of `epoch_figures` as fits, without the valid loss and then without the last metric.

    >>> short_figures(EpochEnd(1, 9, 0.5, 0.001, 1.0, 2.0, 16.0, 0.41, {"accuracy": 0.9}), 40)
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
