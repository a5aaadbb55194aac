"""make fuzz: what is read from a log and added up; and that the committed seeds are what the script makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz import make_corpus, run

HERE = Path(__file__).parent
LOG = """\
#120	pulse  cov: 30 ft: 40 corp: 5/20b exec/s: 10 rss: 50Mb
#200	DONE   cov: 31 ft: 44 corp: 6/30b lim: 8 exec/s: 100 rss: 60Mb
stat::number_of_executed_units: 200
stat::behind_the_signature: 150
stat::accepted: 12
"""


def test_the_last_figures_of_a_log_count() -> None:
    expected = run.Run("zstd", executions=200, behind_signature=150, accepted=12, edges=31)
    assert run.parse("zstd", LOG) == expected


def test_totals_grow_and_edges_are_the_most_seen() -> None:
    made = {"commit": "abc", "date": "today"}
    first = run.Run("zstd", executions=5, seconds=2, accepted=1, edges=40)
    results = run.add_up({}, [first, run.Run("program", executions=7, accepted=3)], made)
    results = run.add_up(results, [run.Run("zstd", executions=10, crashes=1, edges=30)], made)
    assert (results["executions"], results["programs_flown"], results["crashes"]) == (22, 3, 1)
    total = results["targets"]["zstd"]["total"]
    assert (total["executions"], total["seconds"], total["edges"]) == (15, 2, 40)


def test_the_time_is_shared_out() -> None:
    shares = run.shares(2_200, jobs=2)
    assert shares.keys() == run.TARGETS.keys()
    assert 4_380 <= sum(shares.values()) <= 4_400
    assert shares["interp_diff"] == pytest.approx(3 * shares["zstd"], abs=3)


def test_every_target_of_the_build_is_run_and_has_seeds() -> None:
    built = re.findall(r"^plasma_fuzz_target\((\w+)", (HERE / "CMakeLists.txt").read_text(), re.M)
    assert set(built) == set(run.TARGETS)
    for target in run.TARGETS:
        assert (HERE / f"fuzz_{target}.cpp").exists()
        assert any((HERE / "corpus" / target).iterdir())


def test_the_committed_seeds_are_what_the_script_makes() -> None:
    made = {(target, name): data for target, name, data in make_corpus.seeds()}
    kept = [path for path in HERE.glob("corpus/*/*") if not path.name.startswith("found_")]
    assert len(kept) > 100
    for path in kept:
        if made.get((path.parent.name, path.name)) != path.read_bytes():
            pytest.fail(f"{path}: run .venv/bin/python -m tests.fuzz.make_corpus")


def test_the_corpus_stays_small() -> None:
    assert sum(path.stat().st_size for path in HERE.glob("corpus/*/*")) < 200_000
