"""The lens is what Look inside knows: the rows that it measures on, and the networks that came of edits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from mlp_data.labels import Array
from mlp_runtime import Model
from mlp_runtime.forward import reference
from mlp_train.errors import UsageError
from mlp_train.ui import disturbances, embedding
from mlp_train.ui.edits import edited, read
from mlp_train.ui.held_back import Sample, answers, figures, right, take
from mlp_train.ui.state import Opened, Workbench

T = TypeVar("T")
_MOST_SMALL = 24  # answers, maps and curves
_MOST_LARGE = 4  # networks, and what a layer says of all rows


class Kept:
    """Values that took a while to compute, the ones used last; what something else on the workbench left goes."""

    def __init__(self, most: int) -> None:
        """Keep at most so many."""
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of this key, made now if it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                found: T = self._values[key]
                return found
        made = make()
        with self._lock:
            self._values[key] = made
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return made


@dataclass(frozen=True, eq=False)
class View:
    """What one network says of the sample: predicted and shares as `held_back.answers` gives them."""

    predicted: Array
    shares: Array
    right: Array
    figures: dict[str, float]


class Lens:
    """Answers what the page asks about the network that is open, with edits that come as the text of `edits.write`."""

    def __init__(self, workbench: Workbench) -> None:
        """Look at what is on this workbench."""
        self._workbench = workbench
        self._kept, self._large = Kept(_MOST_SMALL), Kept(_MOST_LARGE)
        self._loading = threading.Lock()
        self._tsne = threading.Lock()  # two at once would only take turns on the processor
        self._sample: tuple[int, Sample] | None = None

    def opened(self) -> Opened:
        """Return what is open; UsageError where there is no model."""
        self._workbench.model  # noqa: B018  # says what to do where there is none
        return self._workbench.opened

    def model(self, edits: str) -> Model:
        """Return the network with these edits."""
        opened = self.opened()
        assert opened.model is not None
        model = opened.model
        return self._large.get((opened.generation, "model", edits), lambda: edited(model, read(edits)))

    def sample(self) -> Sample:
        """Return the rows that everything here is measured on; loading them may take seconds."""
        opened = self.opened()
        with self._loading:
            if self._sample is None or self._sample[0] != opened.generation:
                assert opened.model is not None
                self._sample = opened.generation, take(opened.model, self._workbench.dataset())
            return self._sample[1]

    def view(self, edits: str) -> View:
        """Return what the network with these edits says of the sample."""
        sample, model = self.sample(), self.model(edits)

        def make() -> View:
            predicted, shares = answers(model, model.forward(sample.x))
            hits = right(model, predicted, sample.truth.actual)
            return View(predicted, shares, hits, figures(model, predicted, sample.truth))

        return self._kept.get((self.opened().generation, "view", edits), make)

    def activations(self, edits: str, layer: int) -> Array:
        """Return what a layer says of the sample: (n, units); layer 0 is the input."""
        sample, model = self.sample(), self.model(edits)
        if not 0 <= layer <= len(model.layers):
            raise UsageError(f"there is no layer {layer}: this network has the layers 0 to {len(model.layers)}")
        if layer == 0:
            return sample.x
        key = self.opened().generation, "layer", edits, layer
        return self._large.get(key, lambda: np.asarray(reference(model.layers[:layer], sample.x)[-1]))

    def plane(self, edits: str, layer: int, method: str) -> tuple[Array, tuple[float, float] | None]:
        """Return the map of a layer, (n, 2), and of PCA the share of the variance on each axis."""
        if method not in ("pca", "tsne"):
            raise UsageError(f"there is no map {method[:40]!r}: wanted pca or tsne")
        key = self.opened().generation, method, edits if layer else "", layer
        if method == "pca":
            return self._kept.get(key, lambda: embedding.principal(self.activations(edits, layer)))
        with self._tsne:
            few = embedding.MOST_NEIGHBOURS
            made = self._kept.get(key, lambda: embedding.neighbours(self.activations(edits, layer)[:few]))
        return made, None

    def curve(self, edits: str, name: str) -> tuple[disturbances.Disturbance, list[dict[str, float]]]:
        """Return the figures of the network at each level of a disturbance."""
        sample, model = self.sample(), self.model(edits)
        known = disturbances.kinds(model, sample)
        if name not in known:
            raise UsageError(f"there is no disturbance {name[:40]!r}: wanted {', '.join(known)}")
        rows = slice(disturbances.MOST_ROWS)

        def make() -> list[dict[str, float]]:
            return [
                figures(model, answers(model, model.forward(x))[0], sample.truth, rows)
                for x in disturbances.disturbed(model, sample, known[name])
            ]

        return known[name], self._kept.get((self.opened().generation, "curve", edits, name), make)
