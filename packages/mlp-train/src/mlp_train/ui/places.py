"""A place says where a page is on its way: which network, which samples, which mistake, and what was learned so far."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from mlp_train.errors import UsageError
from mlp_train.ui.problems import DRAWN

Number = Annotated[int, Field(ge=DRAWN, lt=2**31)]
MistakeName = Literal["transpose", "sign", "batch", "hybrid"]


class Taken(pydantic.BaseModel):
    """One step of learning: from which samples, how far, and with which mistake."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    sample: Number
    batch: Literal[1, 4]
    mistake: MistakeName | None = None
    lr: Annotated[float, Field(gt=0, le=1000)]


class Drawing(pydantic.BaseModel):
    """What the network saw of a drawing: its levels in base64, and which class it should be."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    pixels: Annotated[str, Field(max_length=2**19)]
    height: Annotated[int, Field(ge=1, le=4096)]
    width: Annotated[int, Field(ge=1, le=4096)]
    channels: Literal[1, 3] = 1
    target: Annotated[int, Field(ge=0, lt=10**6)] = 0


class Place(pydantic.BaseModel):
    """Where a page is: the network, the samples that go through it, and what it has learned on the way."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    network: Literal["xor", "deep", "digits", "open"] = "xor"
    activation: Literal["tanh", "sigmoid", "relu"] = "tanh"
    sample: Number = 0
    batch: Literal[1, 4] = 1
    mistake: MistakeName | None = None
    drawn: Drawing | None = None
    taken: Annotated[tuple[Taken, ...], Field(max_length=500)] = ()


class Question(pydantic.BaseModel):
    """A request: a place, and what of it is asked for."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    place: Place = Place()
    stage: Annotated[int, Field(ge=0)] = 0
    row: Annotated[int, Field(ge=0)] = 0
    column: Annotated[int, Field(ge=0)] = 0
    lr: Annotated[float, Field(gt=0, le=1000)] = 0.5


def question_of(content: bytes) -> Question:
    """Read a request; UsageError says in one sentence what of it does not fit."""
    try:
        return Question.model_validate_json(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise UsageError(f"{where[:80]}: {first['msg'].lower()}") from None
