"""Reporters, fed with made-up events."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlp_train.errors import UsageError
from mlp_train.events import EpochEnd, Event, Finished, Progress, Started, Stopped
from mlp_train.reporters import MODES, make_reporter

COLOUR = re.compile(r"\x1b\[[0-9;]*[39]\d[0-9;]*m")
STARTED = Started(
    samples=100,
    valid_samples=10,
    layers=("4 -> 8 relu", "8 -> 2 softmax"),
    parameters=58,
    loss="cross-entropy",
    optimizer="adamw",
    lr=0.001,
    batch_size=32,
    batches=4,
    epochs=12,
    first_epoch=1,
    input="each feature is scaled",
)


def epoch(number: int, **changes: Any) -> EpochEnd:
    values: dict[str, Any] = {"loss": 0.5, "lr": 0.001, "gradient_norm": 1.0, "seconds": 2.0, "eta": 75.0} | changes
    return EpochEnd(epoch=number, epochs=12, valid_loss=0.4, valid={"accuracy": 0.875}, best=True, **values)


def finished() -> Finished:
    result: Any = SimpleNamespace(epoch=12, metrics={"valid": {"accuracy": 0.875}})
    return Finished(result)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(mode: str, *events: Event, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    with make_reporter(mode, stream) as reporter:
        for event in events:
            reporter(event)
    return stream.getvalue()


def test_an_epoch_is_one_line_with_loss_accuracy_and_time_left() -> None:
    said = shown("lines", STARTED, epoch(3), epoch(4))
    assert said.splitlines()[0] == (
        "epoch  3/12  loss 0.5000  valid loss 0.4000  valid accuracy 87.50 %  1:15 left  best"
    )
    assert len(said.splitlines()) == 2


def test_a_run_of_very_many_epochs_is_told_in_about_fifty_lines_and_the_last() -> None:
    many = [replace(epoch(number), epochs=1850) for number in range(1, 1851)]
    said = shown("lines", STARTED, *many, finished()).splitlines()
    assert 50 <= len(said) <= 52
    assert said[0].startswith("epoch   37/1850")
    assert said[-1].startswith("epoch 1850/1850")
    stopped = shown("lines", STARTED, *many[:400], Stopped("enough"), finished()).splitlines()
    assert stopped[-1].startswith("epoch  400/1850")
    assert len(shown("lines", *(replace(epoch(number), epochs=100) for number in range(1, 101))).splitlines()) == 100


def test_each_line_is_flushed_at_once() -> None:
    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Counting()
    shown("lines", epoch(1), epoch(2), stream=stream)
    assert stream.flushes >= 2


def test_numbers_instead_of_classes_show_their_own_metrics() -> None:
    event = EpochEnd(1, 9, 0.5, 0.001, 1.0, 2.0, 16.0, valid_loss=0.41, valid={"rmse": 3.25, "r2": 0.5})
    assert "valid RMSE 3.25  valid R2 0.5" in shown("lines", event)


def test_every_event_is_one_json_object_on_a_line() -> None:
    said = shown("json", STARTED, epoch(1), Stopped("enough"), finished())
    events = [json.loads(line) for line in said.splitlines()]
    assert [event["event"] for event in events] == ["Started", "EpochEnd", "Stopped", "Finished"]
    assert events[1]["valid"] == {"accuracy": 0.875}
    assert events[3]["metrics"] == {"valid": {"accuracy": 0.875}}


def test_infinity_becomes_null_because_json_has_no_such_number() -> None:
    (line,) = shown("json", epoch(1, loss=float("inf"), eta=float("nan"))).splitlines()
    event = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert event["loss"] is None
    assert event["eta"] is None


def test_off_shows_nothing() -> None:
    assert shown("off", STARTED, epoch(1), finished()) == ""


def test_the_bar_shows_epoch_loss_accuracy_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    said = shown("bar", STARTED, epoch(3), finished(), stream=Terminal())
    for part in ("epoch 3/12", "loss 0.5000", "valid accuracy 87.50 %", "1:15 left"):
        assert part in said


@pytest.mark.parametrize("width", [80, 120])
def test_the_bar_moves_within_an_epoch_and_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    on_its_way = Progress(epoch=4, epochs=12, share=0.5, loss=0.25, seconds=2.0, eta=3725.0)
    said = COLOUR.sub("", shown("bar", STARTED, epoch(3), on_its_way, stream=Terminal()))
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).splitlines()[-1].strip("\r")
    assert line.startswith("epoch 4/12 ")
    for part in ("loss 0.2500", "valid accuracy 87.50 %", "1:02:05 left"):
        assert part in line
    assert ("valid loss" in line) == (width == 120)
    assert len(line) <= width
    bar = re.findall("[━╸╺]+", line)[0]
    assert len(bar) >= 10
    assert bar.index("╺" if "╺" in bar else "╸") / len(bar) == pytest.approx(3.5 / 12, abs=0.1)


def test_what_does_not_fit_beside_the_bar_goes_last_metric_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    numbers = EpochEnd(1850, 1850, 0.5, 0.001, 1.0, 2.0, 3725.0, valid_loss=0.41, valid={"rmse": 12345.6, "r2": 0.5123})
    said = shown("bar", replace(STARTED, epochs=1850), numbers, stream=Terminal())
    assert "valid RMSE 1.235e+04" in said
    assert "valid R2" not in said
    assert "1:02:05 left" in said


def test_the_bar_has_no_colour_where_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    coloured = shown("bar", STARTED, epoch(3), stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown("bar", STARTED, epoch(3), stream=Terminal())
    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)


def test_the_cursor_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()

    def interrupted() -> None:
        with make_reporter("bar", stream) as reporter:
            reporter(STARTED)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_the_answer_is_not_moved_from_stdout_to_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with make_reporter("bar", Terminal()) as reporter:
        reporter(STARTED)
        print("the answer")
    assert capsys.readouterr().out == "the answer\n"


def test_auto_is_a_bar_at_a_terminal_and_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert type(make_reporter("auto", Terminal())).__name__ == "BarReporter"
    assert type(make_reporter("auto", io.StringIO())).__name__ == "LinesReporter"
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_reporter("auto", Terminal())).__name__ == "LinesReporter"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_that_is_named_exists(mode: str) -> None:
    shown(mode, STARTED, epoch(1), finished())


def test_an_unknown_mode_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown progress 'line', did you mean 'lines'\?"):
        make_reporter("line")
