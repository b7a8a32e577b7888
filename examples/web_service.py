"""Serve a model over HTTP: POST a row as JSON, or an image as an .npy, to /predict.

pip install starlette uvicorn
MODEL=runs/titanic/model.mlp uvicorn web_service:app --app-dir examples

curl -d '{"Pclass": 1, "Sex": "female", "Age": 29, ...}' http://127.0.0.1:8000/predict
curl --data-binary @examples/seven.npy http://127.0.0.1:8000/predict
"""

import io
import json
import os

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import mlp_runtime

MOST = 2**20  # bytes of a request
model = mlp_runtime.load(os.environ.get("MODEL", "model.mlp"))  # once, for all requests and threads


class TooLarge(ValueError):
    """A request is longer than anyone needs."""


async def body(request):
    """Read a request, but never more than MOST."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST:
            raise TooLarge(f"the request is longer than {MOST} bytes")
    return b"".join(parts)


def answer(content):
    """Return the likeliest classes, or the number, of one input."""
    raw = np.load(io.BytesIO(content), allow_pickle=False) if content.startswith(b"\x93NUMPY") else json.loads(content)
    if model.output_kind == "classes":
        return {"answer": model.predict(raw), "top": dict(model.top(raw, 3))}
    return {"answer": np.asarray(model.predict(raw)).tolist()}


async def predict(request: Request) -> JSONResponse:
    try:
        return JSONResponse(await run_in_threadpool(answer, await body(request)))
    except TooLarge as error:
        return JSONResponse({"error": str(error)}, 413)
    except (ValueError, RecursionError, MemoryError) as error:  # json's, NumPy's, and InputError, which is a ValueError
        return JSONResponse({"error": str(error)}, 422)


async def health(request: Request) -> JSONResponse:  # noqa: ARG001  # Starlette hands it over
    return JSONResponse({"model": model.meta.get("name"), "input": model.input.kind})


app = Starlette(routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health)])
