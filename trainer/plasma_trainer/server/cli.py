# SPDX-License-Identifier: Apache-2.0
"""plasma-train serve | worker | token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from plasma_edge import PlasmaError
from plasma_trainer.errors import MissingDependencyError, TrainerError
from plasma_trainer.server.settings import ARTEFACTS, DATABASE, Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import SCOPES, Tokens

commands = typer.Typer(pretty_exceptions_enable=False)
token = typer.Typer(help="API tokens of a server.", no_args_is_help=True)
commands.add_typer(token, name="token")

Data = Annotated[Path, typer.Option(help="Directory of the server: database, jobs, packets.")]
Database = Annotated[
    str | None,
    typer.Option(envvar=DATABASE, help="postgresql://user@host/name; default: SQLite in --data."),
]
Artefacts = Annotated[
    str | None,
    typer.Option(envvar=ARTEFACTS, help="URL that keeps packets: s3://bucket/x; default: --data."),
]
Signers = Annotated[
    list[Path] | None, typer.Option("--signer", help="Public key that signs packets elsewhere.")
]
Key = Annotated[
    Path | None, typer.Option(help="Private key; without one packets are staged unsigned.")
]


@commands.command()
def serve(
    data: Data,
    host: Annotated[str, typer.Option(help="Beyond loopback, tokens are required.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8300,
    workers: Annotated[int, typer.Option(min=0, help="Processes that do the work.")] = 1,
    require_token: Annotated[bool, typer.Option("--require-token", help="Also here.")] = False,
    signer: Signers = None,
    key: Key = None,
    database: Database = None,
    artefacts: Artefacts = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM, with --tls-key.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM, with --tls-certificate.")] = None,
) -> None:
    """Hold worlds, train for agents, keep their packets. Stop it at any moment: the next start goes on."""
    with _errors():
        run = _serving()
        settings = Settings(
            data=data.resolve(),
            host=host,
            port=port,
            must_have_token=require_token,
            signers=_resolved(signer),
            key=key and key.resolve(),
            postgresql=database,
            artefacts=artefacts,
            certificate=tls_certificate,
            certificate_key=tls_key,
        )
        run(settings, workers)


@commands.command()
def worker(
    data: Data,
    signer: Signers = None,
    key: Key = None,
    database: Database = None,
    artefacts: Artefacts = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work for the server of this directory, until told to stop."""
    from plasma_trainer.server.worker import Worker

    with _errors():
        settings = Settings(
            data.resolve(),
            signers=_resolved(signer),
            key=key and key.resolve(),
            postgresql=database,
            artefacts=artefacts,
        )
        Worker(settings).run(parent)


@token.command("create")
def create(
    data: Data,
    name: Annotated[str, typer.Option(help="Whose it is.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(SCOPES)}.")] = None,
    days: Annotated[float, typer.Option(min=0.0, max=3650.0, help="Until it expires.")] = 90.0,
    database: Database = None,
) -> None:
    """Make a token and show it, once. Default: it may read."""
    with _errors():
        typer.echo(_tokens(data, database).create(name, tuple(scope or ["read"]), days))


@token.command("list")
def list_(data: Data, database: Database = None) -> None:
    """All tokens, without their secrets."""
    with _errors():
        for each in _tokens(data, database).all():
            until = datetime.fromtimestamp(each.expires, UTC).strftime("%Y-%m-%d %H:%M")
            state = "revoked" if each.is_revoked else "valid" if each.is_valid else "expired"
            typer.echo(f"{each.id}  {state:8}{until}  {','.join(each.scopes):20}  {each.name}")


@token.command()
def revoke(
    data: Data,
    id: Annotated[str, typer.Argument(help="As token list shows.")],  # noqa: A002
    database: Database = None,
) -> None:
    """Make a token worthless, at once."""
    with _errors():
        _tokens(data, database).revoke(id)


def _serving() -> Callable[[Settings, int], None]:
    """Imported when asked for: tokens and workers need no web framework."""
    try:
        from plasma_trainer.server.serving import serve
    except ImportError as error:
        raise MissingDependencyError(
            f"{error.name} is missing; run: pip install 'plasma-trainer[server]'"
        ) from error
    return serve


def _tokens(data: Path, database: str | None) -> Tokens:
    return Tokens(Store(Settings(data, postgresql=database).database))


def _resolved(paths: list[Path] | None) -> tuple[Path, ...]:
    return tuple(path.resolve() for path in paths or ())


@contextmanager
def _errors() -> Iterator[None]:
    """One line and exit status 2 for what the caller can mend."""
    try:
        yield
    except (TrainerError, PlasmaError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
