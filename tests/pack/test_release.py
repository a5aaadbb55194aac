"""What the people who sign decide."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack import OptionError, open_packet
from plasma_pack.packet import format as fmt
from plasma_pack.packet.packet import save
from plasma_pack.packet.release import Release
from tests.pack.test_writer import draft


def test_decisions_stand_in_header_and_manifest(key: Ed25519PrivateKey) -> None:
    release = Release(
        name="walker",
        channel="lab",
        sequence=2**64 - 1,
        rollback_index=3,
        not_before=10,
        not_after=20,
        metadata={"run": np.int64(7), "seeds": np.arange(2)},
    )
    opened = open_packet(release.sign(draft(), [key]))
    header = opened.header
    assert (header.sequence, header.rollback_index) == (2**64 - 1, 3)
    assert (header.not_before, header.not_after) == (10, 20)
    assert header.channel_id == fmt.channel_id("lab")
    assert opened.manifest["metadata"] == {"run": 7, "seeds": [0, 1]}
    assert opened.manifest["name"] == "walker"


def test_a_release_without_decisions_leaves_no_empty_words(key: Ed25519PrivateKey) -> None:
    opened = open_packet(Release().sign(draft(), [key]))
    assert set(opened.manifest) == {"slots", "tool", "z"}
    assert opened.header.channel_id == bytes(16)


@pytest.mark.parametrize(
    ("field", "value"),
    [("sequence", 2**64), ("rollback_index", 2**32), ("not_before", -1), ("not_after", 2**64)],
)
def test_numbers_that_do_not_fit_are_refused(field: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"{field}: found {value}"):
        Release(**{field: value})  # type: ignore[arg-type]


def test_what_cannot_be_signed_is_refused(key: Ed25519PrivateKey) -> None:
    with pytest.raises(OptionError, match="manifest: a object cannot be signed"):
        Release(metadata={"x": object()}).sign(draft(), [key])


def test_a_folder_that_is_missing_is_refused() -> None:
    with pytest.raises(OptionError, match="cannot be written: No such file"):
        save("/no/such/folder/x.plasma", b"")
