# SPDX-License-Identifier: Apache-2.0
"""The demo's report: one page that needs nothing but itself."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

from rich.table import Table

STYLE = """<style>
 body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328 }
 h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
 table { border-collapse: collapse } td { padding: .25rem .9rem .25rem 0; vertical-align: top }
 tr { border-bottom: 1px solid #d8dee4 } td.n { font-variant-numeric: tabular-nums; white-space: pre-line }
 img { max-width: 100% } figure { margin: 0 } .two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }
 figcaption { color: #57606a; font-size: .9rem } code { font-size: .9em }
</style>"""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>plasma-edge: the motor is wired backwards</title>
{style}
<h1>The motor is wired backwards</h1>
<p>A policy learnt in imagination from {steps} real steps flies as a signed packet. Then its motor is
reversed. A signed adapter of {adapter_bytes:,} bytes, learnt from {adapter_steps} real steps on the broken
plant, is attached between two ticks, and the same episode goes on.</p>
<div class="two">{films}</div>
{strips}
<h2>Figures</h2>{table}
<h2>Learning curve</h2>{curve}
<h2>Return before and after</h2>{bars}
<h2>Time of a step</h2>{latency}
</html>
"""


def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The summary as lines of a table: what, and how much."""
    returns, worst, step = summary["returns"], summary["worst_returns"], summary["step_us"]

    def shown(name: str) -> str:
        return f"{returns[name]:.1f}  (worst {worst[name]:.0f})"

    return [
        (
            "real steps: base, adapter",
            f"{summary['real_steps']['base']}, {summary['real_steps']['adapter']}",
        ),
        ("return, base, motor as built", shown("base_nominal")),
        ("  the same policy in torch", shown("torch_nominal")),
        ("return, base, motor reversed", shown("base_broken")),
        ("return, adapter, motor reversed", shown("adapter_broken")),
        ("  the same adapter in torch", shown("torch_broken")),
        ("return, reversed at tick 100, adapter attached", shown("midstride")),
        ("return, reversed at tick 100, no adapter", shown("midstride_control")),
        ("return, adapter detached, motor reversed", shown("detached_broken")),
        (
            "actions equal to torch: base, adapter",
            f"{summary['agreement']['base']:.2%} of {summary['observations']['base']:,}, "
            f"{summary['agreement']['adapter']:.2%} of {summary['observations']['adapter']:,}",
        ),
        ("bytes: base, adapter", f"{summary['bytes']['base']:,}, {summary['bytes']['adapter']:,}"),
        (
            "step, µs: p50 / p99 / p99.9 / max",
            f"{step['p50']:.2f} / {step['p99']:.2f} / {step['p999']:.2f} / {step['max']:.1f}  ({summary['kernels']})",
        ),
        ("attach: verify to live, µs", f"{summary['attach_us']:.0f}"),
        ("audit: base, adapter", f"{summary['audit']['base']}, {summary['audit']['adapter']}"),
        ("refused: flipped byte", summary["refusals"]["flipped_byte"]),
        ("  and the trailer made to match", summary["refusals"]["flipped_and_resealed"]),
        ("refused: wrong key", summary["refusals"]["wrong_key"]),
        ("refused: adapter of another base", summary["refusals"]["other_base"]),
        ("digest of the base", summary["digests"]["base"]),
        ("digest of the adapter", summary["digests"]["adapter"]),
        ("seconds", f"{summary['seconds']:.0f}"),
    ]


def table(summary: dict[str, Any]) -> Table:
    """The summary for a terminal."""
    result = Table(title="The motor is wired backwards", show_header=False, title_justify="left")
    for what, how_much in rows(summary):
        result.add_row(what, how_much)
    return result


def write_report(summary: dict[str, Any], directory: Path) -> Path:
    """report.html beside the pictures that it embeds."""
    films = figure(directory / "before.gif", "Without the adapter") + figure(
        directory / "after.gif", "With the adapter, attached at tick 100"
    )
    strips = figure(directory / "before.png", "Without") + figure(directory / "after.png", "With")
    page = PAGE.format(
        style=STYLE,
        steps=summary["real_steps"]["base"],
        adapter_steps=summary["real_steps"]["adapter"],
        adapter_bytes=summary["bytes"]["adapter"],
        films=films,
        strips=strips,
        table=_html_table(summary),
        curve=figure(
            directory / "curve.png",
            "Grey: five seeds of Stable-Baselines3 PPO with rl-zoo settings, recorded by benchmarks/baseline_ppo.py. "
            "Evaluation episodes do not count as real steps, for either.",
        ),
        bars=figure(directory / "returns.png", ""),
        latency=figure(
            directory / "latency.png", "Warm, one thread, this machine, whatever else it was doing."
        ),
    )
    path = directory / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _html_table(summary: dict[str, Any]) -> str:
    lines = (f"<tr><td>{escape(a)}</td><td class=n>{escape(b)}</td></tr>" for a, b in rows(summary))
    return f"<table>{''.join(lines)}</table>"


def figure(path: Path, caption: str) -> str:
    """A picture inside a page, with a caption."""
    kind = {".gif": "gif", ".png": "png"}[path.suffix]
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
