"""The estimators behave as scikit-learn's own do, and give nothing of the trainer up for it."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

import mlp_runtime
import mlp_train
from mlp_train import EpochEnd, FitConfig

pytest.importorskip("sklearn", "1.7", reason="scikit-learn is not installed: pip install 'mlp-train[sklearn]'")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlp_train import MLPClassifier, MLPRegressor

BOTH = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


def quick(kind=MLPClassifier, **options):
    return kind(**{"hidden": (8,), "epochs": 20, "random_state": 0, **options})


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.coefs_, b.coefs_, strict=True))


@BOTH
def test_every_setting_of_the_trainer_is_a_parameter_with_the_same_default(kind):
    parameters = {name: p.default for name, p in inspect.signature(kind).parameters.items()}
    own = {"random_state": None, "warm_start": False, "callbacks": None, "image_shape": None, "class_weight": None}
    settings = {name: field.default for name, field in FitConfig.model_fields.items() if name != "seed"}
    assert parameters == {**settings, **own}


def test_it_predicts_strings_with_their_probabilities(iris):
    X, y = iris
    model = MLPClassifier(random_state=0).fit(X, y)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(X, y) > 0.95
    assert np.array_equal(model.classes_[model.predict_proba(X).argmax(axis=1)], model.predict(X))
    assert np.allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@pytest.mark.parametrize("labels", [[3, -1, 10], [2.0, 3.0, 7.0], [True, False, True]])
def test_classes_come_back_as_they_were_given_and_in_scikit_learns_order(iris, labels):
    X, y = iris[0], np.array(labels)[load_iris().target]
    model = quick(epochs=60, lr=0.01).fit(X, y)
    assert np.array_equal(model.classes_, np.unique(labels))
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.6


def test_xor_needs_the_hidden_layer():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    assert MLPClassifier(random_state=1).fit(X, y).score(X, y) == 1.0
    assert MLPClassifier(hidden=(), random_state=1).fit(X, y).score(X, y) < 1.0


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "lbfgs"])
def test_digits_and_diabetes_are_learned_by_every_kind_of_optimizer(optimizer):
    X, y = load_digits(n_class=4, return_X_y=True)
    assert MLPClassifier(hidden=(32,), epochs=40, optimizer=optimizer, random_state=2).fit(X, y).score(X, y) > 0.97
    X, y = load_diabetes(return_X_y=True)
    assert MLPRegressor(hidden=(16,), epochs=150, optimizer=optimizer, random_state=2).fit(X, y).score(X, y) > 0.45


def test_the_loss_falls_and_is_told_for_every_epoch(iris):
    model = quick(lr=0.01).fit(*iris)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.history_) == 20
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert [w.shape for w in model.coefs_] == [(4, 8), (8, 3)]
    assert [b.shape for b in model.intercepts_] == [(8,), (3,)]


def test_the_same_random_state_gives_the_same_network_and_another_another(iris):
    assert same(quick().fit(*iris), quick().fit(*iris))
    assert not same(quick().fit(*iris), quick(random_state=1).fit(*iris))
    drawn = [quick(random_state=np.random.RandomState(5)).fit(*iris) for _ in range(2)]
    assert same(*drawn)


@BOTH
def test_parameters_are_looked_at_in_fit_and_the_sentence_names_the_wrong_one(kind):
    X, y = np.eye(4), [0, 1, 0, 1]
    for options, sentence in (
        ({"hidden": (-1,)}, "option 'hidden' cannot be"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm', did you mean 'adam'"),
        ({"dropout": 1.5}, "option 'dropout' cannot be 1.5"),
        ({"lr": float("nan")}, "option 'lr' cannot be nan"),
        ({"lr": np.float32("inf")}, "option 'lr' cannot be inf"),
        ({"batch_size": 10**20}, "option 'batch_size' cannot be 100000000000000000000: it is auto, full, or a whole"),
        ({"augment": "light"}, "option 'augment' has no effect"),
        ({"image_shape": (3, 3)}, "image_shape is"),
        ({"callbacks": ["print"]}, "cannot be called"),
    ):
        with pytest.raises(ValueError, match=sentence):
            kind(**options).fit(X, y)


@BOTH
def test_what_is_not_fitted_says_so(kind):
    with pytest.raises(NotFittedError):
        kind().predict([[1.0]])
    with pytest.raises(NotFittedError):
        kind().export("x.mlp")
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = kind().coefs_


@BOTH
def test_sparse_input_is_refused_with_the_way_out(kind):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="toarray"):
        kind().fit(sparse.csr_array(np.eye(4)), [0, 1, 0, 1])


def test_several_numbers_are_refused_with_the_way_out_and_a_column_is_taken_with_a_warning():
    X = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match="MultiOutputRegressor"):
        MLPRegressor().fit(X, X)
    with pytest.warns(DataConversionWarning):
        quick(MLPRegressor).fit(X, X[:, :1])


def test_integer_weights_are_the_same_as_repeated_rows():
    X, y = load_breast_cancer(return_X_y=True)
    X, y = X[:60], y[:60]
    weight = np.random.default_rng(0).integers(0, 4, 60)
    settings = {"batch_size": "full", "dtype": "float64", "valid_fraction": 0.0}
    weighted = quick(**settings).fit(X, y, sample_weight=weight)
    repeated = quick(**settings).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert np.allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)
    assert not np.allclose(weighted.predict_proba(X), quick(**settings).fit(X, y).predict_proba(X), atol=1e-3)


def test_a_class_that_weighs_more_is_answered_more_often():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    X, names = rng.normal(size=(300, 2)) + 0.5 * y[:, None], np.array(["common", "rare"])
    plain, heavy = (quick(class_weight=w).fit(X, names[y]) for w in (None, {"rare": 20.0}))
    assert (heavy.predict(X) == "rare").sum() > (plain.predict(X) == "rare").sum()
    with pytest.raises(ValueError, match="class_weight names 'rar'"):
        quick(class_weight={"rar": 2}).fit(X, names[y])


def test_several_labels_may_hold():
    X, y = make_multilabel_classification(n_samples=300, n_labels=2, random_state=0)
    model = MLPClassifier(random_state=0, epochs=60, valid_fraction=0.0).fit(X, y)
    assert model.predict(X).shape == model.predict_proba(X).shape == y.shape
    assert (model.predict(X) == y).mean() > 0.85
    with pytest.raises(ValueError, match="labels"):
        model.partial_fit(X, y[:, :3])


def test_partial_fit_goes_on_with_the_optimizer(iris):
    X, y = iris
    model = quick(optimizer="adam", lr=0.01)
    for _ in range(30):
        model.partial_fit(X, y, classes=np.unique(y))
    assert model.score(X, y) > 0.9
    assert model.n_iter_ == 30
    assert model._memory.steps == 30 * 5  # 150 rows in batches of 32
    restarted = pickle.loads(pickle.dumps(model))
    restarted._memory = None
    assert not same(restarted.partial_fit(X, y), model.partial_fit(X, y))


def test_partial_fit_wants_all_classes_first_and_no_others_later(iris):
    X, y = iris
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        quick().partial_fit(X, y)
    model = quick().partial_fit(X[:60], y[:60], classes=np.unique(y))
    assert model.partial_fit(X[100:], y[100:]).predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="at first"):
        model.partial_fit(X, y, classes=["a", "b"])
    with pytest.raises(ValueError, match="none of the classes"):
        model.partial_fit(X, np.array(["setosa", "tulip"] * 75))
    with pytest.raises(ValueError, match="balanced"):
        quick(class_weight="balanced").partial_fit(X, y, classes=np.unique(y))


@BOTH
def test_lbfgs_has_no_partial_fit(kind):
    assert not hasattr(kind(optimizer="lbfgs"), "partial_fit")
    assert hasattr(kind(), "partial_fit")


def test_a_pickled_estimator_goes_on_to_the_same_bits(iris):
    X, y = iris
    model = quick().partial_fit(X, y, classes=np.unique(y))
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert same(copy.partial_fit(X, y), model.partial_fit(X, y))


def test_warm_start_goes_on_and_a_cold_one_begins_anew(iris):
    X, y = iris
    warm, cold = quick(warm_start=True, epochs=5), quick(epochs=5)
    first = warm.fit(X, y).loss_curve_[0]
    assert warm.fit(X, y).loss_curve_[5] < first
    assert (warm.n_iter_, cold.fit(X, y).fit(X, y).n_iter_) == (10, 5)
    with pytest.raises(ValueError, match="warm_start goes on with the classes"):
        warm.fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="leave the layers as they were"):
        warm.set_params(hidden=(9,)).fit(X, y)


def test_two_warm_halves_are_one_whole_training_where_nothing_is_drawn(iris):
    X, y = iris
    settings = {"batch_size": "full", "schedule": "constant", "warmup": 0.0, "valid_fraction": 0.0}
    settings |= {"optimizer": "adam", "dtype": "float64", "lr": 0.01}
    halves = quick(warm_start=True, epochs=10, **settings).fit(X, y).fit(X, y)
    whole = quick(epochs=20, **settings).fit(X, y)
    assert np.allclose(halves.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert np.allclose(halves.loss_curve_, whole.loss_curve_)


@pytest.mark.parametrize("options", [{"optimizer": "lbfgs"}, {"average": "ema"}, {"average": "swa"}, {"lr": "auto"}])
def test_warm_start_works_with_everything_that_remembers(iris, options):
    model = quick(warm_start=True, **options).fit(*iris)
    before = model.loss_curve_[-1]
    assert model.fit(*iris).loss_curve_[-1] < before + 0.05
    assert model.set_params(optimizer="momentum", lr=None).fit(*iris).score(*iris) > 0.6


def test_training_ends_early_by_the_validation_data(iris):
    X, y = iris
    far = (X[::2], np.roll(y[::2], 25))  # wrong answers: it gets worse from the first epochs on
    model = quick(epochs=200, patience=3, lr=0.05).fit(X[1::2], y[1::2], validation_data=far)
    assert model.n_iter_ < 200
    assert "valid" in model.metrics_
    with pytest.raises(ValueError, match="none of the classes"):
        quick().fit(X, y, validation_data=(X, np.full(150, "tulip")))
    number = quick(MLPRegressor).fit(X, X[:, 0], validation_data=(X, X[:, 0], np.ones(150)))
    assert number.metrics_["valid"]["r2"] > 0


def test_callbacks_hear_every_event_and_may_stop(iris):
    heard = []

    def listen(event, control):
        heard.append(event)
        if isinstance(event, EpochEnd) and event.epoch == 3:
            control.stop("enough")

    assert quick(callbacks=listen).fit(*iris).n_iter_ == 3
    assert type(heard[0]).__name__ == "Started"
    assert type(heard[-1]).__name__ == "Finished"


def test_the_exported_file_gives_the_same_answers(iris, tmp_path):
    X, y = iris
    for model in (quick().fit(X, y), quick(MLPRegressor).fit(X, X[:, 0])):
        model.export(tmp_path / "model.mlp")
        loaded = mlp_runtime.load(tmp_path / "model.mlp")
        assert np.array_equal(loaded.predict(X, strict=True), model.predict(X))
    model.export(tmp_path / "small.mlp", weights="int8")
    assert mlp_runtime.load(tmp_path / "small.mlp").describe()["layers"][0]["dtype"] == "i1"


def test_rows_of_pixels_are_trained_on_as_images(tmp_path):
    X, y = load_digits(n_class=3, return_X_y=True)
    X = np.minimum(X * 16, 255)
    model = quick(image_shape=(8, 8), augment="light", hidden=(32,)).fit(X, y)
    assert model.score(X, y) > 0.9
    model.export(tmp_path / "digits.mlp")
    assert mlp_runtime.load(tmp_path / "digits.mlp").predict(X[0].reshape(8, 8).astype(np.uint8)) == "0"


def test_names_of_columns_are_kept_in_the_file(iris):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(iris[0], columns=["a", "b", "c", "d"])
    model = quick().fit(frame, iris[1])
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.model_.input.names == tuple("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
    line = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas").fit(frame, iris[1])
    assert line[-1].feature_names_in_.tolist() == list("abcd")


def test_pipelines_searches_and_calibration_take_it_as_their_own(iris):
    X, y = iris
    network = quick(epochs=80, lr=0.01, random_state=1)
    line = make_pipeline(StandardScaler(), network)
    assert cross_val_score(line, X, y, cv=3).mean() > 0.85
    search = GridSearchCV(line, {"mlpclassifier__hidden": [(4,), (16,)], "mlpclassifier__l2": np.logspace(-4, -3, 2)})
    assert search.fit(X, y).best_score_ > 0.85
    calibrated = CalibratedClassifierCV(network, cv=3).fit(X, y, sample_weight=np.ones(150))
    assert calibrated.score(X, y) > 0.85


def test_a_clone_has_the_parameters_and_nothing_learned(iris):
    model = quick(hidden=(5,)).fit(*iris)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "model_")


def test_a_training_that_diverges_says_where():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(mlp_train.errors.DivergedError, match="diverged at step"):
        MLPRegressor(optimizer="sgd", lr=1e6, activation="identity", random_state=0).fit(X, y)
