"""An image input gives the same vector for the same strokes, wherever and however they stand in a frame."""

from __future__ import annotations

import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlp_runtime.errors import InputError, Invalid
from mlp_runtime.inputs import ImageInput, input_from_spec

INK = ImageInput(fit="ink")
bytes_ = st.integers(0, 255)
frames_of_any_shape = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=bytes_)


def image(row):
    return row.reshape(28, 28)


def stroke(height=40, width=40, rows=slice(5, 35), columns=slice(18, 22), level=255, paper=0):
    frame = np.full((height, width), paper, np.uint8)
    frame[rows, columns] = level
    return frame


@pytest.fixture(scope="module")
def mnist(shared_data):
    with zipfile.ZipFile(shared_data / "mnist.zip") as archive:
        return np.frombuffer(archive.read("t10k-images.idx3-ubyte"), np.uint8, offset=16).reshape(-1, 28, 28)


def test_mnist_comes_out_as_it_went_in(mnist):
    unchanged = (INK.prepare(mnist) == mnist.reshape(-1, 784)).all(axis=1)
    assert unchanged.mean() >= 0.999


def test_dark_ink_on_light_paper_gives_the_same_vector(mnist):
    assert (INK.prepare(255 - mnist) == INK.prepare(mnist)).all()


def test_padding_is_not_counted_as_ink(mnist):
    some = mnist[:500]
    for sides in [((10, 3), (0, 0)), ((0, 40), (25, 1)), ((7, 7), (30, 90))]:
        assert (INK.prepare(np.pad(some, ((0, 0), *sides))) == INK.prepare(some)).all()
        paper = np.pad(255 - some, ((0, 0), *sides), constant_values=255)
        assert (INK.prepare(paper) == INK.prepare(some)).all()


@pytest.mark.parametrize("times", [2, 3, 7, 20])
def test_an_enlarged_frame_gives_nearly_the_same_vector(mnist, times):
    some = mnist[:60]
    large = np.repeat(np.repeat(some, times, axis=1), times, axis=2)
    off = np.abs(INK.prepare(large).astype(int) - INK.prepare(some))
    assert off.mean() < 0.1
    assert np.median(off.max(axis=1)) <= 1


def test_an_enlarged_frame_off_its_centre_gives_nearly_the_same_vector(mnist):
    some = mnist[:60]
    large = np.pad(np.repeat(np.repeat(some, 9, axis=1), 9, axis=2), ((0, 0), (100, 11), (37, 300)))
    assert np.abs(INK.prepare(255 - large).astype(int) - INK.prepare(some)).mean() < 0.1


def test_one_frame_gives_the_same_bits_as_in_a_batch(mnist):
    some = np.where(np.arange(300)[:, None, None] % 3 == 0, 255 - mnist[:300], mnist[:300])
    for frames in (some, np.repeat(some, 2, axis=1), some[:, 3:, :20]):
        for fit in ("ink", "stretch"):
            prepared = ImageInput(fit=fit)
            batch = prepared.prepare(frames)
            assert (np.concatenate([prepared.prepare(frame) for frame in frames]) == batch).all()
            assert (prepared.prepare(list(frames)) == batch).all()


@given(st.lists(frames_of_any_shape, min_size=1, max_size=4), st.sampled_from(["auto", "light", "dark"]))
def test_any_frames_of_any_shapes_give_rows(frames, ink):
    for fit, centre in (("ink", "mass"), ("ink", "box"), ("stretch", "mass")):
        prepared = ImageInput(13, 17, ink=ink, fit=fit, box=13, centre=centre)
        rows = prepared.prepare(frames)
        assert rows.dtype == np.uint8
        assert rows.shape == (len(frames), 13 * 17)
        assert (rows == np.concatenate([prepared.prepare(frame) for frame in frames])).all()
        assert np.isfinite(prepared.scale(rows)).all()


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4])), elements=bytes_)
)
def test_any_colour_frame_gives_a_row(frame):
    assert INK.prepare(frame).shape == (1, 784)
    assert ImageInput(5, 4, channels=3, fit="stretch").prepare(frame).shape == (1, 60)


@pytest.mark.parametrize("level", [0, 1, 77, 127, 128, 255])
@pytest.mark.parametrize("ink", ["auto", "light", "dark"])
def test_a_frame_of_one_colour_gives_zeros(level, ink):
    assert not ImageInput(fit="ink", ink=ink).prepare(np.full((30, 20), level, np.uint8)).any()


def test_the_long_side_fills_the_box_and_the_shape_is_kept():
    for frame, wanted in [
        (stroke(), (20, 3)),
        (stroke().T, (3, 20)),
        (stroke(rows=slice(0, 40), columns=slice(0, 40)), (20, 20)),
    ]:
        ink = np.argwhere(image(INK.prepare(np.pad(frame, 2))[0]))
        assert tuple(np.ptp(ink, axis=0) + 1) == wanted


def test_a_hair_is_kept_at_least_one_pixel_wide():
    assert image(INK.prepare(stroke(2000, 50, slice(10, 1990), slice(20, 21)))[0]).any(axis=0).sum() == 1


def test_the_mass_or_the_box_stands_in_the_middle():
    corner = np.zeros((40, 40), np.uint8)
    corner[5:35, 5:17] = corner[25:35, 5:35] = 255  # an L: its mass lies to the lower left
    by_mass, by_box = (
        image(ImageInput(fit="ink", centre=centre).prepare(corner)[0]).astype(float) for centre in ("mass", "box")
    )
    for axis in (0, 1):
        line = by_mass.sum(axis=axis)
        assert abs(line @ np.arange(28) / line.sum() - 14) <= 0.5
        ink = np.flatnonzero(by_box.any(axis=axis))
        assert (ink[0], ink[-1]) == (4, 23)


@pytest.mark.parametrize(("wide", "left"), [(3, 13), (5, 12), (4, 12), (6, 12)])
def test_the_middle_is_where_mnist_has_it(wide, left):
    row = image(INK.prepare(stroke(40, 40, slice(10, 30), slice(2, 2 + wide)))[0])
    assert np.flatnonzero(row.any(axis=0))[0] == left  # the centre, left + (wide - 1) / 2, is 14, 13.5 or 14.5
    assert np.flatnonzero(row.any(axis=1))[0] == 4


def test_moving_the_mass_never_pushes_ink_out_of_the_frame():
    frame = np.full((40, 40), 0, np.uint8)
    frame[0:20, 10:30] = 40
    frame[0:2, 10:30] = 255  # nearly all the mass on one side
    prepared = ImageInput(21, 21, fit="ink").prepare(np.pad(frame, 5)).reshape(21, 21)
    assert prepared.any(axis=0).sum() == prepared.any(axis=1).sum() == 20


@pytest.mark.parametrize("paper", [30, 220])
def test_the_background_becomes_zero(paper):
    level = paper + 35 if paper < 128 else paper - 200
    row = INK.prepare(stroke(level=level, paper=paper))
    assert set(np.unique(row)) == {0, abs(level - paper)}


def test_the_polarity_can_be_told():
    frame = stroke(level=20, paper=120)
    assert ImageInput(fit="ink", ink="dark").prepare(frame).max() == 100
    assert not ImageInput(fit="ink", ink="light").prepare(frame).any()


def test_faint_specks_do_not_stretch_the_bounds():
    frame = stroke()
    clean = INK.prepare(frame)
    frame[0, 0] = frame[39, 39] = 31  # one eighth of 255
    assert (INK.prepare(frame) == clean).all()
    frame[0, 0] = 32
    assert (INK.prepare(frame) != clean).any()


def test_a_grainy_background_does_not_stretch_the_bounds():
    frame = stroke(90, 90, slice(25, 65), slice(40, 50))
    grain = np.random.default_rng(3).integers(0, 20, frame.shape).astype(np.uint8)
    ink = np.argwhere(image(INK.prepare(np.maximum(frame, grain))[0]) > 100)
    assert (np.ptp(ink, axis=0) + 1).tolist() == [20, 5]


def test_soft_edges_of_a_stroke_belong_to_it():
    frame = stroke(28, 28, slice(6, 22), slice(13, 16))
    frame[4:6, 13:16] = frame[22:24, 13:16] = 9
    assert (image(INK.prepare(frame)[0]) == frame).all()


def test_the_size_of_the_frame_is_kept_with_fit_none():
    frame = np.arange(784).astype(np.uint8).reshape(28, 28)
    row = ImageInput(ink="light").prepare(frame)
    assert (row == frame.reshape(1, -1)).all()
    assert not np.shares_memory(row, frame)
    assert (ImageInput(ink="dark").prepare(frame) == 255 - row).all()


def test_light_paper_is_turned_dark_without_fitting_too():
    frames = np.stack([stroke(28, 28), 255 - stroke(28, 28)])
    for fit in ("none", "stretch"):
        first, second = ImageInput(fit=fit).prepare(frames)
        assert (first == second).all()
        assert (first == frames[0].reshape(-1)).all()


def test_a_dark_frame_is_inverted_after_it_is_resized():
    one = ImageInput(1, 1, ink="dark", fit="stretch")
    assert one.prepare(np.array([[0, 1]], np.uint8)).tolist() == [[255]]  # the mean of 254 and 255 would be 254


def test_a_colour_network_gets_red_green_and_blue():
    frame = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    plain = ImageInput(6, 5, channels=3, ink="light")
    assert (plain.prepare(frame) == frame.reshape(1, -1)).all()
    assert (plain.prepare(frame[None]) == frame.reshape(1, -1)).all()
    assert (plain.prepare(frame[..., 0]).reshape(6, 5, 3) == frame[..., :1]).all()
    half = (
        ImageInput(3, 5, channels=3, ink="light", fit="stretch").prepare(np.repeat(frame, 2, axis=0)).reshape(3, 5, 3)
    )
    assert np.abs(half.astype(float) - frame.reshape(3, 2, 5, 3).mean(axis=1)).max() <= 0.5


def test_a_frame_may_come_as_another_array_type():
    class Picture:
        def __array__(self, dtype=None, copy=None):
            return stroke()

    wanted = INK.prepare(stroke())
    assert (INK.prepare(Picture()) == wanted).all()
    assert (INK.prepare(np.asfortranarray(stroke())) == wanted).all()
    assert (INK.prepare([stroke(), np.repeat(stroke()[..., None], 3, axis=2)]) == wanted).all()


def test_a_batch_is_told_from_one_frame_by_its_shape():
    shapes = {(5, 6): False, (5, 6, 3): False, (5, 6, 4): False, (5, 6, 7): True, (2, 5, 6, 3): True}
    assert {shape: INK.is_batch(np.zeros(shape, np.uint8)) for shape in shapes} == shapes
    assert INK.is_batch([np.zeros((5, 6), np.uint8)])
    narrow = np.zeros((5, 6, 3), np.uint8)
    assert INK.prepare(narrow).shape == (1, 784)
    assert INK.prepare(narrow, many=True).shape == (5, 784)


def test_a_large_photograph_needs_little_memory_beside_itself():
    frame = np.full((3000, 4000, 4), 255, np.uint8)
    frame[500:2500, 1500:3500, :3] = np.random.default_rng(0).integers(0, 120, (2000, 2000, 1))
    tracemalloc.start()
    try:
        row = INK.prepare(frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row.any()
    assert peak < 64e6  # the frame itself takes 48 MB, as float32 it would take 192


def test_scaling_is_what_the_spec_says_to_the_bit():
    rows = np.arange(256, dtype=np.uint8).reshape(1, 256)
    for mean, scale in [(0.0, 1 / 255), (33.3184, 0.0127)]:
        wanted = (rows.astype(np.float32) - np.float32(mean)) * np.float32(scale)
        prepared = ImageInput(16, 16, mean=mean, scale=scale)
        assert prepared.scale(rows).tobytes() == wanted.tobytes()
        out = np.empty((1, 256), np.float32)
        assert prepared.scale(rows, out) is out
        assert out.tobytes() == wanted.tobytes()
        assert prepared.transform(rows.reshape(16, 16)).dtype == np.float32


WRONG = [
    (None, "None came"),
    ("frame.png", "'frame.png' came"),
    ([], "a list of 0 came"),
    ([[0, 1], [1, 0]], r"frame 0: a list of 2 came.*numpy.asarray"),
    ([stroke(), None], "frame 1: None came"),
    ([stroke(), np.full((4, 4), np.nan)], "frame 1: .*values from nan to nan"),
    (np.zeros((0, 28), np.uint8), "wants images as arrays of pixels"),
    (np.zeros((0, 28, 28), np.uint8), "wants images as arrays of pixels"),
    (np.zeros(784, np.uint8), r"shape \(784,\) came.*model.forward"),
    (np.zeros((2, 3, 4, 5), np.uint8), "wants a frame h x w"),
    (np.zeros((2, 2, 2, 2, 3), np.uint8), "wants a frame h x w"),
    (np.uint8(3), "wants a frame h x w"),
    (np.array([["a"]]), "wants images as arrays of pixels"),
    (np.array([[None]]), "an object array of shape"),
    (np.zeros((4, 4), complex), "wants images as arrays of pixels"),
    (np.full((4, 4), np.nan), "values from (nan|inf)"),
    (np.full((4, 4), np.inf), "values from (nan|inf)"),
    (np.full((4, 4), -0.1), "values from -0.1 to -0.1"),
    (np.full((4, 4), 2.5), "values from 2.5 to 2.5"),
    (np.full((4, 4), 300.0), "values from 300 to 300"),
    (np.stack([np.full((5, 5), 0.7), np.full((5, 5), 200.0)]), "values from 0.7 to 200"),
    (np.zeros((4, 4), np.uint16), r"\(frame >> 8\)"),
    (np.eye(4, dtype=int), "values from 0 to 1 came"),
    (np.full((4, 4), 256), "from 256 to 256"),
    (np.full((4, 4), -1, np.int8), "from -1 to -1"),
]


@pytest.mark.parametrize(("raw", "message"), WRONG)
def test_what_is_no_frame_is_refused_in_one_sentence(raw, message):
    with pytest.raises(InputError, match=message) as caught:
        INK.prepare(raw)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        INK.transform(raw)


def test_another_size_is_refused_with_advice_when_nothing_fits_it():
    with pytest.raises(InputError, match=r"30 x 20 pixels came, but the model wants 28 x 28.*fit='stretch'"):
        ImageInput().prepare(np.zeros((30, 20), np.uint8))
    with pytest.raises(InputError, match=r"^frame 1: 30 x 20 pixels came"):
        ImageInput().prepare([np.zeros((28, 28), np.uint8), np.zeros((30, 20), np.uint8)])


def test_one_and_many_are_not_mixed_up():
    with pytest.raises(InputError):
        INK.prepare(stroke(), many=True)
    with pytest.raises(InputError):
        INK.prepare([stroke()], many=False)
    with pytest.raises(InputError):
        INK.prepare(np.zeros((2, 8, 8), np.uint8), many=False)


def test_floats_masks_and_whole_numbers_mean_the_same_as_bytes():
    frame = stroke(level=204)
    wanted = INK.prepare(frame)
    for same in (
        frame / 255,
        frame.astype(np.float32) / 255,
        frame.astype(float),
        frame.astype(int),
        frame.astype(np.int16),
    ):
        assert (INK.prepare(same) == wanted).all()
    assert (INK.prepare(frame > 0) == INK.prepare(stroke(level=255))).all()
    assert not INK.prepare(np.zeros((4, 4))).any()
    assert (INK.prepare(np.stack([frame / 1.0, frame * 0.0])) == [wanted[0], wanted[0] * 0]).all()


def test_a_spec_comes_back_as_the_same_input():
    for prepared in (INK, ImageInput(8, 9, 3, "light", "stretch", 4, "box", 1.5, -2.0), ImageInput(fit="none", box=28)):
        spec, tensors = prepared.spec()
        assert tensors == {}
        assert input_from_spec({**spec, "something": "newer"}, {}) == prepared


@pytest.mark.parametrize(
    ("key", "value"), [
        ("height", 0), ("height", 4097), ("height", 2**70), ("width", True), ("width", 28.0), ("width", "28"),
        ("width", None), ("channels", 2), ("channels", 3), ("ink", "grey"), ("ink", 1), ("fit", "crop"),
        ("centre", None), ("centre", "middle"), ("box", 29), ("box", 0), ("mean", float("nan")), ("mean", "0"),
        ("mean", None), ("scale", float("inf")), ("scale", 0), ("scale", True), ("scale", 1e39),
    ],
)  # fmt: skip
def test_a_spec_that_breaks_a_rule_is_refused(key, value):
    with pytest.raises(Invalid, match=r"header key input") as caught:
        input_from_spec({**INK.spec()[0], key: value}, {})
    assert key in str(caught.value) or key in ("box", "channels")


@pytest.mark.parametrize("key", sorted(set(INK.spec()[0]) - {"kind"}))
def test_a_spec_without_a_key_is_refused(key):
    spec = INK.spec()[0]
    del spec[key]
    with pytest.raises(Invalid, match=key):
        input_from_spec(spec, {})


def test_sizes_may_be_numpy_numbers():
    made = ImageInput(np.int64(9), np.int32(8), box=np.uint8(5), mean=np.float32(0.5), scale=np.float64(2))
    assert {type(value) for value in made.spec()[0].values()} == {str, int, float}


def test_an_input_of_too_many_numbers_is_refused():
    with pytest.raises(InputError, match="at most 1048576 numbers"):
        ImageInput(1025, 1024)
    assert ImageInput(1024, 1024).size == 2**20


@pytest.mark.parametrize("kind", [None, 3, "audio", []])
def test_an_unknown_kind_of_input_is_refused(kind):
    with pytest.raises(Invalid, match=r"input\.kind"):
        input_from_spec({"kind": kind}, {})


@pytest.mark.parametrize(
    "prepared",
    [INK, ImageInput(), ImageInput(ink="dark", fit="ink"), ImageInput(9, 7, 3, fit="stretch"), ImageInput(1, 1)],
)
def test_frames_for_a_self_test_come_from_the_spec_alone(prepared):
    frames = prepared.synthesise(5)
    assert (frames == prepared.synthesise(5)).all()
    rows = prepared.prepare(frames, many=True)
    assert rows.shape == (5, prepared.size)
    if prepared.size > 1:
        assert len(np.unique(rows, axis=0)) == 5
        assert rows.std() > 10


@settings(max_examples=30)
@given(frames_of_any_shape)
def test_an_input_is_not_changed_and_not_shared(frame):
    kept = frame.copy()
    for prepared in (INK, ImageInput(*frame.shape, ink="light"), ImageInput(4, 4, fit="stretch")):
        row = prepared.prepare(frame)
        row[:] = 7
        assert (frame == kept).all()


@pytest.mark.parametrize("centre", ["mass", "box"])
@pytest.mark.parametrize("ink", ["auto", "light", "dark"])
def test_a_frame_alone_gives_the_same_pixels_as_in_a_batch_whatever_it_holds(ink, centre):
    rng = np.random.default_rng(4)
    prepare = ImageInput(fit="ink", ink=ink, centre=centre)
    for height, width in [(28, 28), (1, 1), (2, 40), (61, 33), (120, 90)]:
        frames = np.full((12, height, width), 20, np.uint8)
        for at, frame in enumerate(frames):
            y, x = rng.integers(0, height), rng.integers(0, width)
            frame[y : y + 1 + at * height // 12, x : x + 1 + width // 5] = rng.integers(0, 256)
            if at % 3 == 1:
                frame += rng.integers(0, 12, frame.shape, np.uint8)  # grain
            if at % 2:
                frame[:] = 255 - frame
        batch = prepare.prepare(frames, True)
        np.testing.assert_array_equal(np.concatenate([prepare.prepare(frame, False) for frame in frames]), batch)
