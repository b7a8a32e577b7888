"""What scikit-learn's preparing steps do to the columns of a table, as far as a model file can say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mlp_runtime.inputs.cells import text
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.net import Block, Category, Gaps, Net, Numbers, joined

Read = Callable[[Any, Net, str], Net]


def scaler(mean: str, scale: str) -> Read:
    """Return what reads a step that subtracts one attribute and divides by another; either may be None."""

    def read(step: Any, net: Net, where: str) -> Net:
        _check_clip(step, where)
        less, by = getattr(step, mean, None), getattr(step, scale, None)
        return net.centred(0.0 if less is None else less, 1.0 if by is None else 1 / np.asarray(by), where)

    return read


def min_max(step: Any, net: Net, where: str) -> Net:
    """X * scale_ + min_."""
    _check_clip(step, where)
    return net.scaled(step.scale_, step.min_, where)


def _check_clip(step: Any, where: str) -> None:
    if getattr(step, "clip", False):
        raise ForeignModelError(
            f"{where} clips what leaves its range, which no model file does: fit it with clip=False"
        )


def imputer(step: Any, net: Net, where: str) -> Net:
    """What is read where a cell is missing, and which cells were; columns that held nothing at all are gone."""
    missing = step.missing_values
    if missing is not None and not (isinstance(missing, float) and np.isnan(missing)):
        raise ForeignModelError(f"{where} fills {missing!r}, but in a model file NaN and None alone are missing")
    fills = list(step.statistics_)
    blocks = list(net.blocks)
    if net.layers or net.scale is not None or any(_is_used(block) for block in blocks):
        raise ForeignModelError(f"{where} stands behind another step: only raw cells can be filled")
    kept: list[Block] = []
    gaps: list[Block] = []
    at = 0
    indicator = getattr(step, "indicator_", None)
    told = set() if indicator is None else set(np.asarray(indicator.features_).tolist())
    for block in _single(blocks):
        fill = fills[at]
        if at in told:
            gaps.append(Gaps(block.source, _place(block)))
        at += 1
        if _is_nan(fill):
            if not getattr(step, "keep_empty_features", False):
                continue
            fill = 0.0
        kept.append(_filled(block, fill, where))
    return Net((*kept, *gaps))


def _is_used(block: Block) -> bool:
    """Tell whether a column is anything but a cell as it comes."""
    if isinstance(block, Numbers):
        return block.fill is not None or bool((block.mean != 0).any() or (block.scale != 1).any())
    return isinstance(block, Gaps) or block.fill is not None or bool(block.values)


def _single(blocks: list[Block]) -> list[Block]:
    """Return blocks of one column each."""
    return [
        block.take(np.array([index])) if block.width > 1 else block for block in blocks for index in range(block.width)
    ]


def _place(block: Block) -> Array:
    return np.array([block.place]) if isinstance(block, Category) else block.places


def _filled(block: Block, fill: Any, where: str) -> Block:
    if isinstance(fill, (str, np.str_)) or not isinstance(block, Numbers):
        return Raw(block.source, int(_place(block)[0]), fill=cell_text(fill, where))
    return replace(block, fill=np.array([float(fill)]))


def _is_nan(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


class Raw(Category):
    """A cell that no encoder has looked at yet: a category without values, which counts as one column."""

    def __init__(self, source: str, place: int, fill: str | None = None) -> None:
        """Make the column."""
        super().__init__(source, place, (), fill)

    @property
    def width(self) -> int:
        """One column, whatever will become of it."""
        return 1

    def take(self, which: Array) -> Category:
        """Return the column."""
        if list(which) != [0]:
            raise ForeignModelError("a column of texts is taken twice: give it once")
        return self


def one_hot(step: Any, net: Net, where: str) -> Net:
    """A one in the place of the cell's value; a missing cell may have a place of its own."""
    if net.layers or net.scale is not None:
        raise ForeignModelError(f"{where} stands behind a step that computes: only raw cells can be encoded")
    if any(found is not None for found in getattr(step, "infrequent_categories_", ()) or ()):
        raise ForeignModelError(f"{where} puts infrequent categories together, which no model file does")
    strict = step.handle_unknown == "error"
    if not strict and step.handle_unknown not in ("ignore", "warn"):
        raise ForeignModelError(f"{where} has handle_unknown={step.handle_unknown!r}: error or ignore can be expressed")
    drop = getattr(step, "drop_idx_", None)
    made: list[Block] = []
    for index, (block, values) in enumerate(zip(_single(list(net.blocks)), step.categories_, strict=True)):
        if (isinstance(block, Numbers) and ((block.mean != 0).any() or (block.scale != 1).any())) or isinstance(
            block, Gaps
        ):
            raise ForeignModelError(f"{where} stands behind a step that computes: only raw cells can be encoded")
        names = list(values)
        gone = None if drop is None else drop[index]
        holes = [at for at, name in enumerate(names) if _is_nan(name)]
        if len(holes) > 1 or (holes and holes[0] != len(names) - 1):
            raise ForeignModelError(f"{where} tells None from NaN, but in a model file both are a missing cell")
        gap = bool(holes) and gone != holes[0]
        texts = tuple(cell_text(name, where) for at, name in enumerate(names) if at != gone and at not in holes)
        if not texts:
            raise ForeignModelError(f"{where} has a column with no category left: drop the column")
        fill = _fill_of(block, where)
        if gone is not None and fill is not None and fill not in texts:
            fill = None  # the category that is dropped: zeros, as without a fill
        made.append(Category(block.source, int(_place(block)[0]), texts, fill, gap, strict))
    return Net(tuple(made))


def _fill_of(block: Block, where: str) -> str | None:
    """Return what a missing cell of one column is read as, as a text."""
    if isinstance(block, Category):
        return block.fill
    given = block.fill if isinstance(block, Numbers) else None
    return None if given is None else cell_text(float(given[0]), where)


def cell_text(value: Any, where: str) -> str:
    """Return a category as the text that a model file compares cells with; what would compare otherwise is refused."""
    said = text(value.item() if isinstance(value, np.generic) else value)
    if (isinstance(value, str) and said != value) or not said:
        raise ForeignModelError(
            f"{where} has the category {value!r}, but a model file reads cells without blanks around them and without "
            f"a .0 at their end: clean the column"
        )
    return said


def indicator(step: Any, net: Net, where: str) -> Net:
    """Which cells are missing."""
    features = np.asarray(step.features_)
    blocks = _single(list(net.blocks))
    if net.layers or net.scale is not None or any(_is_used(block) for block in blocks):
        raise ForeignModelError(f"{where} stands behind another step: only of raw cells it is known whether they miss")
    return Net(tuple(Gaps(blocks[at].source, _place(blocks[at])) for at in features.tolist()))


def pca(step: Any, net: Net, where: str) -> Net:
    """(X - mean_) @ components_.T, which is a layer without an activation."""
    by = 1 / np.sqrt(step.explained_variance_) if step.whiten else np.ones(len(step.components_))
    return _numbers(net, where).centred(step.mean_, 1.0, where).dense(step.components_.T * by, None, where)


def svd(step: Any, net: Net, where: str) -> Net:
    """X @ components_.T."""
    return _numbers(net, where).dense(step.components_.T, None, where)


def selector(step: Any, net: Net, where: str) -> Net:
    """Some of the columns."""
    return net.selected(np.asarray(step.get_support(indices=True)), where)


def function(step: Any, net: Net, where: str) -> Net:
    """A function of one's own is not known; none at all does nothing."""
    if step.func is not None:
        raise ForeignModelError(f"{where} runs a function of your own, which no model file can")
    return net


def _numbers(net: Net, where: str) -> Net:
    """Return the network, if nothing in it is a text that has not been encoded."""
    if any(isinstance(block, Raw) for block in net.blocks):
        raise ForeignModelError(f"{where} is given a column of texts, which nothing has encoded")
    return net


def columns(step: Any, net: Net, where: str, names: list[str], read: Callable[[Any, Net, str], Net]) -> Net:
    """What each transformer of a ColumnTransformer makes of its columns, beside each other."""
    parts = []
    for name, inner, chosen in step.transformers_:
        at = chosen_columns(chosen, net.width, names, where)
        if (isinstance(inner, str) and inner == "drop") or not at:
            continue
        part = net.selected(np.array(at), where)
        parts.append(part if isinstance(inner, str) else read(inner, part, f"{where}, {name}"))
    if not parts:
        raise ForeignModelError(f"{where} keeps no column")
    if step.transformer_weights:
        raise ForeignModelError(f"{where} has transformer_weights, which are not read: leave them out")
    return joined(parts, where)


def chosen_columns(chosen: Any, width: int, names: list[str], where: str) -> list[int]:
    """Return the places of the columns that are named by text, number, slice or mask."""
    try:
        if isinstance(chosen, slice):
            begin = names.index(chosen.start) if isinstance(chosen.start, str) else chosen.start
            end = names.index(chosen.stop) + 1 if isinstance(chosen.stop, str) else chosen.stop  # a name is included
            return list(range(width))[begin : end : chosen.step]
        found = np.atleast_1d(np.asarray(chosen))
        if found.dtype == bool:
            return [int(at) for at in np.flatnonzero(found)]
        places = [names.index(one) if isinstance(one, str) else int(one) % width for one in found.tolist()]
    except ValueError as error:
        raise ForeignModelError(
            f"{where} names columns that the input has not: put it first in the pipeline"
        ) from error
    if isinstance(chosen, str) or np.isscalar(chosen):
        raise ForeignModelError(f"{where} gives a column as a list of texts: name it in a list, ['name']")
    return places


STEPS: dict[str, Read] = {
    "StandardScaler": scaler("mean_", "scale_"),
    "RobustScaler": scaler("center_", "scale_"),
    "MaxAbsScaler": scaler("no mean", "scale_"),
    "MinMaxScaler": min_max,
    "SimpleImputer": imputer,
    "MissingIndicator": indicator,
    "OneHotEncoder": one_hot,
    "PCA": pca,
    "TruncatedSVD": svd,
    "VarianceThreshold": selector,
    "SelectKBest": selector,
    "SelectPercentile": selector,
    "SelectFromModel": selector,
    "FunctionTransformer": function,
}
