# SPDX-License-Identifier: Apache-2.0
"""The gallery of healed plants: a table for the terminal, and one page that needs nothing but itself."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from rich.table import Table

from plasma_trainer.demo.report import STYLE, figure
from plasma_trainer.pipelines.heal import file_name
from plasma_trainer.pipelines.runs import write_whole

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>plasma-edge: {env}, broken and healed</title>
{style}
<style>
 .two {{ max-width: 44rem }} .two img {{ width: 100%; border: 1px solid #d8dee4 }} .wide {{ overflow-x: auto }}
 th {{ text-align: left; font-weight: 600; padding: .25rem .9rem .25rem 0 }} .wide td {{ white-space: nowrap }}
</style>
<h1>{env}, broken and healed</h1>
<p>A base learnt in imagination from {steps:,} real steps flies as a signed packet of {bytes:,} bytes. On the plant as
built it earns {whole}. Each plant below is broken in its own way. Its adapter was learnt from real steps on the broken
plant alone, audited with real episodes, compiled, signed, and attached to the same base.</p>
<div class="wide"><table>{head}{rows}</table></div>
<p>Returns are means of {episodes} episodes that no run has seen, flown by the signed packets; in brackets the lower
95 % confidence bound. Seconds are of one CPU core, for adapting.</p>
{plants}
</html>
"""
HEAD = ("plant", "base", "with adapter", "bytes", "rank", "real steps", "CPU s", "audit")


def cells(variant: str, plant: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table, under HEAD."""
    before = _returns(plant["broken"])
    if "refused" in plant:
        return (variant, before, "refused", *["–"] * (len(HEAD) - 3))
    healed = plant["healed"]
    return (
        variant,
        before,
        _returns(healed["returns"]),
        f"{healed['bytes']:,}",
        str(healed["rank"]),
        str(healed["real_steps"]),
        f"{healed['seconds']:.0f}",
        healed["audit"],
    )


def table(summary: dict[str, Any]) -> Table:
    """The summary for a terminal."""
    result = Table(title=f"{summary['env']}, broken and healed", title_justify="left")
    for name in HEAD:
        result.add_column(name, no_wrap=name == HEAD[0])
    for variant, plant in summary["plants"].items():
        result.add_row(*cells(variant, plant))
    return result


def write_gallery(summary: dict[str, Any], directory: Path) -> Path:
    """gallery.html beside the films that it embeds."""
    plants, base = summary["plants"], summary["base"]
    page = PAGE.format(
        style=STYLE,
        env=escape(summary["env"]),
        steps=base["real_steps"],
        bytes=base["bytes"],
        whole=_returns(base["returns"]),
        episodes=base["returns"]["episodes"],
        head=_row(HEAD, "th"),
        rows="".join(_row(cells(variant, plant), "td") for variant, plant in plants.items()),
        plants="".join(_plant(variant, plant, directory) for variant, plant in plants.items()),
    )
    path = directory / "gallery.html"
    write_whole(path, lambda scratch: scratch.write_text(page, encoding="utf-8") and None)
    return path


def _plant(variant: str, plant: dict[str, Any], directory: Path) -> str:
    """Both films beside each other; or the first, and why there is no second."""
    name = file_name(variant)
    films = figure(directory / f"{name}-before.gif", f"The base alone: {_returns(plant['broken'])}")
    if "refused" in plant:
        films += f"<p>{escape(plant['refused'])}</p>"
    else:
        healed = plant["healed"]
        films += figure(
            directory / f"{name}-after.gif",
            f"With its adapter of {healed['bytes']:,} bytes: {_returns(healed['returns'])}",
        )
    return f"<h2><code>{escape(variant)}</code></h2><div class=two>{films}</div>"


def _returns(returns: dict[str, Any]) -> str:
    return f"{returns['mean']:.1f} ({returns['low']:.1f})"


def _row(texts: tuple[str, ...], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(text)}' for text in texts)}</tr>"
