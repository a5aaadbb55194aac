"""Damaged policies: the same each time, counted, and what is no typed error is a crash that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import importers


@pytest.mark.parametrize("target", importers.formats())
def test_a_damaged_policy_is_a_packet_or_a_typed_error(target: str) -> None:
    seeds, damage = importers.formats()[target]
    done = importers.fuzz(target, 4, 1, seeds, damage)
    assert (done.executions, done.crashes) == (4, 0)


def test_the_same_name_is_the_same_damage() -> None:
    seeds, damage = importers.formats()["zip_member"]
    assert importers.case(seeds, damage, "a") == importers.case(seeds, damage, "a")
    assert importers.case(seeds, damage, "a") != importers.case(seeds, damage, "b")


def test_any_other_error_is_a_crash_and_the_rest_still_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def build(source: bytes, **_: object) -> None:
        if source == importers.case([b"policy" * 9], importers.damaged, "onnx 3 1"):
            raise ValueError

    monkeypatch.setattr(importers.pp, "build", build)
    monkeypatch.setattr(importers, "BUILD", tmp_path)
    done = importers.fuzz("onnx", 3, 3, [b"policy" * 9], importers.damaged)
    assert (done.executions, done.accepted, done.crashes) == (3, 2, 1)
    assert [path.name for path in tmp_path.rglob("onnx*")] == ["onnx_3_1"]
