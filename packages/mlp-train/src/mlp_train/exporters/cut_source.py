"""Cut out of a package's source those definitions that something needs, and no others, as one text that runs alone.

A definition that is copied by hand drifts away from the original; one that is cut out of it cannot.
"""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import resolve_name

Name = tuple[str, str]  # a module and what it defines


@dataclass(frozen=True)
class Module:
    """The source of a module: what it defines, and where the names that it uses come from."""

    name: str
    lines: list[str]
    says: str  # the first sentence of its docstring
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    siblings: dict[str, Name] = field(default_factory=dict)  # names from the same package
    imports: dict[str, str] = field(default_factory=dict)  # names from elsewhere, with the line that imports each

    @classmethod
    def read(cls, name: str) -> Module:
        """Parse the source of a module that can be imported."""
        imported = import_module(name)
        text = inspect.getsource(imported)
        package = imported.__package__ or name
        module = cls(name, text.splitlines(), (imported.__doc__ or "").split("\n\n")[0].strip())
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.ImportFrom) and statement.level:
                source = resolve_name("." * statement.level + (statement.module or ""), package)
                module.siblings.update({one.asname or one.name: (source, one.name) for one in statement.names})
            elif isinstance(statement, ast.ImportFrom):
                names = {one.asname or one.name: one for one in statement.names}
                module.imports.update({k: f"from {statement.module} import {ast.unparse(v)}" for k, v in names.items()})
            elif isinstance(statement, ast.Import):
                module.imports.update({n.asname or n.name: f"import {ast.unparse(n)}" for n in statement.names})
            else:
                module.definitions.update(dict.fromkeys(_defined(statement), statement))
        return module

    def text(self, statement: ast.stmt, renamed: dict[str, str]) -> str:
        """Return a statement as it is written, with some names replaced."""
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        lines = [line.encode() for line in self.lines[first - 1 : statement.end_lineno]]
        places = [n for n in ast.walk(statement) if isinstance(n, ast.Name) and n.id in renamed]
        for node in sorted(places, key=lambda node: (node.lineno, node.col_offset), reverse=True):
            line, end = lines[node.lineno - first], node.end_col_offset
            lines[node.lineno - first] = line[: node.col_offset] + renamed[node.id].encode() + line[end:]
        return b"\n".join(lines).decode()


def _defined(statement: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)]


def cut(wanted: Iterable[Name]) -> tuple[list[str], str]:
    """Return the import lines and the text of all that `wanted` needs, module by module, in their own order.

    Constants of the same name in two modules get the module's name in front.

    >>> imports, text = cut([("mlp_runtime.activations", "relu")])
    >>> imports, text.splitlines()[-1]
    (['import numpy as np'], '    np.maximum(z, 0.0, out=out)')
    """
    modules: dict[str, Module] = {}
    needed: set[Name] = set()
    order: list[str] = []  # modules, each behind those that it needs
    imports: set[str] = set()

    def need(source: str, name: str) -> None:
        if (source, name) in needed:
            return
        needed.add((source, name))
        module = modules[source] if source in modules else modules.setdefault(source, Module.read(source))
        for used in _used(module.definitions[name]):
            if used in module.definitions:
                need(source, used)
            elif used in module.siblings:
                need(*module.siblings[used])
            elif used in module.imports:
                imports.add(module.imports[used])
        if source not in order:
            order.append(source)

    for source, name in wanted:
        need(source, name)
    twice = {name for name, count in Counter(name for _, name in needed).items() if count > 1}
    new = {one: f"_{one[0].rpartition('.')[2]}{one[1]}" for one in needed if one[1] in twice}
    return sorted(imports), "\n\n\n".join(_part(modules[source], needed, new) for source in order)


def _used(statement: ast.stmt) -> Iterator[str]:
    return (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def _part(module: Module, needed: set[Name], new: dict[Name, str]) -> str:
    """Return what is needed of one module, below a line that says which it is."""
    own = {name: (module.name, name) for name in module.definitions}
    renamed = {name: new[where] for name, where in {**module.siblings, **own}.items() if where in new}
    chosen = {id(s): s for name, s in module.definitions.items() if (module.name, name) in needed}
    statements = sorted(chosen.values(), key=lambda statement: statement.lineno)
    text = f"# {module.name}: {module.says}"
    for statement in statements:
        gap = "\n" if isinstance(statement, (ast.Assign, ast.AnnAssign)) else "\n\n\n"
        text += gap + module.text(statement, renamed)
    return text
