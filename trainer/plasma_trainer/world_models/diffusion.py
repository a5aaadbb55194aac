# SPDX-License-Identifier: Apache-2.0
"""A world that draws: the next frame is noise, cleaned in a few steps, given the last frames and actions (DIAMOND).

    denoiser   D(x; σ) = c_skip x + c_out net(c_in x, frames, actions, c_noise)     (EDM, Karras et al., 2022, eq. 7)
    training   x = frame + σ noise, log σ normal; net learns (frame - c_skip x) / c_out                        (eq. 8)
    drawing    from σ = SIGMA_MAX down to 0 by Euler's method: x += (x - D(x; σ)) / σ dσ               (algorithm 1)
    outcome    reward and end of (frames and actions that are remembered, the frame that was drawn)

DIAMOND (Alonso et al., 2024) showed that this parametrisation stays stable over long imaginations with three steps a
frame, where others drift away, and that what a latent rounds off may be what a policy needs. Here nothing is rounded.

Shapes: B batch, T steps, N kept frames, frames [B, C, H, W], in normalised units where nothing else is said.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.nets import mlp, normed_mlp
from plasma_trainer.world_models.disagreement import Disagreement
from plasma_trainer.world_models.images import FrameNorm, ImageEncoder
from plasma_trainer.world_models.recent import RecentWorld
from plasma_trainer.world_models.unet import UNet
from plasma_trainer.world_models.world import Imagined, Loss

KEPT = 4  # frames
STEPS = 3  # of the denoiser, for a frame
SIGMA_MIN, SIGMA_MAX, RHO = 0.02, 10.0, 7  # the schedule (eq. 5); 1 is the deviation of all pixels
LOG_SIGMA = (0.3, 1.2)  # mean and deviation while training: EDM's, at this scale
TARGETS = 48  # frames of a batch that are denoised; consecutive ones teach much the same
GLIMPSE = 8  # pixels a side of what policies and the uncertainty see ...
READ = 2  # ... and of how many frames
CONDITION = 64


class Diffusion(RecentWorld):
    """`obs_shape` is (C, H, W), of uint8 frames."""

    def __init__(
        self,
        obs_shape: tuple[int, ...],
        action_size: int,
        discrete: bool,
        width: int = 24,
        hidden_channels: int = 8,
    ) -> None:
        if len(obs_shape) != 3 or obs_shape[1] % 16 or obs_shape[2] % 16:
            raise UsageError(
                f"observations have shape {obs_shape}; expected frames [channels, height, width] with height and width "
                "divisible by 16; choose another world, or resize them, e.g. to 64×64"
            )
        super().__init__(obs_shape, action_size, discrete, KEPT)
        channels = obs_shape[0]
        self.frame_norm = FrameNorm(obs_shape)
        self.condition = mlp((1 + KEPT * action_size, CONDITION, CONDITION), nn.SiLU, 1.0)
        self.net = UNet(channels, KEPT * channels, CONDITION, width)
        stack = ((KEPT + 1) * channels, *obs_shape[1:])
        self.judge = ImageEncoder(stack, hidden_channels)
        self.outcome = normed_mlp((self.judge.out_size + KEPT * action_size, 128, 2))
        glimpsed = channels * GLIMPSE * GLIMPSE
        self.feature_size = READ * glimpsed
        self.disagreement = Disagreement(self.feature_size + READ * action_size, glimpsed)

    def features(self, state: Tensor) -> Tensor:
        seen = state[:, (KEPT - READ) * self.obs_size : KEPT * self.obs_size]
        return self._glimpse(self._normal(seen.unflatten(1, (READ, -1)))).flatten(1)

    @torch.no_grad()
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        seen, done = self.recall(state, self.tried(action))
        frames, told = self._normal(seen), self.action_norm(done)
        drawn = self._draw(frames, told, generator)
        reward, end_logit = self._outcome(frames, told, drawn).unbind(-1)
        uncertainty, lost = self.disagreement(self._guess_from(frames, told))
        obs = self.frame_norm.frames(drawn).round()  # as a camera would have it
        state = self.keep(seen, done, obs.flatten(1))
        return Imagined(state, self.real_reward(reward), end_logit, uncertainty, lost)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Squared error of the denoiser and of rewards, cross-entropy of ends, at TARGETS real steps."""
        seen, done, obs = (part[batch.real] for part in self.windows(batch))
        chosen = torch.randperm(len(obs), generator=generator, device=obs.device)[:TARGETS]
        frames, told = self._normal(seen[chosen]), self.action_norm(done[chosen])
        frame = self._normal(obs[chosen, None])[:, 0]
        draw = torch.randn(len(chosen), generator=generator, device=obs.device)
        sigma = (LOG_SIGMA[0] + LOG_SIGMA[1] * draw).exp()[:, None, None, None]
        noise = torch.randn(frame.shape, generator=generator, device=obs.device)
        context = self.net.context(frames.flatten(1, 2))
        error = self._denoise(frame + sigma * noise, sigma, context, told) - frame
        # Weighted by 1 / c_out², which makes the error of `net` itself count (eq. 8).
        denoise_mse = (error.float() / _c_out(sigma)).square().mean()
        reward, end_logit = self._outcome(frames, told, frame).float().unbind(-1)
        wanted = self.normal_reward(batch.reward[batch.real][chosen])
        reward_mse = (reward - wanted).square().mean()
        ended = batch.terminated[batch.real][chosen].float()
        end_bce = functional.binary_cross_entropy_with_logits(end_logit, ended)
        glimpse = self._glimpse(frame[:, None]).flatten(1)
        guess_mse = self.disagreement.loss(self._guess_from(frames, told), glimpse)
        metrics = {"denoise_mse": denoise_mse, "reward_mse": reward_mse, "end_bce": end_bce}
        metrics |= {"guess_mse": guess_mse}
        return sum(metrics.values()), {name: value.detach() for name, value in metrics.items()}

    def adopt(self, data: Sequences) -> None:
        super().adopt(data)
        self.frame_norm.fit(data.obs[:, 1:][data.real])

    @torch.no_grad()
    def calibrate(self, held_out: Sequences) -> None:
        seen, done, _ = self.windows(held_out)
        inputs = [
            self._guess_from(self._normal(frames[real]), self.action_norm(actions[real]))
            for frames, actions, real in zip(seen, done, held_out.real, strict=True)
        ]  # an episode at a time: frames are large
        self.disagreement.calibrate(torch.cat(inputs))

    def _draw(self, frames: Tensor, told: Tensor, generator: torch.Generator) -> Tensor:
        """One frame [B, C, H, W] after each [B, N, C, H, W]; τ is the variance of the noise that it is made of."""
        ramp = torch.linspace(SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO), STEPS)
        sigmas = [*(ramp**RHO).tolist(), 0.0]
        shape = frames[:, 0].shape
        noise = torch.randn(shape, generator=generator, device=frames.device)
        context = self.net.context(frames.flatten(1, 2))
        x = noise * self.temperature.sqrt() * sigmas[0]
        for sigma, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            level = x.new_full((len(x), 1, 1, 1), sigma)
            clean = self._denoise(x, level, context, told)
            x = x + (x - clean) / sigma * (after - sigma)
        return x

    def _denoise(self, x: Tensor, sigma: Tensor, context: Tensor, told: Tensor) -> Tensor:
        """D(x; σ): noisy frames, levels [B, 1, 1, 1], the net's context, actions [B, N, A] -> frames as they may be."""
        c_skip, c_in = 1 / (sigma.square() + 1), 1 / (sigma.square() + 1).sqrt()
        c_noise = sigma.log().flatten(1) / 4
        condition = self.condition(torch.cat([c_noise, told.flatten(1)], -1))
        return c_skip * x + _c_out(sigma) * self.net(c_in * x, context, condition)

    def _outcome(self, frames: Tensor, told: Tensor, drawn: Tensor) -> Tensor:
        """Memory and the frame after it -> normalised reward and logit of an end, [B, 2]."""
        stack = torch.cat([frames.flatten(1, 2), drawn], 1)
        return self.outcome(torch.cat([self.judge(stack), told.flatten(1)], -1))

    def _guess_from(self, frames: Tensor, told: Tensor) -> Tensor:
        """What disagreeing members see of a memory, [B, ...]."""
        seen = self._glimpse(frames[:, -READ:]).flatten(1)
        return torch.cat([seen, told[:, -READ:].flatten(1)], -1)

    def _glimpse(self, frames: Tensor) -> Tensor:
        """[B, n, C, H, W] -> [B, n, G]: the mean of every area."""
        return (
            functional.adaptive_avg_pool2d(frames.flatten(1, 2), GLIMPSE)
            .unflatten(1, frames.shape[1:3])
            .flatten(2)
        )

    def _normal(self, flat: Tensor) -> Tensor:
        """[B, n, O] of 0 ... 255 -> [B, n, C, H, W]."""
        return self.frame_norm(flat.unflatten(2, self.obs_shape))


def _c_out(sigma: Tensor) -> Tensor:
    return sigma / (sigma.square() + 1).sqrt()
