# SPDX-License-Identifier: Apache-2.0
"""What every verb shares: errors of plasma go to stderr and end it with exit code 1; passwords."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import typer

from plasma_edge import PlasmaError, _refusal

_P = ParamSpec("_P")


def add_verb(app: typer.Typer, function: Callable[_P, None]) -> None:
    """Make a function a verb of the command line, named as it is."""

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except PlasmaError as error:
            _fail(error, as_json=bool(kwargs.get("as_json")))

    app.command()(run)


def password_of(ask: bool) -> str | None:
    """The password of the private keys: prompted for, or from PLASMA_KEY_PASSWORD."""
    if ask:
        return str(typer.prompt("Password of the private key", hide_input=True, err=True))
    return os.environ.get("PLASMA_KEY_PASSWORD")


def _fail(error: PlasmaError, *, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(_refusal.as_json(error))
    typer.echo(_refusal.line(error), err=True)
    raise typer.Exit(1)
