"""Lines of pixels are the same images however the file is cut into parts, and a wrong line is named."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_data.errors import DataError
from mlp_data.loaders.pixel_lines import Layout, parse

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 64)) * np.random.default_rng(1).integers(0, 2, (30, 64))
LAYOUT = Layout(65, (8, 8), "label", "label", has_header=True)


def lines(labels: list[str], end: str = "\n") -> bytes:
    heading = "label," + ",".join(f"p{i}" for i in range(64))
    rows = (",".join([label, *map(str, row)]) for label, row in zip(labels, PIXELS.tolist(), strict=True))
    return end.join([heading, *rows, ""]).encode()


def read(content: bytes, size: int, layout: Layout = LAYOUT) -> tuple[np.ndarray, list[str]]:
    blocks = list(parse((content[at : at + size] for at in range(0, len(content), size)), layout, "x.csv"))
    return np.concatenate([pixels for pixels, _ in blocks]), [text for _, texts in blocks for text in texts]


@pytest.mark.parametrize("size", [1, 7, 250, 1000, 1 << 20])
@pytest.mark.parametrize("labels", [["7"] * 30, ["seven"] * 30, ["7"] * 15 + ["seven"] * 15, ['"a, b"'] * 30])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cuts_anywhere_change_nothing(size: int, labels: list[str], end: str) -> None:
    pixels, texts = read(lines(labels, end), size)
    assert pixels.dtype == np.uint8
    assert (pixels == PIXELS).all()
    assert texts == [label.strip('"') for label in labels]


def test_a_last_line_without_an_end_and_empty_lines_count_for_what_they_hold() -> None:
    content = lines(["1"] * 30)
    for changed in (content[:-1], content + b"\n\n", content.replace(b"\n1,", b"\n\n1,", 2), b"\xef\xbb\xbf" + content):
        assert (read(changed, 500)[0] == PIXELS).all()


@pytest.mark.parametrize("cell", ["256", "999", "1000", "-1", "1.5", "x", "1x", "x1", ""])
@pytest.mark.parametrize("size", [300, 1 << 20])
def test_what_is_no_pixel_is_named_with_its_line(cell: str, size: int) -> None:
    content = lines(["1"] * 30).splitlines(keepends=True)
    content[20] = content[20].rpartition(b",")[0] + b"," + cell.encode() + b"\n"
    with pytest.raises(DataError, match=rf"x.csv: line 21 has the pixel '{cell}', but pixels are"):
        read(b"".join(content), size)


def test_a_line_of_another_length_is_named() -> None:
    content = lines(["1"] * 30).splitlines(keepends=True)
    content[9] = b"1,2,3\n"
    with pytest.raises(DataError, match=r"x.csv: line 10 has 3 cells, but the first line has 65"):
        read(b"".join(content), 400)
