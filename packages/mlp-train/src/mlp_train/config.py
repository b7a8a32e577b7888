"""A configuration says everything that decides how a network is trained, so that a run can be repeated."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from mlp_runtime.errors import nearest
from mlp_train.errors import UsageError


class FitConfig(pydantic.BaseModel):
    """Every setting of a training run; `auto` means that the trainer chooses from the data and reports its choice.

    >>> FitConfig(hidden=(64,), seed=3).hidden
    (64,)
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # the network
    hidden: Literal["auto"] | tuple[pydantic.PositiveInt, ...] = pydantic.Field(
        "auto", description="Sizes of the hidden layers, such as 128,64."
    )
    activation: str | tuple[str, ...] = pydantic.Field(
        "relu",
        description="Activation of the hidden layers: one name, or one for each; leaky-relu:0.2 sets its number.",
    )
    output_activation: str = pydantic.Field(
        "auto", description="Activation of the last layer; auto fits it to the loss."
    )
    initializer: str = pydantic.Field("auto", description="How weights start: auto, he-normal, glorot-uniform, ...")

    # what is minimised
    loss: str = pydantic.Field(
        "auto", description="auto, cross-entropy, binary-cross-entropy or squared-error; auto follows the target."
    )
    label_smoothing: float = pydantic.Field(
        0.05, ge=0, lt=1, description="Share of each one-hot target spread over all classes; cross-entropy only."
    )
    l2: pydantic.NonNegativeFloat = pydantic.Field(0.0, description="L2 penalty on the weights, added to the loss.")

    # how it is minimised
    optimizer: str = pydantic.Field("adamw", description="sgd, momentum, nesterov, adam or adamw.")
    lr: pydantic.PositiveFloat | None = pydantic.Field(
        None, description="Learning rate; the optimizer's own if not set."
    )
    momentum: float = pydantic.Field(0.9, ge=0, lt=1, description="Momentum of momentum and nesterov.")
    weight_decay: pydantic.NonNegativeFloat = pydantic.Field(
        0.2, description="Decoupled weight decay; only AdamW uses it."
    )
    clip_norm: pydantic.PositiveFloat | None = pydantic.Field(
        None, description="Scale the gradient down where its norm is above this."
    )
    schedule: str = pydantic.Field("cosine", description="How the learning rate changes: constant or cosine.")
    warmup: float = pydantic.Field(0.05, ge=0, lt=1, description="Share of all steps in which the learning rate rises.")
    epochs: Literal["auto"] | pydantic.PositiveInt = pydantic.Field(
        "auto", description="Passes over the training samples; auto gives smaller sets more."
    )
    batch_size: Literal["auto", "full"] | pydantic.PositiveInt = pydantic.Field(
        "auto", description="auto: full batch up to 32 samples, mini-batches of 32 above; full; or a number."
    )

    # when it stops, and what it starts from
    patience: pydantic.PositiveInt | None = pydantic.Field(
        None,
        description="Stop after this many epochs without a better validation loss; not set: a third of all epochs.",
    )
    valid_fraction: float = pydantic.Field(
        0.1, ge=0, lt=1, description="Share of the training samples held out where the data has no validation split."
    )
    seed: pydantic.NonNegativeInt = pydantic.Field(0, description="Start of everything random.")
    dtype: Literal["float32", "float64"] = pydantic.Field("float32", description="Arithmetic of the training.")


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
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(f"option {name!r} cannot be {values.get(name)!r}: {_plain(first, name)}") from None


def _plain(problem: Any, name: str) -> str:
    """Say what a pydantic problem means, without pydantic's own words for unions."""
    if problem["type"] in ("literal_error", "int_type", "tuple_type", "string_type", "int_parsing", "missing"):
        return f"it is {FitConfig.model_fields[name].description}"
    return str(problem["msg"]).replace("Input should", "it should")
