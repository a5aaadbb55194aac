# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import torch
from gymnasium import spaces
from peft import PeftModel
from safetensors.torch import load_file
from torch import nn

from plasma_trainer.errors import UsageError
from plasma_trainer.policies import (
    Lora,
    Merging,
    MlpPolicy,
    greedy_act,
    merged,
    save_adapter,
    with_adapter,
    with_rank,
)


def base_policy() -> MlpPolicy:
    torch.manual_seed(0)
    return MlpPolicy(4, spaces.Discrete(2))


def moved(adapted: nn.Module) -> nn.Module:
    """As if trained: every trainable parameter at a new place."""
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
    return adapted


def test_an_adapter_starts_by_changing_nothing() -> None:
    base = base_policy()
    obs = torch.randn(16, 4)
    assert torch.equal(with_adapter(base, Lora())(obs), base(obs))


def test_only_the_adapter_is_trainable() -> None:
    adapted = with_adapter(base_policy(), Lora())
    trainable = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert len(trainable) == 9  # A, B and the bias of B, for each of three layers
    assert all("lora_" in name for name in trainable)


def test_the_base_that_was_adapted_is_left_as_it_was() -> None:
    base = base_policy()
    before = {name: value.clone() for name, value in base.state_dict().items()}
    moved(with_adapter(base, Lora()))
    assert before.keys() == base.state_dict().keys()
    assert all(torch.equal(value, base.state_dict()[name]) for name, value in before.items())


def test_peft_reads_back_what_was_saved(tmp_path: Path) -> None:
    base = base_policy()
    adapted = moved(with_adapter(base, Lora()))
    save_adapter(adapted, tmp_path / "adapter")
    assert {"adapter_model.safetensors", "adapter_config.json"} <= {
        path.name for path in (tmp_path / "adapter").iterdir()
    }
    obs = torch.randn(16, 4)
    loaded = PeftModel.from_pretrained(base_policy(), str(tmp_path / "adapter"))
    torch.testing.assert_close(loaded(obs), adapted(obs))
    assert not torch.allclose(loaded(obs), base(obs), atol=1e-3)


def test_a_saved_adapter_has_bias_deltas_and_rank_8(tmp_path: Path) -> None:
    save_adapter(with_adapter(base_policy(), Lora()), tmp_path / "adapter")
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    shapes = {name.removeprefix("base_model.model."): list(t.shape) for name, t in tensors.items()}
    assert shapes["net.0.lora_A.weight"] == [8, 4]
    assert shapes["net.2.lora_B.weight"] == [256, 8]
    assert shapes["net.4.lora_B.bias"] == [2]


def test_an_adapter_has_the_rank_and_the_targets_that_were_asked_for(tmp_path: Path) -> None:
    lora = Lora(rank=2, alpha=4.0, targets=("net.0", "net.4"))
    save_adapter(with_adapter(base_policy(), lora), tmp_path / "adapter")
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    shapes = {name.removeprefix("base_model.model."): list(t.shape) for name, t in tensors.items()}
    assert shapes["net.0.lora_A.weight"] == [2, 4]
    assert shapes["net.4.lora_B.weight"] == [2, 2]
    assert not any(name.startswith("net.2") for name in shapes)


def test_refuses_a_target_that_the_policy_does_not_have() -> None:
    with pytest.raises(UsageError, match=r"found target net\.9; expected some of net\.0, net\.2"):
        with_adapter(base_policy(), Lora(targets=("net.9",)))


def test_dropout_is_for_learning_alone() -> None:
    adapted = moved(with_adapter(base_policy(), Lora(dropout=0.5)))
    obs = torch.randn(16, 4)
    assert torch.equal(adapted(obs), adapted(obs))
    adapted.train()
    assert not torch.equal(adapted(obs), adapted(obs))


def test_cutting_the_rank_keeps_what_was_of_that_rank() -> None:
    base, lora = base_policy(), Lora(rank=8, alpha=16.0)
    adapted = moved(with_adapter(base, lora))
    for name, parameter in adapted.named_parameters():
        if "lora_A" in name:
            parameter.data[2:] = 0.0
    obs = torch.randn(16, 4)
    torch.testing.assert_close(with_rank(base, adapted, lora, 2)(obs), adapted(obs))
    torch.testing.assert_close(with_rank(base, adapted, lora, 4)(obs), adapted(obs))
    assert not torch.allclose(with_rank(base, adapted, lora, 1)(obs), adapted(obs), atol=1e-3)


def test_the_act_function_merges_a_copy_and_acts_as_before() -> None:
    adapted = moved(with_adapter(base_policy(), Lora()))
    obs = torch.randn(64, 4)
    with torch.no_grad():
        logits = adapted(obs)
    act = greedy_act(adapted)
    assert [act(row) for row in obs.numpy()] == logits.argmax(-1).tolist()
    assert torch.equal(adapted(obs), logits)


def test_ties_keep_the_largest_and_drop_what_is_outvoted() -> None:
    """Trimmed: the last entries. Outvoted: 1 by -3. The rest is averaged (Yadav et al., 2023, figure 1)."""
    changes = [torch.tensor([4.0, 1.0, -2.0, 0.1]), torch.tensor([2.0, -3.0, -2.0, -0.2])]
    one = Merging((1.0, 1.0), "ties", density=0.75).of(changes)
    assert one.tolist() == [3.0, -3.0, -2.0, 0.0]


def test_dare_drops_at_random_and_makes_up_for_it() -> None:
    torch.manual_seed(0)
    change = torch.ones(10_000)
    one = Merging((0.5, 0.5), "dare_linear", density=0.5).of([change, change])
    assert set(one.tolist()) == {0.0, 1.0, 2.0}
    assert abs(one.mean().item() - 1.0) < 0.05


def test_a_merged_adapter_does_what_the_others_did_together() -> None:
    base = base_policy()
    shapes = (Lora(1, alpha=8.0, targets=("net.2",)), Lora(3, alpha=8.0))
    policies = [moved(with_adapter(base, shape)) for shape in shapes]
    one = merged(base, policies, Merging((0.5, 2.0)), largest_rank=16)
    for name in ("net.0", "net.2", "net.4"):
        plain = base.get_submodule(name)
        x = torch.randn(8, plain.in_features)
        outputs = [p.get_submodule(f"base_model.model.{name}")(x) for p in (*policies, one)]
        first, second, both = (output - plain(x) for output in outputs)
        torch.testing.assert_close(both, 0.5 * first + 2.0 * second, atol=1e-4, rtol=1e-3)
    assert merged(base, policies, Merging((0.5, 2.0)), 2).peft_config["default"].r == 2
