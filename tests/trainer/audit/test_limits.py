# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from plasma_trainer.audit import Limit, broken
from plasma_trainer.errors import UsageError


def test_an_observation_breaks_a_limit_on_either_side() -> None:
    limits = [Limit.of("1:-0.2:0.2"), Limit.of("0::5")]
    obs = torch.tensor([[0.0, 0.1], [0.0, -0.3], [-9.0, 0.0], [6.0, 0.0], [5.0, 0.2]])
    assert broken(limits, obs).tolist() == [False, True, False, True, False]
    assert broken(limits, obs[None]).shape == (1, 5)


@pytest.mark.parametrize("text", ["", "1", "1:2", "a:0:1", "1:0:b", "1:2:1", "-1:0:1"])
def test_a_limit_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        Limit.of(text)


def test_a_limit_on_what_is_not_observed_is_refused() -> None:
    with pytest.raises(UsageError, match="has 2 entries"):
        broken([Limit(2, 0.0, 1.0)], torch.zeros(3, 2))
