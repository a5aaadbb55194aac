"""A policy and its gate: a second packet that says, tick by tick, which of the resident adapters is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from plasma_edge._core import Policy
from plasma_edge._errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from plasma_edge._core import Action, Packet

DIGEST_CHARACTERS = 24


def gain_name(content_digest: bytes) -> str:
    """What a gate calls the gain of the adapter with this content digest."""
    return f"gain_{content_digest.hex()[:DIGEST_CHARACTERS]}"


class Gated:
    """A policy whose adapters a gate switches by what it observes: the plant changes, and the skill with it.

    >>> robot = pe.Gated.load("base.plasma", ["icy.plasma", "muddy.plasma"], "gate.plasma", trust="release.pub")
    >>> action = robot(obs)

    A gate takes `obs` and `action`, the one before, and puts out a gain for each adapter, named by its contents: one
    that was not attached, or an adapter that the gate does not know, is refused here and not found out in flight.
    """

    def __init__(self, policy: Policy, gate: Policy) -> None:
        """Of a policy with its adapters attached. Raises UsageError when the two do not belong together."""
        self.policy, self.gate = policy, gate
        resident = {gain_name(a.content_digest): a.name for a in policy.adapters}
        outputs = [output.name for output in gate.outputs]
        if sorted(resident) != sorted(outputs):
            raise UsageError(
                f"the gate knows the adapters {', '.join(outputs)}, found {', '.join(resident) or 'none'} attached; "
                "attach the packets that the gate was made with"
            )
        inputs = {entry.name: entry for entry in gate.inputs}
        if sorted(inputs) != ["action", "obs"]:
            raise UsageError(f"a gate takes obs and action, found {', '.join(inputs)}")
        self._names = {output: resident[output] for output in outputs}
        self._action = np.zeros(inputs["action"].shape, np.float32)

    @classmethod
    def load(
        cls, base: Packet, adapters: Iterable[Packet], gate: Packet, *, trust: object, **limits: Any
    ) -> Gated:
        """Verify and load all of them. `limits` are those of Policy.load, for base and gate alike."""
        policy = Policy.load(base, trust=trust, **limits)
        for index, adapter in enumerate(adapters):
            policy.attach(adapter, name=f"adapter {index}", gain=0.0)
        return cls(policy, Policy.load(gate, trust=trust, **limits))

    def __call__(self, obs: ArrayLike) -> Action:
        """Choose adapters, then act."""
        self.policy.set_gains(self._gains(self.gate({"obs": obs, "action": self._action})))
        action = self.policy(obs)
        self._action[...] = action
        return action

    def reset(self) -> None:
        """Forget the plant and what was done: a new episode begins."""
        self.policy.reset()
        self.gate.reset()
        self._action[...] = 0.0

    def _gains(self, told: Any) -> Mapping[str, float]:
        if not isinstance(told, dict):  # of a single adapter
            told = dict.fromkeys(self._names, told)
        return {self._names[output]: float(gain.item()) for output, gain in told.items()}
