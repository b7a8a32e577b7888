"""In C a table's row is a struct: numbers as they are, and of texts which of the known values each holds.

C reads no texts here: the caller, who knows where a row comes from, fills the struct.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlp_runtime.inputs import Column, TableInput
from mlp_train.exporters.c_activations import number

KEYWORDS = frozenset(re.findall(r"\w+", """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    bool catch class delete false friend new operator private protected public template this throw true try using
"""))  # fmt: skip  # of C, and of C++, whose compilers read the header too


class Names:
    """Gives out names that C takes, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def __call__(self, text: str) -> str:
        """Return a name for `text`.

        >>> name = Names()
        >>> name("Age (years)"), name("Age [years]"), name("7th"), name("int")
        ('Age_years', 'Age_years_2', '_7th', 'int_')
        """
        name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "_"
        name = f"_{name}" if name[0].isdigit() else f"{name}_" if name in KEYWORDS else name
        count, unique = 1, name
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique


class Rows:
    """The C of a table: `fields` of the struct, `values` that stand for texts, and `code` that writes `x`."""

    def __init__(self, table: TableInput, prefix: str) -> None:
        self._field, self._value = Names(), Names([f"{prefix}_MISSING", f"{prefix}_UNKNOWN"])
        self._prefix = prefix
        self.fields: list[str] = []
        self.values: list[str] = []
        self.code: list[str] = []
        self._known: dict[tuple[str, str], str] = {}  # several columns may read one number of a row
        start = 0
        for column in table.columns:
            self.code += self._read(column, start)
            start += len(column.output_names)

    def _read(self, column: Column, start: int) -> list[str]:
        """Return the lines that read a cell; what stands for a missing one the runtime itself says."""
        filled = TableInput((column,)).prepare({column.name: None})[0].tolist()
        if column.type in ("number", "flag"):
            field = self._field_of(column)
            places = max(1, len(column.edges) - 1)
            given = [f"row->{field}" if at < places else "0.0f" for at in range(len(filled))]
            return [
                f"x[{start + at}] = isnan(row->{field}) ? {number(value)} : {given[at]};"
                for at, value in enumerate(filled)
            ]
        field, count = self._field_of(column), len(column.values)
        if column.type == "tokens":
            missing = f"row->{field}_is_missing"
            given = [f"for (i = 0; i < {count}; i++) {{ x[{start} + i] = row->{field}[i] ? 1.0f : 0.0f; }}"]
        else:
            missing = f"row->{field} == {self._prefix}_MISSING"
            given = [f"if (row->{field} >= 0 && row->{field} < {count}) {{ x[{start} + row->{field}] = 1.0f; }}"]
        if not any(filled):
            return given
        lines = [f"    x[{start + at}] = {number(value)};" for at, value in enumerate(filled) if value]
        return [f"if ({missing}) {{", *lines, "} else {", *(f"    {line}" for line in given), "}"]

    def _field_of(self, column: Column) -> str:
        """Return the field of the struct that a column reads, and declare it where it is new."""
        name = f"{column.name} {column.part}" if column.part else column.name
        is_number = column.type in ("number", "flag")
        if is_number and (name, column.type) in self._known:
            return self._known[name, column.type]
        field = self._field(f"{name} {column.type}" if any(name == other for other, _ in self._known) else name)
        self._known[name, column.type] = field
        self._declare(column, field)
        return field

    def _declare(self, column: Column, field: str) -> None:
        what = f"{column.part} of a date" if column.part else {"flag": "1 yes, 0 no"}.get(column.type, "")
        if column.type in ("number", "flag"):
            self.fields.append(f"    float {field}; /* {what + ', ' if what else ''}NAN where missing */")
            return
        listed = [self._value(f"{self._prefix}_{field}_{value}".upper()) for value in column.values]
        self.values.append("enum { " + ", ".join(listed) + " };")
        if column.type == "tokens":
            self.fields.append(f"    unsigned char {field}[{len(listed)}]; /* 1 for each word that the text holds */")
            if column.missing or column.fill is not None:
                self.fields.append(f"    int {field}_is_missing;")
            return
        what = "the letters it begins with" if column.type == "prefix" else "its value"
        self.fields.append(
            f"    int {field}; /* {listed[0]}, ...: {what}; {self._prefix}_UNKNOWN, {self._prefix}_MISSING */"
        )
