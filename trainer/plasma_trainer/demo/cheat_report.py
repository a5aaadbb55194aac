# SPDX-License-Identifier: Apache-2.0
"""The page of `demo cheat`: films of the dream and of reality, round by round, and what the gate made of them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from plasma_trainer.demo.plots import promises
from plasma_trainer.demo.report import figure

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>plasma-edge: the dream says solved</title>
<style>
 body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328 }}
 h1 {{ font-size: 1.6rem }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem }}
 .verified {{ color: #1a7f37 }} .failed {{ color: #c0392b }} img {{ max-width: 100% }} figure {{ margin: 0 }}
 .two {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }} figcaption {{ color: #57606a; font-size: .9rem }}
</style>
<h1>The dream says solved</h1>
<p>A policy that believes in its world wherever it goes. One real episode, the canary, decides whether it is signed.
To fly a policy that was refused is to go where the auditor objected; that is what the next round learns from.</p>
{curve}
{rounds}
<h2>Signed</h2>
<p>{packet}</p>
</html>
"""

ROUND = """<h2>Round {round}, {real_steps:,} real steps: <span class={verdict}>{verdict}</span></h2>
<p>{sentence} <a href="round-{round}/audit.html">The audit</a></p>
<div class=two>{dream}{real}</div>
"""


def write(summary: dict[str, Any], directory: Path) -> Path:
    """cheat.html; it needs nothing beside it but the audits that it links to."""
    rounds, packet = summary["rounds"], summary["packet"]
    promises(rounds, directory / "promises.png")
    page = PAGE.format(
        curve=figure(directory / "promises.png", "Thirty real episodes beside what was dreamt."),
        rounds="".join(_round(row, directory / f"round-{row['round']}") for row in rounds),
        packet=f"{packet['bytes']:,} bytes, audit {packet['audit']}; the packet earned "
        f"{packet['returns']['mean']:.1f} over {packet['returns']['episodes']} fresh episodes.",
    )
    path = directory / "cheat.html"
    path.write_text(page, encoding="utf-8")
    return path


def _round(row: dict[str, Any], directory: Path) -> str:
    return ROUND.format(
        **row | {"sentence": escape(_sentence(row))},
        dream=figure(directory / "dream.gif", "What its world says"),
        real=figure(directory / "real.gif", "What is"),
    )


def _sentence(row: dict[str, Any]) -> str:
    learnt_from = (
        ""
        if row["objected"] is None
        else f"{row['objected']:.0%} of the new steps were such as the auditor had objected to. "
    )
    gate = f"Refused: {row['refusal']}." if row["refusal"] else "Signed."
    return (
        f"{learnt_from}The dream promises {row['imagined']:.0f}; "
        f"{row['scores']['unsupported_share']:.0%} of its steps have no support in the data. "
        f"The canary earned {row['canary']:.0f}. {gate}"
    )
