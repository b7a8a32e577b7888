"""A table of mistakes that people make: each is answered as if nobody had made it, or refused in exact words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from make_model import build, digits, prices, random_layers, xor

from mlp_runtime import InputError, load

SPEC = {"kind": "image", "height": 8, "width": 6, "channels": 3, "ink": "light", "fit": "stretch", "box": 1}
SPEC.update(centre="mass", mean=0.0, scale=1 / 255)


def colours():
    """Return a network for frames in colour, with random weights."""
    layers, tensors = random_layers([8 * 6 * 3, 5, 2])
    output = {"kind": "classes", "classes": ["day", "night"]}
    return build({"requires": ["input.image/1"], "input": SPEC, "layers": layers, "output": output}, tensors)


INK, SIZED, COLOUR = load(digits(fit="ink", ink="auto")), load(digits()), load(colours())
PAIR, HOUSE = load(xor()), load(prices())

PAGE = np.full((40, 30), 230, np.uint8)  # a seven, dark on light paper
PAGE[8:12, 8:22] = PAGE[12:32, 17:20] = 20
RGB = np.random.default_rng(7).integers(0, 256, (9, 11, 3)).astype(np.uint8)
GREY = np.repeat(PAGE[..., None], 3, axis=2)
BLACK = np.zeros((28, 28), np.uint8)
HALF = np.array([0.5, 2.0])
MANY = np.array([[0.5, 2.0], [1.0, -3.0], [0.25, 0.0]])
ROW = {"rooms": 3, "town": "Ulm", "garden": True}
UNKNOWN = {**ROW, "rooms": None}

NO_PIXELS = "came, but the model wants images as arrays of pixels"
NO_FRAME = (
    "came, but the model wants a frame h x w, h x w x 3 (RGB) or h x w x 4 (RGBA), an array of n such frames "
    "or a list of frames"
)
NO_LEVELS = (
    "came, but pixels are uint8, bool, whole numbers to 255, or floats that reach at most 1 or at least 16: "
    "give uint8, which is (frame >> 8).astype('uint8') for 16 bits"
)
NO_SIZE = (
    "pixels came, but the model wants 28 x 28 (fit='none'): resize the frame, or train with fit='ink' or "
    "fit='stretch', which do that"
)
NO_PAIR = "came, but the model wants an array of numbers of shape (2,), or (n, 2) for many in the order a, b"
NO_ROW = (
    "came, but the model wants a row as a mapping with rooms, town, garden, a list of such rows, or a mapping from "
    "those names to lists"
)
NO_NUMBER = "came, but the model wants a finite number, or None if it is missing"


class Looks:
    """An object of another library, of which only some attributes matter here."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class Picture(Looks):
    """As PIL's images are: an array interface and no __array__."""

    def __init__(self, pixels):
        super().__init__(__array_interface__=pixels.__array_interface__, pixels=pixels)


class Frame(Looks):
    """As data frames are: an array with names of its columns."""

    def __init__(self, values, columns):
        super().__init__(values=np.array(values), columns=columns, to_dict=dict)

    def __array__(self, dtype=None, copy=None):
        return self.values


def columns_as_methods():
    """Return a data frame with a column `filled`, which is an attribute of it, too, and a method `mask`."""
    frame = Frame(MANY, ["a", "b"])
    vars(frame).update(filled=MANY[:, 0], mask=dict)
    return frame


class Series(Looks):
    """As one row of a data frame is."""

    def __init__(self, row):
        super().__init__(index=list(row), to_dict=lambda: row)


def mapped(array):
    """Return the array as it lies in a file that is mapped into memory, to be read alone."""
    with tempfile.TemporaryFile() as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def read_only(array):
    """Return a copy that nobody can write to."""
    array = array.copy()
    array.flags.writeable = False
    return array


def without(row, name):
    return {key: cell for key, cell in row.items() if key != name}


# the mistake: (whom, what is given, what it should have been, or the sentence that refuses it)
PICTURES = {
    "floats from 0 to 1": (INK, PAGE / 255, PAGE),
    "float32 from 0 to 1": (INK, (PAGE / 255).astype(np.float32), PAGE),
    "float16 from 0 to 1": (INK, (PAGE / 255).astype(np.float16), PAGE),
    "floats from 0 to 255": (INK, PAGE.astype(np.float64), PAGE),
    "whole numbers of 64 bits": (INK, PAGE.astype(np.int64), PAGE),
    "big-endian floats": (INK, PAGE.astype(">f8"), PAGE),
    "big-endian whole numbers": (INK, PAGE.astype(">i4"), PAGE),
    "a mask of bools": (INK, PAGE > 99, (PAGE > 99) * np.uint8(255)),
    "black as floats": (SIZED, np.zeros((28, 28)), BLACK),
    "every second pixel of a larger frame": (INK, np.repeat(np.repeat(PAGE, 2, 0), 2, 1)[::2, ::2], PAGE),
    "in Fortran's order": (INK, np.asfortranarray(PAGE), PAGE),
    "read-only": (INK, read_only(PAGE), PAGE),
    "mapped from a file": (INK, mapped(PAGE), PAGE),
    "an image of PIL": (INK, Picture(PAGE), PAGE),
    "three equal channels": (INK, GREY, PAGE),
    "a grey picture in BGR": (INK, GREY[..., ::-1], PAGE),
    "BGR that is turned round": (COLOUR, RGB[..., ::-1].copy()[..., ::-1], RGB),
    "RGBA that hides nothing": (COLOUR, np.dstack([RGB, np.full((9, 11), 255, np.uint8)]), RGB),
    "RGBA all transparent": (COLOUR, np.dstack([RGB, np.zeros((9, 11), np.uint8)]), np.full((9, 11, 3), 255, np.uint8)),
    "a channel of its own": (INK, PAGE[..., None], PAGE),
    "a batch with a channel of its own": (INK, PAGE[None, ..., None], PAGE[None]),
    "a huge batch without memory of its own": (INK, np.broadcast_to(PAGE, (2000, 40, 30)), np.stack([PAGE] * 2000)),
    "frames of different sizes": (INK, [PAGE, PAGE[2:-2]], [PAGE.copy(), PAGE[2:-2].copy()]),
    "masked, but nothing hidden": (INK, np.ma.array(PAGE), PAGE),
    "masked": (
        INK,
        np.ma.array(PAGE, mask=PAGE < 99),
        f"a uint8 array of shape (40, 30) with masked values {NO_PIXELS}",
    ),
    "16 bits": (
        INK,
        PAGE.astype(np.uint16),
        f"a uint16 array of shape (40, 30) with values from 20 to 230 {NO_LEVELS}",
    ),
    "16 bits, big-endian": (
        INK,
        PAGE.astype(">u2"),
        f"a >u2 array of shape (40, 30) with values from 20 to 230 {NO_LEVELS}",
    ),
    "16 bits in use": (
        INK,
        PAGE.astype(np.uint16) * 257,
        f"a uint16 array of shape (40, 30) with values from 5140 to 59110 {NO_LEVELS}",
    ),
    "floats from -1 to 1": (
        INK,
        PAGE.astype(np.float32) / 127.5 - 1,
        f"a float32 array of shape (40, 30) with values from -0.843137 to 0.803922 {NO_LEVELS}",
    ),
    "whole numbers that are 0 or 1": (
        INK,
        (PAGE > 99).astype(np.int64),
        f"an int64 array of shape (40, 30) with values from 0 to 1 {NO_LEVELS}",
    ),
    "NaN in a frame": (
        INK,
        np.where(PAGE > 99, np.nan, 0.5),
        f"a float64 array of shape (40, 30) with values from nan to nan {NO_LEVELS}",
    ),
    "an infinity in a frame": (
        INK,
        np.where(PAGE > 99, np.inf, 0.5),
        f"a float64 array of shape (40, 30) with values from 0.5 to inf {NO_LEVELS}",
    ),
    "another size": (SIZED, PAGE, f"40 x 30 {NO_SIZE}"),
    "turned on its side": (SIZED, PAGE[:28, :20].T, f"20 x 28 {NO_SIZE}"),
    "flattened": (
        SIZED,
        BLACK.ravel(),
        f"a uint8 array of shape (784,) {NO_FRAME}: reshape it, or give prepared vectors to model.forward",
    ),
    "a batch of batches": (INK, PAGE[None, None], f"a uint8 array of shape (1, 1, 40, 30) {NO_FRAME}"),
    "an empty batch of frames": (INK, PAGE[None][:0], f"a uint8 array of shape (0, 40, 30) {NO_PIXELS}"),
    "no frames": (INK, [], f"a list of 0 {NO_FRAME}"),
    "lists of lists": (
        INK,
        PAGE.tolist(),
        f"frame 0: a list of 30 {NO_PIXELS}: give numpy.asarray(frame, dtype='uint8')",
    ),
    "a frame that failed": (INK, [PAGE, None], f"frame 1: None {NO_PIXELS}"),
    "the name of a file": (INK, "seven.png", f"'seven.png' {NO_PIXELS}: decode it first, as PIL.Image.open does"),
    "a path": (
        INK,
        Path("seven.png"),
        f"a {type(Path()).__name__} {NO_PIXELS}: decode it first, as PIL.Image.open does",
    ),
    "an encoded file": (
        INK,
        b"\x89PNG\r\n",
        rf"b'\x89PNG\r\n' {NO_PIXELS}: decode it first, as PIL.Image.open does",
    ),
    "complex numbers": (INK, PAGE.astype(np.complex128), f"a complex128 array of shape (40, 30) {NO_PIXELS}"),
    "objects": (INK, PAGE.astype(object), f"an object array of shape (40, 30) {NO_PIXELS}"),
    "texts": (INK, PAGE.astype(str), f"a <U3 array of shape (40, 30) {NO_PIXELS}"),
}

VECTORS = {
    "a list": (PAIR, [0.5, 2.0], HALF),
    "a tuple of rows": (PAIR, tuple(map(tuple, MANY)), MANY),
    "columns that are called as methods are": (PAIR, columns_as_methods(), MANY),
    "bools": (PAIR, np.array([True, False]), np.array([1.0, 0.0])),
    "whole numbers": (PAIR, np.array([7, 3], np.uint8), np.array([7.0, 3.0])),
    "a row of zeros": (PAIR, [0, 0], np.zeros(2)),
    "big-endian float32": (PAIR, MANY.astype(">f4"), MANY),
    "big-endian float64": (PAIR, MANY.astype(">f8"), MANY),
    "extended precision": (PAIR, MANY.astype(np.longdouble), MANY),
    "every second number": (PAIR, np.repeat(MANY, 2, axis=1)[:, ::2], MANY),
    "backwards twice": (PAIR, MANY[:, ::-1].copy()[:, ::-1], MANY),
    "columns first in memory": (PAIR, np.asfortranarray(MANY), MANY),
    "numbers nobody can write to": (PAIR, read_only(MANY), MANY),
    "numbers mapped from a file": (PAIR, mapped(MANY), MANY),
    "the same row 200,000 times": (PAIR, np.broadcast_to(HALF, (200_000, 2)), np.tile(HALF, (200_000, 1))),
    "nothing hidden by a mask": (PAIR, np.ma.array(MANY), MANY),
    "a data frame in order": (PAIR, Frame(MANY, ["a", "b"]), MANY),
    "a data frame without names": (PAIR, Frame(MANY, [0, 1]), MANY),
    "a data frame in another order": (
        PAIR,
        Frame(MANY[:, ::-1], ["b", "a"]),
        f"a Frame with the columns b, a {NO_PAIR}",
    ),
    "a data frame with another column": (PAIR, Frame(MANY, ["a", "c"]), f"a Frame with the columns a, c {NO_PAIR}"),
    "a number hidden by a mask": (
        PAIR,
        np.ma.array(HALF, mask=[False, True]),
        f"a float64 array of shape (2,) with masked values {NO_PAIR}",
    ),
    "a number too few": (PAIR, [1.5], f"a float64 array of shape (1,) {NO_PAIR}"),
    "a number too many": (PAIR, np.zeros((5, 3)), f"a float64 array of shape (5, 3) {NO_PAIR}"),
    "a column in place of a row": (PAIR, HALF[:, None], f"a float64 array of shape (2, 1) {NO_PAIR}"),
    "rows of rows": (PAIR, MANY[None], f"a float64 array of shape (1, 3, 2) {NO_PAIR}"),
    "a single number": (PAIR, 3.0, f"3.0 {NO_PAIR}"),
    "no rows": (PAIR, MANY[:0], f"a float64 array of shape (0, 2) {NO_PAIR}"),
    "an empty list": (PAIR, [], f"a list of 0 {NO_PAIR}"),
    "rows of different lengths": (PAIR, [[1, 2], [3]], f"a list of 2 rows of different lengths {NO_PAIR}"),
    "None": (PAIR, None, f"None {NO_PAIR}"),
    "None among numbers": (PAIR, [1, None], f"an object array of shape (2,) {NO_PAIR}"),
    "numbers as texts": (PAIR, ["1", "2"], f"a <U1 array of shape (2,) {NO_PAIR}"),
    "a text": (PAIR, "1,2", f"'1,2' {NO_PAIR}"),
    "an array of objects": (PAIR, HALF.astype(object), f"an object array of shape (2,) {NO_PAIR}"),
    "an array of complex numbers": (PAIR, HALF.astype(complex), f"a complex128 array of shape (2,) {NO_PAIR}"),
    "dates": (PAIR, np.zeros(2, "M8[s]"), f"a datetime64[s] array of shape (2,) {NO_PAIR}"),
    "numbers by name": (PAIR, {"a": 1, "b": 2}, f"a map of 2 {NO_PAIR}"),
    "a set": (PAIR, {1, 2}, f"a set {NO_PAIR}"),
    "a generator": (PAIR, (x for x in (1, 2)), f"a generator {NO_PAIR}"),
    "a number beyond 64 bits": (PAIR, [10**30, 0], f"an object array of shape (2,) {NO_PAIR}"),
    "NaN": (PAIR, [1, np.nan], "row 0, feature 'b' is nan, but the model wants finite numbers: fill it"),
    "an infinity": (
        PAIR,
        [[1, 2], [-np.inf, 2]],
        "row 1, feature 'a' is -inf, but the model wants finite numbers: fill it",
    ),
    "a number beyond float32": (
        PAIR,
        [1, 1e300],
        "row 0, feature 'b' is 1e+300, but the model wants finite numbers: fill it",
    ),
}

TABLES = {
    "columns in another order": (HOUSE, dict(reversed(list(ROW.items()))), ROW),
    "a column too many": (HOUSE, {**ROW, "street": "Main"}, ROW),
    "a list in a column that nobody reads": (HOUSE, {**ROW, "owners": ["A", "B"]}, ROW),
    "numbers as texts, with blanks": (HOUSE, {**ROW, "rooms": " 3.0 ", "town": " Ulm "}, ROW),
    "yes in place of true": (HOUSE, {**ROW, "garden": "YES"}, ROW),
    "numbers of NumPy": (HOUSE, {**ROW, "rooms": np.float32(3), "garden": np.bool_(True)}, ROW),
    "a town that is not known": (HOUSE, {**ROW, "town": "Atlantis"}, {**ROW, "town": "Thule"}),
    "NaN for a missing cell": (HOUSE, {**ROW, "rooms": float("nan")}, UNKNOWN),
    "a blank for a missing cell": (HOUSE, {**ROW, "rooms": " "}, UNKNOWN),
    "columns of big-endian numbers": (
        HOUSE,
        {"rooms": np.array([3, 4], ">f8"), "town": ["Ulm", "Bonn"], "garden": np.array([1, 0], ">i2")},
        [ROW, {"rooms": 4, "town": "Bonn", "garden": False}],
    ),
    "a column that a mask hides in part": (
        HOUSE,
        {"rooms": np.ma.array([3, 99], mask=[False, True]), "town": ["Ulm", "Ulm"], "garden": [True, True]},
        [ROW, UNKNOWN],
    ),
    "a tuple of rows": (HOUSE, (ROW, UNKNOWN), [ROW, UNKNOWN]),
    "a column missing": (
        HOUSE,
        without(ROW, "town"),
        "there is no column 'town' among 'rooms', 'garden': give it, with None if it is unknown",
    ),
    "a column misspelt": (
        HOUSE,
        {**without(ROW, "garden"), "gardn": 1},
        "there is no column 'garden', did you mean 'gardn'?: give it, with None if it is unknown",
    ),
    "a column missing in the second row": (
        HOUSE,
        [ROW, without(ROW, "rooms")],
        "row 1: there is no column 'rooms' among 'town', 'garden': give it, with None if it is unknown",
    ),
    "an empty row": (HOUSE, {}, "there is no column 'rooms' among none: give it, with None if it is unknown"),
    "a decimal comma": (HOUSE, {**ROW, "rooms": "3,5"}, f"column 'rooms': '3,5' {NO_NUMBER}"),
    "a word for a number": (HOUSE, [ROW, {**ROW, "rooms": "three"}], f"column 'rooms', row 1: 'three' {NO_NUMBER}"),
    "an infinity in a cell": (HOUSE, {**ROW, "rooms": float("inf")}, f"column 'rooms': inf {NO_NUMBER}"),
    "maybe": (
        HOUSE,
        {**ROW, "garden": "maybe"},
        "column 'garden': 'maybe' came, but the model wants yes or no, or None if it is missing",
    ),
    "a list in a cell": (
        HOUSE,
        [{**ROW, "town": ["Ulm"]}],
        "column 'town': a list of 1 came, but the model wants a text or a number",
    ),
    "columns of different lengths": (
        HOUSE,
        {"rooms": [1, 2], "town": ["Ulm"], "garden": [True, True]},
        "the columns differ in length or are empty: 'rooms' has 2, 'town' has 1, 'garden' has 2; give one cell a row "
        "for each",
    ),
    "empty columns": (
        HOUSE,
        {name: [] for name in ROW},
        "the columns differ in length or are empty: 'rooms' has 0, 'town' has 0, 'garden' has 0; give one cell a row "
        "for each",
    ),
    "a cell beside columns": (
        HOUSE,
        {**ROW, "rooms": [3, 4]},
        "column 'town': 'Ulm' came beside lists of many cells: give one too",
    ),
    "an empty list of rows": (HOUSE, [], f"a list of 0 {NO_ROW}"),
    "a row without names": (HOUSE, [3, "Ulm", True], f"a list of 3 {NO_ROW}"),
    "an array": (HOUSE, np.zeros((2, 3)), f"a float64 array of shape (2, 3) {NO_ROW}"),
    "an array of records": (
        HOUSE,
        np.zeros(2, [("rooms", "f8")]),
        f"a [('rooms', '<f8')] array of shape (2,) {NO_ROW}",
    ),
    "a data frame": (HOUSE, Frame(MANY, ["a", "b"]), f"a Frame {NO_ROW}: give data.to_dict('list')"),
    "a row of a data frame": (HOUSE, Series(ROW), f"a Series {NO_ROW}: give data.to_dict()"),
    "the name of a table": (HOUSE, "houses.csv", f"'houses.csv' {NO_ROW}"),
}

MISTAKES = {
    f"{kind}: {name}": mistake
    for kind, table in (("image", PICTURES), ("vector", VECTORS), ("table", TABLES))
    for name, mistake in table.items()
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_rightly_or_refused_in_exact_words(name):
    model, given, wanted = MISTAKES[name]
    if not isinstance(wanted, str):
        np.testing.assert_array_equal(model.input.transform(given), model.input.transform(wanted))
        np.testing.assert_array_equal(model.predict(given), model.predict(wanted))
        return
    with pytest.raises(InputError) as caught:
        model.predict(given)
    assert str(caught.value) == wanted


def test_the_table_has_thirty_mistakes_and_more_of_either_outcome():
    refused = [name for name, (_, _, wanted) in MISTAKES.items() if isinstance(wanted, str)]
    assert len(MISTAKES) == len(PICTURES) + len(VECTORS) + len(TABLES)
    assert min(len(refused), len(MISTAKES) - len(refused)) > 30


PREPARED = {
    "big-endian": (MANY.astype(">f8"), MANY.astype(np.float32)),
    "every second number": (np.repeat(MANY, 2, axis=1)[:, ::2], MANY),
    "mapped from a file": (mapped(MANY), MANY),
    "a list": ([0.5, 2.0], HALF),
    "masked": (np.ma.array(HALF, mask=[True, False]), "a float64 array of shape (2,) with masked values"),
    "ragged": ([[1, 2], [3]], "a list of 2"),
    "another width": (np.zeros((2, 3)), "a float64 array of shape (2, 3)"),
    "another rank": (np.zeros((1, 1, 2)), "a float64 array of shape (1, 1, 2)"),
    "texts": (np.array(["1", "2"]), "a <U1 array of shape (2,)"),
    "complex numbers": (HALF.astype(complex), "a complex128 array of shape (2,)"),
    "None": (None, "None"),
    "an image": (PAGE, "a uint8 array of shape (40, 30)"),
}


@pytest.mark.parametrize("name", PREPARED)
@pytest.mark.parametrize("strict", [False, True])
def test_forward_answers_prepared_numbers_of_any_kind_and_refuses_the_rest(name, strict):
    given, wanted = PREPARED[name]
    if not isinstance(wanted, str):
        np.testing.assert_array_equal(PAIR.forward(given, strict=strict), PAIR.forward(wanted, strict=strict))
        return
    with pytest.raises(InputError) as caught:
        PAIR.forward(given, strict=strict)
    wants = "but forward takes prepared numbers of shape (2,) or (n, 2): give raw ones to predict or to"
    assert str(caught.value) == f"{wanted} came, {wants} model.input.transform"


def test_an_empty_batch_of_prepared_numbers_has_an_empty_answer_and_nothing_asked_is_nothing_answered():
    assert PAIR.forward(np.empty((0, 2), np.float32)).shape == (0, 1)
    assert list(PAIR.predict_iter([])) == []
