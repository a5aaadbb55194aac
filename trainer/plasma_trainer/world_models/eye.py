# SPDX-License-Identifier: Apache-2.0
"""An eye that sees what moves: frames to a few numbers that can be foretold from the two before them.

A plain autoencoder's latent draws well and steers badly: nothing asks of it that the next one follow from it. Here
three things are asked at once (after E2C, Watter et al., 2015, and MuZero, Schrittwieser et al., 2020):

    draw       glimpse = decoder(z)
    foretell   z'' = z' + change(z', z' - z, a), open loop over the rest of a stretch
    judge      reward = judge(z', z' - z, a), along the same open loop

A frame is averaged to a glimpse of 16 x 16 first. Areas keep what points lose: where an edge lies within a pixel is how
grey it is. Glimpses are made once and kept, so an update costs a small MLP and no convolution.

Shapes: B batch, T steps, Z latent_dim, frames [N, C, H, W] uint8, glimpses [N, G] of 0 ... 255.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.nets import Normalizer
from plasma_trainer.world_models.world import Loss, masked_mean

GLIMPSE = 16  # pixels a side
PART = 256  # frames looked at together, to bound memory
LATENT_CLIP = 10.0  # standard deviations
CHANGE_SCALE = 5.0  # a step changes a latent by a fifth of its deviation or so
HIDDEN = 128
REWARD_WEIGHT = 0.5


class Eye(nn.Module):
    """Frames -> Z numbers, each of mean 0 and deviation 1 over the frames that it was fitted to."""

    def __init__(
        self, frame_shape: tuple[int, ...], action_size: int, discrete: bool, latent_dim: int = 4
    ) -> None:
        super().__init__()
        self.frame_shape, self.latent_dim = frame_shape, latent_dim
        self.action_size, self.discrete = action_size, discrete
        self.pixel = _pixel(frame_shape)
        size, width = frame_shape[0] * GLIMPSE * GLIMPSE, 2 * HIDDEN
        self.register_buffer("mean", torch.full((size,), 127.5))  # glimpse
        self.register_buffer("std", torch.tensor(127.5))  # of all its pixels together
        self.register_buffer("reward_mean", torch.tensor(0.0))
        self.register_buffer("reward_std", torch.tensor(1.0))
        self.encoder = _net((size, width, HIDDEN, latent_dim))
        self.latent_norm = Normalizer(latent_dim, LATENT_CLIP)
        self.decoder = _net((latent_dim, HIDDEN, width, size))
        known = 2 * latent_dim + action_size
        self.change = _net((known, HIDDEN, HIDDEN, latent_dim))
        self.judge = _net((known, HIDDEN, HIDDEN, 1))

    def glimpse(self, frames: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, G] float32: the mean of every area."""
        return functional.avg_pool2d(frames.float(), self.pixel).flatten(1)

    def forward(self, frames: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, Z]."""
        return self.latent_norm(self.encoder(self._normal(self.glimpse(frames))))

    @torch.no_grad()
    def get_latent(self, frames: Tensor) -> Tensor:
        """The same of any number of frames."""
        return torch.cat([self(part) for part in frames.split(PART)])

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """[N, Z] -> [N, C, H, W] float32 in [0, 255]: what was glimpsed, as coarse as it was."""
        drawn = (self.decoder(latent) * self.std + self.mean).clamp(0, 255)
        areas = drawn.unflatten(1, (self.frame_shape[0], GLIMPSE, GLIMPSE))
        return functional.interpolate(areas, self.frame_shape[1:], mode="bilinear")

    def adopt(self, glimpses: Sequences) -> None:
        """Take the scales of real experience, seen as glimpses [B, T + 1, G], before fitting."""
        seen, reward = glimpses.obs[:, 1:][glimpses.real], glimpses.reward[glimpses.real]
        self.mean.copy_(seen.mean(0))
        self.std.copy_((seen - self.mean).std().clamp_min(1.0))
        self.reward_mean.copy_(reward.mean())
        self.reward_std.copy_(reward.std().clamp_min(1e-3))

    @torch.no_grad()
    def settle(self, glimpses: Sequences) -> None:
        """Fix the scale of the latents, after fitting: from here on they mean what they mean."""
        raw = self.encoder(self._normal(glimpses.obs[:, 1:][glimpses.real]))
        self.latent_norm.fit(raw.mean(0), raw.std(0))

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Drawing, foretelling and judging of stretches of glimpses [B, T + 1, G], T at least 2."""
        there = torch.cat([batch.real[:, :1], batch.real], 1)
        seen = self._normal(batch.obs)
        raw = self.encoder(seen)
        # Standardised by the batch: latents cannot shrink to make their own prediction easy.
        latent = (raw - raw[there].mean(0)) / raw[there].std(0).clamp_min(1e-6)
        drawn = (self.decoder(latent[there]) - seen[there]).square().mean()
        foretold, judged = self._open_loop(latent, batch)
        later = batch.real[:, 1:]
        change_mse = masked_mean((foretold - latent[:, 2:]).square().mean(-1), later)
        reward = (batch.reward[:, 1:] - self.reward_mean) / self.reward_std
        reward_mse = masked_mean((judged - reward).square(), later)
        metrics = {"drawn_mse": drawn, "latent_mse": change_mse, "reward_mse": reward_mse}
        loss = drawn + change_mse + REWARD_WEIGHT * reward_mse
        return loss, {name: value.detach() for name, value in metrics.items()}

    def _open_loop(self, latent: Tensor, batch: Sequences) -> tuple[Tensor, Tensor]:
        """From latents 0 and 1 on alone: latents 2 ... T [B, T - 1, Z], rewards of steps 1 ... T - 1 [B, T - 1]."""
        action = batch.action
        if self.discrete:
            action = functional.one_hot(action, self.action_size).float()
        before, now = latent[:, 0], latent[:, 1]
        latents, rewards = [], []
        for t in range(1, action.shape[1]):
            known = torch.cat([now, CHANGE_SCALE * (now - before), action[:, t]], -1)
            rewards.append(self.judge(known)[:, 0])
            before, now = now, now + self.change(known) / CHANGE_SCALE
            latents.append(now)
        return torch.stack(latents, 1), torch.stack(rewards, 1)

    def _normal(self, glimpse: Tensor) -> Tensor:
        return (glimpse - self.mean) / self.std


def _pixel(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many pixels make one of a glimpse, each way."""
    if len(shape) != 3 or shape[1] % GLIMPSE or shape[2] % GLIMPSE:
        raise UsageError(
            f"frames of shape {shape}; expected [channels, height, width] with height and width divisible by "
            f"{GLIMPSE}; resize them, e.g. to 64×64"
        )
    return shape[1] // GLIMPSE, shape[2] // GLIMPSE


def _net(sizes: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])
