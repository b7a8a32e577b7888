"""Progress for programs: every event is one JSON object on a line of its own."""

from __future__ import annotations

import json
from typing import Self, TextIO

from mlp_train.events import Event
from mlp_train.plain import plain


class JsonReporter:
    """Writes each event to `stream` as soon as it happens."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, event: Event) -> None:
        """Write one event; NaN and infinity, which JSON does not know, become null."""
        self.stream.write(json.dumps(plain(event.to_dict()), allow_nan=False, separators=(",", ":")) + "\n")
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass
