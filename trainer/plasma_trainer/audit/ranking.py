# SPDX-License-Identifier: Apache-2.0
"""Which of several policies is better, and how sure one may be: the measures of rliable (Agarwal et al., 2021).

Shapes: P policies, E episodes; `returns` [P, E], where column e is the same start for every policy. All resampling is
of columns, so that the luck of a start, which all policies share, does not blur their order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr, trim_mean

RESAMPLES = 2000
INTERVAL = (0.025, 0.975)  # of every interval here: 95 %


@dataclass(frozen=True)
class Standing:
    """A policy among others. Rank 1 is the best; intervals are those of a bootstrap."""

    iqm: float
    iqm_interval: tuple[float, float]
    rank: int
    rank_interval: tuple[int, int]


def iqm(returns: np.ndarray) -> np.ndarray:
    """[..., E] -> [...]: the mean of the middle half, which a few odd episodes do not move."""
    return np.asarray(trim_mean(returns, 0.25, axis=-1))


def probability_of_improvement(first: np.ndarray, second: np.ndarray) -> float:
    """That an episode [E] of the first policy earns more than one [F] of the second; ties count half."""
    difference = np.subtract.outer(first, second)
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def standings(returns: np.ndarray, seed: int) -> list[Standing]:
    """How each row of returns [P, E] stands."""
    scores, ranks = iqm(returns), _ranks(iqm(returns))
    resampled = _resampled(returns, seed)  # [R, P]
    score_low, score_high = np.quantile(resampled, INTERVAL, axis=0)
    rank_low, rank_high = np.quantile(
        _ranks(resampled), INTERVAL, axis=0, method="inverted_cdf"
    ).astype(int)
    return [
        Standing(
            float(scores[p]),
            (float(score_low[p]), float(score_high[p])),
            int(ranks[p]),
            (int(rank_low[p]), int(rank_high[p])),
        )
        for p in range(len(returns))
    ]


def stability(returns: np.ndarray, seed: int) -> float:
    """Rank correlation of the order on one random half of the episodes with that on the other, on average."""
    generator = np.random.default_rng(seed)
    half = returns.shape[1] // 2
    found = []
    for _ in range(200):
        order = generator.permutation(returns.shape[1])
        first, second = (iqm(returns[:, part]) for part in (order[:half], order[half:]))
        found.append(rank_correlation(first, second))
    return float(np.mean(found))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's, of two scores [P] of the same policies. Where one tells none apart: 1 if neither does, else 0."""
    flat = [np.ptp(scores) == 0 for scores in (first, second)]
    if any(flat):
        return float(all(flat))
    return float(spearmanr(first, second).statistic)


def _resampled(returns: np.ndarray, seed: int) -> np.ndarray:
    """[R, P]: IQMs of RESAMPLES draws of columns, with replacement."""
    generator = np.random.default_rng(seed)
    columns = generator.integers(returns.shape[1], size=(RESAMPLES, returns.shape[1]))
    return np.stack([iqm(row[columns]) for row in returns], axis=1)


def _ranks(scores: np.ndarray) -> np.ndarray:
    """[..., P] -> [..., P] int: 1 for the highest; equals share the better rank."""
    return np.asarray(rankdata(-scores, method="min", axis=-1)).astype(int)
