# SPDX-License-Identifier: Apache-2.0
"""One picture: µs a call of every runtime on every net, warm and cold."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from .catalog import NETS
from .report import NAMES
from .results import FOLDER, Json, best_pair, fastest

STYLES = {
    "ours": ("#d1495b", "D"),
    "litert": ("#30638e", "o"),
    "onnxruntime": ("#edae49", "s"),
    "openvino": ("#00798c", "^"),
    "torch": ("#7a5195", "v"),
    "numpy": ("#999999", "x"),
}


def plot(results: Json) -> None:
    """Writes speed.png: the fastest valid configuration of each runtime."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
    pairs = {letter: pairs for letter, pairs in results.get("pairs", {}).items() if letter in NETS}
    letters = [letter for letter in NETS if letter in pairs]
    for panel, key, title in zip(panels, ("us", "cold_us"), ("warm", "cold caches"), strict=True):
        _panel(panel, {letter: _times(pairs[letter], key) for letter in letters}, title)
    panels[0].set_ylabel("µs a call, one thread (log)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / "speed.png", dpi=130)
    plt.close(figure)


def _times(pairs: Json, key: str) -> dict[str, float]:
    found = {peer: line[key] for peer, pair in pairs.items() if (line := fastest(pair.get("peer")))}
    mine = best_pair(pairs)["ours"]
    return found | ({"ours": mine[key]} if mine else {})


def _panel(panel: Axes, times: dict[str, dict[str, float]], title: str) -> None:
    """times: {net: {runtime: µs}}."""
    letters = list(times)
    for place, (runtime, (colour, marker)) in enumerate(STYLES.items()):
        found = [(x, times[net][runtime]) for x, net in enumerate(letters) if runtime in times[net]]
        shift = (place - (len(STYLES) - 1) / 2) * 0.11
        panel.scatter(
            [x + shift for x, _ in found],
            [us for _, us in found],
            color=colour,
            marker=marker,
            s=42,
            label=NAMES.get(runtime, runtime),
            zorder=3,
        )
    panel.set_yscale("log")
    panel.set_xticks(
        range(len(letters)), [f"{net}\n" + NETS[net].title.replace("_", "\n") for net in letters]
    )
    panel.tick_params(axis="x", labelsize=7, length=0)
    panel.grid(axis="y", which="both", alpha=0.25)
    for x in range(1, len(letters)):
        panel.axvline(x - 0.5, color="#dddddd", linewidth=0.8, zorder=0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_title(title)
