"""A listing is an inspection written for people, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_MANY = 30  # classes or columns that are listed one by one


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Write what `mlp_data.inspection.inspect` found, a line at a time."""
    target = f" of {report['target']!r}" if report["target"] else ""
    kind = "labels" if report["task"] == "multi-label" else "classes"
    classes = f", {len(report['classes'])} {kind}" if report["classes"] else ""
    yield f"{report['name']}: {report['kind']}, {report['task']}{target}{classes}"
    yield from _section("splits", [(name, f"{of['samples']:,}", shape(of)) for name, of in report["splits"].items()])
    yield from _section(kind, _classes(report))
    yield from _section(
        "numbers to predict",
        [(split, f"{of['min']:g} to {of['max']:g}", f"mean {of['mean']:g}") for split, of in report["numbers"].items()],
    )
    used = [column for column in report["columns"] if column["used"]]
    yield from _section("columns", [(one["name"], one["type"], _missing(one), one["reason"]) for one in used])
    yield from _section("left out", list(report["left_out"].items()))
    if report["submission"]:
        yield from _section("submission", [("headings", ", ".join(report["submission"]))])
    if report["input"]:
        size = f"{report['input']['size']:,} numbers a sample"
        yield from _section("network input", [(report["input"]["kind"], size, report["input"]["reason"])])
    yield from _section("problems", [(problem,) for problem in report["problems"]] or [("none found",)])


def shape(split: dict[str, Any]) -> str:
    """Write the shape of a split's samples.

    >>> shape({"samples": 5, "shape": [28, 28]}), shape({"samples": 5, "smallest": [8, 9, 3], "largest": [10, 12, 3]})
    ('28 x 28 grey', '8 x 9 to 10 x 12 colour')
    """
    if "columns" in split:
        return f"{split['columns']} columns"
    if "smallest" in split:
        return f"{_size(split['smallest'])} to {_size(split['largest'])} {_colour(split['largest'])}"
    if len(split["shape"]) == 1:
        return f"{split['shape'][0]} features"
    return f"{_size(split['shape'])} {_colour(split['shape'])}"


def _size(lengths: list[int]) -> str:
    return f"{lengths[0]} x {lengths[1]}"


def _colour(lengths: list[int]) -> str:
    return "colour" if len(lengths) == 3 else "grey"


def _missing(column: dict[str, Any]) -> str:
    return f"{column['missing']} missing" if column["missing"] else ""


def _classes(report: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (label, *(f"{count:,} {split}" for split, count in counts.items()))
        for label, counts in report["classes"].items()
    ]
    return [*rows[:_MANY], (f"... and {len(rows) - _MANY} more",)] if len(rows) > _MANY else rows


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  " + "  ".join(cells).rstrip()


def printable(text: str) -> str:
    r"""Return `text` with everything escaped that could steer a terminal; a name in an archive may hold anything.

    >>> printable("seven\x1b[2J\t.png")
    'seven\\x1b[2J\\t.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
