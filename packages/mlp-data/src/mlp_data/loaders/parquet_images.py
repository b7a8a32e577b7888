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
from mlp_data.parquet import class_names, is_parquet, open_parquet, pyarrow, read, texts
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
    arrow = pyarrow(member.where)
    for field in file.schema_arrow:
        place = _bytes_place(arrow, field.type)
        kind = field.type if place is None else field.type.field(place).type
        if arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind):
            return str(field.name)
    return None


def _bytes_place(arrow: Any, kind: Any) -> int | None:
    """Return which field of a structure is called bytes; None if none is, or it is no structure."""
    fields = range(kind.num_fields) if arrow.types.is_struct(kind) else ()
    return next((i for i in fields if kind.field(i).name == "bytes"), None)


def _places(member: Member, file: Any, images: str, target: str | None) -> list[Place]:
    here = target if target in file.schema_arrow.names else None
    arrow = pyarrow(member.where)
    table = read(member, file, [images] if here is None else [images, here])
    contents = table.column(images)
    place = _bytes_place(arrow, contents.type)
    if place is not None:  # what else is in the structure is not looked at, so it may be anything
        contents = arrow.compute.struct_field(contents, [place])
    labels = [""] * len(table) if here is None else texts(arrow, table.column(here))
    if labels is None:
        raise TableError(f"{member.where}: column {here!r} holds neither numbers nor texts: name another with --target")
    names = {} if here is None else {str(i): name for i, name in enumerate(class_names(file, here))}
    places = []
    for row, (content, label) in enumerate(zip(contents.to_pylist(), labels, strict=True)):
        if names:
            label = names.get(label, "")  # -1, where the answer is kept back, has no name
        text = None if is_missing(label) else label
        places.append(Place(_row(member, row, content or b""), split_of(member.name) or "train", text))
    return places


def _row(member: Member, row: int, content: bytes) -> Member:
    return Member(f"{member.name}[{row}]", len(content), f"{member.where}[{row}]", lambda most: content[:most])
