"""CSV tables hold one sample a row; which column is the answer shows in what the files have and lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlp_data.cells import is_missing, listed
from mlp_data.column_types import check_type
from mlp_data.dataset import Dataset, Split, Table
from mlp_data.dates import doubt
from mlp_data.delimited import TextTable, is_table, read_table
from mlp_data.errors import TableError
from mlp_data.loaders.answers import answered_rows, find_task, read_answers, read_weights, several_targets
from mlp_data.loaders.splits import split_of
from mlp_data.options import Options
from mlp_data.readings import clean, find_reading
from mlp_data.sources import Source
from mlp_data.stored_table import store_table, text_size
from mlp_data.table_rows import TableColumns, TableRows, spread_rows
from mlp_data.target import choose_target, first_label
from mlp_runtime.errors import nearest


@dataclass(frozen=True)
class Roles:
    """Which of several tables serves for what. others: tables that share the training table's columns, by split."""

    train: TextTable
    others: dict[str, TextTable]
    target: str
    submission: TextTable | None
    problems: tuple[str, ...]


def load_csv_table(source: Source, options: Options) -> Dataset | None:
    """Load the CSV tables of a source; None if there are none."""
    members = [member for member in source.members if is_table(member)]
    if not members:
        return None
    if options.storage.fits_table(sum(map(text_size, members))):
        tables = [read_table(member) for member in members]
    else:
        tables = [store_table(member, source, options) for member in members]
        options.storage.check(sum(map(len, tables)), source.name)
    targets = several_targets(tables, options)
    roles = find_roles(tables, targets[0] if targets else options.target)
    train, targets = roles.train, targets or (roles.target,)
    problems = [problem for table in (train, *roles.others.values()) for problem in table.problems]
    problems += roles.problems

    task = find_task(train, targets, options)
    if not task.is_certain:
        other = "regression" if task.name == "classification" else "classification"
        problems.append(
            f"{train.where}: the task is {task.name}, because {task.reason}; --task {other} is the other one"
        )
    kept = {"train": train}
    for split, table in roles.others.items():
        has_answers = all(name in table.columns and not all(map(is_missing, table.columns[name])) for name in targets)
        kept[split if has_answers else "unlabelled"] = table
    answered = [split for split in kept if split != "unlabelled"]
    for split in answered:
        for target in targets:
            kept[split] = answered_rows(kept[split], target, problems)
            if split == "train" and not len(kept["train"]):
                raise TableError(
                    f"{train.where}: the target {target!r} is empty in all {len(train)} rows: "
                    f"name another with --target"
                )
    with_answers = {split: kept[split] for split in answered}
    classes, answers = read_answers(with_answers, targets, task.name)
    weights = read_weights(with_answers, targets, options)

    left_out = _left_out(roles, targets, options)
    features = [name for name in train.columns if name not in (*targets, *left_out)]
    if not features:
        raise TableError(
            f"{train.where}: no column is left beside the target {listed(targets)}: give some to learn from"
        )
    x, types = _read_cells(kept, features, options, problems)
    ids = _ids(kept.get("unlabelled"), roles.submission)
    splits = {
        split: Split(x[split], answers.get(split), ids if split == "unlabelled" else None, weights.get(split))
        for split in kept
    }
    headings = tuple(roles.submission.columns) if roles.submission and ids else None
    return Dataset(
        source.name,
        "table",
        task.name,
        splits,
        classes,
        target=",".join(targets),
        left_out=left_out,
        problems=tuple(problems),
        submission=(headings[0], headings[1]) if headings else None,
        input_options={"columns": types, "numbers": options.numbers},
    )


def find_roles(tables: Sequence[TextTable], wanted: str | None = None) -> Roles:
    """Tell the training table from the others: it has the answers, which the table to be answered lacks."""
    submission = _submission(tables)
    tables = [table for table in tables if table is not submission]
    train = _training_table(tables, wanted)
    rest = [table for table in tables if table is not train]
    rest.sort(key=lambda table: -len(table.columns.keys() & train.columns.keys()))  # the most alike speaks first
    others: dict[str, TextTable] = {}
    problems: list[str] = []
    lacking: list[str] = []  # columns that the table to be answered does not have
    for table in rest:
        missing = [name for name in train.columns if name not in table.columns]
        shared = len(train.columns) - len(missing)
        if 2 * shared < len(table.columns) or (lacking and not set(missing) <= set(lacking)):
            problems.append(f"{table.where}: not used, because its columns are not those of {train.where}")
            continue
        lacking = lacking or missing
        split = "unlabelled" if missing and wanted in (None, *missing) else split_of(table.name) or "test"
        split = "test" if split == "train" else split
        if split in others:
            problems.append(f"{table.where}: not used, because {others[split].where} serves as {split} already")
        else:
            others[split] = table
    answer = list(submission.columns)[1:] if submission else lacking
    if wanted is None and len(answer) == 1:
        return Roles(train, others, answer[0], submission, tuple(problems))
    found = first_label(train.columns, train.where) if wanted is None and not (lacking or train.has_names) else None
    target, notice = found or choose_target(lacking if len(lacking) > 1 else list(train.columns), train.where, wanted)
    return Roles(train, others, target, submission, (*problems, *([notice] if notice else [])))


def _training_table(tables: Sequence[TextTable], wanted: str | None) -> TextTable:
    if wanted is not None:
        having = [table for table in tables if wanted in table.columns]
        if not having:
            names = list(dict.fromkeys(name for table in tables for name in table.columns))
            choose_target(names, tables[0].where, wanted)  # raises: it knows how to say that there is no such column
        tables = having
    named = [table for table in tables if split_of(table.name) == "train"]
    if len(named) == 1:
        return named[0]
    candidates = named or [table for table in tables if split_of(table.name) is None] or list(tables)
    most = max(len(table.columns) for table in candidates)
    candidates = [table for table in candidates if len(table.columns) == most]
    if len(candidates) > 1:
        raise TableError(
            f"{candidates[0].where}: {listed(table.name for table in candidates)} have equally many columns, "
            f"so any may be the one to train on: "
            f"call one train.csv, or give a single file"
        )
    return candidates[0]


def _submission(tables: Sequence[TextTable]) -> TextTable | None:
    """Find the sample submission: an id and an answer for each row of a table that lacks that answer."""
    for table in tables:
        if len(table.columns) != 2:
            continue
        heading, target = table.columns
        if not any(target in other.columns and len(other.columns) > 2 for other in tables if other is not table):
            continue
        ids = table.columns[heading]
        for asked in tables if len(set(ids)) == len(ids) else ():
            if target in asked.columns or len(asked) != len(table):
                continue
            # Some archives number the rows in the sample alone.
            if heading not in asked.columns or set(asked.columns[heading]) == set(ids):
                return table
    return None


def _left_out(roles: Roles, targets: Sequence[str], options: Options) -> dict[str, str]:
    """Return the columns that the network never sees, whatever is in their cells, and why."""
    names = roles.train.columns
    for name in (*options.drop, *options.columns):
        if name not in names:
            raise TableError(
                f"{roles.train.where}: there is no column {name!r}{nearest(name, names) or ': it has ' + listed(names)}"
            )
        if name in targets:
            raise TableError(
                f"{roles.train.where}: {name!r} is the target, so it is no column to drop or to give a type"
            )
    for name, wanted in options.columns.items():
        check_type(name, wanted)
    left_out = {name: "dropped as asked for" for name in names if name in options.drop}
    if options.weight_column is not None:
        left_out[options.weight_column] = "it says how much each row counts"
    if roles.submission is not None:
        heading = next(iter(roles.submission.columns))
        if heading in names and heading not in options.columns:
            left_out.setdefault(heading, f"an id: {roles.submission.name} names the rows by it")
    for table in roles.others.values():
        for name in names:
            if name not in (*table.columns, *targets):
                left_out.setdefault(name, f"{table.name} does not have it")
    return left_out


def _read_cells(
    kept: dict[str, TextTable], features: Sequence[str], options: Options, problems: list[str]
) -> tuple[dict[str, Table | TableRows], dict[str, str]]:
    """Return the cells of each split, cleaned as the training rows show, and the types that are settled already."""
    x: dict[str, Table] = {split: {} for split in kept}
    readings: dict[str, str] = {}
    plain: dict[str, set[str]] = {split: set() for split in kept}
    types = {name: options.columns[name] for name in features if name in options.columns}
    for name in features:
        found = kept["train"].columns[name]
        readings[name] = reading = find_reading(found, options.columns.get(name))
        if reading == "text":
            types.setdefault(name, reading)
        if reading.startswith("date-"):
            types[name] = reading
            if options.columns.get(name) != reading and (said := doubt(found, name)):
                problems.append(f"{kept['train'].where}: {said}")
        kind = reading.split("-")[0]
        for split, table in kept.items():
            cells = found if split == "train" else table.columns[name]
            cleaned, bad = clean(cells, reading)
            if not isinstance(table.columns, TableColumns):
                x[split][name] = list(cleaned)
            elif table.columns.is_plain(name, cells, cleaned):
                plain[split].add(name)
            if bad:
                row, wrong = next(iter(bad.items()))
                row = int(spread_rows(len(table), len(cells))[row])
                if split == "train" and name in options.columns and 10 * len(bad) > len(table):
                    raise TableError(
                        f"{table.where}: line {table.lines[row]}: column {name!r} is {wrong[:40]!r}, which is no "
                        f"{kind}, in {len(bad)} rows: correct them, or ask for another type with --columns"
                    )
                count = f"{len(bad)} cells are no {kind}s" if len(bad) > 1 else f"1 cell is no {kind}"
                count += f" of {len(cells):,} looked at" if len(cells) < len(table) else ""
                example = f"{wrong[:40]!r} in line {table.lines[row]}"
                problems.append(f"{table.where}: column {name!r}: {count} ({example}), taken as missing")
    return {
        split: table.columns.rows.read_as(readings, plain[split])
        if isinstance(table.columns, TableColumns)
        else x[split]
        for split, table in kept.items()
    }, types


def _ids(table: TextTable | None, submission: TextTable | None) -> list[str] | None:
    """Return what a submission calls each row to be answered."""
    if table is None or submission is None:
        return None
    heading = next(iter(submission.columns))
    columns = table.columns if heading in table.columns else submission.columns
    ids = columns.rows.parts(heading) if isinstance(columns, TableColumns) else [columns[heading]]
    said = [str(cell) for part in ids for cell in part]
    return said if len(said) == len(table) else None
