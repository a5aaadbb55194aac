# SPDX-License-Identifier: Apache-2.0
"""Bootstrapped probabilistic ensemble (PETS, Chua et al., 2018; MBPO, Janner et al., 2019).

Two verbs. `observe` compares the world with real transitions; `imagine` goes on without them. Two questions are kept
apart, because a broken motor changes one and not the other:

    dynamics   p(next_obs | obs, action)              a Gaussian per member, over the normalised change of obs
    outcome    reward, termination of (obs, action, next_obs)      the task, which survives a broken plant

Members see different bootstraps of the data, so where they agree there was data, and where they differ there was none.
A world therefore knows where it is `lost`: outside the range of its data, or with members further apart than they are
on nearly all of it. Policies must not be rewarded for going there (MOReL, Kidambi et al., 2020); see imagination/.

Shapes: M members, B batch, O observation, A action (one-hot when discrete).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.nets import Normalizer, member_mlp

MEMBERS = 5
HIDDEN = 128
LOG_VAR_RANGE = (-10.0, 2.0)
RANGE_MARGIN = 0.25  # predicted observations may leave the data's range by this share of it
INPUT_CLIP = 10.0  # standard deviations
TRUST_QUANTILE = 0.99  # of the disagreement on real data ...
TRUST_FACTOR = 3.0  # ... times this is the most a world believes itself


class Imagined(NamedTuple):
    """One step that never happened: next_obs [B, O]; reward, uncertainty [B]; terminated, lost [B] bool.

    `lost` means that the world has no ground for this step, and none for what would follow.
    """

    next_obs: Tensor
    reward: Tensor
    terminated: Tensor
    uncertainty: Tensor
    lost: Tensor


class Ensemble(nn.Module):
    """M small worlds with one interface. Knows tensors only: no environment, no device, no file."""

    def __init__(self, obs_size: int, action_size: int, discrete: bool) -> None:
        super().__init__()
        self.obs_size, self.action_size, self.discrete = obs_size, action_size, discrete
        self.dynamics = member_mlp(MEMBERS, obs_size + action_size, HIDDEN, 2 * obs_size)
        self.outcome = member_mlp(MEMBERS, 2 * obs_size + action_size, HIDDEN // 2, 2)
        self.obs_norm = Normalizer(obs_size, INPUT_CLIP)
        self.action_norm = Normalizer(action_size, INPUT_CLIP)
        for name, size in {"obs": obs_size, "action": action_size, "reward": 1}.items():
            self.register_buffer(f"{name}_low", torch.full((size,), -torch.inf))
            self.register_buffer(f"{name}_high", torch.full((size,), torch.inf))
        for name, size in {"delta": obs_size, "reward": 1}.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.register_buffer("trusted_uncertainty", torch.tensor(torch.inf))

    def encode_action(self, action: Tensor) -> Tensor:
        """Environment actions [...] int64 or [..., A] float -> features [..., A]."""
        return functional.one_hot(action, self.action_size).float() if self.discrete else action

    def fit_ranges(self, batch: dict[str, Tensor]) -> None:
        """Take means, deviations and ranges from real transitions (columns [N, ...], see Transitions)."""
        obs, next_obs, reward = batch["obs"], batch["next_obs"], batch["reward"]
        action, delta = self.encode_action(batch["action"]), next_obs - obs
        self.obs_norm.fit(obs.mean(0), obs.std(0))
        self.action_norm.fit(action.mean(0), action.std(0))
        self.delta_mean.copy_(delta.mean(0))
        self.delta_std.copy_(delta.std(0).clamp_min(1e-6))
        self.reward_mean.copy_(reward.mean())
        self.reward_std.copy_(reward.std().clamp_min(1e-3))
        seen = torch.cat([obs, next_obs])
        margin = RANGE_MARGIN * (seen.amax(0) - seen.amin(0))
        self.obs_low.copy_(seen.amin(0) - margin)
        self.obs_high.copy_(seen.amax(0) + margin)
        for name, column in {"action": action, "reward": reward[:, None]}.items():
            getattr(self, f"{name}_low").copy_(column.amin(0))
            getattr(self, f"{name}_high").copy_(column.amax(0))

    def fit_trust(self, batch: dict[str, Tensor]) -> None:
        """Learn, from the transitions [N, ...] that the dynamics were fitted to, how much disagreement is normal."""
        normal = self.disagreement(batch["obs"], batch["action"]).quantile(TRUST_QUANTILE)
        self.trusted_uncertainty.copy_(TRUST_FACTOR * normal)

    def observe_dynamics(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Gaussian negative log-likelihood of the real change (Chua et al., eq. 1). Columns are [M, B, ...]."""
        mean, log_var = self._predict_delta(batch["obs"], self.encode_action(batch["action"]))
        target = (batch["next_obs"] - batch["obs"] - self.delta_mean) / self.delta_std
        error = (target - mean).square()
        loss = 0.5 * (error * torch.exp(-log_var) + log_var).mean()
        return loss, {"delta_mse": float(error.detach().mean())}

    def observe_outcome(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Squared error of the normalised reward plus cross-entropy of termination. Columns are [M, B, ...]."""
        action = self.encode_action(batch["action"])
        reward, end_logit = self._predict_outcome(batch["obs"], action, batch["next_obs"])
        target = (batch["reward"] - self.reward_mean) / self.reward_std
        reward_loss = functional.mse_loss(reward, target)
        end_loss = functional.binary_cross_entropy_with_logits(
            end_logit, batch["terminated"].float()
        )
        metrics = {"reward_mse": float(reward_loss.detach()), "end_bce": float(end_loss.detach())}
        return reward_loss + end_loss, metrics

    @torch.no_grad()
    def imagine(self, obs: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One imagined step for every row of obs [B, O]; each row is decided by a random member (TS1 in PETS).

        Termination is the member's belief above one half: drawing it would give every step a small risk of a sudden
        end, which over hundreds of steps is all of the return.
        """
        action = self.encode_action(action).clamp(self.action_low, self.action_high)
        rows = torch.arange(len(obs), device=obs.device)
        member = torch.randint(MEMBERS, (len(obs),), generator=generator, device=obs.device)
        mean, log_var = self._predict_delta(*_for_all(obs, action))
        noise = torch.randn(obs.shape, generator=generator, device=obs.device)
        delta = mean[member, rows] + noise * torch.exp(0.5 * log_var[member, rows])
        free = obs + delta * self.delta_std + self.delta_mean
        next_obs = free.clamp(self.obs_low, self.obs_high)
        reward, end_logit = self._predict_outcome(*_for_all(obs, action, next_obs))
        reward = reward[member, rows] * self.reward_std + self.reward_mean
        uncertainty = _disagreement(mean)
        lost = (uncertainty > self.trusted_uncertainty) | (free != next_obs).any(-1)
        terminated = end_logit[member, rows] > 0
        return Imagined(
            next_obs, reward.clamp(self.reward_low, self.reward_high), terminated, uncertainty, lost
        )

    @torch.no_grad()
    def disagreement(self, obs: Tensor, action: Tensor) -> Tensor:
        """How far apart the members' predictions are [B], for obs [B, O], in standard deviations of a real step."""
        mean, _ = self._predict_delta(*_for_all(obs, self.encode_action(action)))
        return _disagreement(mean)

    def _predict_delta(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """obs [M, B, O], action [M, B, A] -> mean, log-variance of the normalised delta, both [M, B, O]."""
        x = torch.cat([self.obs_norm(obs), self.action_norm(action)], -1)
        mean, log_var = self.dynamics(x).chunk(2, -1)
        return mean, log_var.clamp(*LOG_VAR_RANGE)

    def _predict_outcome(
        self, obs: Tensor, action: Tensor, next_obs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[M, B, ...] -> normalised reward [M, B], termination logit [M, B]."""
        x = torch.cat([self.obs_norm(obs), self.action_norm(action), self.obs_norm(next_obs)], -1)
        reward, end_logit = self.outcome(x).unbind(-1)
        return reward, end_logit


def _for_all(*columns: Tensor) -> tuple[Tensor, ...]:
    """[B, ...] each -> [M, B, ...] each, the same rows for every member."""
    return tuple(column.expand(MEMBERS, *column.shape) for column in columns)


def _disagreement(mean: Tensor) -> Tensor:
    """Member predictions [M, B, O] -> root mean square over O of their standard deviation, [B]."""
    return mean.var(0).mean(-1).sqrt()
