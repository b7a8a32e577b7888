"""How much an archive may claim: real data sets for small networks stay far below, hostile ones do not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Caps on what is read; each is checked before memory or time is spent on it."""

    members: int = 200_000
    directory_bytes: int = 32 << 20  # a zip's list of members, which has to be read at once: 160 bytes each
    member_bytes: int = 1 << 30
    total_bytes: int = 4 << 30
    ratio: int = 200  # deflate reaches 1032 on zeros; MNIST reaches 5, number tables up to 30
    ratio_from: int = 1 << 20  # a smaller output can do no harm, whatever its ratio
    files: int = 1_000_000  # in a folder, whose owner put them there


LIMITS = Limits()
# For data that a person says are large: they are passed on part by part and never held as a whole.
STREAMED = Limits(member_bytes=1 << 42, total_bytes=1 << 42)
