"""plasma-pack root, verify --install and doctor, as a release engineer types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plasma_pack import keygen

from .test_cli import BASE, Run, refused, run

__all__ = ["run"]
INIT = (
    *("root", "init", "root.plasma", "--root", "alice.pub", "--root", "bob.pub"),
    *("--base", "alice.pub", "--adapter", "online.pub", "--channel", "arm=alice,online"),
    *("--channel", "leg", "--issued", "2026-01-01", "--expires", "2030-01-01"),
)


@pytest.fixture
def fleet(run: Run) -> Run:  # noqa: F811
    """root.plasma of alice, bob and online; walker-7.plasma for the arm, by alice."""
    for name in ("alice", "bob", "online"):
        keygen(f"{name}.pem")
    assert run(*INIT, "--key", "alice.pem").exit_code == 0
    assert release(run, 7).exit_code == 0
    return run


def release(run: Run, number: int, *args: str) -> Any:  # noqa: F811
    signed = ("--key", "alice.pem", "--channel", "arm", "--sequence", str(number))
    return run("build", "base.pasm", *signed, "-o", f"walker-{number}.plasma", *args)


def facts_of(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_show_verifies_and_names(fleet: Run) -> None:
    shown = fleet("root", "show", "root.plasma")
    assert shown.exit_code == 0
    for word in ("version 1", "2030-01-01", "online", "arm", "leg"):
        assert word in shown.stdout
    facts = facts_of(fleet("root", "show", "root.plasma", "--json"))
    assert facts["channels"][0]["keys"] == ["alice", "online"]
    assert facts["channels"][1]["keys"] == ["alice", "bob", "online"]


def test_an_existing_root_is_not_made_anew(fleet: Run) -> None:
    before = Path("root.plasma").read_bytes()
    refused(fleet(*INIT, "--key", "bob.pem"), "E_PACK_OPTION")
    assert Path("root.plasma").read_bytes() == before


def test_two_of_two_sign_one_after_the_other(fleet: Run) -> None:
    Path("root.plasma").unlink()
    made = facts_of(fleet(*INIT, "--root-threshold", "2", "--key", "alice.pem", "--json"))
    assert made["is_valid"] is False
    assert "E_SIG_THRESHOLD" in made["missing"]
    refused(fleet("root", "show", "root.plasma"), "E_SIG_THRESHOLD")
    assert fleet("cosign", "root.plasma", "--key", "bob.pem").exit_code == 0
    assert fleet("root", "show", "root.plasma").exit_code == 0


def test_a_rotated_key_signs_and_the_old_one_does_not(fleet: Run) -> None:
    keygen("alice-2.pem")
    rotate = ("--old", "alice", "--new", "alice-2.pub", "--key", "bob.pem", "-o", "root-2.plasma")
    assert fleet("root", "rotate", "root.plasma", *rotate).exit_code == 0
    assert fleet("root", "show", "root-2.plasma", "--previous", "root.plasma").exit_code == 0
    assert fleet("verify", "walker-7.plasma", "--trust", "root.plasma").exit_code == 0
    verdict = fleet("verify", "walker-7.plasma", "--trust", "root-2.plasma")
    refused(verdict, "E_SIG_UNKNOWN_KEY")


def test_what_is_revoked_runs_no_more(fleet: Run) -> None:
    args = ("--packet", "walker-7.plasma", "--signer", "online", "--rollback-floor", "arm=2")
    signed = ("--reset", "arm", "--key", "bob.pem", "-o", "root-2.plasma")
    facts_of(fleet("root", "revoke", "root.plasma", *args, *signed, "--json"))
    facts = facts_of(fleet("root", "show", "root-2.plasma", "--json"))
    assert [key["name"] for key in facts["keys"]] == ["alice", "bob"]
    assert facts["channels"][0]["rollback_floor"] == 2
    assert facts["channels"][0]["reset"] == 2
    refused(fleet("verify", "walker-7.plasma", "--trust", "root-2.plasma"), "E_REVOKED")
    Path("base.pasm").write_text(BASE.replace("127 0 0 127", "126 0 0 126"))
    release(fleet, 8, "--rollback-index", "1", "--not-after", "2029-01-01")
    install = ("--trust", "root-2.plasma", "--install")
    refused(fleet("verify", "walker-8.plasma", *install), "E_ROLLBACK")
    release(fleet, 8, "--rollback-index", "2", "--not-after", "2029-01-01")
    assert fleet("verify", "walker-8.plasma", *install).exit_code == 0
    refused(fleet("verify", "walker-8.plasma", *install, "--now", "2029-01-01"), "E_EXPIRED")
    assert fleet("verify", "walker-8.plasma", "--trust", "root-2.plasma").exit_code == 0


def test_add_extends_roles_thresholds_and_time(fleet: Run) -> None:
    args = ("--base", "bob.pub", "--base-threshold", "2", "--expires", "2031-01-01")
    signed = ("--key", "bob.pem", "-o", "root-2.plasma")
    assert fleet("root", "add", "root.plasma", *args, *signed).exit_code == 0
    facts = facts_of(fleet("root", "show", "root-2.plasma", "--json"))
    assert facts["thresholds"] == {"base": 2, "adapter": 1, "root": 1}
    assert facts["keys"][1]["roles"] == ["base", "root"]
    assert facts["expires"] > facts["issued_at"]
    refused(fleet("verify", "walker-7.plasma", "--trust", "root-2.plasma"), "E_SIG_THRESHOLD")


def test_an_older_release_is_not_installed_and_a_newer_one_is(fleet: Run) -> None:
    release(fleet, 6)
    release(fleet, 8)
    asked = ("--trust", "root.plasma", "--install", "--confirmed", "walker-7.plasma")
    refused(fleet("verify", "walker-6.plasma", *asked), "E_STALE_SEQ")
    assert "may install it" in fleet("verify", "walker-8.plasma", *asked).stdout
    assert fleet("verify", "walker-6.plasma", "--trust", "root.plasma").exit_code == 0


def test_verify_tells_people_what_they_compare(fleet: Run) -> None:
    shown = fleet("verify", "walker-7.plasma", "--trust", "root.plasma").stdout
    for word in ("signed by", "alice", "read aloud", "sequence 7", "pi4", "estimates"):
        assert word in shown
    facts = facts_of(fleet("verify", "walker-7.plasma", "--trust", "root.plasma", "--json"))
    assert len(facts["words"].split("-")) == 6
    assert set(facts["boards"]) >= {"pi4", "n100"}


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("init", "r.plasma", "--root", "no.pub"), "E_USAGE"),
        (("init", "r.plasma", "--root", "alice.pub", "--expires", "soon"), "E_PACK_OPTION"),
        (("init", "r.plasma", "--root", "alice.pub", "--channel", "a=carol"), "E_PACK_ROOT"),
        (("init", "r.plasma", "--root", "alice.pub", "--key", "key.pem"), "E_PACK_ROOT"),
        (("add", "walker-7.plasma", "-o", "r.plasma"), "E_KIND"),
        (("revoke", "root.plasma", "-o", "r.plasma", "--signer", "carol"), "E_PACK_ROOT"),
        (("revoke", "root.plasma", "-o", "r.plasma", "--digest", "00"), "E_PACK_OPTION"),
        (("revoke", "root.plasma", "-o", "r.plasma", "--reset", "tail"), "E_PACK_OPTION"),
        (("revoke", "root.plasma", "-o", "r.plasma", "--sequence-floor", "9"), "E_PACK_OPTION"),
        (("revoke", "root.plasma", "-o", "r.plasma", "--signer", "alice"), ""),
        (("rotate", "root.plasma", "-o", "r.plasma", "--old", "x", "--new", "key.pub"), "E_PACK_ROOT"),
        (("show", "walker-7.plasma"), "E_KIND"),
        (("show", "root.plasma", "--previous", "root.plasma"), "E_ROOT_VERSION"),
    ],
)  # fmt: skip
def test_a_mistake_ends_with_its_code_and_writes_nothing(
    fleet: Run, args: tuple[str, ...], code: str
) -> None:
    result = fleet("root", *args)
    if code:
        refused(result, "" if code == "E_USAGE" else code)
        assert not Path("r.plasma").exists()
    else:
        assert result.exit_code == 0


def test_doctor_finds_what_will_hurt(fleet: Run) -> None:
    Path("torn.plasma").write_bytes(Path("walker-7.plasma").read_bytes()[:-1])
    Path("bob.pub").write_bytes(Path("alice.pub").read_bytes())
    Path("online.pem").chmod(0o644)
    result = fleet("doctor", "--json")
    assert result.exit_code == 1
    found = {
        (row["level"], row["what"]): row["text"] for row in json.loads(result.stdout)["findings"]
    }
    assert "E_TRUNCATED" in found["problem", "torn.plasma"]
    assert "belongs to another key" in found["problem", "bob.pem"]
    assert "chmod 600" in found["problem", "online.pem"]
    assert "without a password" in found["warning", "alice.pem"]
    assert "one root key alone replaces the root" in found["warning", "root.plasma"]
    assert fleet("doctor", "walker-7.plasma", "--trust", "root.plasma").exit_code == 0
    assert fleet("doctor", "walker-7.plasma", "--trust", "key.pub").exit_code == 1
    assert "name some" in fleet("doctor", "base.pasm").stdout


def test_doctor_knows_when_a_root_ends(fleet: Run) -> None:
    Path("root.plasma").unlink()
    fleet(*INIT[:-2], "--expires", "2026-02-01", "--key", "alice.pem")
    result = fleet("doctor", "root.plasma")
    assert result.exit_code == 1
    assert "it has expired" in " ".join(result.stdout.split())
