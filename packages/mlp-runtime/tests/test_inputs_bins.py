"""A number in bins says how far it has come through each of them: piecewise-linear encoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_model import build, random_layers

import mlp_runtime
from mlp_runtime import modelfile
from mlp_runtime.errors import Invalid, TooNew
from mlp_runtime.inputs import Column, TableInput, input_from_spec

EDGES = (-1.0, 0.0, 2.0, 2.5, 10.0)
AREA = TableInput([Column("Area", "number", edges=EDGES, missing=True), Column("Rooms", "number", mean=3, scale=0.5)])


def plain(value):
    """Return the encoding as the paper's equation (1) has it."""
    bins = [(EDGES[t], EDGES[t + 1]) for t in range(len(EDGES) - 1)]
    found = []
    for t, (low, high) in enumerate(bins):
        if value < low and t > 0:
            found.append(0.0)
        elif value >= high and t < len(bins) - 1:
            found.append(1.0)
        else:
            found.append((value - low) / (high - low))
    return found


@given(st.floats(-100, 100, width=32))
def test_a_number_is_encoded_as_the_paper_says(value):
    found = AREA.transform({"Area": value, "Rooms": 5})[0].tolist()
    assert found == pytest.approx([*plain(value), 0, 1], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (-3, [-2, 0, 0, 0]), (-1, [0, 0, 0, 0]), (0, [1, 0, 0, 0]), (1, [1, 0.5, 0, 0]), ("2.25", [1, 1, 0.5, 0]),
        (10, [1, 1, 1, 1]), (17.5, [1, 1, 1, 2]),
    ],
)  # fmt: skip
def test_bins_below_are_full_bins_above_are_empty_and_the_ends_go_on(value, encoded):
    assert AREA.transform({"Area": value, "Rooms": 3})[0].tolist() == [*encoded, 0, 0]


def test_a_missing_number_is_its_fill_or_all_zeros():
    assert AREA.transform({"Area": None, "Rooms": None}).tolist() == [[0, 0, 0, 0, 1, 0]]
    filled = TableInput([Column("Area", "number", fill="1", edges=EDGES)])
    assert filled.transform({"Area": [None, "", 1]}).tolist() == [[1, 0.5, 0, 0]] * 3


@given(st.lists(st.one_of(st.none(), st.floats(-1e30, 1e30), st.sampled_from(["", "7.25"])), min_size=1, max_size=9))
def test_one_row_and_many_give_the_same_bits(cells):
    rows = [{"Area": cell, "Rooms": cell} for cell in cells]
    alone = np.concatenate([AREA.transform(row) for row in rows])
    assert np.isfinite(alone).all()
    assert AREA.transform(rows).tobytes() == alone.tobytes()
    assert AREA.transform({"Area": cells, "Rooms": cells}).tobytes() == alone.tobytes()


def test_other_columns_are_not_clipped():
    assert AREA.transform({"Area": 5, "Rooms": [-100, 100]} | {"Area": [5, 5]})[:, -1].tolist() == [-51.5, 48.5]


def test_every_bin_has_a_name_and_the_spec_comes_back():
    names = ("Area -1..0", "Area 0..2", "Area 2..2.5", "Area 2.5..10", "Area is missing", "Rooms")
    assert AREA.output_names == names
    spec, tensors = AREA.spec()
    assert (spec["columns"][0]["edges"], tensors) == (list(EDGES), {})
    assert input_from_spec(spec, tensors) == AREA
    assert AREA.prepare(AREA.synthesise(8)).any(axis=0).all()
    assert AREA.version == 2


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"edges": [1]}, "edges: found a tuple of 1, wanted two or more, rising"),
        ({"edges": [1, 1]}, "edges: found a tuple of 2, wanted two or more, rising"),
        ({"edges": [2, 1]}, "edges: found a tuple of 2, wanted two or more, rising"),
        ({"edges": [0, 1e-39]}, "edges: found a tuple of 2, wanted two or more, rising"),
        ({"edges": [0, "1"]}, "edges: found a list of 2, wanted a list of numbers"),
        ({"edges": [0, 1e39]}, "edges: found a list of 2, wanted a list of numbers"),
        ({"edges": 3}, "edges: found 3, wanted a list of numbers"),
        ({"edges": [0, 1], "mean": 1}, "mean, scale: found 1, 1.0, wanted none, because edges has none"),
        ({"edges": [0, 1], "type": "flag"}, "edges: found a tuple of 2, wanted .* for number alone"),
    ],
)
def test_impossible_edges_are_refused(column, message):
    with pytest.raises(Invalid, match=message):
        input_from_spec({"kind": "table", "columns": [{"name": "Area", "type": "number", **column}]}, {})


def file(*requires):
    layers, tensors = random_layers([2, 1], last="identity")
    columns = [{"name": "Area", "type": "number", "edges": [0, 1, 2]}]
    header = {"requires": list(requires), "input": {"kind": "table", "columns": columns}, "layers": layers}
    return build({**header, "output": {"kind": "numbers", "names": ["price"]}}, tensors)


def test_a_file_with_bins_requires_the_second_version_of_tables():
    assert np.isfinite(mlp_runtime.load(file("input.table/2")).predict({"Area": 1.5}))
    with pytest.raises(
        Invalid, match=r"requires: found no 'input.table/2', wanted it because the file has an input of"
    ):
        mlp_runtime.load(file("input.table/1"))


def test_a_reader_that_knows_only_the_first_version_refuses_by_name(monkeypatch):
    monkeypatch.setattr(modelfile, "FEATURES", modelfile.FEATURES - {"input.table/2"})
    with pytest.raises(TooNew, match=r"requires 'input.table/2', which this mlp-runtime"):
        mlp_runtime.load(file("input.table/2"))
