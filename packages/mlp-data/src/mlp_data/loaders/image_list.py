"""An image list is a table beside the images: each row names a file and what is on it, as Hugging Face's data do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from mlp_data.cells import is_missing, listed, numbers
from mlp_data.dataset import Dataset
from mlp_data.delimited import TextTable, is_table, read_table
from mlp_data.errors import TableError
from mlp_data.labels import natural_order
from mlp_data.loaders.image_folder import Place, read_places
from mlp_data.loaders.splits import split_of
from mlp_data.options import Options
from mlp_data.sources import Member, Source
from mlp_data.target import choose_target, choose_task

_FILE = "file_name"  # the heading, after the documentation of Hugging Face's ImageFolder
_MOST_KEYS = 1000  # in all lines together: a cell is made for each of them in each line
_NAMED = 3  # files that are named one by one; the others are counted


def load_image_list(source: Source, options: Options) -> Dataset | None:
    """Load images by the tables that list them: `metadata.csv` or `.jsonl` with `file_name` and a label column."""
    lists = [member for member in source.members if _is_list(member)]
    tables = [read_json_lines(member) if _is_json(member) else read_table(member) for member in lists]
    tables = [table for table in tables if _FILE in table.columns]  # the first look may have been mistaken
    if not tables:
        return None
    headings = list(dict.fromkeys(name for table in tables for name in table.columns if name != _FILE))
    if not headings:
        return None  # it names files and tells nothing about them, so the folders may
    target, notice = _target(headings, tables[0].where, options.target)
    cells = [cell for table in tables for cell in table.columns.get(target, ())]
    task = _task(target, cells, options, tables[0].where)
    members = {member.name: member for member in source.members}
    problems = [notice] if notice else []
    places: dict[str, Place] = {}
    for table in tables:
        places |= _places(table, target, members, problems)
    if not places:
        raise TableError(f"{tables[0].where}: none of the files that it lists is there: keep it beside its images")
    ordered = [places[name] for name in natural_order(places)]
    dataset = read_places(source, ordered, options, task, target)
    return replace(dataset, problems=(*problems, *dataset.problems))


def read_json_lines(member: Member) -> TextTable:
    """Read a file with a JSON object on each line as a table of texts; keys that a line lacks are missing cells."""
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    names: dict[str, None] = {}  # in the order in which they come
    for number, line in enumerate(member.read().decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise TableError(f"{member.where}: line {number} is no JSON object: write one for each image")
        rows.append({str(key): _text(value) for key, value in row.items()})
        lines.append(number)
        names |= dict.fromkeys(rows[-1])
        if len(names) > _MOST_KEYS:
            raise TableError(
                f"{member.where}: up to line {number} there are over {_MOST_KEYS:,} different keys: drop some"
            )
    if not rows:
        raise TableError(f"{member.where}: there is no line with an object in it: get it again")
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    return TextTable(member.name, member.where, columns, lines)


def _is_json(member: Member) -> bool:
    return member.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def _is_list(member: Member) -> bool:
    """Tell whether a file's first line speaks of `file_name`; what is no text or no table does not."""
    if b"\0" in member.magic:  # most images show it
        return False
    start = member.head(4096)
    if _FILE.encode() not in start or b"\0" in start:
        return False
    first = start.decode("utf-8-sig", "replace").splitlines()[0]
    if _is_json(member):
        return f'"{_FILE}"' in first
    return is_table(member) and _FILE in (
        cell.strip(' "') for cell in first.replace(";", ",").replace("\t", ",").split(",")
    )


def _text(value: object) -> str:
    """Write a JSON value as a cell; one that is a list or an object tells nothing that could be learned here."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, list | dict) else str(value)


def _target(headings: Sequence[str], where: str, wanted: str | None) -> tuple[str, str | None]:
    if wanted is None and len(headings) == 1:
        return headings[0], None
    return choose_target(headings, where, wanted)


def _task(target: str, cells: Sequence[str], options: Options, where: str) -> str:
    """Labels are classes unless they are numbers and not all whole, or numbers were asked for."""
    filled = [cell for cell in cells if not is_missing(cell)]
    task = choose_task(target, filled, options.task)
    if task.name == "regression" and (options.task or any(not float(n).is_integer() for n in numbers(filled).finite)):
        if len(numbers(filled).finite) < len(filled):
            raise TableError(f"{where}: the column {target!r} holds texts, so the task is classification: leave it out")
        return "regression"
    return "classification"


def _places(table: TextTable, target: str, members: dict[str, Member], problems: list[str]) -> dict[str, Place]:
    """Find the image and the label of each row; the file's name counts from the folder of the table."""
    folder, _, own = table.name.rpartition("/")
    split = split_of(own)
    labels = table.columns.get(target, [""] * len(table))
    has_answers = not all(map(is_missing, labels))
    places: dict[str, Place] = {}
    absent: list[str] = []
    unlabelled = 0
    for written, label in zip(table.columns[_FILE], labels, strict=True):
        name = "/".join(
            part for part in f"{folder}/{written.strip()}".replace("\\", "/").split("/") if part not in ("", ".")
        )
        if name not in members:
            absent.append(written)
        elif is_missing(label) and has_answers:
            unlabelled += 1
        else:
            known = split_of(name.rpartition("/")[0]) or split or "train"
            places[name] = Place(members[name], known, label.strip() if has_answers else None)
    count = len(table)
    if absent:
        problems.append(f"{table.where}: {len(absent)} of {count} files are not there: {listed(absent, _NAMED)}")
    if unlabelled:
        problems.append(
            f"{table.where}: {unlabelled} of {count} images are left out, because their {target!r} is empty"
        )
    return places
