"""Holds the C++ verifier against the reference: the same verdict and the same code for every mutated packet.

    python -m tests.reference.differential --packets 1000000

What differs is kept in build/differential, one file a packet.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import plasma_edge as pe
from tests.attacks.fleet import Fleet
from tests.reference import UNTESTED, Refusal, open_root, verdict
from tests.reference.devices import Devices
from tests.reference.mutator import Mutator, Seed
from tests.reference.root_mutator import RootMutator
from tests.reference.seeds import make_seeds

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/differential"
BLOCK = 2_000
# What the device looks at before it has judged a signature.
_UNSIGNED_NAMES = (
    "E_TOO_LARGE E_MAGIC E_TRUNCATED E_VERSION E_KIND E_LIMIT E_RESERVED E_LAYOUT E_TRAILING E_PADDING "
    "E_DUP_SIGNER E_SIG_BAD E_SIG_UNKNOWN_KEY E_SIG_THRESHOLD E_SIG_ROLE"
)
UNSIGNED = set(_UNSIGNED_NAMES.split())
_POLICY_NAMES = (
    "E_TRANSPORT E_REVOKED E_CHANNEL E_NO_CLOCK E_NOT_YET_VALID E_EXPIRED E_ROLLBACK E_STALE_SEQ E_SEQUENCE_JUMP "
    "E_ROOT_VERSION E_ROOT_CHAIN E_ROOT_FORMAT E_RUNTIME_TOO_OLD E_OPSET E_AUDIT E_MEMORY_CAP E_DEADLINE E_BASE_FIELD "
    "E_BASE_MISMATCH E_SECTION_ORDER E_SECTION_UNKNOWN E_SECTION_LAYOUT E_SECTION_MISSING E_STORED_DIGEST"
)
BEFORE_CONTENTS = UNSIGNED | set(_POLICY_NAMES.split())


@dataclass
class Tally:
    """What came of so many packets."""

    codes: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)
    lenient: int = 0  # damaged frames that one libzstd reads and another does not

    seconds: float = 0

    @property
    def packets(self) -> int:
        return self.codes.total()

    def facts(self) -> dict[str, int]:
        unsigned = sum(count for code, count in self.codes.items() if code in UNSIGNED)
        return {
            "packets": self.packets,
            "past_signature": self.packets - unsigned,
            "accepted": self.codes["OK"],
            "codes": len(self.codes),
            "different": len(self.different),
            "left_to_libzstd": self.lenient,
            "seconds": round(self.seconds),
        }

    def add(self, other: Tally) -> None:
        self.codes += other.codes
        self.different += other.different
        self.lenient += other.lenient


class Differential:
    """Both verifiers, and the same devices for both."""

    def __init__(self, number: int) -> None:
        fleet = Fleet()
        seeds = make_seeds(fleet)
        self.random = Random(number)
        self.mutator = Mutator(number, seeds, fleet.release, fleet.stranger)
        self.root_mutator = RootMutator(number)
        self.devices = Devices(self.random, fleet, [seed.packet[88:120] for seed in seeds])

    def run(self, count: int) -> Tally:
        tally = Tally()
        for _ in range(count):
            if self.random.random() < 0.15:
                self._compare_roots(self.root_mutator.make(), tally)
            else:
                self._compare_packets(self.mutator.make(), tally)
        return tally

    def _compare_packets(self, case: Seed, tally: Tally) -> None:
        given, trust, device = self.devices.draw()
        base = case.base if self.random.random() < 0.9 else None
        expected = verdict(case.packet, trust, device, base)
        found = _answer(lambda: pe.verify(case.packet, base=base, **given))
        _count(tally, case, found, expected)

    def _compare_roots(self, case: Seed, tally: Tally) -> None:
        try:
            open_root(case.packet, open_root(case.base) if case.base else None)
            expected = "OK"
        except Refusal as refusal:
            expected = refusal.code
        found = _answer(lambda: pe.verify_root(case.packet, previous=case.base))
        _count(tally, case, found, expected)


def _answer(verify: Callable[[], object]) -> str:
    try:
        verify()
    except pe.PlasmaError as error:
        return error.code
    return "OK"


def _count(tally: Tally, case: Seed, found: str, expected: str) -> None:
    tally.codes[found] += 1
    if expected == "E_ZSTD_DATA" != found:
        tally.lenient += 1
    if not agrees(found, expected):
        tally.different.append(f"{found} instead of {expected}, {_keep(case)}")


def agrees(found: str, expected: str) -> bool:
    """Is this the verdict, as far as the reference has an opinion?

    Of a frame that no compressor wrote, one version of libzstd says it is damaged and another gives some bytes, which
    the next step judges by their digest. Everything before that step must be the same.
    """
    if expected == UNTESTED:
        return found in ("OK", "E_SELFTEST")
    if expected == "E_ZSTD_DATA":
        return found not in BEFORE_CONTENTS
    return found == expected


def _keep(case: Seed) -> str:
    KEPT.mkdir(parents=True, exist_ok=True)
    name = f"{os.getpid()}-{time.monotonic_ns()}"
    if case.base is not None:
        (KEPT / f"{name}.base.plasma").write_bytes(case.base)
    path = KEPT / f"{name}.plasma"
    path.write_bytes(case.packet)
    return str(path)


def _block(number: int) -> Tally:
    return Differential(number).run(BLOCK)


def run(packets: int, first: int) -> Tally:
    """At least so many packets, in blocks whose seeds count up from `first`. An interrupt ends it early."""
    began, total = time.monotonic(), Tally()
    with contextlib.suppress(KeyboardInterrupt), multiprocessing.Pool(os.cpu_count()) as pool:
        for tally in pool.imap_unordered(_block, range(first, first + -(-packets // BLOCK))):
            total.add(tally)
            sys.stderr.write(f"\r{total.packets:,} packets, {len(total.different)} different ")
    sys.stderr.write("\n")
    total.seconds = time.monotonic() - began
    return total


def report(packets: int, first: int) -> Tally:
    """Runs, and prints the codes, what differs, and one line of figures."""
    tally = run(packets, first)
    for code, count in tally.codes.most_common():
        sys.stdout.write(f"{count:>9,}  {code}\n")
    for text in tally.different[:20]:
        sys.stdout.write(text + "\n")
    facts = tally.facts()
    sys.stdout.write(
        "differential: {packets:,} packets from block {first}, {past_signature:,} past the signature, "
        "{accepted:,} accepted, {codes} codes, {different} different, {left_to_libzstd} damaged frames left to "
        "libzstd, {seconds} s\n".format(**facts, first=first)
    )
    return tally


def main() -> int:
    """1 when a verdict differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first block")
    args = parser.parse_args()
    return 1 if report(args.packets, args.first).different else 0


if __name__ == "__main__":
    sys.exit(main())
