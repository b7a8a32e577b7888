"""What holds for the tests of every package: a machine that is busy is no reason for a test to fail."""

from importlib.util import find_spec

from hypothesis import settings

settings.register_profile("without a stopwatch", deadline=None)
settings.load_profile("without a stopwatch")

# Examples in docstrings run wherever their module can be imported; this one needs scikit-learn.
collect_ignore_glob = [] if find_spec("sklearn") else ["packages/mlp-train/src/mlp_train/estimators/*"]
