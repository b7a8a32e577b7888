"""Estimators of scikit-learn: what a table or a vector can say is taken, the rest is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from import_cases import of, passengers, pipeline, quietly, scaled, table_steps

import mlp_runtime
import mlp_train as toolkit
from mlp_runtime.inputs import TableInput, VectorInput
from mlp_train import importers
from mlp_train.errors import ForeignModelError, UsageError

pytest.importorskip("sklearn", "1.7", reason="scikit-learn is not installed: pip install 'mlp-train[sklearn]'")


def rows(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(count, 4)) * [1, 10, 100, 0.1] + [0, 5, -3000, 1]
    return x, ((x[:, 0] > 0).astype(int) + (x[:, 1] > 5)).astype(int)


def logistic(**parameters: Any) -> Any:
    return of("linear_model", "LogisticRegression", **parameters)


def test_a_scaler_becomes_the_scaling_of_the_input() -> None:
    x, y = rows()
    model = importers.sklearn(scaled(logistic(), x, y)[0]).model
    assert isinstance(model.input, VectorInput)
    np.testing.assert_allclose(model.input.mean, x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(model.input.factor, 1 / x.std(axis=0), rtol=1e-6)


def test_classes_and_answers_are_those_of_the_estimator_on_its_own_rows() -> None:
    x, y = rows()
    estimator = scaled(logistic(), x, np.array(["low", "mid", "high"])[y])[0]
    model = importers.sklearn(estimator).model
    assert model.predict(x).tolist() == estimator.predict(x).tolist()
    np.testing.assert_allclose(model.predict_proba(x), estimator.predict_proba(x), atol=2e-6)


def test_the_names_of_a_data_frame_become_those_of_the_inputs() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = rows()
    made = importers.sklearn(scaled(logistic(), pandas.DataFrame(x, columns=list("abcd")), y)[0])
    assert made.model.input.names == ("a", "b", "c", "d")  # type: ignore[union-attr]


def test_a_table_takes_rows_by_name_with_gaps_and_texts() -> None:
    pytest.importorskip("pandas")
    frame, y = passengers()
    estimator = quietly(lambda: pipeline(table_steps(simple=False), logistic()).fit(frame, y))
    model = importers.sklearn(estimator).model
    assert isinstance(model.input, TableInput)
    assert [column.name for column in model.input.columns] == ["Age", "Fare", "Pclass", "Sex", "Port"]
    given = frame.astype(object).where(frame.notna(), None).to_dict("records")
    np.testing.assert_allclose(model.predict_proba(given), estimator.predict_proba(frame), atol=2e-6)
    assert model.predict({"Age": "40", "Fare": 7, "Pclass": 3, "Sex": "female", "Port": None}) in ("0", "1")


def test_a_missing_text_may_be_a_category_of_its_own() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"port": np.array(["S", "C", np.nan, "S", "C", np.nan] * 10, object)})
    y = np.array([0, 1, 1, 0, 1, 0] * 10)
    estimator = pipeline(of("preprocessing", "OneHotEncoder"), logistic()).fit(frame, y)
    model = importers.sklearn(estimator).model
    assert model.input.output_names == ("port=C", "port=S", "port is missing")  # type: ignore[union-attr]
    wanted = estimator.predict_proba(frame[:3])
    np.testing.assert_allclose(model.predict_proba([{"port": "S"}, {"port": "C"}, {"port": None}]), wanted, atol=2e-6)


def test_a_column_without_a_single_value_is_gone_as_in_scikit_learn() -> None:
    x, y = rows()
    x[:, 2] = np.nan
    fill = of("impute", "SimpleImputer", strategy="constant", fill_value=3.5, add_indicator=True)
    estimator = quietly(lambda: pipeline(fill, logistic()).fit(x, y))
    assert importers.sklearn(estimator).difference <= 2e-6
    estimator = quietly(lambda: pipeline(of("impute", "SimpleImputer"), logistic()).fit(x, y))
    assert importers.sklearn(estimator).difference <= 2e-6


def test_a_search_and_a_scaled_target_are_looked_into() -> None:
    x, y = rows()
    inner = pipeline(of("preprocessing", "StandardScaler"), logistic())
    search = of("model_selection", "GridSearchCV", estimator=inner, param_grid={"logisticregression__C": [1.0, 2.0]})
    assert importers.sklearn(search.fit(x, y)).difference <= 2e-6
    ridge = pipeline(of("preprocessing", "StandardScaler"), of("linear_model", "Ridge"))
    target = of(
        "compose", "TransformedTargetRegressor", regressor=ridge, transformer=of("preprocessing", "StandardScaler")
    )
    assert importers.sklearn(target.fit(x, x[:, 2] * 3 + 1e4)).difference <= 2e-6


def test_components_are_a_layer_of_their_own() -> None:
    x, y = rows()
    steps = of("preprocessing", "StandardScaler"), of("decomposition", "PCA", n_components=2, whiten=True)
    model = importers.sklearn(pipeline(*steps, logistic()).fit(x, y)).model
    assert [len(layer.bias) for layer in model.layers] == [2, 3]


def test_our_own_estimators_are_taken_with_the_steps_before_them() -> None:
    x, y = rows()
    ours = toolkit.MLPClassifier(hidden=(8,), epochs=5, random_state=0)
    estimator = pipeline(of("preprocessing", "MinMaxScaler"), ours).fit(x, y)
    model = importers.sklearn(estimator).model
    np.testing.assert_allclose(model.predict_proba(x), estimator.predict_proba(x), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda x, y: of("svm", "LinearSVC").fit(x, y), "estimator LinearSVC gives scores and no probabilities"),
        (lambda x, y: of("linear_model", "Perceptron").fit(x, y), "estimator Perceptron gives scores"),
        (lambda x, y: of("linear_model", "SGDClassifier").fit(x, y), "SGDClassifier has loss='hinge'"),
        (
            lambda x, y: of("linear_model", "SGDClassifier", loss="log_loss").fit(x, y),
            "SGDClassifier divides the probabilities of 3 classes",
        ),
        (
            lambda x, y: of("ensemble", "RandomForestClassifier", n_estimators=2).fit(x, y),
            "RandomForestClassifier is none",
        ),
        (lambda x, y: of("linear_model", "PoissonRegressor").fit(x, y), "PoissonRegressor is none that is read"),
        (
            lambda x, y: of("neural_network", "MLPRegressor", loss="poisson", max_iter=3).fit(x[:, :1], y),
            "MLPRegressor ends with 'exp' without a limit",
        ),
        (
            lambda x, y: pipeline(of("preprocessing", "PolynomialFeatures"), logistic()).fit(x, y),
            "the step 'polynomialf",
        ),
        (
            lambda x, y: pipeline(of("preprocessing", "Normalizer"), logistic()).fit(x, y),
            r"step 'normalizer' \(Normalizer\)",
        ),
        (
            lambda x, y: pipeline(of("preprocessing", "MinMaxScaler", clip=True), logistic()).fit(x, y),
            "clips what leaves",
        ),
        (
            lambda x, y: pipeline(of("impute", "SimpleImputer", missing_values=-1), logistic()).fit(x, y),
            "fills -1, but in a model file NaN and None alone are missing",
        ),
        (
            lambda x, y: pipeline(of("preprocessing", "StandardScaler"), of("impute", "SimpleImputer"), logistic()).fit(
                x, y
            ),
            "only raw cells can be filled",
        ),
        (
            lambda x, y: pipeline(of("preprocessing", "FunctionTransformer", func=np.abs), logistic()).fit(x, y),
            "a function of your own",
        ),
        (lambda x, y: logistic(), "LogisticRegression is not fitted yet"),
        (lambda x, y: pipeline(of("preprocessing", "StandardScaler"), logistic()), "StandardScaler is not fitted yet"),
        (lambda x, y: "a text", "is not fitted yet"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(make: Any, said: str) -> None:
    with pytest.raises(ForeignModelError, match=said):
        importers.sklearn(quietly(lambda: make(*rows())))


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (["a", " b"], {}, "has the category ' b'"),
        (["a", ""], {}, "has the category ''"),
        (["1.0", "2"], {}, "has the category '1.0'"),
        (["a", "b", "c"], {"min_frequency": 25}, "puts infrequent categories together"),
    ],
)
def test_texts_that_a_model_file_reads_otherwise_are_refused(
    values: list[str], options: dict[str, Any], said: str
) -> None:
    x = np.array([[value] for value in values * 20], object)
    estimator = pipeline(of("preprocessing", "OneHotEncoder", **options), logistic()).fit(x, np.arange(len(x)) % 2)
    with pytest.raises(ForeignModelError, match=said):
        importers.sklearn(estimator)


def test_a_class_derived_from_an_estimator_is_not_taken_for_it() -> None:
    from sklearn.linear_model import LogisticRegression

    class Mine(LogisticRegression):
        def predict_proba(self, X: Any) -> Any:
            return 1 - super().predict_proba(X)

    with pytest.raises(ForeignModelError, match="the estimator Mine is none that is read"):
        importers.sklearn(quietly(lambda: Mine().fit(*rows())))


def test_names_of_the_inputs_must_fit() -> None:
    x, y = rows()
    estimator = scaled(logistic(), x, y)[0]
    assert importers.sklearn(estimator, features=["p", "q", "r", "s"]).model.input.names == ("p", "q", "r", "s")  # type: ignore[union-attr]
    with pytest.raises(ForeignModelError, match="2 names came for the inputs, but there are 4"):
        importers.sklearn(estimator, features=["p", "q"])
    with pytest.raises(UsageError, match="features takes different names"):
        importers.sklearn(estimator, features=["p", "p", "q", "r"])


def test_a_model_file_that_was_saved_is_the_model(tmp_path: Any) -> None:
    x, y = rows()
    made = importers.sklearn(scaled(logistic(), x, y)[0])
    made.save(tmp_path / "net.mlp")
    assert mlp_runtime.load(tmp_path / "net.mlp").predict(x).tolist() == made.model.predict(x).tolist()
    assert made.model.meta["origin"]["last"] == "LogisticRegression"
