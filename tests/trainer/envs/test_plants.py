# SPDX-License-Identifier: Apache-2.0
import pytest

from plasma_trainer.envs import make_plant, step_limit
from plasma_trainer.errors import UsageError


def test_refuses_an_unknown_environment() -> None:
    with pytest.raises(UsageError, match="NoSuchEnv"):
        make_plant("NoSuchEnv-v0")


def test_refuses_an_unknown_variant_and_says_what_one_is() -> None:
    with pytest.raises(UsageError, match="nominal, reversed, or NAME=VALUE"):
        make_plant("CartPole-v1", "sideways")


def test_refuses_observations_that_are_not_a_flat_box() -> None:
    with pytest.raises(UsageError, match="flat Box"):
        make_plant("Blackjack-v1")


def test_the_step_limit_is_the_registered_one() -> None:
    assert step_limit(make_plant("CartPole-v1")) == 500
