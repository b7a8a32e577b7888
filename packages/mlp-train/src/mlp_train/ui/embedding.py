"""A map of the samples: points with thousands of coordinates are laid out on a plane, alike ones near each other."""

from __future__ import annotations

import importlib
import importlib.util

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import UsageError

MOST_NEIGHBOURS = 1000  # points for t-SNE, which takes some seconds for so many
_STEPS = 500  # of its descent, the first 250 with exaggerated attractions
_LARGEST = 1e12  # activations, whose products float32 still holds
_SPARE, _ROUNDS = 10, 7  # more of both, and the two directions are found more exactly


def principal(a: Array) -> tuple[Array, tuple[float, float]]:
    """Return the plane in which the rows of a (n, d) vary most: (n, 2), and the share of the variance on each axis.

    Principal components (PCA) by the singular value decomposition of what a few random directions see of `a`, refined
    in rounds (Halko, Martinsson and Tropp, 2011): a fraction of the time of the full decomposition. An axis points to
    where its largest coefficient is positive, so that the same rows always give the same map.

    >>> points, shares = principal(np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]]))
    >>> [round(share, 3) for share in shares], np.abs(points[0]).round(3).tolist()
    ([0.941, 0.059], [2.0, 0.5])
    """
    if not float(np.abs(a).max(initial=0)) < _LARGEST:  # NaN is not either
        raise UsageError("this layer's activations are too large to be laid out on a map: undo the last edits")
    centred = np.asarray(a, np.float32) - np.mean(a, axis=0, dtype=np.float64).astype(np.float32)
    whole = float(np.square(centred, dtype=np.float64).sum())
    size = min(2 + _SPARE, *centred.shape)
    seen = centred @ np.random.default_rng(0).standard_normal((centred.shape[1], size), np.float32)
    for _ in range(_ROUNDS):
        base = np.linalg.qr(seen)[0]
        seen = centred @ np.linalg.qr(centred.T @ base)[0]
    base = np.linalg.qr(seen)[0]
    _, spread, axes = np.linalg.svd(base.T @ centred, full_matrices=False)
    axes = axes[:2]
    axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1) < 0, -1, 1)
    points = np.zeros((len(a), 2), np.float32)
    points[:, : len(axes)] = centred @ axes.T
    shares = [float(value) ** 2 / whole if whole else 0.0 for value in spread[:2]]
    return points, (shares[0], shares[1] if len(shares) > 1 else 0.0)


def why_no_tsne() -> str | None:
    """Say in a sentence what t-SNE lacks here; None where it can be computed."""
    if importlib.util.find_spec("sklearn") is None:
        return "t-SNE needs scikit-learn, which is not installed: pip install 'mlp-train[map]'"
    return None


def neighbours(a: Array) -> Array:
    """Return (n, 2) in which near rows of a (n, d) stay near each other: t-SNE (van der Maaten and Hinton, 2008).

    It takes seconds, so give at most `MOST_NEIGHBOURS` rows. UsageError where scikit-learn is not installed.
    """
    lacking = why_no_tsne()
    if lacking:
        raise UsageError(lacking)
    if len(a) < 4 or not np.ptp(a, axis=0).any():  # nothing to tell apart: t-SNE would divide by no distance
        return principal(a)[0]
    manifold = importlib.import_module("sklearn.manifold")
    perplexity = min(30.0, (len(a) - 1) / 3)
    start = principal(a)[0]
    start = start / (start[:, 0].std() or 1.0) * 1e-4  # as van der Maaten starts: near the middle
    made = manifold.TSNE(perplexity=perplexity, init=start, max_iter=_STEPS, random_state=0)
    return np.asarray(made.fit_transform(np.asarray(a, np.float32)), np.float32)
