"""A floor may use what is below it, never what is above; siblings never each other (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

# Folder -> what it may include besides itself.
CPP_FLOORS = {
    "base": {"plasma_edge"},
    "packet": {"base", "plasma_edge"},
    "kernels": set(),
    "vm": {"base", "kernels", "plasma_edge"},
    "runtime": {"base", "packet", "kernels", "vm", "plasma_edge"},
}

PYTHON_FLOORS = {
    "plasma_edge": set(),
    "plasma_pack": {"plasma_edge"},
    "plasma_trainer": {"plasma_edge", "plasma_pack"},
}

# Inside the packer, likewise.
PACKER_FLOORS = [
    {"errors"},
    {"packet", "words"},
    {"program"},
    {"pasm", "compiler", "draws"},
    {"importers"},
    {"observations", "rehearsal"},
    {"rollouts"},
    {"golden", "quantizer", "layers", "boards"},
    {"inspection"},
    {"base_packet", "adapter_packet", "difference", "estimate", "graph", "doctor"},
    {"check"},
    {"cli"},
]

# Inside the trainer, from the ground up; one line is one floor, and siblings on it do not know each other.
TRAINER_FLOORS = [
    {"errors"},
    {"nets", "data", "envs"},
    {"world_models"},
    {"imagination", "policies", "audit"},
    {"pipelines"},
    {"demo", "server"},
    {"cli"},
    {"__main__"},
]


def _includes(path: Path) -> set[str]:
    found = re.findall(r'#include "([^"]+)"', path.read_text(encoding="utf-8"))
    return {name.split("/")[0] for name in found if "/" in name}


@pytest.mark.parametrize("floor", sorted(CPP_FLOORS))
def test_cpp_includes_only_go_down(floor: str) -> None:
    files = [p for p in (ROOT / "cpp" / floor).rglob("*") if p.suffix in {".cpp", ".hpp", ".inc"}]
    assert files
    for path in files:
        upward = _includes(path) - CPP_FLOORS[floor] - {floor}
        assert not upward, f"{path.relative_to(ROOT)} includes {sorted(upward)}"


def test_public_headers_stand_alone() -> None:
    for path in (ROOT / "cpp/include/plasma_edge").iterdir():
        assert _includes(path) <= {"plasma_edge"}, path.name


def test_isa_files_include_only_intrinsics_and_the_table() -> None:
    allowed = {"<immintrin.h>", "<arm_neon.h>", "<cstdint>", "<cstddef>", '"kernels/kernels.hpp"'}
    for path in (ROOT / "cpp/kernels").glob("*.cpp"):
        if path.stem in {"scalar", "dispatch"}:
            continue
        found = set(re.findall(r"#include (\S+)", path.read_text(encoding="utf-8")))
        shared = {name for name in found if name.endswith('.inc"')}
        assert found - shared <= allowed, path.name


def _imports(path: Path, package: str) -> Iterator[str]:
    """Absolute dotted names of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"{package}.{node.module or ''}" if node.level else node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _python_files() -> list[Path]:
    return [p for top in ("python", "tools", "trainer") for p in (ROOT / top).rglob("*.py")]


def _package_of(path: Path) -> str:
    return next(part for part in path.parts if part in PYTHON_FLOORS)


@pytest.mark.parametrize("path", _python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_python_packages_only_import_down(path: Path) -> None:
    package = _package_of(path)
    used = {name.split(".")[0] for name in _imports(path, package)} & set(PYTHON_FLOORS)
    assert used <= PYTHON_FLOORS[package] | {package}


def test_plasma_pack_imports_torch_for_torch_modules_alone() -> None:
    for path in (ROOT / "tools").rglob("*.py"):
        if path.name == "pytorch.py":
            continue
        assert "torch" not in {name.split(".")[0] for name in _imports(path, "plasma_pack")}, path
    loads = "import sys, plasma_pack; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", loads], check=True)


def _floor_of(part: str, floors: list[set[str]]) -> int:
    return next(i for i, floor in enumerate(floors) if part in floor)


def _modules(package: Path, floors: list[set[str]]) -> list[Any]:
    return [
        pytest.param(package, path, floors, id=str(path.relative_to(package.parent)))
        for path in sorted(package.rglob("*.py"))
        if path != package / "__init__.py"
    ]


@pytest.mark.parametrize(
    ("package", "path", "floors"),
    [
        *_modules(ROOT / "tools/plasma_pack", PACKER_FLOORS),
        *_modules(ROOT / "trainer/plasma_trainer", TRAINER_FLOORS),
    ],
)
def test_floors_inside_a_package_only_import_down(
    package: Path, path: Path, floors: list[set[str]]
) -> None:
    own = path.relative_to(package).with_suffix("").parts[0]
    for name in _imports(path, package.name):
        top, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if top != package.name or not part or part == own:
            continue
        assert _floor_of(part, floors) < _floor_of(own, floors), f"{own} imports {part}"
