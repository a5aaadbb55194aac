"""ONNX's own tests of its operators: the committed table is what they give today."""

from __future__ import annotations

from tests.pack.importers.onnx import backend


def test_the_table_of_operators_is_what_the_run_gives() -> None:
    results = backend.run_all()
    found = backend.table(results)
    wanted = backend.TABLE.read_text("utf-8")
    assert found == wanted, "run: python -m tests.pack.importers.onnx.backend --table"
    passed = sum(result.verdict == "passed" for result in results)
    failed = sum(result.verdict in ("failed", "not supported") for result in results)
    assert passed > 800, failed
