"""The guard lets only the person who started the server in: nobody else on this machine, and no other web page.

Whoever may open a port on this machine may speak to the server, other users and every page in the browser too. So each
request that tells or changes anything carries a token that is new at every start. The browser gets it in the part of
the address behind `#`, which is never sent, and gives it back in a header, which another site's page cannot send.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlp_train.ui.answers import TooLarge, refuse

TOKEN_HEADER = "x-mlp-token"
BODY_LIMIT = 16 * 2**20  # bytes of a request's body, where a path has no limit of its own
_DIGITS = 15  # of a length; Python refuses to read a number of thousands
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def new_token() -> str:
    """Return a token that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """The outermost layer of the application: it refuses, in one sentence, what did not come from the page itself.

    token: what each request below /api/ must carry. limits: the bytes that the body of a request to a path may have.
    """

    def __init__(self, app: ASGIApp, token: str, limits: Mapping[str, int]) -> None:
        """Stand before `app`."""
        self._app, self._token, self._limits = app, token, dict(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over websockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        headers, is_api = Headers(scope=scope), scope["path"].startswith("/api/")
        refused = self._refused(headers, is_api)
        limit = self._limits.get(scope["path"], BODY_LIMIT)
        length = headers.get("content-length", "0")
        if refused is None and (not length.isdecimal() or len(length) > _DIGITS or int(length) > limit):
            refused = (
                413,
                f"the request has {length[:_DIGITS]} bytes, but at most {limit:,} are taken here: give a smaller file",
            )
        if refused is not None:
            await refuse(*refused)(scope, receive, with_headers)
            return
        await self._app(scope, _capped(receive, limit), with_headers)

    def _refused(self, headers: Headers, is_api: bool) -> tuple[int, str] | None:
        """Say what is wrong with where a request comes from, as a status and a sentence."""
        host = headers.get("host", "")
        if _name_of(host) not in ("127.0.0.1", "localhost", "[::1]"):
            return 421, "this server answers to 127.0.0.1 and localhost alone: open the address that it printed"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:  # an origin is no more than a scheme and a host
            return 403, "a page of another site may not ask this server for anything"
        if not is_api:
            return None
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403, "a page of another site may not ask this server for anything"
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return (
                401,
                "the server was started anew, or by someone else: open the address that it printed in a terminal",
            )
        return None


def _name_of(host: str) -> str:
    """Return the name in a Host header without its port."""
    return host[: host.rindex(":")] if ":" in host.rpartition("]")[2] else host


def _capped(receive: Receive, limit: int) -> Receive:
    """Count the bytes of a body as they come, since its declared length need not be true."""
    left = limit

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge(f"the request goes on beyond {limit:,} bytes, which is the most that is taken here")
        return message

    return counted
