# SPDX-License-Identifier: Apache-2.0
"""Facts to a terminal: tables for people, one JSON object for programs. Texts are made printable
before they come here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from plasma_pack.inspection import printable
from plasma_pack.packet.packet import Packet


def built(packet: Packet, out: Path) -> None:
    """What was made, in three lines."""
    certificate = packet.certificate
    _facts(
        {
            packet.kind: f"{printable(str(out))}, {len(packet.data):,} bytes",
            "content": packet.content_digest.hex(),
            "slots": ", ".join(printable(name) for name in packet.slots) or "none",
            "per tick": f"{certificate.macs:,} macs, {certificate.cost_units:,} cost units",
            "memory": f"{certificate.const_bytes:,} constants, {certificate.arena_bytes:,} arena, "
            f"{certificate.state_bytes:,} state (bytes)",
        }
    )


def verdict(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of verify. Names of signers come from the local key files, never from the
    packet.
    """
    if as_json:
        _json(facts)
        return
    hidden = ("ok", "code", "signers", "signed_by")
    shown = {"verdict": f"good ({facts['code']})", "signed by": ", ".join(facts["signed_by"])}
    _facts(shown | {name: value for name, value in facts.items() if name not in hidden})


def inspection(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of inspect."""
    if as_json:
        _json(facts)
        return
    console = Console()
    console.print(Text("not verified: this is what the file says about itself", style="bold"))
    _facts({name: value for name, value in facts.items() if not isinstance(value, (dict, list))})
    for name in ("release", "certificate", "audit", "manifest", "program"):
        console.print(Text(f"\n{name}", style="bold"))
        _facts({k: v for k, v in facts[name].items() if not _is_rows(v)})
        for key, rows in facts[name].items():
            if _is_rows(rows):
                _rows(key, rows)
    for name in ("signers", "sections"):
        _rows(name, facts[name])


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _json(facts: Mapping[str, Any]) -> None:
    Console(soft_wrap=True, markup=False, highlight=False).out(json.dumps(facts))


def _facts(facts: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(str(name)), Text(_shown(value)))
    Console().print(table)


def _rows(title: str, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(Text(str(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    Console().print(table)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(item) for item in value) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items()) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
