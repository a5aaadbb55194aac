"""An agent's side of `plasma-train serve`: ask for training, fetch what came of it, verify it, fly it.

>>> config = ClientConfig("agent-7", "https://school:8300", token="pe_…", trust="root.plasma")
>>> async with PlasmaAgentClient(config) as client:
...     deployed = await client.train_and_deploy(TaskRequest("CartPole-v1"))
...     policy = await client.load_instruction_packet(deployed.content_digest)

Without asyncio: `PlasmaAgent`, the same verbs. Needs `pip install 'plasma-edge[client]'`, and no torch.
"""

from __future__ import annotations

from plasma_edge.client._client import Deployment, PlasmaAgentClient
from plasma_edge.client._config import ClientConfig, TaskRequest
from plasma_edge.client._errors import (
    ClientError,
    ConnectionLostError,
    JobFailedError,
    NotSignedError,
    ServerRefusal,
)
from plasma_edge.client._server import Job
from plasma_edge.client._sync import PlasmaAgent

__all__ = [
    "ClientConfig",
    "ClientError",
    "ConnectionLostError",
    "Deployment",
    "Job",
    "JobFailedError",
    "NotSignedError",
    "PlasmaAgent",
    "PlasmaAgentClient",
    "ServerRefusal",
    "TaskRequest",
]
