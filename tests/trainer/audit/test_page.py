# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest
import torch

from plasma_trainer.audit import Evidence, Flight, page, worst_paths
from plasma_trainer.data import Paths
from tests.trainer.reports import a_canary, a_report

STEPS, COUNT, SIZE = 40, 5, 3


def paths(ends_at: int) -> Paths:
    """Path b ends in step `ends_at`, and its world doubts b times as much as that of path 1."""
    generator = torch.Generator().manual_seed(0)
    obs = torch.randn(STEPS, COUNT, SIZE, generator=generator)
    terminated = torch.zeros(STEPS, COUNT, dtype=torch.bool)
    terminated[ends_at] = True
    doubt = torch.arange(float(COUNT)).expand(STEPS, COUNT).clone()
    doubt[ends_at + 1 :] = 100.0 * (
        COUNT - torch.arange(float(COUNT))
    )  # a life later, it is the reverse
    reward, action = torch.ones(STEPS, COUNT), torch.zeros(STEPS, COUNT, dtype=torch.int64)
    return Paths(obs, action, reward, obs, terminated, torch.zeros_like(terminated), doubt)


def evidence(flight: bool) -> Evidence:
    rolled = paths(ends_at=20)
    worst = worst_paths(rolled)
    real, phantom = torch.randn(50, SIZE), rolled.obs.flatten(0, 1)
    doubted = torch.zeros(STEPS, len(worst), dtype=torch.bool)
    flights = [Flight(np.zeros((31, SIZE)), np.ones(30), rolled)] if flight else []
    return Evidence(real, phantom, phantom[:, 0] > 1, rolled, worst, doubted, flights)


@pytest.mark.parametrize("flown", [True, False])
def test_the_page_says_the_verdict_and_needs_nothing_but_itself(flown: bool) -> None:
    canary = a_canary(30.0) if flown else None
    report = a_report(disagreement_share=0.7, canary=canary, order=0.25)
    text = page("CartPole-v1, <reversed>", report, evidence(flown))
    assert ("failed" if flown else "unverified") in text
    assert ("was promised 500.0 and earned 30.0" in text) == flown
    assert "rank correlation 0.25" in text
    assert "&lt;reversed&gt;" in text
    assert text.count("data:image/png;base64,") == 3
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    over = re.findall(r"<tr class=over><td>(\w+)", text)
    assert over == ["disagreement_share"] + ["canary_gap"] * flown


def test_the_worst_paths_are_judged_by_their_first_life() -> None:
    assert worst_paths(paths(ends_at=20)) == [4, 3, 2]
