"""An evaluation written for people: the figures of all samples, of each class, and what is taken for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlp_train.evaluation import ClassFigures, Evaluation
from mlp_train.reporters.words import NAMES, percent

MOST_IN_MATRIX = 20  # classes whose confusions fit beside each other
MOST_CLASSES = 40  # classes that are listed one by one; of more, the worst
MOST_CONFUSIONS = 10  # that are named where there are too many for a matrix
MOST_LETTERS = 24  # of a name beside its figures ...
MOST_ABOVE = 8  # ... and above its column


def lines(found: Evaluation) -> Iterator[str]:
    """Write an evaluation, a line at a time."""
    width = max(len(NAMES.get(name, name)) for name in found.metrics)
    for name, value in found.metrics.items():
        figure = f"{value:.6g}" if name in ("rmse", "mae") else f"{value:.4f}"
        yield f"{NAMES.get(name, name):{width}}  {figure}"
    if found.classes:
        yield ""
        yield from _by_class(found)
    if found.confusion:
        yield ""
        yield from _matrix(found) if len(found.classes) <= MOST_IN_MATRIX else _confusions(found)


def _by_class(found: Evaluation) -> Iterator[str]:
    shown: Sequence[ClassFigures] = found.classes
    kind = "class" if found.confusion else "label"
    if len(shown) > MOST_CLASSES:
        occurring = [one for one in shown if one.support]
        shown = sorted(occurring, key=lambda one: one.f1)[:MOST_CLASSES]
        yield f"the {len(shown)} of {len(found.classes)} classes with the lowest F1"
    names = [shortened(one.name, MOST_LETTERS) for one in shown]
    width = max(len(kind), *map(len, names))
    counts = amounts([one.support for one in shown])
    last = max(len("support"), *map(len, counts))
    yield f"{kind:{width}}  precision  recall      F1  {'support':>{last}}"
    for one, name, count in zip(shown, names, counts, strict=True):
        f1 = "     -" if one.f1 != one.f1 else f"{one.f1:.4f}"  # NaN: neither there nor said
        yield f"{name:{width}}     {one.precision:.4f}  {one.recall:.4f}  {f1}  {count:>{last}}"


def _matrix(found: Evaluation) -> Iterator[str]:
    size = len(found.classes)
    told = amounts([count for row in found.confusion for count in row])
    cells = [[one if float(one) else "." for one in told[i : i + size]] for i in range(0, len(told), size)]
    names = [one.name for one in found.classes]
    above = [shortened(name, MOST_ABOVE) for name in names]
    beside = [shortened(name, MOST_LETTERS) for name in names]
    first = max(map(len, beside))
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(above)]
    yield "confusions: a row for what it is, a column for what the model says"
    yield "  ".join([" " * first, *(f"{name:>{width}}" for name, width in zip(above, widths, strict=True))])
    for name, row in zip(beside, cells, strict=True):
        yield "  ".join([f"{name:{first}}", *(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))])


def _confusions(found: Evaluation) -> Iterator[str]:
    wrong = [
        (count, one, other)
        for one, row in zip(found.classes, found.confusion, strict=True)
        for other, count in zip(found.classes, row, strict=True)
        if count and one is not other
    ]
    wrong.sort(key=lambda pair: -pair[0])
    if not wrong:
        yield "confusions: none"
        return
    yield "the most frequent confusions" if len(wrong) > MOST_CONFUSIONS else "confusions"
    for count, one, other in wrong[:MOST_CONFUSIONS]:
        names = (shortened(each.name, MOST_LETTERS) for each in (one, other))
        part, whole = amounts([count, one.support])
        yield f"{' taken for '.join(names)}: {part} of {whole} ({percent(count / one.support)})"


def amounts(counts: Sequence[float]) -> list[str]:
    """Write how many samples there are, or what they weigh, all with as many digits.

    >>> amounts([12, 3.0]), amounts([12, 3.14159])
    (['12', '3'], ['12.00', '3.14'])
    """
    digits = 0 if all(count == int(count) for count in counts) else 2
    return [f"{count:.{digits}f}" for count in counts]


def shortened(name: str, most: int) -> str:
    """Write a name with at most so many letters.

    >>> shortened("Iris-versicolor", 8), shortened("7", 8)
    ('Iris-ve~', '7')
    """
    return name if len(name) <= most else f"{name[: most - 1]}~"
