"""The requests of Draw: an image comes, and what it is prepared to, what the network says and how it came about go."""

from __future__ import annotations

import base64
import time
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlp_data import photo
from mlp_data.decode import decode, opencv
from mlp_data.labels import Array
from mlp_runtime import InputError, Model
from mlp_runtime.inputs import ImageInput
from mlp_runtime.inputs.ink import background, is_dark
from mlp_runtime.inputs.pixels import grey as to_grey
from mlp_runtime.inputs.resize import resize
from mlp_train.ui.answers import Answer
from mlp_train.ui.state import Workbench
from mlp_train.ui.thinking import think

LIMITS = {"/api/draw": 2**21, "/api/draw/photo": 2**26}  # a canvas of 1,024 x 1,024; what a phone's camera gives
THUMBNAIL = 112  # pixels of the long side of a step of the preparation, as it is shown
_SURE = 8  # what counts as ink for certain exceeds this part of the frame's range, in the runtime too
_PHOTO_STEPS = ("grey", "flattened", "threshold", "roi")


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what Draw asks for."""

    async def drawn(request: Request) -> Response:
        """Answer a drawing: its grey pixels, a byte each, with their width and height in the query."""
        content = await request.body()
        frame = _canvas(content, request.query_params.get("width", ""), request.query_params.get("height", ""))
        return Answer(await run_in_threadpool(answer_drawing, workbench.model, frame))

    async def taken(request: Request) -> Response:
        """Answer an image file: its bytes as they are."""
        content = await request.body()
        return Answer(await run_in_threadpool(answer_photo, workbench.model, content))

    return [Route("/api/draw", drawn, methods=["POST"]), Route("/api/draw/photo", taken, methods=["POST"])]


def answer_drawing(model: Model, frame: Array) -> dict[str, Any]:
    """Return what a drawing is prepared to and what the network says; all of its ink counts."""
    began = time.perf_counter()
    wanted = _image_input(model)
    levels = background(frame[None])
    dark = bool(is_dark(levels, "auto")[0])  # a drawing shows its own ink, whatever the frames in training held
    light, paper = (255 - frame, 255 - levels[0]) if dark else (frame, levels[0])
    strength = np.maximum(light, paper) - paper
    if not strength.any():
        return {"blank": True}
    mask = strength > strength.max() // _SURE
    y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = strength[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    raw = _for_network(wanted, frame, 255 - strength if wanted.ink == "dark" else strength)
    steps = [("drawn", frame), ("ink", strength), ("threshold", np.where(mask, 255, 0)), ("roi", cut)]
    return _answer(model, wanted, raw, steps, began)


def answer_photo(model: Model, content: bytes) -> dict[str, Any]:
    """Return what an image file is prepared to and what the network says.

    Where the network looks for ink, the photograph is cleaned as by `mlp_data.photo`: only its main item is left.
    """
    began = time.perf_counter()
    wanted = _image_input(model)
    if wanted.fit != "ink" and not (wanted.channels == 1 and wanted.fit == "none"):
        frame = decode(content, colour=wanted.channels == 3)
        return _answer(model, wanted, _sized(wanted, frame), [("drawn", frame)], began)
    frame = decode(content, colour=False)
    stages = photo.stages(frame)
    item = stages["roi"]
    if not item.any():
        return {"blank": True}
    raw = _for_network(wanted, item, 255 - item if wanted.ink == "dark" else item)
    steps = [("drawn", frame), *((name, stages[name]) for name in _PHOTO_STEPS)]
    return _answer(model, wanted, raw, steps, began)


def _answer(
    model: Model, wanted: ImageInput, raw: Array, steps: list[tuple[str, Array]], began: float
) -> dict[str, Any]:
    thought = think(model, raw)
    seen = wanted.prepare(raw)[0].reshape((wanted.height, wanted.width, wanted.channels))
    shown = [*steps, ("network", seen)]
    return {
        **thought,
        "stages": [_picture(name, picture) for name, picture in shown],
        "milliseconds": (time.perf_counter() - began) * 1000,
    }


def _for_network(wanted: ImageInput, frame: Array, ink: Array) -> Array:
    """Return the frame that the network's input takes, made of a drawing's ink.

    A network that takes frames as they come learned from ink in the middle, so the ink is brought there first.
    """
    if wanted.fit == "ink":
        return ink
    if wanted.channels == 3:
        return _sized(wanted, np.repeat(frame[..., None], 3, axis=2))
    box = max(1, round(min(wanted.height, wanted.width) * 5 / 7))
    middle = ImageInput(
        wanted.height, wanted.width, fit="ink", ink="dark" if wanted.ink == "dark" else "light", box=box
    )
    light: Array = middle.prepare(ink)[0].reshape(wanted.height, wanted.width)
    return 255 - light if wanted.ink == "dark" else light


def _sized(wanted: ImageInput, frame: Array) -> Array:
    """Bring a frame to the one size that an input without fitting takes."""
    if wanted.fit != "none":
        return frame
    if wanted.channels == 1 and frame.ndim == 3:
        frame = to_grey(frame)
    return np.asarray(resize(frame, wanted.height, wanted.width))


def _image_input(model: Model) -> ImageInput:
    if not isinstance(model.input, ImageInput):
        raise InputError(f"this model takes no images but {model.input.kind} input: use the form")
    return model.input


def _canvas(content: bytes, width: str, height: str) -> Array:
    """Return the drawing that came as an array, or say what of it does not fit."""
    sides = [int(side) if side.isdecimal() and len(side) < 5 else 0 for side in (width, height)]
    if min(sides) < 1 or max(sides) > 1024 or len(content) != sides[0] * sides[1]:
        raise InputError(
            f"a drawing of {len(content)} bytes came with width {width[:9]!r} and height {height[:9]!r}: "
            "wanted a byte a pixel and sides of 1 to 1024"
        )
    return np.frombuffer(content, np.uint8).reshape(sides[1], sides[0])


def _picture(name: str, picture: Array) -> dict[str, Any]:
    """Return a picture for the page: small, raw bytes in base64, which a canvas takes as they are."""
    small = np.ascontiguousarray(picture, dtype=np.uint8)
    height, width = small.shape[:2]
    share = THUMBNAIL / max(height, width)
    if share < 1:
        size = (max(1, round(width * share)), max(1, round(height * share)))
        small = opencv().resize(small, size, interpolation=opencv().INTER_AREA)
    channels = small.shape[2] if small.ndim == 3 else 1
    return {
        "name": name,
        "of": [width, height],
        "width": small.shape[1],
        "height": small.shape[0],
        "channels": channels,
        "pixels": base64.b64encode(np.ascontiguousarray(small).tobytes()).decode(),
    }
