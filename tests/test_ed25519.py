"""Signatures that others published, put to the one question that the verifier asks of libsodium."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import cryptography_vectors
import pytest

ROOT = Path(__file__).parent.parent
SIGN_INPUT = Path(cryptography_vectors.__file__).parent / "asymmetric/Ed25519/sign.input"
# Section 7.1 of RFC 8032: tests 1, 2, 3 and 1024 by their keys; they are vectors of the file too.
RFC_8032 = {
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
}
ORDER = 2**252 + 27742317777372353535851937790883648493


class Signed(NamedTuple):
    key: bytes
    message: bytes
    signature: bytes


# The fifth of RFC 8032: the message is SHA-512 of "abc".
SHA_ABC = Signed(
    bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"),
    hashlib.sha512(b"abc").digest(),
    bytes.fromhex(
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
    ),
)

Judge = Callable[[Iterable[Signed]], list[str]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """cpp/packet/signature.cpp itself, and the store that admits keys."""
    program = tmp_path_factory.mktemp("ed25519") / "verdicts"
    sources = [ROOT / f"cpp/packet/{name}.cpp" for name in ("signature", "trust", "digest")]
    sources.append(ROOT / "tests/cpp/ed25519_verdicts.cpp")
    includes = [f"-I{ROOT / 'cpp'}", f"-I{ROOT / 'cpp/include'}"]
    command = ["c++", "-std=c++20", "-O1", *includes, *sources, "-lsodium", "-o", program]
    subprocess.run(command, check=True)

    def verdicts(cases: Iterable[Signed]) -> list[str]:
        lines = "\n".join(" ".join(part.hex() or "-" for part in case) for case in cases)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        return done.stdout.split()

    return verdicts


@pytest.fixture(scope="module")
def published() -> list[Signed]:
    """The 1,024 of Bernstein and others, as cryptography publishes them: secret:key:message:signature+message."""
    lines = (line.split(":") for line in SIGN_INPUT.read_text().split())
    return [
        Signed(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signed)[:64])
        for _, key, message, signed, _ in lines
    ]


def test_every_published_signature_is_good(judge: Judge, published: list[Signed]) -> None:
    assert len(published) == 1024
    assert judge(published) == ["good"] * 1024


def test_the_vectors_of_rfc_8032_are_good(judge: Judge, published: list[Signed]) -> None:
    vectors = [case for case in published if case.key.hex() in RFC_8032]
    assert len(vectors) == len(RFC_8032)
    assert judge([*vectors, SHA_ABC]) == ["good"] * 5


def _flipped(part: bytes, bit: int) -> bytes:
    return (int.from_bytes(part, "little") ^ 1 << bit).to_bytes(len(part), "little")


def test_a_published_signature_with_one_bit_flipped_is_bad(
    judge: Judge, published: list[Signed]
) -> None:
    cases = [
        case._replace(signature=_flipped(case.signature, bit))
        for number, case in enumerate(published)
        for bit in (number % 512, (number * 7 + 256) % 512)
    ]
    assert judge(cases) == ["bad"] * 2048


def test_a_published_signature_of_a_message_with_one_bit_flipped_is_bad(
    judge: Judge, published: list[Signed]
) -> None:
    cases = [
        case._replace(message=_flipped(case.message, number % (8 * len(case.message))))
        for number, case in enumerate(published)
        if case.message
    ]
    assert judge(cases) == ["bad"] * 1023


def test_a_published_signature_under_the_next_key_is_bad(
    judge: Judge, published: list[Signed]
) -> None:
    keys = [case.key for case in published]
    cases = [
        case._replace(key=key)
        for case, key in zip(published, keys[1:] + keys[:1], strict=True)
        if case.key != key
    ]
    assert len(cases) > 1000
    assert set(judge(cases)) == {"bad"}


def test_the_same_s_plus_the_order_is_bad_by_design(judge: Judge, published: list[Signed]) -> None:
    cases = []
    for case in published:
        s = int.from_bytes(case.signature[32:], "little") + ORDER
        cases.append(case._replace(signature=case.signature[:32] + s.to_bytes(32, "little")))
    assert judge(cases) == ["bad"] * 1024


@pytest.mark.parametrize(
    "y",
    [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18],
    ids=["order 4", "neutral", "order 2", "zero, not canonical", "one, not canonical"],
)
def test_a_key_of_small_order_is_no_key_by_design(judge: Judge, y: int) -> None:
    """With S = 0 and R such a point, its signature would be good for many messages."""
    for sign in (0, 1 << 255):
        point = (y | sign).to_bytes(32, "little")
        assert judge([Signed(point, b"any", point + bytes(32))]) == ["no_key"]
