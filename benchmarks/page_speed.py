"""Compare how fast a network learns on the page, while nobody looks, and by a `fit` of one process.

`python benchmarks/page_speed.py [SOURCE] [--rounds 3] [--epochs 150]`: SOURCE is `digits` by default, or a zip such as
MNIST. The page's server is started as a person starts it, and one page listens to what happens, as a tab in the
background does. An epoch's seconds are those between the second epoch and the last; rounds take turns. Ends with exit
code 1 where the page keeps less than nine tenths of the speed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import mlp_data
import mlp_train
from mlp_train.events import EpochEnd

KEPT = 0.9
OPTIONS: dict[str, Any] = {"hidden": [128], "seed": 1, "patience": 1000}  # it shall not stop before its last epoch


class Page:
    """A page without pictures: it has the token, asks, and listens."""

    def __init__(self, source: str) -> None:
        command = [str(Path(sys.executable).with_name("mlp-train")), "ui", source, "--no-open"]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._server.stdout is not None
        self._address, self._token = self._server.stdout.readline().strip().split("#token=")

    def _ask(self, path: str, value: Any = None) -> Any:
        data = None if value is None else json.dumps(value).encode()
        asked = urllib.request.Request(self._address + path, data, {"x-mlp-token": self._token})
        return urllib.request.urlopen(asked, timeout=600)

    def states(self) -> Iterator[dict[str, Any]]:
        """Yield where the training stands, whenever the server says so."""
        name = ""
        with self._ask("api/live/events") as stream:
            for line in stream:
                word, _, said = line.decode().strip().partition(": ")
                if word == "event":
                    name = said
                elif word == "data" and name == "state":
                    yield json.loads(said)

    def seconds(self, data: str, epochs: int) -> float:
        """Return how long an epoch takes here."""
        with self._ask(
            "api/live/start", {"data": data, "options": {**OPTIONS, "epochs": epochs}, "play": True}
        ) as told:
            turn = json.load(told)["round"]
        began = first = 0.0
        for state in self.states():
            if state["round"] != turn:
                continue
            if state["status"] == "failed":
                sys.exit(state["sentence"])
            if not began and state["epoch"] >= 2:
                began, first = time.perf_counter(), state["epoch"]
            if state["epoch"] == epochs:
                return (time.perf_counter() - began) / (epochs - first)
        sys.exit("the server ended")

    def end(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.wait()


def by_fit(dataset: mlp_data.Dataset, epochs: int) -> float:
    """Return how long an epoch takes in one process without a page."""
    options = {**OPTIONS, "hidden": tuple(OPTIONS["hidden"])}
    ends = [time.perf_counter() for event in mlp_train.train(dataset, workers=1, epochs=epochs, **options)
            if isinstance(event, EpochEnd)]  # fmt: skip
    return (ends[-1] - ends[1]) / (len(ends) - 2)


def main() -> int:
    """Measure both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="digits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=150)
    said = parser.parse_args()
    dataset, page = mlp_data.load(said.source), Page(said.source)
    ratios = []
    try:
        for _ in range(said.rounds):
            alone, shown = by_fit(dataset, said.epochs), page.seconds("open", said.epochs)
            ratios.append(alone / shown)
            print(
                f"{said.source}: {alone:.3f} s an epoch by fit, {shown:.3f} on the page, {ratios[-1]:.3f}", flush=True
            )
    finally:
        page.end()
    kept = median(ratios)
    print(f"the page keeps {kept:.3f} of the speed (wanted {KEPT})")
    return int(kept < KEPT)


if __name__ == "__main__":
    sys.exit(main())
