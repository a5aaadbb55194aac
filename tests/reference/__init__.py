"""A second verifier, written from cpp/packet/FORMAT.md and cpp/vm/ISA.md alone.

It shares no code with plasma_edge or plasma_pack, only the two pages and the table of opcodes. `verdict` says what a
device must answer; tests/reference/differential.py holds the C++ verifier against it, packet after mutated packet.
Slow and plain on purpose: every rule stands where its page has it, in the words of the page.
"""

from tests.reference.container import Device, Floor, Install, Refusal
from tests.reference.root import open_root
from tests.reference.trust import Trust
from tests.reference.verdict import UNTESTED, verdict

__all__ = ["UNTESTED", "Device", "Floor", "Install", "Refusal", "Trust", "open_root", "verdict"]
