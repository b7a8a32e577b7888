"""Toys are points on a plane that are made up: small enough to watch how a network bends a line between two colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import mlp_data
from mlp_data.dataset import Dataset
from mlp_train.array import Array

POINTS = 400
CLASSES = ("orange", "blue")  # as the page paints them
NOISE = 0.08

Made = tuple[Array, Array]  # x (n, 2), y (n,) of 0 and 1


def make_toy(name: str) -> Dataset:
    """Return the toy of this name, always with the same points.

    >>> make_toy("rings").classes, len(make_toy("spiral").train)
    (('orange', 'blue'), 400)
    """
    generator = np.random.default_rng(5)
    x, y = TOYS[name](generator)
    order = generator.permutation(len(x))
    labels = [CLASSES[one] for one in y[order]]
    return mlp_data.from_arrays(x[order].astype(np.float32), labels, classes=CLASSES, names=("x", "y"), name=name)


def _quadrants(generator: np.random.Generator) -> Made:
    """Opposite corners alike, as in XOR."""
    x = generator.uniform(0.08, 1.0, (POINTS, 2)) * generator.choice((-1.0, 1.0), (POINTS, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _rings(generator: np.random.Generator) -> Made:
    """A disc within a ring."""
    y = np.arange(POINTS) % 2
    radius = np.where(y == 1, generator.uniform(0.0, 0.45, POINTS), generator.uniform(0.65, 1.0, POINTS))
    angle = generator.uniform(0, 2 * np.pi, POINTS)
    x = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return x + generator.normal(0, NOISE / 2, x.shape), y


def _spiral(generator: np.random.Generator) -> Made:
    """Two arms around each other (Lang and Witbrock, 1988)."""
    y = np.arange(POINTS) % 2
    radius = np.linspace(0.05, 1.0, POINTS)
    angle = 1.6 * 2 * np.pi * radius + np.pi * y
    x = np.stack((radius * np.sin(angle), radius * np.cos(angle)), axis=1)
    return x + generator.normal(0, NOISE / 4, x.shape), y


def _clouds(generator: np.random.Generator) -> Made:
    """Two clouds that a straight line tells apart."""
    y = np.arange(POINTS) % 2
    return generator.normal(0, 0.28, (POINTS, 2)) + np.where(y == 1, 0.5, -0.5)[:, None], y


TOYS: dict[str, Callable[[np.random.Generator], Made]] = {
    "quadrants": _quadrants,
    "rings": _rings,
    "spiral": _spiral,
    "clouds": _clouds,
}
