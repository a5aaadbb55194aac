# SPDX-License-Identifier: Apache-2.0
"""M: a recurrent network whose output is a mixture of Gaussians (Graves, 2013; Ha & Schmidhuber, 2018).

The world of partial observations: what one observation does not show, the memory h may know.

    memory     h' = rnn(z, a, h)
    next obs   p(z' - z | h', z, a)            K Gaussians with diagonal covariance, one choice of K for all of Z
    outcome    reward, termination of (h', z, a, z')

What one observation does show need not pass through h': the heads see it beside, and learn it many times sooner.

A state is (z, h), flat: the last observation and the memory of all before it; policies read both.

Shapes: B batch, T steps, K mixtures, Z observation size (raw numbers, or a VAE's latents), H memory over all layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.nets import normed_mlp
from plasma_trainer.world_models.disagreement import Disagreement
from plasma_trainer.world_models.vector_world import VectorWorld
from plasma_trainer.world_models.world import Imagined, Loss, masked_mean

LOG_STD_RANGE = (-6.0, 1.0)
CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class MdnRnn(VectorWorld):
    """`cell` is "gru" or "lstm"; with several `layers`, the top one speaks."""

    def __init__(
        self,
        obs_size: int,
        action_size: int,
        discrete: bool,
        cell: str = "gru",
        hidden: int = 128,
        layers: int = 1,
        num_mixtures: int = 5,
    ) -> None:
        super().__init__(obs_size, action_size, discrete)
        if cell not in CELLS:
            raise UsageError(f"cell {cell!r} is unknown; choose one of {', '.join(CELLS)}")
        self.hidden, self.layers, self.num_mixtures = hidden, layers, num_mixtures
        self.rnn = CELLS[cell](obs_size + action_size, hidden, layers, batch_first=True)
        self.memory_size = layers * hidden * (2 if cell == "lstm" else 1)
        self.state_size = self.feature_size = obs_size + self.memory_size
        known = hidden + obs_size + action_size
        self.mixture = normed_mlp((known, hidden, hidden, num_mixtures * (1 + 2 * obs_size)))
        self.outcome = normed_mlp((known + obs_size, hidden, hidden, 2))
        self.disagreement = Disagreement(known, obs_size)

    def start(self, obs: Tensor) -> Tensor:
        return torch.cat([obs, obs.new_zeros(len(obs), self.memory_size)], -1)

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        _, memory = self._remember(state, self.encode_action(action))
        return torch.cat([obs, memory], -1)

    def features(self, state: Tensor) -> Tensor:
        return state

    def decode(self, state: Tensor) -> Tensor:
        return state[:, : self.obs_size]

    @torch.no_grad()
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        action = self.encode_action(action).clamp(self.action_low, self.action_high)
        known, memory = self._remember(state, action)
        obs, out_of_range = self.after(self.decode(state), self._sample(known, generator))
        reward, end_logit = self.outcome(torch.cat([known, self.obs_norm(obs)], -1)).unbind(-1)
        uncertainty, unsure = self.disagreement(self._guess_from(state, action))
        state = torch.cat([obs, memory], -1)
        return Imagined(
            state, self.real_reward(reward), end_logit, uncertainty, unsure | out_of_range
        )

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Negative log-likelihood of the real changes, squared error of rewards, cross-entropy of ends."""
        self.check(batch)
        action = self.encode_action(batch.action)
        known, seen = self._along(batch, action)
        next_obs = batch.obs[:, 1:]
        change = self.normal_change(batch.obs[:, :-1], next_obs)
        nll = masked_mean(-self._log_prob(known, change), batch.real)
        reward, end_logit = (
            self.outcome(torch.cat([known, self.obs_norm(next_obs)], -1)).float().unbind(-1)
        )
        reward_error = (reward - self.normal_reward(batch.reward)).square()
        end_error = functional.binary_cross_entropy_with_logits(
            end_logit, batch.terminated.float(), reduction="none"
        )
        reward_mse = masked_mean(reward_error, batch.real)
        end_bce = masked_mean(end_error, batch.real)
        guess_mse = self.disagreement.loss(seen[batch.real], change[batch.real])
        metrics = {"nll": nll, "reward_mse": reward_mse, "end_bce": end_bce, "guess_mse": guess_mse}
        return sum(metrics.values()), {k: v.detach() for k, v in metrics.items()}

    @torch.no_grad()
    def calibrate(self, held_out: Sequences) -> None:
        action = self.encode_action(held_out.action)
        states = self.filter(held_out)[:, :-1]
        self.disagreement.calibrate(self._guess_from(states, action)[held_out.real])

    def _remember(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """States [B, S] and encoded actions -> what the heads know [B, hidden + Z + A], the next memory [B, H]."""
        obs, memory = state[:, : self.obs_size], state[:, self.obs_size :]
        x = torch.cat([self.obs_norm(obs), self.action_norm(action)], -1)
        parts = memory.unflatten(1, (-1, self.layers, self.hidden)).permute(1, 2, 0, 3).contiguous()
        if isinstance(self.rnn, nn.LSTM):
            out, parts_after = self.rnn(x[:, None], (parts[0], parts[1]))
            after = torch.stack(parts_after)
        else:
            out, after = self.rnn(x[:, None], parts[0])
            after = after[None]
        return torch.cat([out[:, 0], x], -1), after.permute(2, 0, 1, 3).flatten(1)

    def _along(self, batch: Sequences, action: Tensor) -> tuple[Tensor, Tensor]:
        """Along real steps, [B, T, hidden + Z + A]: what the heads know, and what disagreeing members see."""
        x = torch.cat([self.obs_norm(batch.obs[:, :-1]), self.action_norm(action)], -1)
        out, _ = self.rnn(x)
        before = torch.cat([torch.zeros_like(out[:, :1]), out[:, :-1]], 1)
        return torch.cat([out, x], -1), torch.cat([before, x], -1)

    def _guess_from(self, state: Tensor, action: Tensor) -> Tensor:
        """[..., S] and encoded actions -> what disagreeing members see: not a memory's deeper layers."""
        obs, memory = state[..., : self.obs_size], state[..., self.obs_size :]
        top = memory.unflatten(-1, (-1, self.layers, self.hidden))[..., 0, -1, :]
        return torch.cat([top, self.obs_norm(obs), self.action_norm(action)], -1)

    def _mixture(self, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the heads know [...] -> logits [..., K]; means, log standard deviations [..., K, Z] of the change."""
        logits, rest = (
            self.mixture(known)
            .float()
            .split((self.num_mixtures, 2 * self.num_mixtures * self.obs_size), -1)
        )
        mean, log_std = rest.unflatten(-1, (self.num_mixtures, -1)).chunk(2, -1)
        return logits, mean, log_std.clamp(*LOG_STD_RANGE)

    def _log_prob(self, known: Tensor, change: Tensor) -> Tensor:
        """Mean over Z of the log-density of normalised changes [..., Z]: [...]."""
        logits, mean, log_std = self._mixture(known)
        score = (change[..., None, :] - mean) * torch.exp(-log_std)
        log_p = (-0.5 * score.square() - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)
        return torch.logsumexp(logits.log_softmax(-1) + log_p, -1) / self.obs_size

    def _sample(self, known: Tensor, generator: torch.Generator) -> Tensor:
        """What the heads know [B, ...] -> normalised changes [B, Z]."""
        logits, mean, log_std = self._mixture(known)
        weights = (logits / self.temperature).softmax(-1)
        chosen = torch.multinomial(weights, 1, generator=generator)[:, :, None]
        chosen = chosen.expand(-1, 1, self.obs_size)
        mean, log_std = mean.gather(1, chosen)[:, 0], log_std.gather(1, chosen)[:, 0]
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        return mean + noise * torch.exp(log_std) * self.temperature.sqrt()
