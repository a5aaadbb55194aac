# SPDX-License-Identifier: Apache-2.0
"""Facts to a terminal: tables for people, one JSON object for programs. Texts are made printable
before they come here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from plasma_pack.inspection import plain, printable
from plasma_pack.packet.packet import Packet


def waiting(what: str) -> AbstractContextManager[Any]:
    """A sign of life on the terminal, if there is one."""
    return Console(stderr=True).status(what)


def built(packet: Packet, out: Path, *, as_json: bool) -> None:
    """What was made, and what was measured on the way."""
    certificate = packet.certificate
    if as_json:
        _json(
            {
                "ok": True,
                "file": printable(str(out)),
                "bytes": len(packet.data),
                "kind": packet.kind,
                "content_digest": packet.content_digest.hex(),
                "slots": [printable(name) for name in packet.slots],
                "certificate": vars(certificate),
                "report": plain(packet.report),
            }
        )
        return
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
    if packet.report:
        _quantised(packet.report)


def _quantised(report: Mapping[str, Any]) -> None:
    """Errors of the outputs, then what each layer costs."""
    console = Console()
    for output in report["outputs"]:
        name, measure = printable(output["name"]), output["measure"]
        line = f"\n{name}: error {output['error']:.3%} ({measure}), limit {output['limit']:g}"
        line += f", all in int8 {output['error_all_int8']:.3%}"
        console.print(Text(line, style="bold"))
    if not report["telling"]:
        console.print(
            "the drawn observations hardly change the choice, so they do not tell what int8 would: "
            "f16; for int8, say what the policy sees (--env, --calib)"
        )
    if report["layers"]:
        drawn = " drawn" if report["drawn"] else ""
        measured = f"measured on {report['observations']}{drawn} observations, time on this machine"
        _rows(
            measured,
            [
                {
                    "layer": printable(row["layer"]),
                    "op": row["op"],
                    "precision": row["precision"],
                    "bytes": f"{row['bytes']:,}",
                    "µs": f"{row['us']:.2f}",
                    "error of its int8": f"{row['error_alone_in_int8']:.3%}",
                }
                for row in report["layers"]
            ],
        )


def checked(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of check."""
    if as_json:
        _json(facts)
        return
    rows = []
    for name in ("source", "packet", "difference"):
        numbers = facts[name]
        row = {
            "return": name,
            "mean": f"{numbers['mean']:.2f}",
            "95 % interval": f"{numbers['low']:.2f} … {numbers['high']:.2f}",
        }
        both = f"{numbers['min']:.2f} … {numbers['max']:.2f}" if "min" in numbers else "-"
        rows.append({**row, "least … most": both})
    _rows(f"{facts['env']}, {facts['episodes']} episodes of each", rows)
    verdict = "the packet holds its return" if facts["holds"] else "the packet is worse"
    Console().print(Text(verdict, style="bold green" if facts["holds"] else "bold red"))


def differences(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of diff."""
    if as_json:
        _json(facts)
        return
    if facts["equal"]:
        Console().print("equal")
        return
    layers = [
        {
            "layer": row["layer"],
            **{name: _from_to(*row[name]) for name in ("shape", "precision", "bytes")},
            "weights": _share(row["weight_distance"]),
            "bias": _share(row["bias_distance"]),
        }
        for row in facts["layers"]
    ]
    for title, rows in (
        ("layers (distance: rms, in parts of the first)", layers),
        ("instructions", facts["instructions"]),
        ("everything else", facts["changes"]),
    ):
        if rows:
            _rows(title, rows)


def _from_to(a: Any, b: Any) -> str:
    return _shown(a) if a == b else f"{_shown(a)} → {_shown(b)}"


def _share(distance: float | None) -> str:
    return "-" if distance is None else "same" if distance == 0 else f"{distance:.3%}"


def estimated(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of estimate."""
    if as_json:
        _json(facts)
        return
    Console().print(Text(f"estimate: {facts['board']} ({facts['kernels']})", style="bold"))
    cold, warm = facts["cold_us"], facts["warm_us"]
    _facts({"a step, cold": f"{cold:.0f} µs", "a step, warm": f"{warm:.1f} µs"})
    _rows("", [{k: _rounded(v) for k, v in row.items()} for row in facts["classes"]])
    Console().print(Text(facts["note"]))


def _rounded(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else value


def written(out: Path, size: int, *, as_json: bool) -> None:
    """A file was written."""
    name = printable(str(out))
    _json({"ok": True, "file": name, "bytes": size}) if as_json else _facts(
        {name: f"{size:,} bytes"}
    )


def verdict(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of verify. Names of signers come from the local trust, never from the packet."""
    if as_json:
        _json(facts)
        return
    title = f"good: a device that trusts {facts['trust']} {facts['question']}"
    Console().print(Text(title, style="bold green"))
    _facts(
        {
            "packet": f"{facts['packet']}, {facts['kind']}, {facts['file_bytes']:,} bytes",
            "signed by": ", ".join(facts["signed_by"]),
            "content": facts["content_digest"],
            "read aloud": facts["words"],
            "base": facts["base_digest"],
            "release": ", ".join(f"{name} {_shown(v)}" for name, v in facts["release"].items()),
            "audit": facts["audit"],
            "per tick": f"{facts['macs']:,} macs, {facts['cost_units']:,} cost units",
            "memory": f"{facts['const_bytes']:,} constants, {facts['arena_bytes']:,} arena, "
            f"{facts['state_bytes']:,} state (bytes)",
            "adapters": f"up to {facts['max_adapters']}",
        }
    )
    if facts["boards"]:
        boards = ", ".join(f"{name} {us:.0f} µs" for name, us in facts["boards"].items())
        _facts({"a cold step": f"{boards} (estimates)"})


def root(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of root show."""
    if as_json:
        _json(facts)
        return
    Console().print(Text(f"good: trust root, version {facts['version']}", style="bold green"))
    _facts(
        {
            "issued": _day(facts["issued_at"]),
            "expires": _day(facts["expires"]),
            "content": facts["content_digest"],
            "thresholds": facts["thresholds"],
            "revoked": facts["revoked"],
        }
    )
    _rows("keys", facts["keys"])
    if facts["channels"]:
        _rows("channels", facts["channels"])


def root_written(out: Path, size: int, version: int, refusal: str, *, as_json: bool) -> None:
    """A root was made; `refusal` says what devices still miss."""
    name, missing = printable(str(out)), printable(refusal)
    if as_json:
        facts = {"file": name, "bytes": size, "version": version}
        _json({"ok": True, **facts, "is_valid": not refusal, "missing": missing})
        return
    _facts({name: f"version {version}, {size:,} bytes"})
    if refusal:
        Console().print(
            Text(f"not valid yet: {missing}\nsign it with: plasma-pack cosign {name} --key …")
        )


def problems(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of doctor."""
    if as_json:
        _json(facts)
        return
    _facts(facts["versions"])
    for finding in facts["findings"]:
        style = {"ok": "green", "warning": "yellow", "problem": "bold red"}[finding["level"]]
        line = Text(f"{finding['level']:8}", style=style)
        Console().print(line + Text(f"{finding['what']}: {finding['text']}"))


def _day(seconds: int) -> str:
    if seconds == 0:
        return "never"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


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
