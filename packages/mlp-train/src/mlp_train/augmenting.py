"""Augmenting shows the network every image a little distorted, and differently each time, so that it sees more of them.

Every process of a crew distorts its part of a batch, so that it takes all cores.
"""

from __future__ import annotations

import numpy as np

from mlp_data.augment import Distortion
from mlp_runtime.inputs import ImageInput
from mlp_train.array import Array
from mlp_train.crew import Crew
from mlp_train.parallel import Ranks
from mlp_train.plan import Plan


class Augmenter:
    """Called with the rows of a batch, uint8 (n, size), it returns them distorted, in memory that it uses again.

    It has to be made before the crew starts, because what the processes make is shared.
    """

    def __init__(self, plan: Plan, crew: Crew, ranks: Ranks | None = None) -> None:
        images = plan.input
        assert isinstance(images, ImageInput)
        self._shape = (images.height, images.width) + ((3,) if images.channels == 3 else ())
        self._distortion = Distortion.of(plan.config.augment, max(images.height, images.width))
        self._generator, self._crew = plan.noise_generator, crew
        self._ranks = None if plan.config.mixup else ranks  # mixup takes rows of all ranks
        # two, in turn: while one process fills the next, another may still read the last
        self._out = [crew.array((plan.piece, *self._shape), np.uint8) for _ in range(min(2, crew.count))]
        self._turn = 0

    def __call__(self, rows: Array) -> Array:
        """Distort each of these images in its own way; what another rank has is anything."""
        count, crew = len(rows), self._crew
        self._turn = (self._turn + 1) % len(self._out)
        out = self._out[self._turn][:count]
        drawn = self._distortion.draw(self._generator, count, *self._shape[:2])
        own = slice(count * crew.index // crew.count, count * (crew.index + 1) // crew.count)
        if self._ranks is not None:  # each rank looks at its own rows alone
            own = self._ranks.own(count)
        self._distortion.apply(rows.reshape(count, *self._shape), drawn, out, own)
        crew.wait()
        return out.reshape(count, -1)
