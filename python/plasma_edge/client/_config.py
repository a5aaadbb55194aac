"""Who the agent is, whom it asks, whom it believes; and what it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """`task_name` is the id of a Gymnasium environment that the server knows. `task_description` is recorded, never
    interpreted. `num_simulations`: episodes that `simulate` flies. `real_steps`: budget of training.
    `threshold`: return to reach, None for the environment's own.
    """

    task_name: str
    task_description: str = ""
    num_simulations: int = 20
    real_steps: int = 1000
    block_steps: int = 200
    iterations: int = 20
    threshold: float | None = None
    seed: int = 0
    channel: str | None = None
    sequence: int = 0

    def training(self) -> dict[str, Any]:
        """The body of POST /train."""
        return {
            "env": self.task_name,
            "description": self.task_description,
            "real_steps": self.real_steps,
            "block_steps": self.block_steps,
            "iterations": self.iterations,
            "threshold": self.threshold,
            "seed": self.seed,
        }
