"""Trackers: a module with `init`, `log` and `finish` is told what a training does, and never stops it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mlp_train
from mlp_train.errors import UsageError
from mlp_train.events import EpochEnd
from mlp_train.trackers import choose
from mlp_train.trackers.figures import epoch_figures

X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


class Recorder:
    """A tracker that keeps what it is called with; `fails` names the call at which it breaks, as in `log 2`."""

    def __init__(self, fails: str = "") -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.fails = fails

    def _called(self, name: str, words: Mapping[str, Any]) -> None:
        self.calls.append((name, words))
        if f"{name} {len(self.of(name))}" == self.fails:
            raise ConnectionError("the server is gone\nfor good")

    def of(self, name: str) -> list[Mapping[str, Any]]:
        return [words for called, words in self.calls if called == name]


class LikeWandb(Recorder):
    """`init`, `log` and `finish` with the words of wandb 0.31 that matter here."""

    def init(
        self,
        entity: str | None = None,
        project: str | None = None,
        dir: str | Path | None = None,  # noqa: A002
        id: str | None = None,  # noqa: A002
        name: str | None = None,
        config: dict[str, Any] | None = None,
        resume: bool | str | None = None,
    ) -> Any:
        words = {"project": project, "dir": dir, "id": id, "name": name, "config": config, "resume": resume}
        self._called("init", {key: value for key, value in words.items() if value is not None})
        return SimpleNamespace(id=id or "4f2a", name=name or "brave-sun-1", project=project)

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        self._called("log", {"data": data, "step": step, "commit": commit})

    def finish(self, exit_code: int | None = None) -> None:
        self._called("finish", {"exit_code": exit_code})


class Small(Recorder):
    """The least that a tracker can be."""

    def init(self, project: str) -> None:
        self._called("init", {"project": project})

    def log(self, metrics: dict[str, Any]) -> None:
        self._called("log", metrics)

    def finish(self) -> None:
        self._called("finish", {})


def trained(recorder: Recorder, **more: Any) -> mlp_train.Result:
    return mlp_train.fit(X, Y, epochs=3, hidden=8, reporters=[mlp_train.tracker(recorder, **more)])


def test_a_tracker_is_told_the_settings_every_epoch_and_the_result(tmp_path: Path) -> None:
    recorder = LikeWandb()
    result = trained(recorder, project="planes", name="try 3", folder=tmp_path / "there")
    (begun,) = recorder.of("init")
    assert (begun["project"], begun["name"], begun["dir"]) == ("planes", "try 3", str(tmp_path / "there"))
    assert begun["config"]["hidden"] == [8]
    assert begun["config"]["lr"] == 0.003, "what was chosen, where the setting leaves it open"
    assert begun["config"]["layers"] == "3 -> 8 relu, 8 -> 1 sigmoid"
    *epochs, final = recorder.of("log")
    assert [call["step"] for call in epochs] == [1, 2, 3]
    for call, told in zip(epochs, result.history, strict=True):
        assert call["data"]["valid/loss"] == told["valid_loss"]
        assert call["data"]["valid/accuracy"] == told["valid"]["accuracy"]
        assert call["data"]["layer2/gradient_norm"] == told["gradient_norms"][1]
    assert final["step"] == 3
    assert final["data"]["final/valid/roc_auc"] == result.metrics["valid"]["roc_auc"]
    assert recorder.of("finish") == [{"exit_code": 0}]


def test_a_tracker_is_given_those_words_alone_that_it_takes() -> None:
    recorder = Small()
    trained(recorder)
    assert recorder.of("init") == [{"project": "arrays"}]
    assert [call["epoch"] for call in recorder.of("log")] == [1, 2, 3, 3]
    assert recorder.of("finish") == [{}]


def test_the_project_comes_from_the_trackers_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = LikeWandb()
    recorder.__name__ = "keeper"  # type: ignore[attr-defined]
    monkeypatch.setenv("KEEPER_PROJECT", "planes")
    trained(recorder)
    assert recorder.of("init")[0]["project"] == "planes"


@pytest.mark.parametrize("fails", ["log 1", "log 2", "log 4", "finish 1"])
def test_a_tracker_that_fails_in_the_middle_costs_one_warning_and_nothing_else(fails: str) -> None:
    alone = mlp_train.fit(X, Y, epochs=3, hidden=8)
    recorder, said = LikeWandb(fails), []
    result = trained(recorder, warn=said.append)
    assert result.to_bytes() == alone.to_bytes()
    assert said == [
        "LikeWandb keeps no more figures (ConnectionError: the server is gone); the training goes on without it"
    ]
    assert recorder.calls[-1][0] == "finish", "even so, for what it has kept"
    assert len(recorder.of("log")) == (int(fails[-1]) if fails.startswith("log") else 4)


def test_without_anybody_to_tell_the_warning_is_pythons() -> None:
    with pytest.warns(RuntimeWarning, match="LikeWandb keeps no more figures") as caught:
        trained(LikeWandb("log 2"))
    assert len(caught) == 1


def test_a_tracker_that_cannot_begin_is_said_before_training_begins() -> None:
    recorder = LikeWandb("init 1")
    with pytest.raises(
        UsageError, match=r"^tracker 'LikeWandb' cannot begin \(ConnectionError: the server is gone\); "
    ):
        trained(recorder)
    assert [name for name, _ in recorder.calls] == ["init"]


class Mute(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError


class Sudden(BaseException):
    """An error that is none of the usual ones."""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (Sudden("boo"), "Sudden: boo"),
        (Mute(), "Mute: no message"),
        (ValueError("x" * 10**6), f"ValueError: {'x' * 500}"),
    ],
)
@pytest.mark.parametrize("at", ["init", "log", "finish"])
def test_no_tracker_ends_the_program(at: str, error: BaseException, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise error

    recorder, said = Small(), []
    monkeypatch.setattr(recorder, at, fails if at == "finish" else lambda *_: fails())
    if at == "init":
        with pytest.raises(UsageError) as caught:
            trained(recorder)
        assert str(caught.value) == f"tracker 'Small' cannot begin ({why}); mend that, or leave it out"
        return
    assert len(trained(recorder, warn=said.append).history) == 3
    assert said == [f"Small keeps no more figures ({why}); the training goes on without it"]


def test_ctrl_c_in_a_tracker_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    recorder = Small()
    monkeypatch.setattr(recorder, "init", pressed)
    with pytest.raises(KeyboardInterrupt):
        trained(recorder)


def test_a_tracker_that_takes_its_time_to_begin_takes_none_of_the_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float] = []
    waited = 0.0
    monkeypatch.setattr("mlp_train.trainer.time", SimpleNamespace(perf_counter=lambda: time.perf_counter() + waited))

    def slow(event: mlp_train.Event) -> None:
        nonlocal waited
        if isinstance(event, mlp_train.Started):
            waited += 5000
        if isinstance(event, EpochEnd):
            seconds.append(event.seconds)

    mlp_train.fit(X, Y, epochs=2, hidden=8, time_limit=1000.0, on_event=slow)
    assert len(seconds) == 2
    assert max(seconds) < 5000


def test_a_tracker_finishes_also_after_ctrl_c() -> None:
    recorder = LikeWandb()

    def pressed(event: mlp_train.Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mlp_train.fit(X, Y, epochs=3, hidden=8, reporters=[mlp_train.tracker(recorder)], on_event=pressed)
    assert recorder.of("finish") == [{"exit_code": 1}]


def test_a_tracker_serves_several_trainings_one_after_another() -> None:
    recorder = LikeWandb()
    tracker = mlp_train.tracker(recorder)
    for seed in (1, 2):
        mlp_train.fit(X, Y, epochs=1, hidden=8, seed=seed, reporters=[tracker])
    assert [call["config"]["seed"] for call in recorder.of("init")] == [1, 2]
    assert len(recorder.of("finish")) == 2


def test_a_reporter_of_ones_own_is_entered_called_and_left() -> None:
    seen: list[str] = []

    class Own:
        def __call__(self, event: mlp_train.Event) -> None:
            seen.append(type(event).__name__)

        def __enter__(self) -> Own:
            seen.append("entered")
            return self

        def __exit__(self, *raised: object) -> None:
            seen.append("left")

    mlp_train.fit(X, Y, epochs=2, hidden=8, reporters=[Own()])
    assert [one for one in seen if one != "Progress"] == [
        "entered",
        "Started",
        "EpochEnd",
        "EpochEnd",
        "Finished",
        "left",
    ]


def test_what_is_no_finite_number_is_left_out() -> None:
    event = EpochEnd(1, 9, float("nan"), 0.1, 1.0, 2.0, 16.0, gradient_norms=(1.0, float("inf")))
    assert epoch_figures(event) == {"lr": 0.1, "gradient_norm": 1.0, "seconds": 2.0, "layer1/gradient_norm": 1.0}


@pytest.mark.parametrize(
    ("named", "package", "says"),
    [
        ("tensorboard", "tensorboardX", "needs the tensorboardX package: pip install 'mlp-train[tensorboard]'"),
        ("trackio", "trackio", "needs the trackio package: pip install trackio"),
        ("wandb:planes", "wandb", "needs the wandb package: pip install wandb"),
    ],
)
def test_a_tracker_that_is_not_installed_says_what_to_install(
    named: str, package: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    with pytest.raises(UsageError) as caught:
        choose(named)
    assert str(caught.value) == f"tracker {named.partition(':')[0]!r} {says}"


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("trakio", "tracker 'trakio': there is no such module, did you mean 'trackio'?"),
        (
            "keeper",
            "tracker 'keeper': there is no such module; give tensorboard, trackio, wandb, or a module with init,",
        ),
        ("json", "tracker 'json': the module has no init and no log and no finish; give tensorboard,"),
        ("./keeper.py", "tracker './keeper.py': give tensorboard, trackio, wandb, or a module"),
        ("", "tracker '': give tensorboard,"),
        (
            "trackio:",
            "tracker 'trackio:': give tensorboard, trackio, wandb, or a module with init, log and finish, and",
        ),
    ],
)
def test_a_name_that_is_no_tracker_is_one_sentence_and_nobody_is_told_to_install_it(named: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(named)
    assert str(caught.value).startswith(says)
    assert "pip" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import no_such_helper", "tracker 'odd_keeper': it needs no_such_helper, which is not installed: install it"),
        (
            "1 / 0",
            "tracker 'odd_keeper': it cannot be imported (ZeroDivisionError: division by zero); mend or reinstall",
        ),
        ("init = log = print", "tracker 'odd_keeper': the module has no finish; give "),
        (
            "import sys; sys.exit(0)",
            "tracker 'odd_keeper': it cannot be imported (SystemExit: 0); mend or reinstall it",
        ),
        (
            "def __getattr__(name): raise RuntimeError(name)",
            "tracker 'odd_keeper': it cannot be used (RuntimeError: ",
        ),
    ],
)
def test_a_module_that_breaks_is_one_sentence(
    code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_keeper.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd_keeper", raising=False)
    with pytest.raises(UsageError) as caught:
        choose("odd_keeper")
    monkeypatch.delitem(sys.modules, "odd_keeper", raising=False)
    assert str(caught.value).startswith(says)
