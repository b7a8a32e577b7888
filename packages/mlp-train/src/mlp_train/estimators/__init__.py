"""The trainer as scikit-learn's estimators, for pipelines, searches and everything else that speaks its language."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401  # the only place that says in a sentence that it is not there
except ModuleNotFoundError as error:
    raise ImportError(
        "MLPClassifier and MLPRegressor need scikit-learn, which is not installed: pip install 'mlp-train[sklearn]'"
    ) from error

from mlp_train.estimators.classifier import MLPClassifier
from mlp_train.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
