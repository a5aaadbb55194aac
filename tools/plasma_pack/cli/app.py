# SPDX-License-Identifier: Apache-2.0
"""`plasma-pack`: make keys, compile and sign packets, look into them.

\b
    plasma-pack keygen keys/release.pem
    plasma-pack build walker.onnx --key keys/release.pem --out walker.plasma
    plasma-pack verify walker.plasma --trust keys/release.pub
    plasma-pack check walker.plasma --source walker.onnx --env BipedalWalker-v3

The exit code is 0 only on success: 1 when something was refused (the reason on stderr, with its E_
code), 2 when the command line was wrong. A password for private keys comes from PLASMA_KEY_PASSWORD
or, with --ask-password, a prompt.
"""

from __future__ import annotations

import typer

from plasma_pack.cli import build, root, signing, studies, verdicts
from plasma_pack.cli.command import add_verb

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=__doc__,
)
for _verb in (
    signing.keygen,
    build.build,
    build.adapter,
    signing.cosign,
    signing.prepare,
    signing.attach,
    signing.export_dsse,
    verdicts.verify,
    verdicts.doctor,
    studies.inspect,
    studies.disasm,
    studies.check,
    studies.diff,
    studies.estimate,
    studies.graph,
):
    add_verb(app, _verb)
app.add_typer(root.app)


def main() -> None:
    """The entry point of `plasma-pack`."""
    app()
