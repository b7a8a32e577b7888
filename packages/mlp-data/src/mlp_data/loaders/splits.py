"""The names of files and folders tell which part of the data is for training and which for the test."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",  # MNIST's own word: the test part has ten thousand images
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
}


@lru_cache(maxsize=1024)  # folders hold many files
def split_of(name: str) -> str | None:
    """Return the split that a path speaks of, the part nearest to the file first; None if it speaks of none.

    >>> split_of("mnist/t10k-images.idx3-ubyte"), split_of("data/train/7/1.png"), split_of("digits.csv")
    ('test', 'train', None)
    """
    for part in reversed(name.lower().split("/")):
        found = {_WORDS[word] for word in re.findall(r"[a-z]+(?:10k)?", part) if word in _WORDS}
        if len(found) == 1:
            return found.pop()
    return None
