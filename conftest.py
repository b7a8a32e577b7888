"""What holds for the tests of every package: neither a busy machine nor chance is a reason for a test to fail."""

import signal
from importlib.util import find_spec

from hypothesis import settings

# What a script starts in the background ignores Ctrl-C, and its children would too, which tests press it on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whoever looks for what these examples do not find asks for others: pytest --hypothesis-profile=others
settings.register_profile("others", deadline=None)
settings.register_profile("the same each time", deadline=None, derandomize=True)
settings.load_profile("the same each time")

# Examples in docstrings run wherever their module can be imported; this one needs scikit-learn.
collect_ignore_glob = [] if find_spec("sklearn") else ["packages/mlp-train/src/mlp_train/estimators/*"]
