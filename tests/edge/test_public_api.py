"""The door is what it says it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import plasma_edge
from plasma_edge import _core, _errors


def test_all_lists_every_public_name() -> None:
    records = {
        "AdapterInfo",
        "Device",
        "Floor",
        "Gated",
        "IoInfo",
        "OpTime",
        "PacketInfo",
        "RootChannel",
        "RootInfo",
        "RootKey",
        "Stats",
        "gain_name",
    }  # these come when asked for
    visible = {
        name
        for name, value in vars(plasma_edge).items()
        if not (name.startswith("_") or isinstance(value, ModuleType))  # somebody imported client
    }
    assert visible - {"annotations", "TYPE_CHECKING"} | records == set(plasma_edge.__all__)
    assert dir(plasma_edge) == sorted(plasma_edge.__all__)
    assert all(hasattr(plasma_edge, name) for name in plasma_edge.__all__)
    assert not hasattr(plasma_edge, "Adapter")


def test_a_robot_imports_little() -> None:
    """What a step needs and no more: each of these would cost milliseconds."""
    program = "import numpy, sys; before = set(sys.modules); import plasma_edge; print(*set(sys.modules) - before)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ours = {"plasma_edge", *(f"plasma_edge.{name}" for name in ("_core", "_errors", "_trust"))}
    pybind11 = {name for name in out.stdout.split() if name.startswith("org")}
    assert set(out.stdout.split()) - pybind11 - {"binascii"} == ours


def test_every_status_has_one_exception_class() -> None:
    families = {
        "Signature": plasma_edge.SignatureError,
        "Packet": plasma_edge.PacketError,
        "Program": plasma_edge.ProgramError,
        "Policy": plasma_edge.PolicyRefusal,
        "Usage": plasma_edge.UsageError,
    }
    statuses = [row for row in _core.statuses() if row["number"] != 0]
    assert {row["family"] for row in statuses} == set(families)
    assert len({row["code"] for row in statuses}) == len(statuses)
    for error in families.values():
        assert issubclass(error, plasma_edge.PlasmaError)
        assert error.__name__ in (_errors.__doc__ or "")


def test_opcodes_of_the_core_and_of_the_document_agree() -> None:
    isa = (Path(__file__).parents[2] / "cpp/vm/ISA.md").read_text(encoding="utf-8")
    section = isa.split("## 2. ")[1].split("## 3. ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")]
    documented = {
        int(row[1]): row[2].split("`")[1].split()[0] for row in rows if row[1].strip().isdigit()
    }
    assert documented == {row["code"]: row["mnemonic"] for row in _core.opcodes()}


def test_the_stub_names_what_the_core_has() -> None:
    stub = ast.parse((Path(plasma_edge.__file__).parent / "_core.pyi").read_text(encoding="utf-8"))
    functions = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}
    policy = next(node for node in stub.body if isinstance(node, ast.ClassDef))
    methods = {node.name for node in policy.body if isinstance(node, ast.FunctionDef)}
    real = {name for name in vars(_core) if not name.startswith("_") and name[0].islower()}
    assert functions == real
    assert methods == {
        name for name in vars(_core.Policy) if not name.startswith("_") or name == "__call__"
    }


def test_the_version_is_the_distribution_s() -> None:
    from importlib.metadata import version

    assert plasma_edge.__version__ == version("plasma-edge")
