"""A sample submission shows how answers are to be handed in; its answers are made up and teach nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from mlp_data.errors import DataError
from mlp_data.sources import Member, Source

_LARGEST = 64 << 20  # bytes; two short columns of a million rows take a quarter of it


@dataclass(frozen=True)
class Submission:
    """The two headings of a sample submission and the name that it has for each row."""

    name: str
    headings: tuple[str, str]
    ids: list[str]


def find_submission(source: Source, rows: int) -> Submission | None:
    """Find the member that has a heading, two columns and one line for each of the `rows` without an answer."""
    for member in source.members:
        submission = read_submission(member) if member.size <= _LARGEST else None
        if submission is not None and len(submission.ids) == rows:
            return submission
    return None


def read_submission(member: Member) -> Submission | None:
    """Read `member` as a sample submission: a name that no other row has, then an answer; None if it is not one."""
    start = member.magic
    if b"," not in member.head() or b"\0" in start:
        return None
    try:
        lines = csv.reader(io.StringIO(member.read().decode("utf-8-sig"), newline=""))
        heading = next(lines, [])
        if len(heading) != 2 or any(_is_number(name) for name in heading):
            return None
        ids = []
        for line in lines:
            if len(line) != 2:
                return None
            ids.append(line[0])
    except (csv.Error, UnicodeDecodeError, DataError):
        return None
    return Submission(member.name, (heading[0], heading[1]), ids) if ids and len(set(ids)) == len(ids) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
