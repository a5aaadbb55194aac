"""Who the agent is, whom it asks, whom it believes; and what it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from plasma_edge import UsageError

_AGENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class ClientConfig:
    """`trust`: whose packets the agent runs, as for Policy.load; the server is not asked. `store`: where verified
    packets stay. `attempts` a request, with pauses that grow to `longest_pause_s`.
    """

    agent_id: str
    server_url: str
    token: str | None = None
    trust: object = None
    store: Path = Path("packets")
    timeout_s: float = 10.0
    attempts: int = 12
    longest_pause_s: float = 5.0
    poll_s: float = 1.0

    def __post_init__(self) -> None:
        if not _AGENT_ID.fullmatch(self.agent_id):
            raise UsageError(
                f"agent_id: found {self.agent_id!r}, expected 1 to 64 letters, digits or ._-"
            )
        if not self.server_url.startswith(("http://", "https://")):
            raise UsageError(f"server_url: found {self.server_url!r}, expected http(s)://host:port")
        if self.attempts < 1:
            raise UsageError(f"attempts: found {self.attempts}, expected at least 1")


@dataclass(frozen=True)
class TaskRequest:
    """`task_name` is the id of a Gymnasium environment that the server knows, or a recipe's, such as `navigate_maze`.
    `task_description` is recorded, never interpreted. `num_simulations`: episodes that `simulate` flies. `real_steps`,
    `block_steps`, `iterations`: budget of training, None for the recipe's or the server's usual one. `threshold`:
    return to reach, None for the environment's own. `lora_rank`: of the adapter that `adapt` learns, None for the usual
    one, "auto" for the least that mends.
    """

    task_name: str
    task_description: str = ""
    num_simulations: int = 20
    lora_rank: int | Literal["auto"] | None = None
    real_steps: int | None = None
    block_steps: int | None = None
    iterations: int | None = None
    threshold: float | None = None
    seed: int = 0
    channel: str | None = None
    sequence: int = 0

    def training(self) -> dict[str, Any]:
        """The body of POST /train."""
        return {"env": self.task_name, **self._budget()}

    def adapting(self, base: str, variant: str) -> dict[str, Any]:
        """The body of POST /adapt: `base` is a training job, `variant` what broke there, such as motor=0.5."""
        body = {"base": base, "variant": variant, **self._budget()}
        return body if self.lora_rank is None else {**body, "rank": self.lora_rank}

    def _budget(self) -> dict[str, Any]:
        """What both take, without what is left to the server."""
        asked = {
            "description": self.task_description,
            "real_steps": self.real_steps,
            "block_steps": self.block_steps,
            "iterations": self.iterations,
            "threshold": self.threshold,
            "seed": self.seed,
        }
        return {name: value for name, value in asked.items() if value is not None}
