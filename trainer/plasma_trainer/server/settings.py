# SPDX-License-Identifier: Apache-2.0
"""What a server is started with, and where its files are. No name in a request ever becomes a path: jobs and packets
are addressed by hexadecimal digits that this server gave them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from plasma_trainer.errors import UsageError

DATABASE = (
    "PLASMA_DATABASE"  # environment variable of --database: passwords are not for command lines
)
ARTEFACTS = "PLASMA_ARTEFACTS"  # of --artefacts: some URLs have passwords as well
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """Of one server and its workers; they share `data`."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8300
    must_have_token: bool = False  # on loopback as well
    signers: tuple[Path, ...] = ()  # public keys that sign packets elsewhere
    key: Path | None = None  # private key; without one packets are staged unsigned
    requests_per_s: float = 300.0  # of one address
    postgresql: str | None = None  # URL of the database; None: SQLite, in `data`
    artefacts: str | None = None  # URL where packets are kept; None: in `data`
    certificate: Path | None = None  # TLS, with its key
    certificate_key: Path | None = None

    def __post_init__(self) -> None:
        if self.postgresql is not None and not self.postgresql.startswith("postgresql://"):
            raise UsageError(
                "--database: expected postgresql://user@host/name; SQLite, in --data, needs none"
            )
        if self.artefacts is not None and "://" not in self.artefacts:
            raise UsageError(
                "--artefacts: expected a URL, such as s3://bucket/packets; a directory is file:///its/path"
            )
        if (self.certificate is None) != (self.certificate_key is None):
            raise UsageError("TLS needs both --tls-certificate and --tls-key; found one of them")

    @property
    def is_open(self) -> bool:
        """Whether requests may come without a token: only from this machine, and only unless told otherwise."""
        return self.host in LOOPBACK and not self.must_have_token

    @property
    def database(self) -> Path | str:
        """A file, or the URL of a PostgreSQL."""
        return self.postgresql or self.data / "server.sqlite3"

    @property
    def packets(self) -> Path | str:
        """A directory, or a URL."""
        return self.artefacts or self.data / "packets"

    @property
    def ladder(self) -> Path:
        """What `plasma-train ladder` keeps."""
        return self.data / "ladder.sqlite3"

    def job(self, id_: str) -> Path:
        """The directory of a job: log.txt, lock, and run/ for what it learns."""
        return self.data / "jobs" / id_

    def run(self, id_: str) -> Path:
        """The run that a training or adaptation job fills."""
        return self.job(id_) / "run"
