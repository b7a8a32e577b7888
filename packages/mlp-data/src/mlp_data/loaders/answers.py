"""The answers of a table stand in its target column, or in several that say yes or no; its weights in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlp_data.cells import is_missing, listed, numbers, text
from mlp_data.delimited import TextTable
from mlp_data.errors import OptionError, TableError
from mlp_data.labels import Array
from mlp_data.options import Options, read_names
from mlp_data.readings import find_reading
from mlp_data.sample_weights import NoWeights, sample_weights
from mlp_data.target import Task, choose_task, class_answers, number_answers
from mlp_runtime.errors import nearest
from mlp_runtime.inputs import FLAGS


def several_targets(tables: Sequence[TextTable], options: Options) -> tuple[str, ...]:
    """Return the target columns where several are named, `--target red,green,blue`; else nothing.

    A column whose own name holds a comma is one target. Every column must be in one table.
    """
    target = options.target or ""
    names, is_one = read_names([target]), any(target in table.columns for table in tables)
    if "," in target and not is_one and not all(map(str.strip, target.split(","))):
        raise OptionError(f"target={target!r} has nothing beside a comma: name every column, or leave the comma out")
    if len(names) < 2 or is_one:
        if options.task == "multi-label":
            raise OptionError(
                f"task=multi-label takes several target columns that say yes or no, but target is {options.target!r}: "
                "name them with commas between"
            )
        return ()
    if options.task not in (None, "multi-label"):
        raise OptionError(f"task={options.task} takes one target column, but target names {len(names)}: give one")
    if len(set(names)) < len(names):
        raise OptionError(f"target={options.target!r} names a column twice: name each once")
    best = max(tables, key=lambda table: sum(name in table.columns for name in names))
    for name in names:
        if name not in best.columns:
            hint = nearest(name, best.columns) or f": the columns are {listed(best.columns)}"
            raise TableError(f"{best.where}: there is no column {name!r} to be a target{hint}")
    return names


def find_task(train: TextTable, targets: Sequence[str], options: Options) -> Task:
    """Tell what kind of answers these are."""
    if len(targets) > 1:
        return Task("multi-label", f"{len(targets)} columns are targets", True)
    return choose_task(targets[0], train.columns[targets[0]], options.task)


def answered_rows(table: TextTable, target: str, problems: list[str]) -> TextTable:
    """Return the rows of a table that have an answer, and say in `problems` how many have none."""
    cells = table.columns[target]
    if len(cells) < len(table):  # a sample of them
        raise TableError(
            f"{table.where}: the target {target!r} holds more than {len(cells):,} different texts, too many for "
            f"classes: name another with --target"
        )
    if find_reading(cells) == "number":  # a word for "nothing" is no answer, but a word that says something is an error
        read = numbers(cells)
        gone = np.isnan(read.values)
        gone[list(read.bad)] = False
    else:
        gone = np.fromiter(map(is_missing, cells), bool, len(cells))
    lost = int(gone.sum())
    if not lost:
        return table
    problems.append(
        f"{table.where}: {lost} of {len(table)} rows are left out, because their target {target!r} is empty"
    )
    return table.take(np.flatnonzero(~gone))


def read_answers(
    kept: Mapping[str, TextTable], targets: Sequence[str], task: str
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Return the classes, and the answers of each split as `Split.y` holds them; the first is the training split."""
    where = kept["train"].where
    if task == "multi-label":
        return tuple(targets), {split: _labels(table, targets) for split, table in kept.items()}
    (target,) = targets
    if task == "classification":
        classes, y = class_answers([table.columns[target] for table in kept.values()], where)
        return classes, dict(zip(kept, y, strict=True))
    return (), {
        split: number_answers(target, table.columns[target], table.lines, table.where) for split, table in kept.items()
    }


def read_weights(kept: Mapping[str, TextTable], targets: Sequence[str], options: Options) -> dict[str, Array]:
    """Return the weights of each split that has the column for them; TableError where they cannot be weights."""
    name, train = options.weight_column, kept["train"]
    if name is None:
        return {}
    if name not in train.columns:
        hint = nearest(name, train.columns) or f": the columns are {listed(train.columns)}"
        raise NoWeights(f"{train.where}: there is no column {name!r} to weigh the rows by{hint}")
    if name in targets:
        raise TableError(f"{train.where}: {name!r} is the target, so it cannot say how much a row counts: name another")
    return {split: _weights(table, name) for split, table in kept.items() if name in table.columns}


def _weights(table: TextTable, name: str) -> Array:
    values = numbers(table.columns[name]).values
    for row in np.flatnonzero(~(values >= 0)).tolist():
        raise TableError(
            f"{table.where}: line {table.lines[row]}: the weight {name!r} is {table.columns[name][row]!r}, but a "
            "weight is a finite number from 0 on: correct it"
        )
    return sample_weights(values, len(table), f"{table.where}: column {name!r}")


def _labels(table: TextTable, targets: Sequence[str]) -> Array:
    matrix = np.empty((len(table), len(targets)), np.int64)
    for column, name in enumerate(targets):
        for row, cell in enumerate(table.columns[name]):
            said = FLAGS.get(text(cell).lower())
            if said is None:
                what = "empty" if is_missing(cell) else repr(cell)
                raise TableError(
                    f"{table.where}: line {table.lines[row]}: the target {name!r} is {what}, but one of several "
                    "targets says 1 or 0, yes or no: correct it, or name a single target"
                )
            matrix[row, column] = said
    return matrix
