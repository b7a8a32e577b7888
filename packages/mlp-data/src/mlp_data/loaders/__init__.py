"""The built-in loaders, in the order in which they are asked; each looks at the content and may decline."""

from __future__ import annotations

from mlp_data.loaders.idx import load_idx
from mlp_data.sources import Loader

BUILT_IN: dict[str, Loader] = {
    "idx": load_idx,
}
