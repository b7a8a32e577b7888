"""What scikit-learn, PyTorch and Keras hold and write is taken over, and answers as it did there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from import_cases import ROWS, Case

import mlp_runtime

NAMES = [f"{how}: {what}" for how, what, _, _ in ROWS]


@pytest.mark.parametrize(("how", "what", "case", "needs"), ROWS, ids=NAMES)
def test_a_network_answers_as_it_did_where_it_comes_from(
    how: str, what: str, case: Case, needs: tuple[str, ...], tmp_path: Path
) -> None:
    absent = [name for name in needs if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} is not installed: nox -s importers has it")
    made = case(tmp_path)
    assert made.difference <= 2e-6
    assert made.rows == 256
    made.save(tmp_path / "net.mlp")
    again = mlp_runtime.load(tmp_path / "net.mlp")
    assert again.meta["origin"]["form"]
    assert again.layers[0].weight.dtype == "float32"


def test_no_row_of_the_matrix_stands_twice() -> None:
    assert len(set(NAMES)) == len(NAMES)
