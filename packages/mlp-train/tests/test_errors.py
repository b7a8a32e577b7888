from __future__ import annotations

import pytest

import mlp_data.errors
import mlp_runtime.errors
import mlp_train.errors
from mlp_runtime.errors import MlpError
from mlp_train.errors import BUG, exit_code

PURE_ROOTS = {"MlpError", "TrainError"}  # raised by nobody


@pytest.mark.parametrize("module", [mlp_runtime.errors, mlp_data.errors, mlp_train.errors])
def test_no_error_of_the_toolkit_counts_as_a_bug(module: object) -> None:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, MlpError)]
    assert kinds
    assert [kind for kind in kinds if exit_code(kind("...")) == BUG and kind.__name__ not in PURE_ROOTS] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (mlp_train.errors.UsageError(), 2),
        (mlp_data.errors.ArchiveError(), 3),
        (mlp_runtime.errors.InputError(), 3),
        (mlp_runtime.errors.TooNew(), 4),
        (mlp_train.errors.GoalMissed(), 5),
        (mlp_train.errors.OutputError(), 6),
        (mlp_train.errors.DivergedError(), 7),
        (KeyboardInterrupt(), 130),
        (ValueError(), 1),
    ],
)
def test_every_cause_has_the_exit_code_that_the_documents_promise(error: BaseException, code: int) -> None:
    assert exit_code(error) == code
