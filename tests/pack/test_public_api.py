"""The public door of plasma_pack: what is listed is there, and has its words."""

from __future__ import annotations

import re
from pathlib import Path

import plasma_pack
from plasma_edge import PlasmaError, UsageError
from plasma_pack import errors

PACKAGE = Path(plasma_pack.__file__).parent


def test_everything_listed_exists_and_is_documented() -> None:
    for name in plasma_pack.__all__:
        assert getattr(plasma_pack, name).__doc__, name
    assert plasma_pack.__all__ == sorted(plasma_pack.__all__)


def test_every_error_is_a_usage_error_with_its_own_code() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PackError)
    ]
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert issubclass(kind, UsageError)
        assert issubclass(kind, PlasmaError)
        assert issubclass(kind, ValueError)
        assert kind.code in (errors.__doc__ or "") or kind is errors.PackError


def test_packet_errors_use_codes_of_the_runtime() -> None:
    from plasma_edge import _core

    known = {
        row["code"] if isinstance(row["code"], str) else row["text"] for row in _core.statuses()
    }
    used = set()
    for path in PACKAGE.glob("*.py"):
        used |= set(re.findall(r'"(E_(?!PACK)[A-Z_]+)"', path.read_text("utf-8")))
    assert used
    assert used <= known


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
