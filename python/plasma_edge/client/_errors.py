"""What can go wrong between an agent and its server, as one tree.

PlasmaError
└── ClientError
    ├── ServerRefusal        the server answered with a problem: `status`, `code`, and its detail
    ├── ConnectionLostError  no answer, after all attempts
    ├── JobFailedError       the job ended as failed or cancelled
    └── NotSignedError       the packet is staged; its signers have not signed yet
"""

from __future__ import annotations

from plasma_edge import PlasmaError


class ClientError(PlasmaError):
    """Base of the client's errors. What a packet does wrong is raised as plasma_edge raises it."""


class ServerRefusal(ClientError):  # noqa: N818 - a refusal is not a malfunction
    """The server said no; `code` is the problem's, such as `unauthenticated`."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code} ({status}): {detail}")
        self.status, self.code = status, code


class ConnectionLostError(ClientError):
    """The server could not be reached, after all attempts."""

    code = "connection_lost"


class JobFailedError(ClientError):
    """The job has no result."""

    code = "job_failed"


class NotSignedError(ClientError):
    """The server holds the packet, and nobody has signed it yet."""

    code = "not_signed"
