"""A configuration says everything that decides how a network is trained, so that a run can be repeated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from mlp_runtime.errors import nearest
from mlp_train.errors import UsageError

SHARE, POSITIVE, NOT_NEGATIVE = "a share, from 0 to below 1", "a number above 0", "a number from 0 on"
Share = Annotated[float, Field(ge=0, lt=1)]
ClassWeights = Annotated[dict[str, pydantic.PositiveFloat], Field(min_length=1)]  # class -> weight, 1 if not named


class FitConfig(pydantic.BaseModel):
    """Every setting of a training run; `auto` means that the trainer chooses from the data and reports its choice.

    What each does is told by `mlp-train fit --help`; a description here says what it may be, for errors.

    >>> FitConfig(hidden=(64,), seed=3).hidden
    (64,)
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: Literal["quick", "good", "best"] = Field("good", description="quick, good or best")

    # the network
    hidden: Literal["auto"] | Annotated[tuple[pydantic.PositiveInt, ...], Field(max_length=100)] = Field(
        "auto", description="auto, or at most 100 sizes such as 128,64"
    )
    activation: str | tuple[str, ...] = Field("relu", description="one name, or one for each hidden layer")
    output_activation: str = Field("auto", description="auto, or the name of an activation")
    initializer: str = Field("auto", description="auto, or the name of an initializer")
    dtype: Literal["float32", "float64"] = Field("float32", description="float32 or float64")

    # what is minimised
    loss: str = Field("auto", description="auto, or the name of a loss")
    label_smoothing: Share = Field(0.05, description=SHARE)  # of cross-entropy's targets alone
    class_weight: Literal["none", "balanced"] | ClassWeights = Field(
        "none", description="none, balanced, or weights above 0 such as rare=5,common=1"
    )
    l1: pydantic.NonNegativeFloat = Field(0.0, description=NOT_NEGATIVE)
    l2: pydantic.NonNegativeFloat = Field(0.0, description=NOT_NEGATIVE)

    # what keeps it from learning by heart
    augment: Literal["none", "light", "strong"] = Field("none", description="none, light or strong")  # images only
    dropout: Share = Field(0.0, description=SHARE)  # of the hidden units in each step
    input_noise: pydantic.NonNegativeFloat = Field(0.0, description=NOT_NEGATIVE)  # its standard deviation
    mixup: pydantic.NonNegativeFloat = Field(0.0, description=NOT_NEGATIVE)  # alpha of its beta distribution
    max_norm: pydantic.PositiveFloat | None = Field(None, description=POSITIVE)  # of a unit's weights; None: no limit
    average: Literal["none", "ema", "swa"] = Field("none", description="none, ema or swa")

    # how it is minimised
    optimizer: str = Field("adamw", description="the name of an optimizer")
    lr: pydantic.PositiveFloat | Literal["auto"] | None = Field(  # None: what suits the optimizer; auto: a range test
        None, description="auto, or a number above 0"
    )
    momentum: Share = Field(0.9, description=SHARE)  # momentum and nesterov use it
    beta1: Share | None = Field(None, description=SHARE)  # Adam and its kin; None: as the optimizer has it
    beta2: Share | None = Field(None, description=SHARE)
    weight_decay: pydantic.NonNegativeFloat = Field(0.2, description=NOT_NEGATIVE)  # adamw and lion use it
    clip_norm: pydantic.PositiveFloat | None = Field(None, description=POSITIVE)  # None: no clipping
    clip_value: pydantic.PositiveFloat | None = Field(None, description=POSITIVE)
    schedule: str = Field("cosine", description="the name of a schedule")
    warmup: Share = Field(0.05, description=SHARE)  # of all steps
    epochs: Literal["auto"] | Annotated[int, Field(gt=0, le=10**9)] = Field(
        "auto", description="auto, or a whole number from 1 to a billion"
    )
    batch_size: Literal["auto", "full"] | Annotated[int, Field(gt=0, le=10**9)] = Field(
        "auto", description="auto, full, or a whole number from 1 to a billion"
    )

    # how it is computed
    time_limit: pydantic.PositiveFloat | None = Field(None, description="seconds, above 0")  # for the training alone
    engine: Literal["fast", "plain"] = Field("fast", description="fast, or plain: the reference, step by step")
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        "auto", description="auto, or a number of processes from 1 to 64"
    )

    # when it stops, and what it starts from
    patience: pydantic.PositiveInt | None = Field(None, description="a whole number above 0")  # None: a third of epochs
    valid_fraction: Share = Field(0.1, description=SHARE)  # held out where the data have no validation split
    calibrate: bool = Field(True, description="true or false")  # fit a temperature on the validation split
    seed: int = Field(0, ge=0, lt=2**63, description="a whole number from 0 to 2^63 - 1")  # as TOML holds it


def make_config(base: FitConfig | None = None, **options: Any) -> FitConfig:
    """Return `base` with `options` in place of its values.

    Raises UsageError in one sentence for an unknown option (naming the nearest known one) or an unusable value.

    >>> make_config(seed=3, lr=0.1).lr
    0.1
    >>> make_config(epohs=3)
    Traceback (most recent call last):
    mlp_train.errors.UsageError: unknown option 'epohs', did you mean 'epochs'?
    """
    for name in options:
        if name not in FitConfig.model_fields:
            raise UsageError(f"unknown option {name!r}{nearest(name, FitConfig.model_fields)}")
    values = base.model_dump(exclude_unset=True) if base else {}
    values.update(options)
    if isinstance(values.get("hidden"), int):
        values["hidden"] = (values["hidden"],)
    try:
        return FitConfig(**values)
    except pydantic.ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        takes = FitConfig.model_fields[name].description
        raise UsageError(f"option {name!r} cannot be {_written(values.get(name))!r}: it is {takes}") from None


def _written(value: Any) -> Any:
    """Return weights of classes as a person writes them, rare=5,common=1, and any other value as it is."""
    return ",".join(f"{key}={weight}" for key, weight in value.items()) if value and isinstance(value, dict) else value
