# SPDX-License-Identifier: Apache-2.0
"""Recurrent state-space model with discrete latents (Hafner et al., 2019; DreamerV3, Hafner et al., 2023).

The world of everything: partial observations, pixels or vectors, chance. Each step has a part that is remembered,
`deter`, and a part that is drawn, `stoch`: G categories of K classes each.

    deter'     = gru(stoch, action, deter)
    prior      p(stoch' | deter')             what to expect; imagination draws from it
    posterior  q(stoch' | deter', obs')       what to believe once it was seen; observation takes its mode
    heads      obs, reward, end from (deter', stoch')

Where DreamerV3 must work without having seen a task, this one is fitted to data at hand. So vectors are normalised by
their own statistics rather than by symlog, and the balance between reconstruction and KL comes from the best noise
level for the errors (σ-VAE, Rybkin et al., 2021) rather than from a constant. Rewards may be rare and large: symlog and
two-hot.

Shapes: B batch, T steps, D deter, Z = G * K stoch (flat, one-hot), E embedding, O observation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.nets import Normalizer, normed_mlp
from plasma_trainer.world_models.disagreement import Disagreement
from plasma_trainer.world_models.images import FrameNorm, ImageDecoder, ImageEncoder
from plasma_trainer.world_models.world import Imagined, Loss, World, masked_mean

UNIMIX = 0.01  # of every categorical is uniform: no class is impossible, no KL infinite
FREE_NATS = 1.0
PRIOR_WEIGHT, POSTERIOR_WEIGHT = (
    0.5,
    0.1,
)  # KL balancing: rather teach the prior than blur the posterior
MIN_ERROR = 1e-4  # share of a number's variance: explaining more is not worth any KL ...
MIN_PIXEL_ERROR = 1e-3  # ... and of a frame's
INPUT_CLIP = 10.0  # standard deviations
REWARD_BINS = 63  # from the least reward that was earned to the greatest, evenly spaced in symlog


class Rssm(World):
    """`obs_shape` is (O,) for vectors and (C, H, W) for uint8 frames."""

    def __init__(
        self,
        obs_shape: tuple[int, ...],
        action_size: int,
        discrete: bool,
        deter: int = 128,
        groups: int = 16,
        classes: int = 16,
        hidden: int = 128,
        hidden_channels: int = 8,
    ) -> None:
        super().__init__(obs_shape, action_size, discrete)
        self.deter, self.groups, self.classes = deter, groups, classes
        self.stoch = groups * classes
        self.state_size = self.feature_size = deter + self.stoch
        self.pixels = len(obs_shape) == 3
        self.action_norm = Normalizer(action_size, INPUT_CLIP)
        if self.pixels:
            self.frame_norm = FrameNorm(obs_shape)
            encoder = ImageEncoder(obs_shape, hidden_channels)
            self.encoder = nn.Sequential(self.frame_norm, encoder)
            self.decoder: nn.Module = ImageDecoder(self.state_size, obs_shape, hidden_channels)
            embedding = encoder.out_size
        else:
            self.obs_norm = Normalizer(obs_shape[0], INPUT_CLIP)
            self.encoder = nn.Sequential(self.obs_norm, normed_mlp((obs_shape[0], hidden, hidden)))
            self.decoder = normed_mlp((self.state_size, hidden, obs_shape[0]))
            embedding = hidden
        self.mix = normed_mlp((self.stoch + action_size, hidden, hidden))
        self.gru = nn.GRUCell(hidden, deter)
        self.prior = normed_mlp((deter, hidden, self.stoch))
        self.posterior = normed_mlp((deter + embedding, hidden, self.stoch))
        self.reward = normed_mlp((self.state_size, hidden, REWARD_BINS))
        self.end = normed_mlp((self.state_size, hidden, 1))
        self.disagreement = Disagreement(self.state_size + action_size, self.stoch)
        self.register_buffer("bins", torch.linspace(-1.0, 1.0, REWARD_BINS))  # symlog of rewards
        self.register_buffer("action_low", torch.full((action_size,), -torch.inf))
        self.register_buffer("action_high", torch.full((action_size,), torch.inf))

    def start(self, obs: Tensor) -> Tensor:
        deter = torch.zeros(len(obs), self.deter, device=obs.device)
        return torch.cat([deter, self._mode(self._believe(deter, self.encoder(obs)))], -1)

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        deter = self._remember(state, self.encode_action(action))
        return torch.cat([deter, self._mode(self._believe(deter, self.encoder(obs)))], -1)

    def features(self, state: Tensor) -> Tensor:
        return state

    @torch.no_grad()
    def decode(self, state: Tensor) -> Tensor:
        decoded = self.decoder(state)
        if self.pixels:
            return self.frame_norm.frames(decoded)
        return decoded / self.obs_norm.inv_std + self.obs_norm.mean

    @torch.no_grad()
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        action = self.encode_action(action).clamp(self.action_low, self.action_high)
        uncertainty, lost = self.disagreement(self._guess_from(state, action))
        deter = self._remember(state, action)
        expected = (self._expect(deter) / self.temperature).log_softmax(-1)
        state = torch.cat([deter, self._draw(expected, generator)], -1)
        reward = (self.reward(state).softmax(-1) * symexp(self.bins)).sum(-1)
        return Imagined(state, reward, self.end(state)[:, 0], uncertainty, lost)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Reconstruction, reward and end of every real step, and the KL that keeps imagination near observation."""
        self.check(batch)
        action, real = self.encode_action(batch.action), batch.real
        states, believed = self._along(batch, action, generator)
        before, after = states[:, :-1], states[:, 1:]
        obs_nll = self._reconstruction(after[real], batch.obs[:, 1:][real])
        reward_nll = masked_mean(self._reward_nll(after, batch.reward), real)
        end_bce = masked_mean(
            functional.binary_cross_entropy_with_logits(
                self.end(after)[..., 0].float(), batch.terminated.float(), reduction="none"
            ),
            real,
        )
        expected = self._expect(after[..., : self.deter])
        teach_prior = masked_mean(_kl(believed.detach(), expected), real).clamp_min(FREE_NATS)
        teach_posterior = masked_mean(_kl(believed, expected.detach()), real).clamp_min(FREE_NATS)
        kl = PRIOR_WEIGHT * teach_prior + POSTERIOR_WEIGHT * teach_posterior
        guess = self.disagreement.loss(
            self._guess_from(before, action)[real], believed.exp().flatten(2)[real]
        )
        loss = obs_nll + reward_nll + end_bce + kl + guess
        metrics = {"obs_nll": obs_nll, "reward_nll": reward_nll, "end_bce": end_bce}
        metrics |= {"kl": teach_prior, "guess_mse": guess}
        return loss, {name: value.detach() for name, value in metrics.items()}

    def adopt(self, data: Sequences) -> None:
        self.check(data)
        columns = data.transitions()
        action, reward = self.encode_action(columns["action"]), symlog(columns["reward"])
        self.action_norm.fit(action.mean(0), action.std(0))
        if self.pixels:
            self.frame_norm.fit(columns["obs"])
        else:
            self.obs_norm.fit(columns["obs"].mean(0), columns["obs"].std(0))
        self.action_low.copy_(action.amin(0))
        self.action_high.copy_(action.amax(0))
        self.bins.copy_(torch.linspace(float(reward.min()), float(reward.max()), REWARD_BINS))

    @torch.no_grad()
    def calibrate(self, held_out: Sequences) -> None:
        states = self.filter(held_out)[:, :-1]
        seen = self._guess_from(states, self.encode_action(held_out.action))
        self.disagreement.calibrate(seen[held_out.real])

    def _along(
        self, batch: Sequences, action: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """States [B, T + 1, D + Z] with drawn posteriors, and their log-probabilities [B, T, G, K] from step 1 on."""
        embedded = self.encoder(batch.obs.flatten(0, 1)).unflatten(0, batch.obs.shape[:2])
        deter = torch.zeros(len(action), self.deter, device=action.device)
        logs = [self._believe(deter, embedded[:, 0])]
        states = [torch.cat([deter, self._draw(logs[0], generator)], -1)]
        for t in range(action.shape[1]):
            deter = self._remember(states[-1], action[:, t])
            logs.append(self._believe(deter, embedded[:, t + 1]))
            states.append(torch.cat([deter, self._draw(logs[-1], generator)], -1))
        return torch.stack(states, 1), torch.stack(logs[1:], 1)

    def _remember(self, state: Tensor, action: Tensor) -> Tensor:
        """[B, D + Z] and encoded actions -> the next deter [B, D]."""
        deter, stoch = state[:, : self.deter], state[:, self.deter :]
        return self.gru(self.mix(torch.cat([stoch, self.action_norm(action)], -1)), deter)

    def _expect(self, deter: Tensor) -> Tensor:
        """[..., D] -> log-probabilities of the prior [..., G, K]."""
        return self._categories(self.prior(deter))

    def _believe(self, deter: Tensor, embedded: Tensor) -> Tensor:
        """[B, D], [B, E] -> log-probabilities of the posterior [B, G, K]."""
        return self._categories(self.posterior(torch.cat([deter, embedded], -1)))

    def _categories(self, logits: Tensor) -> Tensor:
        p = logits.float().unflatten(-1, (self.groups, self.classes)).softmax(-1)
        return ((1 - UNIMIX) * p + UNIMIX / self.classes).log()

    def _mode(self, log_p: Tensor) -> Tensor:
        """[B, G, K] -> the likeliest stoch, one-hot [B, Z]."""
        return functional.one_hot(log_p.argmax(-1), self.classes).float().flatten(1)

    def _draw(self, log_p: Tensor, generator: torch.Generator) -> Tensor:
        """[B, G, K] -> a drawn stoch [B, Z]; gradients go straight through (Bengio et al., 2013)."""
        p = log_p.exp()
        drawn = torch.multinomial(p.detach().flatten(0, 1), 1, generator=generator)
        one_hot = functional.one_hot(drawn.view(log_p.shape[:2]), self.classes).float()
        return (one_hot + p - p.detach()).flatten(1)

    def _guess_from(self, state: Tensor, action: Tensor) -> Tensor:
        return torch.cat([state, self.action_norm(action)], -1)

    def _reconstruction(self, state: Tensor, obs: Tensor) -> Tensor:
        """States [N, S], real observations [N, O] -> negative log-likelihood at the best noise level, a scalar.

        Frames have one level for all their pixels, vectors one for each of their numbers.
        """
        decoded = self.decoder(state).float()
        if self.pixels:
            error = (decoded - self.frame_norm(obs)).square().mean()
            return 0.5 * math.prod(self.obs_shape) * torch.log(error + MIN_PIXEL_ERROR)
        error = (decoded - self.obs_norm(obs)).square().mean(0)
        return 0.5 * torch.log(error + MIN_ERROR).sum()

    def _reward_nll(self, state: Tensor, reward: Tensor) -> Tensor:
        """Cross-entropy with the two bins around symlog(reward), [...] (DreamerV3, eq. 9)."""
        step = (self.bins[1] - self.bins[0]).clamp_min(1e-6)
        place = ((symlog(reward) - self.bins[0]) / step).clamp(0, REWARD_BINS - 1)
        low = place.floor().long().clamp_max(REWARD_BINS - 2)
        log_p = self.reward(state).float().log_softmax(-1)
        at_low = log_p.gather(-1, low[..., None])[..., 0]
        at_high = log_p.gather(-1, low[..., None] + 1)[..., 0]
        share = place - low
        return -((1 - share) * at_low + share * at_high)


def symlog(x: Tensor) -> Tensor:
    """The logarithm of the size of x, with its sign; x itself near 0."""
    return x.sign() * torch.log1p(x.abs())


def symexp(x: Tensor) -> Tensor:
    """The inverse of symlog."""
    return x.sign() * torch.expm1(x.abs())


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) [...] of independent categoricals [..., G, K]."""
    return (log_p.exp() * (log_p - log_q)).sum((-2, -1))
