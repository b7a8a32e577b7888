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

import decoder
import fuzz_models
import models
import mutate

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


def test_forty_attacks_and_more_are_each_refused_in_a_sentence_of_their_own():
    assert len(models.REFUSED) >= 60
    said = set()
    for make, _ in models.REFUSED.values():
        with pytest.raises(mlp_runtime.ModelFileError) as caught:
            mlp_runtime.load(make())
        said.add(str(caught.value))
    assert len(said) >= 55


@pytest.mark.parametrize("path", sorted(mutate.CORPUS.glob("*.mlp")), ids=lambda path: path.stem)
def test_what_once_broke_the_reader_is_refused_or_taken_without_a_warning(path):
    fuzz_models.measured(path.read_bytes(), watch_memory=True)  # warnings are errors here


def test_the_same_number_makes_the_same_mutant_and_mutants_come_through():
    files = mutate.seeds()
    mutants = [mutate.mutant(number, files) for number in range(400)]
    assert mutants[:50] == [mutate.mutant(number, files) for number in range(50)]
    refusals = [fuzz_models.measured(data, watch_memory=False) for data in mutants]
    assert 5 < refusals.count("") < 100
    assert len(set(refusals)) > 50


def test_the_decoder_agrees_with_the_msgpack_package():
    counts, wrong = decoder.run(0, 4000)
    assert not wrong
    assert min(counts.values()) > 1000


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
