# SPDX-License-Identifier: Apache-2.0
"""Bootstrapped probabilistic ensemble (PETS, Chua et al., 2018; MBPO, Janner et al., 2019).

The world of full observations: its state is the observation. (With a partial one, no ensemble of this kind can be
right, however many members agree; a world with a memory can: mdn_rnn.py, rssm.py.) Two questions are kept apart,
because a broken motor changes one and not the other:

    dynamics   p(next_obs | obs, action)              a Gaussian per member, over the normalised change of obs
    outcome    reward, termination of (obs, action, next_obs)      the task, which survives a broken plant

Members see different bootstraps of the data, so where they agree there was data, and where they differ there was none.
A world therefore knows where it is `lost`: outside the range of its data, or with members further apart than they are
on nearly all of it. Policies must not be rewarded for going there (MOReL, Kidambi et al., 2020); see imagination/.

Shapes: M members, B batch, O observation, A action (one-hot when discrete).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.nets import MEMBERS, deal, member_mlp, spread
from plasma_trainer.world_models.disagreement import TRUST_FACTOR, TRUST_QUANTILE
from plasma_trainer.world_models.vector_world import VectorWorld
from plasma_trainer.world_models.world import Imagined, Loss

HIDDEN = 128
LOG_VAR_RANGE = (-10.0, 2.0)


class Ensemble(VectorWorld):
    """M small worlds with one interface; S = F = O."""

    def __init__(self, obs_size: int, action_size: int, discrete: bool) -> None:
        super().__init__(obs_size, action_size, discrete)
        self.state_size = self.feature_size = obs_size
        self.dynamics = member_mlp(MEMBERS, obs_size + action_size, HIDDEN, 2 * obs_size)
        self.outcome = member_mlp(MEMBERS, 2 * obs_size + action_size, HIDDEN // 2, 2)
        self.register_buffer("trusted_uncertainty", torch.tensor(torch.inf))

    def start(self, obs: Tensor) -> Tensor:
        return obs

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        return obs

    def features(self, state: Tensor) -> Tensor:
        return state

    def decode(self, state: Tensor) -> Tensor:
        return state

    def calibrate(self, held_out: Sequences) -> None:
        self.fit_trust(held_out.transitions())

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Dynamics and outcome; every member sees a fifth of the batch, and none what another sees."""
        self.check(batch)
        dealt = {name: deal(column) for name, column in batch.transitions().items()}
        dynamics_loss, dynamics_metrics = self.dynamics_loss(dealt)
        outcome_loss, outcome_metrics = self.outcome_loss(dealt)
        return dynamics_loss + outcome_loss, dynamics_metrics | outcome_metrics

    def fit_trust(self, batch: dict[str, Tensor]) -> None:
        """Learn, from real transitions [N, ...], how much disagreement is normal."""
        normal = self.disagreement(batch["obs"], batch["action"]).quantile(TRUST_QUANTILE)
        self.trusted_uncertainty.copy_(TRUST_FACTOR * normal)

    def dynamics_loss(self, batch: dict[str, Tensor]) -> Loss:
        """Gaussian negative log-likelihood of the real change (Chua et al., eq. 1). Columns are [M, B, ...]."""
        mean, log_var = self._predict_delta(batch["obs"], self.encode_action(batch["action"]))
        error = (self.normal_change(batch["obs"], batch["next_obs"]) - mean).square()
        loss = 0.5 * (error * torch.exp(-log_var) + log_var).mean()
        return loss, {"delta_mse": error.detach().mean()}

    def outcome_loss(self, batch: dict[str, Tensor]) -> Loss:
        """Squared error of the normalised reward plus cross-entropy of termination. Columns are [M, B, ...]."""
        action = self.encode_action(batch["action"])
        reward, end_logit = self._predict_outcome(batch["obs"], action, batch["next_obs"])
        reward_loss = functional.mse_loss(reward, self.normal_reward(batch["reward"]))
        end_loss = functional.binary_cross_entropy_with_logits(
            end_logit, batch["terminated"].float()
        )
        metrics = {"reward_mse": reward_loss.detach(), "end_bce": end_loss.detach()}
        return reward_loss + end_loss, metrics

    @torch.no_grad()
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One imagined step for every row of state [B, O]; each row is decided by a random member (TS1 in PETS)."""
        obs = state
        action = self.encode_action(action).clamp(self.action_low, self.action_high)
        rows = torch.arange(len(obs), device=obs.device)
        member = torch.randint(MEMBERS, (len(obs),), generator=generator, device=obs.device)
        mean, log_var = self._predict_delta(*_for_all(obs, action))
        noise = torch.randn(obs.shape, generator=generator, device=obs.device)
        std = torch.exp(0.5 * log_var[member, rows]) * self.temperature.sqrt()
        change = mean[member, rows] + noise * std
        next_obs, out_of_range = self.after(obs, change)
        reward, end_logit = self._predict_outcome(*_for_all(obs, action, next_obs))
        uncertainty = spread(mean)
        lost = (uncertainty > self.trusted_uncertainty) | out_of_range
        reward = self.real_reward(reward[member, rows])
        return Imagined(next_obs, reward, end_logit[member, rows], uncertainty, lost)

    @torch.no_grad()
    def disagreement(self, obs: Tensor, action: Tensor) -> Tensor:
        """How far apart the members' predictions are [B], for obs [B, O], in standard deviations of a real step."""
        mean, _ = self._predict_delta(*_for_all(obs, self.encode_action(action)))
        return spread(mean)

    @torch.no_grad()
    def each_expects(self, obs: Tensor, action: Tensor) -> Tensor:
        """Where every member believes that actions lead from obs [B, O], [M, B, O]."""
        mean, _ = self._predict_delta(*_for_all(obs, self.encode_action(action)))
        return self.after(obs, mean)[0]

    @torch.no_grad()
    def expected(self, obs: Tensor, action: Tensor) -> Tensor:
        """Where the members believe on average that actions lead from obs [B, O], [B, O]."""
        mean, _ = self._predict_delta(*_for_all(obs, self.encode_action(action)))
        return self.after(obs, mean.mean(0))[0]

    @torch.no_grad()
    def rewards(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """What the members believe on average that steps [B, ...] are worth, [B]."""
        reward, _ = self._predict_outcome(*_for_all(obs, self.encode_action(action), next_obs))
        return self.real_reward(reward.mean(0))

    def _predict_delta(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """obs [M, B, O], action [M, B, A] -> mean, log-variance of the normalised delta, both [M, B, O]."""
        x = torch.cat([self.obs_norm(obs), self.action_norm(action)], -1)
        mean, log_var = self.dynamics(x).float().chunk(2, -1)
        return mean, log_var.clamp(*LOG_VAR_RANGE)

    def _predict_outcome(
        self, obs: Tensor, action: Tensor, next_obs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[M, B, ...] -> normalised reward [M, B], termination logit [M, B]."""
        x = torch.cat([self.obs_norm(obs), self.action_norm(action), self.obs_norm(next_obs)], -1)
        reward, end_logit = self.outcome(x).float().unbind(-1)
        return reward, end_logit


def _for_all(*columns: Tensor) -> tuple[Tensor, ...]:
    """[B, ...] each -> [M, B, ...] each, the same rows for every member."""
    return tuple(column.expand(MEMBERS, *column.shape) for column in columns)
