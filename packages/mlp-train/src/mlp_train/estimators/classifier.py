"""A network that tells classes apart, or which of several labels hold, as scikit-learn has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.estimators.base import Estimator, takes_small_steps, value_errors


class MLPClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """Tells classes apart by the features of a row; the parameters are those of `FitConfig`.

    See docs/scikit-learn.md for what else there is. Inputs are standardised inside.

    >>> xor, answers = [[0, 0], [0, 1], [1, 0], [1, 1]], ["same", "other", "other", "same"]
    >>> classifier = MLPClassifier(random_state=0).fit(xor, answers)
    >>> classifier.predict([[0, 1]]), classifier.classes_
    (array(['other'], dtype='<U5'), array(['other', 'same'], dtype='<U5'))
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: tuple[Any, ...] | None = None) -> Self:
        """Train on rows X (n, features) and classes y (n,), or labels (n, labels) of 0 and 1 of which several may hold.

        sample_weight: (n,), how much each row counts. validation_data: (X, y) or (X, y, sample_weight) that decide
        when to stop and which epoch's weights to keep, in place of rows held out of X.
        """
        goes_on = self.warm_start and hasattr(self, "model_")
        X, y = self._checked(X, y, reset=not goes_on)
        if not goes_on:
            self._learn_classes(y)
        elif y.ndim != 1 + self._many or not (self._many or np.array_equal(np.unique(y), self.classes_)):
            raise ValueError(
                f"warm_start goes on with the classes {self.classes_}, but y has {np.unique(y)}: give the same ones, "
                "or use partial_fit"
            )
        return self._fit(X, y, sample_weight, validation_data, goes_on, False)

    @available_if(takes_small_steps)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one pass over X and y with a constant learning rate, from where the training stands.

        classes: all that will ever occur, for the first call.
        """
        goes_on = hasattr(self, "model_")
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError("class_weight is 'balanced', but partial_fit does not see all samples: give a dict")
        X, y = self._checked(X, y, reset=not goes_on)
        if not goes_on:
            if classes is None and y.ndim == 1:
                raise ValueError("classes must be passed on the first call to partial_fit: all that will occur")
            self._learn_classes(y if y.ndim == 2 else np.asarray(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes are {np.unique(classes)}, but were {self.classes_} at first: leave them out")
        return self._fit(X, y, sample_weight, None, goes_on, True)

    def predict(self, X: Any) -> Array:
        """Return the class (n,) of each row, or 0 and 1 (n, labels) for each label."""
        rows = self._raw(X)
        if self._many:
            return (self.model_.predict_proba(rows, strict=True) >= np.float32(0.5)).astype(self._y_dtype)
        named, inverse = np.unique(self.model_.predict(rows, strict=True), return_inverse=True)
        index = {name: i for i, name in enumerate(self.model_.classes)}
        answers: Array = self.classes_[[index[name] for name in named.tolist()]][inverse]
        return answers

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class or label, float32 (n, classes)."""
        rows = self._raw(X)
        return np.asarray(self.model_.predict_proba(rows, strict=True))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class or label; -inf where that is 0."""
        with np.errstate(divide="ignore"):
            logs: Array = np.log(self.predict_proba(X))
        return logs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _learn_classes(self, y: Array) -> None:
        self._many = y.ndim == 2
        self._y_dtype = y.dtype
        self.classes_ = np.arange(y.shape[1]) if self._many else np.unique(y)

    def _fit(self, X: Array, y: Array, weight: Any, validation: Any, goes_on: bool, one_pass: bool) -> Self:
        names = _names(self.classes_)
        task = "multi-label" if self._many else "classification"
        with value_errors():
            parts = {"train": self._part(X, self._indices(y), weight)}
            if validation is not None:
                X, y = self._checked(validation[0], validation[1], reset=False)
                parts["valid"] = self._part(X, self._indices(y), *validation[2:] or (None,))
            self._train(parts, task=task, classes=names, goes_on=goes_on, one_pass=one_pass)
        return self

    def _indices(self, y: Array) -> Array:
        """Return which class each answer is; labels stay as they are."""
        if y.ndim != 1 + self._many:
            raise ValueError(f"y has the shape {y.shape}, which does not go with the classes {self.classes_}")
        if self._many:
            if y.shape[1] != len(self.classes_):
                raise ValueError(f"y has {y.shape[1]} labels, but there are {len(self.classes_)}: give the same ones")
            return y.astype(np.int64)
        found = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        strange = np.flatnonzero(self.classes_[found] != y)
        if len(strange):
            raise ValueError(f"y has {y[strange[0]]!r}, which is none of the classes {self.classes_}: name all of them")
        return found

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=reset, dtype=(np.float64, np.float32), multi_output=True)
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            return X, np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        return X, column_or_1d(y, warn=True)

    def _class_weight(self) -> Any:
        weights = super()._class_weight()
        if not isinstance(weights, Mapping):
            return weights
        names = dict(zip(self.classes_.tolist(), _names(self.classes_), strict=True))
        for label in weights:
            if label not in names:
                raise UsageError(f"class_weight names {label!r}, which is none of the classes {self.classes_}")
        return {names[label]: weight for label, weight in weights.items()}


def _names(classes: Array) -> tuple[str, ...]:
    """Return what the model file calls each class: 3 and 3.0 are both "3"."""
    return tuple(str(int(c) if isinstance(c, float) and c.is_integer() else c) for c in classes.tolist())
