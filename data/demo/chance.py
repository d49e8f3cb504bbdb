"""Seeded chance: one independent stream for each part of the school, and the draws the parts share."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FAR = 2**62  # a clock second that never comes: what has not happened by any day


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """Return the stream of one part: a change in one part leaves the dice of all others as they fell."""
    return np.random.default_rng([seed % 2**32, zlib.crc32(repr(labels).encode())])


def draw_weighted(rng: np.random.Generator, weights: Sequence[float] | Array, size: int) -> Array:
    """Draw positions 0..n-1 with the given weights, which need not sum to one."""
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    drawn = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return np.asarray(np.minimum(drawn, len(cumulative) - 1))


def draw_even(rng: np.random.Generator, shares: Array) -> Array:
    """Draw yes or no for each share so that the yeses add up to the sum of shares within one.

    Independent draws would make terms differ by chance as much as the school improves in a year.
    """
    order = rng.permutation(len(shares))
    steps = np.floor(np.cumsum(shares[order]) + rng.random())
    chosen = np.empty(len(shares), dtype=bool)
    chosen[order] = np.diff(steps, prepend=0) > 0
    return chosen


def share_out(count: int, weights: Sequence[float]) -> list[int]:
    """Share count seats by weight, highest averages, at least one each; more sharers than seats get one each."""
    seats = [1] * len(weights)
    for _ in range(count - len(weights)):
        best = max(range(len(weights)), key=lambda i: weights[i] / (seats[i] + 1))
        seats[best] += 1
    return seats
