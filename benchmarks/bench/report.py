# SPDX-License-Identifier: Apache-2.0
"""Results for people: one table on the terminal, tables in benchmarks/README.md, every contender in contenders.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import ours
from .catalog import NETS
from .results import FOLDER, Json, best_pair

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"
NAMES = {"litert": "LiteRT", "openvino": "OpenVINO", "ours": "plasma-edge"}
HEAD = [
    "net",
    "ours µs",
    "table",
    "best peer",
    "µs",
    "**ratio**",
    "cold: ours, peer µs",
    "error: ours, peer",
]
CONTENDER_HEAD = [
    "",
    "best round µs",
    "worst round",
    "p50",
    "p99",
    "p99.9",
    "max",
    "cold p50",
    "cold p90",
    "error",
]

Rows = list[list[str]]


def print_results(console: Console, results: Json) -> None:
    table = Table(title="ratio over the best peer; above 1 we are faster")
    for column in HEAD:
        table.add_column(column.replace("**", ""), justify="right")
    for row in ratio_rows(results):
        table.add_row(*(cell.replace("**", "") for cell in row))
    console.print(table)


def write_tables(results: Json) -> None:
    """The marked part of README.md, and contenders.md."""
    text = README.read_text("utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    README.write_text(f"{before}{BEGIN}\n\n{readme(results)}\n\n{END}{after}", "utf-8")
    (FOLDER / "contenders.md").write_text(contenders(results) + "\n", "utf-8")


def readme(results: Json) -> str:
    """The tables of the README; a part that was not measured is left out."""
    parts = [markdown(HEAD, ratio_rows(results)), _made(results)]
    parts += ["![µs a call, warm and cold](results/bench/speed.png)"]
    parts += ["Each kernel table by name, `policy.step(obs, out=out)`, µs:"]
    parts += [markdown(["net", *ours.TABLES], table_rows(results))]
    if results.get("footprint"):
        head = ["above python + numpy", "RSS MB", "import + load + first step ms", "installed MB"]
        head += ["threads: one asked, default", "CPU at 200 Hz: one thread, default"]
        parts += [markdown(head, footprint_rows(results))]
    if results.get("adapters"):
        parts += [markdown(["changing the adapter", "way", "µs"], adapter_rows(results))]
    return "\n\n".join(parts)


def ratio_rows(results: Json) -> Rows:
    rows = []
    for letter, pairs in _pairs(results):
        best = best_pair(pairs)
        mine, peer = best["ours"], best["peer"]
        refusal = next((p["ours"] for p in pairs.values() if isinstance(p.get("ours"), dict)), None)
        rows.append(
            [
                f"{letter} {NETS[letter].title}",
                _number(mine and mine["us"]) if mine or not refusal else "not supported yet",
                best["kernels"] or "",
                f"{_name(best['name'])} {peer['name']}" if peer else "not run",
                _number(peer and peer["us"]),
                _ratio(best),
                f"{_number(mine and mine['cold_us'])}, {_number(peer and peer['cold_us'])}",
                f"{_error(mine)}, {_error(peer)}",
            ]
        )
    return rows


def _ratio(best: Json) -> str:
    """The ratio that counts, and how far those of several runs lie apart."""
    if not best["ratio"]:
        return "–"
    runs = best["ratios"]
    return f"**{best['ratio']:.2f}**" + (f" ({min(runs):.2f}–{max(runs):.2f})" if runs else "")


def table_rows(results: Json) -> Rows:
    """Kernel tables side by side; what this CPU lacks is said."""
    rows = []
    for letter, pairs in _pairs(results):
        side = pairs.get("tables", {}).get("ours")
        if isinstance(side, list):
            found = {line["name"]: _number(line.get("us")) for line in side}
            rows.append([letter, *(found.get(table, "not run") for table in ours.TABLES)])
    return rows


def footprint_rows(results: Json) -> Rows:
    return [
        [
            _name(runtime),
            *(_number(line.get(key)) for key in ("rss_mb", "cold_start_ms", "installed_mb")),
            _both(line, "threads", "{:.0f}"),
            _both(line, "cpu_percent", "{:.1f} %"),
        ]
        for runtime, line in results["footprint"].items()
    ]


def adapter_rows(results: Json) -> Rows:
    rows = []
    for side, ways in results["adapters"].items():
        if side == "ours":
            size = f"{ways['adapter_bytes'] / 1e3:.0f} KB"
            live_us = 1e3 * ways["adapter_live_ms"]
            rows.append(
                [_name(side), "to one that is resident: set_gains", _number(ways["swap_us"])]
            )
            rows.append(
                [
                    _name(side),
                    f"{size} from file to live, verified and self-tested",
                    _number(live_us),
                ]
            )
        else:
            timed = {way: us for way, us in ways.items() if isinstance(us, float)}
            rows += [[_name(side), way, _number(us)] for way, us in timed.items()]
    return rows


def contenders(results: Json) -> str:
    """Everything that was tried, net by net."""
    parts = [
        "# Every contender",
        "Made by `make bench`; how to read it: [README](../../README.md).",
    ]
    for letter, pairs in _pairs(results):
        parts.append(f"## {letter} {NETS[letter].title}: {NETS[letter].shape}")
        for peer, pair in pairs.items():
            made = pair["made"]
            parts.append(
                f"{_name(peer)}, {made['date']}, commit {made['commit']}, {made['machine']}"
            )
            parts.append(markdown(CONTENDER_HEAD, list(_contender_rows(peer, pair))))
    return "\n\n".join(parts)


def markdown(head: list[str], rows: Rows) -> str:
    """A table; a bar in a cell would end it."""
    cells = [
        [re.sub(r"\|", "/", cell) for cell in row] for row in [head, ["---"] * len(head), *rows]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _contender_rows(peer: str, pair: Json) -> Iterator[list[str]]:
    blank = [""] * (len(CONTENDER_HEAD) - 2)
    # A line of `tables` is named after its own table.
    mine = "plasma-edge" if peer == "tables" else f"plasma-edge ({pair.get('kernels')})"
    for side, name in (("ours", mine), ("peer", _name(peer))):
        lines = pair.get(side, [])
        for line in lines if isinstance(lines, list) else [{"name": ""} | lines]:
            label = f"{name} {line['name']}".strip()
            if "us" in line:
                yield [label, *(_number(line[key]) for key in TIMES), f"{line['error']:.3f}"]
            elif "not_supported" in line:
                yield [f"plasma-edge: not supported yet: {line['not_supported']}", *blank, ""]
            else:
                yield [f"{label}: not run: {line['not_run']}", *blank, ""]


TIMES = (
    "us",
    "worst_round_us",
    "p50_us",
    "p99_us",
    "p999_us",
    "max_us",
    "cold_us",
    "cold_p90_us",
)


def _made(results: Json) -> str:
    """Where the numbers of the ratio table come from; one line a (commit, machine)."""
    seen: dict[tuple[str, str], list[str]] = {}
    for letter, pairs in _pairs(results):
        made = pairs[best_pair(pairs)["name"]]["made"]
        seen.setdefault((made["commit"], made["machine"]), []).append(
            f"{letter} {made['date'][:10]}"
        )
    return "\n".join(
        f"`make bench`, commit {commit}, {machine}: {', '.join(nets)}."
        for (commit, machine), nets in seen.items()
    )


def _pairs(results: Json) -> Iterator[tuple[str, Json]]:
    measured = results.get("pairs", {})
    return ((letter, measured[letter]) for letter in NETS if letter in measured)


def _name(runtime: str) -> str:
    return NAMES.get(runtime, runtime)


def _number(value: Any) -> str:
    """Three significant digits."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _error(line: Json | None) -> str:
    return f"{line['error']:.3f}" if line else "–"


def _both(line: Json, key: str, form: str) -> str:
    pair = (line.get(label, {}).get(key) for label in ("one_thread", "default_threads"))
    return ", ".join("–" if value is None else form.format(value) for value in pair)
