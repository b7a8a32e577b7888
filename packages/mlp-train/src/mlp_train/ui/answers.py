"""Every answer to the page is JSON, and an error is one sentence that the page shows as it stands."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mlp_runtime.errors import MlpError
from mlp_train.plain import plain


class TooLarge(MlpError):
    """The body of a request goes on beyond its limit."""


class Answer(Response):
    """A value as JSON; numbers that JSON does not know become null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write the value."""
        return json.dumps(plain(content), allow_nan=False, separators=(",", ":")).encode()


def refuse(status: int, sentence: str) -> Answer:
    """Return an error as the page expects it."""
    return Answer({"error": sentence}, status_code=status)


def event(name: str, value: Any) -> bytes:
    """Return one server-sent event.

    >>> event("loss", {"epoch": 1})
    b'event: loss\\ndata: {"epoch":1}\\n\\n'
    """
    return f"event: {name}\ndata: {json.dumps(plain(value), allow_nan=False, separators=(',', ':'))}\n\n".encode()


def on_our_error(_: Request, error: Exception) -> Response:
    """Answer an error that was raised on purpose: its message is already the sentence."""
    return refuse(413 if isinstance(error, TooLarge) else 422, str(error))


def on_http_error(_: Request, error: Exception) -> Response:
    """Answer what Starlette refuses, such as a path that is not there."""
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, f"the server says: {error.detail}")


def on_bug(_: Request, error: Exception) -> Response:
    """Answer an error that nobody raised on purpose; the terminal shows where it came from."""
    traceback.print_exception(error, file=sys.stderr)
    return refuse(500, f"this is a bug of mlp-train, please report it: {type(error).__name__}: {error}")


HANDLERS: dict[Any, Any] = {MlpError: on_our_error, HTTPException: on_http_error, Exception: on_bug}
