"""latest.json: each part replaces its own keys, and the keys at the top follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.bench import report, results
from benchmarks.bench.measure import relative_error


def line(name: str, us: float, error: float = 0.01) -> dict[str, Any]:
    times = dict.fromkeys(report.TIMES, us)
    return {"name": name, "error": error} | times


def pair(ours: Any, peer: Any, machine: str = "here", date: str = "2026-01-02") -> dict[str, Any]:
    made = {"commit": "abc", "machine": machine, "date": date}
    return {"kernels": "avx2", "ours": ours, "peer": peer, "made": made}


@pytest.fixture
def latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "LATEST", tmp_path / "latest.json")
    return tmp_path / "latest.json"


def test_the_fastest_valid_configuration_of_all_peers_is_the_best_peer() -> None:
    pairs = {
        "litert": pair([line("step", 1.0)], [line("fp32", 6.0), line("int8", 3.0)]),
        "torch": pair([line("step", 1.5)], [line("eager", 9.0)]),
    }
    best = results.best_pair(pairs)
    assert (best["name"], best["peer"]["name"], best["ratio"]) == ("litert", "int8", 3.0)


def test_who_errs_too_much_or_does_not_run_does_not_count() -> None:
    lines = [
        line("wrong", 1.0, error=0.2),
        {"name": "broken", "not_run": "why"},
        line("right", 5.0),
    ]
    assert results.fastest(lines) == lines[2]
    assert results.fastest({"not_run": "why"}) is None
    assert results.fastest([line("nothing", 1.0, error=float("nan"))]) is None


def test_results_of_another_machine_are_not_compared() -> None:
    pairs = {
        "litert": pair([line("step", 1.0)], [line("int8", 0.1)], "elsewhere", "2026-01-01"),
        "torch": pair([line("step", 1.0)], [line("eager", 9.0)]),
    }
    assert results.best_pair(pairs)["name"] == "torch"


def test_what_we_do_not_support_yet_is_null_and_the_peer_is_measured() -> None:
    refused = {"not_supported": "LSTM node is not supported"}
    top = results.summary({"pairs": {"E": {"litert": pair(refused, [line("int8", 5.0)])}}})
    assert top["us"] == top["ratio_over_best_peer"] == top["kernels"] == {"E": None}
    assert top["peer"] == {"E": {"name": "litert: int8", "us": 5.0}}
    assert top["error_vs_fp32"] == {"E": {"ours": None, "peer": 0.01}}


def test_a_part_replaces_its_own_keys_only(latest: Path) -> None:
    results.put(("adapters", "ours"), {"swap_us": 1.0, "adapter_live_ms": 2.0})
    results.put(
        ("pairs", "A", "litert"), {"ours": [line("step", 1.0)], "peer": [line("fp32", 4.0)]}
    )
    results.put(
        ("pairs", "A", "litert"), {"ours": [line("step", 1.0)], "peer": [line("fp32", 5.0)]}
    )
    written = json.loads(latest.read_text())
    assert written["ratio_over_best_peer"] == {"A": 5.0}
    assert (written["swap_us"], written["adapter_live_ms"]) == (1.0, 2.0)
    assert set(written["pairs"]["A"]["litert"]["made"]) == {"commit", "machine", "versions", "date"}


def test_the_error_is_in_units_of_the_greatest_action() -> None:
    expected = np.array([[1.0, -4.0], [2.0, 0.0]])
    assert relative_error([[1.0, -4.0], [2.0, 1.0]], expected) == 0.25
    assert np.isnan(relative_error([[1.0, np.nan], [2.0, 0.0]], expected))


def test_the_readme_says_who_lost_and_what_did_not_run() -> None:
    refused = {"not_supported": "LSTM node is not supported"}
    measured = {
        "pairs": {
            "C": {
                "litert": pair([line("step", 8.0)], [line("int8", 4.0)]),
                "tables": pair([line("scalar", 90.0)], None),
            },
            "E": {"litert": pair(refused, [line("int8", 5.0)])},
        }
    }
    text = report.readme(measured)
    assert "**0.50**" in text
    assert "not supported yet" in text
    assert "| C | 90 | not run |" in text
