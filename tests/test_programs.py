"""Runs tests/programs/*.pasm: what the machine computes, and what its validator refuses, as text.

A program says what to expect of it in comments:

    ; tick obs 1 2 -> act 3 4      one tick: inputs by name, then outputs by name, compared bit for bit
    ; near 1e-6                    from here on, floats may differ by so much
    ; reset                        forget the state
    ; attach G                     attach the adapter of this text with gain G;  ; detach  takes it off
    ; faults N                     so many faults were counted until here
    ; error E_PROG_...             the validator refuses the program, or the adapter when the program is good

Every program that runs is run with every kernel table of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PlasmaError, _core
from plasma_pack import Assembly, assemble
from plasma_pack.packet.format import Certificate, Kind
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, write_packet
from plasma_pack.pasm.text import parse_number
from plasma_pack.program.program import OPCODES, DType

FOLDER = Path(__file__).parent / "programs"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
UNPROVEN = Certificate(0, 0, 0, 0, 0)
DTYPES = {"float32": DType.F32, "int32": DType.I32}


@dataclass(frozen=True)
class Directive:
    line: int
    words: list[str]


def directives(path: Path) -> Iterator[Directive]:
    verbs = ("tick", "near", "reset", "attach", "detach", "faults", "error")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = line.removeprefix(";").split()
        if line.startswith(";") and words and words[0] in verbs:
            yield Directive(number, words)


def error_of(path: Path) -> str | None:
    return next((d.words[1] for d in directives(path) if d.words[0] == "error"), None)


PROGRAMS = sorted(FOLDER.glob("*.pasm"))
RUNNING = [path for path in PROGRAMS if error_of(path) is None]
REFUSED = [path for path in PROGRAMS if error_of(path) is not None]


def base_packet(assembly: Assembly, certificate: Certificate) -> bytes:
    return write_packet(base_draft(assembly, certificate), [KEY])


def base_draft(assembly: Assembly, certificate: Certificate) -> Draft:
    return Draft(Kind.BASE, assembly.sections, certificate, max_adapters=2)


def adapter_packet(assembly: Assembly, certificate: Certificate) -> bytes:
    base_digest = base_draft(assembly, UNPROVEN).content_digest
    return write_packet(
        Draft(Kind.ADAPTER, assembly.adapter, certificate, base_digest=base_digest), [KEY]
    )


def load(packet: bytes, kernels: str | None = None) -> pe.Policy:
    return pe.Policy.load(packet, trust=public_bytes(KEY), kernels=kernels)


class Machine:
    """A loaded program that is told what to do, line by line."""

    def __init__(self, path: Path, kernels: str) -> None:
        self.assembly = assemble(path.read_text("utf-8"))
        certificate = Certificate(**_core.certify(self.assembly.sections))
        self.policy = load(base_packet(self.assembly, certificate), kernels)
        self.tolerance = 0.0

    def obey(self, directive: Directive) -> None:
        verb, *words = directive.words
        if verb == "tick":
            arrow = words.index("->")
            self.tick(f"line {directive.line}", words[:arrow], words[arrow + 1 :])
        elif verb == "near":
            self.tolerance = float(words[0])
        elif verb == "reset":
            self.policy.reset()
        elif verb == "attach":
            self.attach(float(words[0]))
        elif verb == "detach":
            self.policy.detach("adapter")
        elif verb == "faults":
            assert self.policy.stats.faults == int(words[0]), f"line {directive.line}"

    def attach(self, gain: float) -> None:
        found = _core.certify_adapter(self.assembly.sections, self.assembly.adapter)
        packet = adapter_packet(self.assembly, Certificate(**found))
        self.policy.attach(packet, name="adapter", gain=gain)

    def tick(self, where: str, given: list[str], expected: list[str]) -> None:
        flat = numbers_by_name(given, self.policy.inputs)
        obs = {port.name: flat[port.name].reshape(port.shape) for port in self.policy.inputs}
        action = self.policy.step(obs if len(obs) > 1 else next(iter(obs.values())))
        actions = action if isinstance(action, dict) else {self.policy.outputs[0].name: action}
        for name, wanted in numbers_by_name(expected, self.policy.outputs).items():
            found = np.asarray(actions[name], wanted.dtype).reshape(-1)
            message = f"{where}: {name} is {found.tolist()}, expected {wanted.tolist()}"
            if self.tolerance and wanted.dtype == np.float32:
                assert np.allclose(found, wanted, rtol=0, atol=self.tolerance), message
            else:
                assert found.tobytes() == wanted.tobytes(), message


def numbers_by_name(words: list[str], ports: tuple[Any, ...]) -> dict[str, np.ndarray]:
    """'a 1 2 b 3' → {'a': [1, 2], 'b': [3]}, in the dtype of each port."""
    dtypes = {port.name: DTYPES[port.dtype] for port in ports}
    found: dict[str, list[Any]] = {}
    name = ""
    for word in words:
        if word in dtypes:
            name = word
            found[name] = []
        else:
            found[name].append(parse_number(word, dtypes[name]))
    return {name: np.array(values, dtypes[name].numpy) for name, values in found.items()}


@pytest.mark.parametrize("kernels", pe.kernel_tables())
@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.stem)
def test_computes(path: Path, kernels: str) -> None:
    machine = Machine(path, kernels)
    for directive in directives(path):
        machine.obey(directive)
    assert machine.policy.stats.steps > 0, "the program expects nothing"


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_refuses(path: Path) -> None:
    """By the validator alone, and again at the end of all checks of a well-signed packet."""
    assembly = assemble(path.read_text("utf-8"))
    with pytest.raises(PlasmaError) as alone:
        _core.certify(assembly.sections)
        _core.certify_adapter(assembly.sections, assembly.adapter)
    with pytest.raises(PlasmaError) as packed:
        certificate = UNPROVEN
        if assembly.adapter:
            certificate = Certificate(**_core.certify(assembly.sections))
        policy = load(base_packet(assembly, certificate))
        policy.attach(adapter_packet(assembly, UNPROVEN), name="adapter")
    assert (alone.value.code, packed.value.code) == (error_of(path), error_of(path))


def test_every_opcode_has_a_program() -> None:
    used = {
        i.op for path in RUNNING for i in assemble(path.read_text("utf-8")).program.instructions
    }
    assert used == set(OPCODES)


def test_every_program_error_has_a_program() -> None:
    codes = {row["code"] for row in _core.statuses() if row["family"] == "Program"}
    assert {error_of(path) for path in REFUSED} >= codes
