"""A floor may use what is below it, never what is above; siblings never each other (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

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

# Inside the trainer, from the ground up; one line is one floor, and siblings on it do not know each other.
TRAINER_FLOORS = [
    {"errors"},
    {"nets", "data", "envs"},
    {"world_models"},
    {"imagination", "policies", "audit"},
    {"pipelines"},
    {"demo"},
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
            yield f"{package}.{node.module or ''}" if node.level else node.module or ""


def _python_files() -> list[Path]:
    return [p for top in ("python", "tools", "trainer") for p in (ROOT / top).rglob("*.py")]


def _package_of(path: Path) -> str:
    return next(part for part in path.parts if part in PYTHON_FLOORS)


@pytest.mark.parametrize("path", _python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_python_packages_only_import_down(path: Path) -> None:
    package = _package_of(path)
    used = {name.split(".")[0] for name in _imports(path, package)} & set(PYTHON_FLOORS)
    assert used <= PYTHON_FLOORS[package] | {package}


def test_plasma_pack_imports_torch_nowhere() -> None:
    for path in (ROOT / "tools").rglob("*.py"):
        assert "torch" not in {name.split(".")[0] for name in _imports(path, "plasma_pack")}, path


def _floor_of(part: str) -> int:
    return next(i for i, floor in enumerate(TRAINER_FLOORS) if part in floor)


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "trainer/plasma_trainer").rglob("*.py")),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_trainer_floors_only_import_down(path: Path) -> None:
    parts = path.relative_to(ROOT / "trainer/plasma_trainer").with_suffix("").parts
    if parts == ("__init__",):
        return
    for name in _imports(path, "plasma_trainer"):
        package, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if package != "plasma_trainer" or not part or part == parts[0]:
            continue
        assert _floor_of(part) < _floor_of(parts[0]), f"{parts[0]} imports {part}"
