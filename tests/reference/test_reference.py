"""The reference agrees with the C++ verifier and with the codes that tests/programs expect, and could disagree."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from plasma_pack import assemble
from tests.attacks.fleet import Fleet
from tests.attacks.trust_a_weak_key import NOT_CANONICAL, SMALL_ORDER
from tests.reference import UNTESTED, Device, Refusal, Trust, differential, verdict
from tests.reference import sections as sections_module
from tests.reference.container import require
from tests.reference.devices import RUNTIME
from tests.reference.differential import Differential, agrees
from tests.reference.ed25519 import is_valid_key
from tests.reference.parts import Parts
from tests.reference.sections import GOLD
from tests.reference.seeds import make_seeds
from tests.reference.tables import parse_patches
from tests.reference.verdict import check_patches, validate
from tests.test_programs import REFUSED, RUNNING, error_of

PACKETS = 6_000
VERIFIER = (
    "container ed25519 trust root install sections tables rules shapes certificate numerics machine "
    "verdict"
)
ALSO = {"cryptography", "zstandard", *sys.stdlib_module_names}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet()


def test_accepts_every_seed(fleet: Fleet) -> None:
    trust = Trust((fleet.release.public_key().public_bytes_raw(),))
    for seed in make_seeds(fleet):
        found = verdict(seed.packet, trust, Device(RUNTIME), seed.base)
        assert found in ("OK", UNTESTED)


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_refuses_what_the_programs_say(path: Path) -> None:
    assembly = assemble(path.read_text("utf-8"))
    with pytest.raises(Refusal) as refusal:
        base = validate(assembly.sections)
        patches = assembly.adapter[sections_module.LORA]
        constants = assembly.adapter[sections_module.LORA_CONST]
        check_patches(base, parse_patches(patches), constants)
    assert refusal.value.code == error_of(path)


def test_accepts_the_programs_that_run() -> None:
    for path in RUNNING:
        validate(assemble(path.read_text("utf-8")).sections)


def test_agrees_on_mutated_packets() -> None:
    tally = Differential(0).run(PACKETS)
    assert tally.different == []
    assert tally.packets == PACKETS
    # It gets past the signature, accepts some, and sees most of the codes.
    facts = tally.facts()
    assert facts["past_signature"] >= 0.5 * PACKETS
    assert facts["accepted"] >= 0.05 * PACKETS
    assert facts["codes"] >= 45


def test_has_a_machine_for_most_golden_cases(fleet: Fleet) -> None:
    trust = Trust((fleet.release.public_key().public_bytes_raw(),))
    golden = [seed for seed in make_seeds(fleet) if Parts.of(seed.packet).find(GOLD)]
    found = [verdict(seed.packet, trust, Device(RUNTIME), seed.base) for seed in golden]
    assert found.count("OK") >= 60
    wrong = Parts.of(fleet.base, fleet.release)
    gold = wrong.find(GOLD)
    assert gold is not None
    gold.replace(gold.raw[:-1] + bytes([gold.raw[-1] ^ 1]))
    assert verdict(wrong.assemble(), trust, Device(RUNTIME)) == "E_SELFTEST"


def test_shares_no_code_with_what_it_judges() -> None:
    verifier = set(VERIFIER.split())
    allowed = {f"tests.reference.{name}" for name in verifier}
    for name in verifier:
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found = {node.module or ""}
                if node.module == "tests.reference":
                    found = {f"tests.reference.{alias.name}" for alias in node.names}
            else:
                continue
            foreign = {n for n in found - allowed if n.split(".")[0] not in ALSO}
            assert not foreign, f"{name}.py imports {foreign}"


def test_sees_a_verifier_that_forgets_a_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(differential, "KEPT", tmp_path)

    def forgetful(holds: bool, code: str) -> None:
        require(holds or code == "E_SECTION_LAYOUT", code)

    monkeypatch.setattr(sections_module, "require", forgetful)
    assert Differential(0).run(500).different


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ("OK", "OK", True),
        ("E_MAGIC", "E_MAGIC", True),
        ("OK", "E_MAGIC", False),
        ("E_KIND", "OK", False),
        ("E_SELFTEST", UNTESTED, True),
        ("E_SELFTEST", "OK", False),
        ("E_GOLD_FORMAT", UNTESTED, False),
        ("E_RAW_DIGEST", "E_ZSTD_DATA", True),
        ("E_STORED_DIGEST", "E_ZSTD_DATA", False),
        ("E_ZSTD_DATA", "E_RAW_DIGEST", False),
    ],
)
def test_knows_what_it_has_an_opinion_on(found: str, expected: str, same: bool) -> None:
    assert agrees(found, expected) == same


def test_judges_keys_like_the_device(fleet: Fleet) -> None:

    assert is_valid_key(fleet.release.public_key().public_bytes_raw())
    for key in SMALL_ORDER + NOT_CANONICAL:
        assert not is_valid_key(key)
