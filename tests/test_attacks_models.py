"""Every hostile model file in attacks/ is refused in its own sentence, or what it says is kept from the terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

import mlp_runtime
from mlp_runtime.__main__ import main as runtime_main
from mlp_train.cli import main as train_main

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "attacks"))

import models

SECONDS = 1.0  # a ceiling for safety: the slowest takes a hundredth of it


@pytest.mark.parametrize("name", models.REFUSED)
def test_a_hostile_model_is_refused_with_what_is_wrong_in_it(name):
    make, words = models.REFUSED[name]
    data = make()
    began = time.process_time()
    with pytest.raises(mlp_runtime.ModelFileError) as caught:
        mlp_runtime.load(data)
    assert time.process_time() - began < SECONDS
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_honest_model_that_they_are_made_from_is_taken():
    assert mlp_runtime.load(models.honest()).predict([0.0, 0.0, 0.0]) in ("a", "b")


@pytest.mark.parametrize("name", models.TAKEN)
@pytest.mark.parametrize("run", [train_main, runtime_main], ids=["mlp-train", "mlp_runtime"])
def test_what_a_model_says_about_itself_cannot_steer_the_terminal(name, run, tmp_path, monkeypatch, capsys):
    (tmp_path / "odd.mlp").write_bytes(models.TAKEN[name]())
    np.save(tmp_path / "rows.npy", np.zeros((2, 3)))
    monkeypatch.chdir(tmp_path)
    for arguments in (["info" if run is runtime_main else "inspect", "odd.mlp"], ["predict", "odd.mlp", "rows.npy"]):
        monkeypatch.setattr(sys, "argv", ["mlp-train", *arguments])
        try:
            code = run(arguments) if run is runtime_main else run()
        except SystemExit as left:
            code = left.code
        out, err = capsys.readouterr()
        assert code == 0, err
        assert all(sign.isprintable() or sign in "\n\t" for sign in out + err)
