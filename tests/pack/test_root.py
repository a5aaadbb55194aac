"""Trust roots as people make them: who is in, who goes, and what a device says to the next version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PublicKey
from plasma_pack import RootError, TrustRoot, build, cosign
from plasma_pack.packet.keys import public_bytes

Private = Ed25519PrivateKey
PROGRAM = """
input obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
const w i8[2,2] scale s = 127 0 0 127
const s f32[2] = 0.0078740157
linear act, obs, w
"""


def private(number: int) -> Private:
    return Private.from_private_bytes(bytes([number]) * 32)


ALICE, BOB, ONLINE, STRANGER = (private(i) for i in range(1, 5))


def public(key: Private) -> PublicKey:
    return PublicKey(public_bytes(key))


@pytest.fixture
def root() -> TrustRoot:
    """Alice and Bob are root, one of them is enough; the online key signs adapters of the arm."""
    made = TrustRoot.first(issued_at=1000, expires=2000)
    made = made.with_key("alice", public(ALICE), "root", "base").with_key(
        "bob", public(BOB), "root"
    )
    made = made.with_key("online", public(ONLINE), "adapter")
    return made.with_channel("arm", ["alice", "online"]).with_channel("leg", ["alice"])


def refusal(data: bytes, previous: bytes | None = None) -> str:
    with pytest.raises(pe.PlasmaError) as caught:
        pe.verify_root(data, previous)
    return caught.value.code


def test_a_root_says_what_was_put_into_it(root: TrustRoot) -> None:
    info = pe.verify_root(root.with_revoked([bytes(31) + b"\1"]).sign([ALICE]))
    assert (info.version, info.issued_at, info.expires) == (1, 1000, 2000)
    assert [(key.name, key.roles) for key in info.keys] == [
        ("alice", ("base", "root")),
        ("bob", ("root",)),
        ("online", ("adapter",)),
    ]
    assert [(channel.name, channel.keys) for channel in info.channels] == [
        ("arm", (0, 2)),
        ("leg", (0,)),
    ]
    assert info.thresholds == {"base": 1, "adapter": 1, "root": 1}
    assert info.revoked == (bytes(31) + b"\1",)


def test_the_same_root_has_the_same_bytes(root: TrustRoot) -> None:
    assert root.sign([ALICE]) == root.sign([ALICE])


def test_a_policy_runs_under_a_root_by_path_and_by_bytes(root: TrustRoot, tmp_path: Path) -> None:
    source = tmp_path / "policy.pasm"
    source.write_text(PROGRAM)
    packet = build(source, key=ALICE, channel="arm").data
    data = root.sign([ALICE])
    path = tmp_path / "root.plasma"
    path.write_bytes(data)
    for trust in (path, str(path), data, pe.TrustStore.from_root(path)):
        assert pe.Policy.load(packet, trust=trust)([0.5, 0.25]).shape == (2,)
    assert pe.TrustStore.from_root(path).name_of(public(ALICE).id) == "alice"
    with pytest.raises(pe.SignatureError, match="E_SIG_ROLE"):
        pe.Policy.load(build(source, key=ALICE, channel="head").data, trust=path)
    with pytest.raises(pe.UsageError, match="stands alone"):
        pe.Policy.load(packet, trust=[path])


def test_the_next_version_needs_both_thresholds(root: TrustRoot) -> None:
    first = root.sign([ALICE])
    moved = TrustRoot.after(pe.verify_root(first)).without_key("alice").without_key("online")
    assert refusal(moved.sign([ALICE]), first) == "E_SIG_THRESHOLD"
    second = cosign(moved.sign([ALICE]), BOB)
    assert pe.verify_root(second, first).version == 2
    assert refusal(second, second) == "E_ROOT_VERSION"
    assert refusal(first, second) == "E_SIG_THRESHOLD"


def test_a_key_that_goes_takes_its_place_in_channels_with_it(root: TrustRoot) -> None:
    names = [key.name for key in root.without_key("alice").keys]
    assert names == ["bob", "online"]
    assert [channel.keys for channel in root.without_key("alice").channels] == [(1,), ()]


def test_a_new_key_takes_roles_and_channels_of_the_old_one(root: TrustRoot) -> None:
    rotated = root.with_successor("online", "online-2", public(STRANGER))
    assert rotated.keys[2].roles == ("adapter",)
    assert rotated.keys[2].raw == public_bytes(STRANGER)
    assert rotated.channels == root.channels
    with pytest.raises(RootError, match="in this root already"):
        root.with_successor("online", "again", public(BOB))


def test_a_reset_names_the_version_that_asks_for_it(root: TrustRoot) -> None:
    second = TrustRoot.after(pe.verify_root(root.sign([ALICE]))).with_channel("arm", reset=True)
    assert [channel.reset for channel in second.channels] == [2, 0]
    assert second.channels[0].keys == (0, 2)


def test_floors_are_kept_from_version_to_version(root: TrustRoot) -> None:
    first = root.with_channel("arm", sequence_floor=7, rollback_floor=3).sign([ALICE])
    second = TrustRoot.after(pe.verify_root(first))
    assert (second.channels[0].sequence_floor, second.channels[0].rollback_floor) == (7, 3)
    assert second.expires == 2000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: root.with_thresholds(root=3), "the threshold for root is 3, and 2 keys"),
        (lambda root: root.with_thresholds(base=2), "the threshold for base is 2, and 1 keys"),
        (lambda root: root.without_key("alice").without_key("bob"), "expected 1 to 0"),
        (lambda root: TrustRoot.first(issued_at=5, expires=5), "threshold for root"),
    ],
)
def test_a_root_that_nobody_could_use_is_not_written(
    root: TrustRoot, change: object, message: str
) -> None:
    assert callable(change)
    with pytest.raises(RootError, match=message):
        change(root).sign([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: root.without_key("carol"), "found 0 keys named 'carol'"),
        (lambda root: root.with_key("bob", public(STRANGER), "base"), "named 'bob' is there"),
        (lambda root: root.with_key("", public(STRANGER), "base"), "1 to 30 printable"),
        (lambda root: root.with_key("x" * 31, public(STRANGER), "base"), "1 to 30 printable"),
        (lambda root: root.with_key("x", public(STRANGER)), "found the roles"),
        (lambda root: root.with_key("x", public(STRANGER), "king"), "found the roles"),
        (lambda root: root.with_channel("é"), "printable ASCII"),
        (lambda root: root.with_channel("arm", ["carol"]), "found 0 keys named 'carol'"),
        (lambda root: root.sign([STRANGER]), "is not a root key of this version"),
        (lambda root: root.sign([ONLINE]), "is not a root key of this version"),
        (lambda root: root.with_revoked(i.to_bytes(32) for i in range(257)).sign(), "found 257"),
        (lambda root: replace(root, issued_at=3000).sign(), "before it is issued"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(root: TrustRoot, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(RootError, match=message):
        change(root)


def test_more_than_eight_root_keys_change_in_steps() -> None:
    root = TrustRoot.first()
    for i in range(8):
        root = root.with_key(f"k{i}", public(private(10 + i)), "root")
    first = root.sign([private(10)])
    second = TrustRoot.after(pe.verify_root(first)).with_key("k8", public(private(18)), "root")
    with pytest.raises(RootError, match="found 9 root keys"):
        second.sign([private(10)])
