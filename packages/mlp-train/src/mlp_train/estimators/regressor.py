"""A network that predicts a number, as scikit-learn has it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from mlp_train.array import Array
from mlp_train.estimators.base import Estimator, takes_small_steps, value_errors


class MLPRegressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts one number from the features of a row; the parameters are those of `FitConfig`.

    See docs/scikit-learn.md for what else there is. Inputs and target are standardised inside.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> regressor = MLPRegressor(hidden=(16,), random_state=0).fit(x, x[:, 0] ** 2)
    >>> bool(regressor.score(x, x[:, 0] ** 2) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: tuple[Any, ...] | None = None) -> Self:
        """Train on rows X (n, features) and numbers y (n,).

        sample_weight: (n,), how much each row counts. validation_data: (X, y) or (X, y, sample_weight) that decide
        when to stop and which epoch's weights to keep, in place of rows held out of X.
        """
        return self._fit(X, y, sample_weight, validation_data, self.warm_start and hasattr(self, "model_"), False)

    @available_if(takes_small_steps)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one pass over X and y with a constant learning rate, from where the training stands."""
        return self._fit(X, y, sample_weight, None, hasattr(self, "model_"), True)

    def predict(self, X: Any) -> Array:
        """Return the number (n,) of each row."""
        rows = self._raw(X)
        return np.asarray(self.model_.predict(rows, strict=True))

    def _fit(self, X: Any, y: Any, weight: Any, validation: Any, goes_on: bool, one_pass: bool) -> Self:
        X, y = self._checked(X, y, reset=not goes_on)
        with value_errors():
            parts = {"train": self._part(X, y, weight)}
            if validation is not None:
                X, y = self._checked(validation[0], validation[1], reset=False)
                parts["valid"] = self._part(X, y, *validation[2:] or (None,))
            self._train(parts, task="regression", classes=None, goes_on=goes_on, one_pass=one_pass)
        return self

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=reset, dtype=(np.float64, np.float32), y_numeric=True, multi_output=True)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y has {y.shape[1]} columns, but the network predicts one number: give one column, or put it into "
                "sklearn.multioutput.MultiOutputRegressor"
            )
        return X, column_or_1d(y, warn=True).astype(np.float64)
