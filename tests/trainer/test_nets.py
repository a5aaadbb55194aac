# SPDX-License-Identifier: Apache-2.0
import torch
from torch import nn

from plasma_trainer.nets import Normalizer, member_mlp


def test_refitting_a_normalizer_does_not_change_the_function_behind_it() -> None:
    torch.manual_seed(0)
    normalizer, linear = Normalizer(3, clip=10.0), nn.Linear(3, 5)
    normalizer.fit(torch.tensor([1.0, 0.0, -2.0]), torch.tensor([2.0, 1.0, 0.5]))
    x = torch.randn(64, 3)
    before = linear(normalizer(x))
    normalizer.refit_before(linear, torch.tensor([0.5, 0.1, -1.0]), torch.tensor([1.0, 3.0, 2.0]))
    torch.testing.assert_close(linear(normalizer(x)), before, atol=1e-5, rtol=1e-5)


def test_a_constant_input_is_passed_through_unscaled() -> None:
    normalizer = Normalizer(1, clip=10.0)
    normalizer.fit(torch.tensor([3.0]), torch.tensor([0.0]))
    assert normalizer(torch.tensor([3.5])).item() == 0.5


def test_members_do_not_see_each_other() -> None:
    net = member_mlp(members=3, inputs=2, hidden=8, outputs=1)
    x = torch.randn(3, 4, 2)
    changed = x.clone()
    changed[1] += 1.0
    same = (net(x) == net(changed)).flatten(1).all(1)
    assert same.tolist() == [True, False, True]
