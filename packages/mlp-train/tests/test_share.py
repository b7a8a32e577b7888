"""Shares of a network cover it, each part once."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_train.network import LayerSpec, Network
from mlp_train.share import NARROWEST, Share

LAYERS = (
    LayerSpec(20, 100, "relu"),
    LayerSpec(100, 2 * NARROWEST - 1, "tanh"),
    LayerSpec(2 * NARROWEST - 1, 64, "softmax"),
    LayerSpec(64, 51, "sigmoid"),
    LayerSpec(51, 80, "identity"),
)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_all_put_is_what_was_there(count: int) -> None:
    whole, again = Network(LAYERS, np.float64), Network(LAYERS, np.float64)
    whole.flat[:] = np.arange(whole.flat.size)
    for index in range(count):
        share = Share(LAYERS, index, count)
        own = Network(share.layers, np.float64)
        share.take(whole, own)
        share.put(own, again)
    assert np.array_equal(whole.flat, again.flat)


def test_a_layer_is_split_where_every_process_gets_enough_of_it_and_its_units_do_not_need_each_other() -> None:
    assert Share(LAYERS, 0, 2).is_split == (True, False, False, True, False)
    assert Share(LAYERS, 0, 1).is_split == (False,) * 5
    assert [spec.n_out for spec in Share(LAYERS, 1, 3).layers] == [33, 31, 64, 17, 80]
