"""The demo's protocol: what survives an interruption, and what a report needs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from plasma_trainer.demo import DemoArgs, run_demo
from plasma_trainer.demo.measure import refusal
from plasma_trainer.demo.plots import ppo_baseline
from plasma_trainer.demo.report import rows, table, write_report
from plasma_trainer.demo.stages import Stages
from plasma_trainer.errors import RunMismatchError

RETURNS = (
    "base_nominal",
    "torch_nominal",
    "base_broken",
    "adapter_broken",
    "torch_broken",
    "midstride",
    "midstride_control",
    "detached_broken",
)
SUMMARY = {
    "real_steps": {"base": 200, "adapter": 400},
    "returns": dict.fromkeys(RETURNS, 321.5),
    "worst_returns": dict.fromkeys(RETURNS, 77.0),
    "agreement": {"base": 0.987, "adapter": 0.9},
    "observations": {"base": 10_000, "adapter": 10_400},
    "bytes": {"base": 71_234, "adapter": 10_567},
    "step_us": {"p50": 1.25, "p99": 2.5, "p999": 3.5, "max": 44.0},
    "kernels": "scalar",
    "attach_us": 251.0,
    "audit": {"base": "verified", "adapter": "unverified"},
    "refusals": {
        "flipped_byte": "E_ONE",
        "flipped_and_resealed": "E_TWO",
        "wrong_key": "E_THREE",
        "other_base": "E_FOUR",
    },
    "digests": {"base": "ab" * 32, "adapter": "cd" * 32},
    "seconds": 163.0,
}
PICTURES = (
    "before.gif",
    "after.gif",
    "before.png",
    "after.png",
    "curve.png",
    "returns.png",
    "latency.png",
)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def test_a_finished_stage_is_not_done_twice(tmp_path: Path, console: Console) -> None:
    done: list[int] = []

    def work() -> dict[str, int]:
        done.append(1)
        return {"answer": len(done)}

    assert Stages(tmp_path, console).run("learn", "learn", work) == {"answer": 1}
    second = Stages(tmp_path, console)
    assert second.run("learn", "learn", work) == {"answer": 1}
    assert len(done) == 1
    assert second.seconds > 0


def test_an_interrupted_stage_leaves_nothing_behind(tmp_path: Path, console: Console) -> None:
    def interrupted() -> dict[str, int]:
        raise KeyboardInterrupt

    stages = Stages(tmp_path, console)
    with pytest.raises(KeyboardInterrupt):
        stages.run("learn", "learn", interrupted)
    assert stages.run("learn", "learn", lambda: {"answer": 2}) == {"answer": 2}


def test_refuses_to_go_on_with_another_seed(tmp_path: Path, console: Console) -> None:
    (tmp_path / "args.json").write_text('{"seed": 1}')
    with pytest.raises(RunMismatchError, match="seed: 1 there, 0 now"):
        run_demo(DemoArgs(seed=0), tmp_path, console)


def test_an_attempt_that_is_not_refused_is_an_error() -> None:
    with pytest.raises(AssertionError, match="was accepted"):
        refusal(lambda: None)


def test_the_table_shows_every_figure(console: Console) -> None:
    shown = "\n".join(f"{what} {how_much}" for what, how_much in rows(SUMMARY))
    for figure in ("200, 400", "321.5", "98.70%", "71,234", "1.25 / 2.50", "251", "E_FOUR", "163"):
        assert figure in shown
    console.print(table(SUMMARY))
    assert "unverified" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_report_needs_nothing_but_itself(tmp_path: Path) -> None:
    for name in PICTURES:
        (tmp_path / name).write_bytes(name.encode())
    page = write_report(SUMMARY, tmp_path).read_text(encoding="utf-8")
    assert page.count("data:image/") == len(PICTURES)
    assert "http" not in page
    assert "cd" * 32 in page


def test_the_recorded_baseline_names_its_command_and_reaches_the_threshold() -> None:
    baseline = ppo_baseline()
    assert "benchmarks/baseline_ppo.py" in baseline["command"]
    assert len(baseline["curves"]) >= 5
    for curve in baseline["curves"]:
        assert curve["returns"][-1] >= baseline["threshold"] > max(curve["returns"][:-1])
