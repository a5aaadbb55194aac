# SPDX-License-Identifier: Apache-2.0
"""Verbs that look at packets and make none: inspect, disasm, check, diff, estimate, graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from plasma_edge import _core
from plasma_pack.boards import BOARDS
from plasma_pack.check import check as check_returns
from plasma_pack.cli import render
from plasma_pack.cli.options import (
    AsJson,
    Base,
    EnvId,
    FrameStack,
    NetworkFile,
    PacketFile,
    States,
    VecNormalize,
)
from plasma_pack.cli.values import pairs
from plasma_pack.difference import difference
from plasma_pack.errors import OptionError
from plasma_pack.estimate import estimate as estimate_step
from plasma_pack.graph import draw, png
from plasma_pack.inspection import describe
from plasma_pack.packet.format import Kind
from plasma_pack.packet.packet import save
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.pasm.disassembler import disassemble, disassemble_adapter
from plasma_pack.program.decode import decode
from plasma_pack.program.program import Program

_PICTURES: Mapping[str, Callable[[Program], bytes]] = {
    ".svg": lambda program: draw(program).encode(),
    ".png": png,
}


def inspect(packet: PacketFile, base: Base = None, as_json: AsJson = False) -> None:
    """Show what a packet says about itself. Proves nothing: use verify for that.

    \b
    plasma-pack inspect walker.plasma
    plasma-pack inspect icy.plasma --base walker.plasma
    """
    facts = describe(open_packet(packet), open_packet(base) if base else None)
    render.inspection(facts, as_json=as_json)


def disasm(
    packet: PacketFile,
    base: Base = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="default: stdout")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the program as text (.pasm). An adapter needs --base, and its text belongs behind the
    base's.

    \b
    plasma-pack disasm walker.plasma -o walker.pasm
    """
    text = _text(open_packet(packet), base)
    if out is not None:
        save(out, text.encode())
        render.written(out, len(text.encode()), as_json=as_json)
    else:
        typer.echo(json.dumps({"ok": True, "text": text}) + "\n" if as_json else text, nl=False)


def check(
    packet: PacketFile,
    env: EnvId,
    source: Annotated[Path, typer.Option(help="policy that the packet was built from")],
    episodes: Annotated[int, typer.Option(help="of each, with the same seeds")] = 20,
    seed: Annotated[int, typer.Option(help="of the first episode, then +1 each")] = 0,
    state: States = [],  # noqa: B006
    vec_normalize: VecNormalize = None,
    frame_stack: FrameStack = None,
    network: NetworkFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare the return of a packet with that of its source, episode by episode.

    Exit code 1 when the packet loses more than 2 % and the 95 % interval of the difference says that
    this is no luck.

    \b
    plasma-pack check walker.plasma --source walker.onnx --env BipedalWalker-v3
    plasma-pack check pole.plasma --source pole.zip --env CartPole-v1 --episodes 100
    """
    facts = check_returns(
        packet,
        source,
        env,
        episodes=episodes,
        seed=seed,
        states=pairs("--state", state),
        vec_normalize=False if vec_normalize == "none" else vec_normalize,
        frame_stack=frame_stack,
        network=network,
    )
    render.checked(facts, as_json=as_json)
    if not facts["holds"]:
        raise typer.Exit(1)


def diff(
    a: Annotated[Path, typer.Argument(help="packet (.plasma)")],
    b: Annotated[Path, typer.Argument(help="packet to compare it with")],
    as_json: AsJson = False,
) -> None:
    """Show what differs between two packets, layer by layer. Exit code 1 when anything does.

    \b
    plasma-pack diff walker-1.plasma walker-2.plasma
    """
    facts = difference(open_packet(a), open_packet(b))
    render.differences(facts, as_json=as_json)
    if not facts["equal"]:
        raise typer.Exit(1)


def estimate(
    packet: PacketFile,
    board: Annotated[
        str, typer.Option(help=f"one of {', '.join(BOARDS)}", autocompletion=lambda: list(BOARDS))
    ],
    as_json: AsJson = False,
) -> None:
    """Estimate how long a step would take on a board that is not at hand.

    \b
    plasma-pack estimate walker.plasma --board pi4
    """
    render.estimated(estimate_step(open_packet(packet), board), as_json=as_json)


def graph(
    packet: PacketFile,
    out: Annotated[Path, typer.Option("--out", "-o", help=".svg or .png to write")],
    as_json: AsJson = False,
) -> None:
    """Draw the program of a packet.

    \b
    plasma-pack graph walker.plasma -o walker.svg
    plasma-pack graph walker.plasma -o walker.png
    """
    if out.suffix not in _PICTURES:
        raise OptionError(f"--out: found {out.name!r}, expected a name that ends in .svg or .png")
    opened = open_packet(packet)
    if opened.header.kind != Kind.BASE:
        raise OptionError("an adapter has no program of its own; draw its base")
    _core.certify(opened.sections)
    picture = _PICTURES[out.suffix](decode(opened.sections, opened.slot_names))
    save(out, picture)
    render.written(out, len(picture), as_json=as_json)


def _text(opened: OpenPacket, base: Path | None) -> str:
    if opened.header.kind == Kind.BASE:
        return disassemble(opened.sections, opened.slot_names)
    if base is None:
        raise OptionError("an adapter's patches have the shapes of its base; pass --base")
    opened_base = open_packet(base)
    if opened_base.header.content_digest != opened.header.base_digest:
        raise OptionError(
            f"{base} is not the base of this adapter; expected content digest "
            f"{opened.header.base_digest.hex()}"
        )
    return disassemble_adapter(opened.sections, opened_base.sections, opened_base.slot_names)
