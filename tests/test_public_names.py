"""What is public is a decision: a name that comes or goes here is a change that users will notice."""

from __future__ import annotations

import importlib

import pytest

PUBLIC = {
    "mlp_runtime": [
        "FEATURES",
        "FORMAT",
        "Damaged",
        "InputError",
        "Invalid",
        "MlpError",
        "Model",
        "ModelFileError",
        "NotAModel",
        "TooNew",
        "load",
        "register_activation",
    ],
    "mlp_data": [
        "ArchiveError",
        "DataError",
        "Dataset",
        "DecodeError",
        "Member",
        "OptionError",
        "Options",
        "Source",
        "Split",
        "Table",
        "TableError",
        "from_arrays",
        "load",
        "loader",
    ],
    "mlp_train": [
        "Control",
        "EpochEnd",
        "Event",
        "Finished",
        "FitConfig",
        "Progress",
        "Result",
        "Started",
        "Stopped",
        "evaluate",
        "fit",
        "register_activation",
        "register_loss",
        "register_optimizer",
        "tracker",
        "train",
    ],
    "mlp_train.importers": [
        "ForeignModelError",
        "Imported",
        "import_file",
        "keras",
        "onnx",
        "safetensors",
        "sklearn",
        "torch",
    ],
}


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_those_that_were_decided(package):
    module = importlib.import_module(package)
    assert sorted(set(module.__all__) - {"__version__"}) == sorted(PUBLIC[package])
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_thing_explains_itself(package):
    module = importlib.import_module(package)
    assert module.__doc__
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing) and isinstance(getattr(thing, "__doc__", None), str | None):
            assert thing.__doc__, f"{package}.{name} has no docstring"
