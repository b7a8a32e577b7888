"""Images in Parquet lie in a column of their own, one file a row, with their labels beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlp_data.cells import is_missing
from mlp_data.dataset import Dataset
from mlp_data.errors import TableError
from mlp_data.loaders.image_folder import Place, read_places
from mlp_data.loaders.splits import split_of
from mlp_data.options import Options
from mlp_data.parquet import class_names, is_parquet, open_parquet, pyarrow, read
from mlp_data.sources import Member, Source
from mlp_data.target import choose_target


def load_parquet_images(source: Source, options: Options) -> Dataset | None:
    """Load images from Parquet as Hugging Face stores them: a column of bytes, a column of labels, any shards."""
    files = [(member, open_parquet(member)) for member in source.members if is_parquet(member)]
    found = [(member, file, name) for member, file in files if (name := _image_column(member, file)) is not None]
    if not found:
        return None
    if options.task == "regression":
        raise TableError(f"{source.name}: image labels are classes, but the task asked for is regression: leave it out")
    first, file, images = found[0]
    others = [name for name in file.schema_arrow.names if name != images]
    target: str | None = others[0] if others else None
    notice: str | None = None
    if len(others) > 1 or options.target is not None:
        target, notice = choose_target(others, first.where, options.target)
    places = [place for member, file, name in found for place in _places(member, file, name, target)]
    dataset = read_places(source, places, options, target=target)
    return replace(dataset, problems=(*filter(None, [notice]), *dataset.problems))


def _image_column(member: Member, file: Any) -> str | None:
    """Return the first column that holds bytes, alone or in a structure with a path."""
    types = pyarrow(member.where).types
    for field in file.schema_arrow:
        kind = field.type
        if types.is_struct(kind):
            kind = next((kind.field(i).type for i in range(kind.num_fields) if kind.field(i).name == "bytes"), kind)
        if types.is_binary(kind) or types.is_large_binary(kind):
            return str(field.name)
    return None


def _places(member: Member, file: Any, images: str, target: str | None) -> list[Place]:
    here = target if target in file.schema_arrow.names else None
    table = read(member, file, [images] if here is None else [images, here])
    labels = [None] * len(table) if here is None else table.column(here).to_pylist()
    names = [] if here is None else class_names(file, here)
    places = []
    for row, (cell, label) in enumerate(zip(table.column(images).to_pylist(), labels, strict=True)):
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if names and isinstance(label, int) and 0 <= label < len(names):
            label = names[label]
        elif names:
            label = None  # -1, where the answer is kept back
        text = None if label is None or is_missing(str(label)) else str(label)
        places.append(Place(_row(member, row, content or b""), split_of(member.name) or "train", text))
    return places


def _row(member: Member, row: int, content: bytes) -> Member:
    return Member(f"{member.name}[{row}]", len(content), f"{member.where}[{row}]", lambda most: content[:most])
