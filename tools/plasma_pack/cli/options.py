# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout")]
PacketFile = Annotated[Path, typer.Argument(help="packet (.plasma)")]
EnvId = Annotated[
    str, typer.Option("--env", help="Gymnasium environment, such as CartPole-v1 (needs [gym])")
]
States = Annotated[list[str], typer.Option("--state", help="recurrent state: INPUT=OUTPUT")]
VecNormalize = Annotated[
    str | None,
    typer.Option(help="saved VecNormalize of an SB3 policy, or none; default: beside it"),
]
FrameStack = Annotated[
    int | None, typer.Option(help="frames of an SB3 policy for the packet to stack itself")
]
NetworkFile = Annotated[
    Path | None,
    typer.Option("--network", help="JSON: which layers of a state_dict act (docs/importing.md)"),
]
KeyFiles = Annotated[
    list[Path], typer.Option("--key", help="private key (PEM); repeat for several signers")
]
AskPassword = Annotated[
    bool, typer.Option("--ask-password", help="prompt for the password of the private key")
]
Channel = Annotated[str | None, typer.Option(help="channel of the devices it is meant for")]
Base = Annotated[Path | None, typer.Option(help="base packet of an adapter")]
