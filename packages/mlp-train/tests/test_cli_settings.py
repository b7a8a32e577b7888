"""Settings: defaults, then a TOML file, then the environment, then flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tomli_w

import mlp_data
from mlp_train.cli import app
from mlp_train.config import FitConfig, make_config
from mlp_train.errors import UsageError
from mlp_train.presets import resolve
from mlp_train.settings import DATA, KNOWN, RUN, SHOWN, gather, parse_toml, read_toml


def toml(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_place_is_stronger_than_the_one_before(tmp_path: Path) -> None:
    file = toml(tmp_path, "epochs = 1\nseed = 1\nlr = 0.5\n")
    settings = gather({"epochs": "3"}, file, {"MLP_TRAIN_EPOCHS": "2", "MLP_TRAIN_SEED": "2", "HOME": "/"})
    assert (settings.config.epochs, settings.config.seed, settings.config.lr) == (3, 2, 0.5)
    assert settings.config.optimizer == FitConfig().optimizer


def test_a_flag_that_is_not_given_hides_nothing(tmp_path: Path) -> None:
    settings = gather({"epochs": None, "drop": []}, toml(tmp_path, 'epochs = 7\ndrop = ["Ticket"]\n'))
    assert settings.config.epochs == 7
    assert settings.data == {"drop": ("Ticket",)}


def test_an_unknown_key_in_a_file_names_file_and_nearest(tmp_path: Path) -> None:
    file = toml(tmp_path, "epohs = 3\n")
    with pytest.raises(UsageError, match=r"settings.toml: unknown setting 'epohs', did you mean 'epochs'\?"):
        gather({}, file)


def test_an_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown setting 'MLP_TRAIN_EPOHS', did you mean 'MLP_TRAIN_EPOCHS'"):
        gather({}, None, {"MLP_TRAIN_EPOHS": "3"})


def test_a_bad_value_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^the environment: option 'epochs' cannot be 'many'"):
        gather({}, None, {"MLP_TRAIN_EPOCHS": "many"})
    with pytest.raises(UsageError, match=r"settings.toml: option 'momentum' cannot be 2"):
        gather({}, toml(tmp_path, "momentum = 2\n"))


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        ({"hidden": "128,64"}, "hidden", (128, 64)),
        ({"hidden": "32"}, "hidden", (32,)),
        ({"hidden": "none"}, "hidden", ()),
        ({"hidden": "auto"}, "hidden", "auto"),
        ({"activation": "relu, tanh"}, "activation", ("relu", "tanh")),
        ({"activation": "leaky-relu:0.2"}, "activation", "leaky-relu:0.2"),
        ({"batch_size": "full"}, "batch_size", "full"),
        ({"batch_size": "64"}, "batch_size", 64),
        ({"lr": "0.1"}, "lr", 0.1),
        ({"lr": "none"}, "lr", None),
        ({"patience": "5"}, "patience", 5),
    ],
)
def test_text_becomes_the_value_that_it_means(flags: dict[str, str], field: str, value: object) -> None:
    assert getattr(gather(flags).config, field) == value


@pytest.mark.parametrize(
    "flags",
    [
        {"hidden": "128,x"},
        {"hidden": "0"},
        {"batch_size": "-1"},
        {"lr": "fast"},
        {"lr": "nan"},
        {"seed": "1.5"},
        {"seed": "9223372036854775808"},
        {"epochs": "1000000001"},
        {"hidden": ",".join("4" * 101)},
        {"weights": "float8"},
        {"progress": "dots"},
        {"fit": "crop"},
        {"columns": ["Pclass"]},
        {"min_accuracy": "95"},
        {"min_accuracy": "nan"},
    ],
)
def test_a_value_that_cannot_be_is_one_sentence(flags: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        gather(flags)
    assert "\n" not in str(caught.value)
    assert next(iter(flags)) in str(caught.value)


@pytest.mark.parametrize("name", FitConfig.model_fields)
def test_a_wrong_value_is_told_what_it_may_be(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        make_config(**{name: {}})
    takes = FitConfig.model_fields[name].description
    assert str(raised.value) == f"option {name!r} cannot be {{}}: it is {takes}"


def test_columns_and_drop_take_lists_with_commas_and_repetition() -> None:
    settings = gather({"drop": ["Ticket,Cabin", "Name"], "columns": ["Pclass=category,a=b=number"]})
    assert settings.data == {"drop": ("Ticket", "Cabin", "Name"), "columns": {"Pclass": "category", "a=b": "number"}}


def test_the_effective_settings_are_complete_and_give_themselves_back(tmp_path: Path) -> None:
    source, plugin = tmp_path / "data.csv", tmp_path / "mine.py"
    source.write_text("a,b\n1,2\n", encoding="utf-8")
    flags = {
        "source": str(source),
        "plugin": [str(plugin)],
        "hidden": "8,4",
        "lr": "0.1",
        "drop": ["a"],
        "columns": ["b=number"],
        "target": "b",
        "weights": "int8",
    }
    effective = gather(flags).effective()
    assert set(FitConfig.model_fields) <= set(effective)
    saved = toml(tmp_path, tomli_w.dumps({key: value for key, value in effective.items() if value is not None}))
    assert gather({}, saved).effective() == effective


def test_paths_are_saved_so_that_they_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert gather({"source": "data.csv"}).effective()["source"] == str(tmp_path / "data.csv")
    assert gather({"source": "digits"}).effective()["source"] == "digits"


def test_numbers_and_names_have_as_many_dots_as_they_like() -> None:
    numbers = ", ".join(["0.25", "-1.5e-3", "+2.0"] * 10_000)
    names = "\n".join(f"[a{number}]\nweight = 'encoder.layers.{number}.fc1.weight'" for number in range(1000))
    assert len(parse_toml(f"mean = [{numbers}]\n{names}\n# {'.' * 1000}")["mean"]) == 30_000


@pytest.mark.parametrize("content", [b"epochs = = 3", b"\xff\xfe\x00", b"a=" + b"[" * 100_000, b"a." * 500_000])
def test_a_file_that_is_not_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"broken.toml: this is not TOML"):
        read_toml(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no file without an end")
def test_settings_without_an_end_are_refused() -> None:
    with pytest.raises(UsageError, match="/dev/zero: settings take no more than 1,048,576 bytes"):
        read_toml("/dev/zero")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: the system says"):
        read_toml(tmp_path / "none.toml")


def test_no_two_settings_share_a_name() -> None:
    assert len(set(KNOWN)) == len(RUN) + len(SHOWN) + len(DATA) + len(FitConfig.model_fields)


def fit_options() -> dict[str, str]:
    """The options of `fit`, and their help."""
    from typer.main import get_command

    command: object = get_command(app)
    fit = command.commands["fit"]  # type: ignore[attr-defined]
    return {param.opts[0]: getattr(param, "help", "") or "" for param in fit.params}


def test_every_setting_has_a_flag() -> None:
    assert {f"--{name.replace('_', '-')}" for name in KNOWN if name != "source"} <= set(fit_options())


def test_the_defaults_that_help_shows_are_the_real_ones() -> None:
    defaults = {**FitConfig().model_dump(), **RUN, **SHOWN}
    options = fit_options()
    for name, default in defaults.items():
        text = options.get(f"--{name.replace('_', '-')}", options.get("source", ""))
        shown = text.endswith(f"[{default}]")
        assert shown or default in (None, ()), f"{name}: {text!r} should end with [{default}]"


def test_a_preset_gives_way_to_what_is_said_and_decides_again_when_a_run_is_repeated(tmp_path: Path) -> None:
    first = gather({"preset": "best", "hidden": "9"})
    images = mlp_data.from_arrays(np.zeros((2, 8, 8), np.uint8), ["a", "b"])
    config = resolve(first.config, images)
    assert (config.hidden, config.augment) == ((9,), "strong")
    assert resolve(first.config, mlp_data.from_arrays([[0.0], [1.0]], ["a", "b"])).augment == "none"
    file = toml(tmp_path, tomli_w.dumps({key: value for key, value in first.effective().items() if value is not None}))
    assert resolve(gather({}, file).config, images) == config


def test_what_is_said_twice_of_a_class_or_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match=r"option 'class_weight' says two things of 'a', '1' and '2': leave one out"):
        gather({"class_weight": "a=1,b=3,a=2"})
    with pytest.raises(UsageError, match=r"option 'columns' says two things of 'a', 'number' and 'category'"):
        gather({"columns": ["a=number", "a=category"]})


@pytest.mark.parametrize(("said", "shown"), [("rare=", "rare="), ({"rare": -1, "b": 2}, "rare=-1,b=2")])
def test_weights_of_classes_are_shown_as_they_are_written(said: object, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        gather({"class_weight": said})
    assert str(caught.value).startswith(f"option 'class_weight' cannot be '{shown}': it is none, balanced, or weights")


def test_what_a_person_said_is_told_from_what_a_saved_file_says(tmp_path: Path) -> None:
    file = toml(tmp_path, "beta1 = 0.5\nmomentum = 0.9\n")
    said = gather({"weight_decay": "0.2", "target": "y"}, file, {"MLP_TRAIN_WARMUP": "0.05"}).said
    assert said == {"beta1", "weight_decay", "warmup"}
