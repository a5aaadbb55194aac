# SPDX-License-Identifier: Apache-2.0
from plasma_trainer.data import derive


def test_equal_arguments_give_equal_seeds_and_others_give_others() -> None:
    assert derive(0, "collect", 3) == derive(0, "collect", 3)
    seeds = {derive(s, p, i) for s in range(10) for p in ("collect", "fit") for i in range(10)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**31 for seed in seeds)
