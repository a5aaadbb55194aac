"""Zips from strangers: nothing of them is run, memory stays bounded, and the error says why."""

from __future__ import annotations

import base64
import io
import json
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stable_baselines3 as sb3

import plasma_pack as pp
from plasma_pack import SourceError
from plasma_pack.importers.state_dict.archive import Archive
from plasma_pack.importers.state_dict.pickles import MAX_OPCODES, read_pickle
from plasma_pack.packet.keys import Key

from . import agents
from .agents import Nowhere, box

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The members of a good zip."""
    model = sb3.PPO("MlpPolicy", Nowhere(box(3), box(2)), device="cpu")
    with zipfile.ZipFile(agents.saved(model, tmp_path_factory.mktemp("good"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: Members, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_zip_without_its_beginning_is_refused(members: Members, key: Key) -> None:
    """Its directory is whole, and leads to before the file."""
    with pytest.raises(SourceError, match="damaged: negative seek"):
        Archive(_zip({"data": b"{}" * 40})[64:], "the zip").read("data")
    cut = members | {"policy.pth": members["policy.pth"][64:]}
    _refused(_zip(cut), key, "policy.pth")


def _with_entry(members: Members, key: str, pickled: bytes) -> Members:
    data = json.loads(members["data"])
    data[key] = {":type:": "", ":serialized:": base64.b64encode(pickled).decode()}
    return members | {"data": json.dumps(data).encode()}


def _with_weights(members: Members, change: Callable[[Members], Members]) -> Members:
    with zipfile.ZipFile(io.BytesIO(members["policy.pth"])) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    return members | {"policy.pth": _zip(change(inside))}


def _refused(source: bytes, key: Key, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        pp.build(source, key=key)


def test_the_good_zip_is_good(members: Members, key: Key) -> None:
    assert pp.build(_zip(members), key=key).data


class _Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def _touch(path: str) -> None:
    Path(path).touch()


@pytest.mark.parametrize("entry", ["observation_space", "action_space", "policy_class"])
@pytest.mark.parametrize("function", [eval, exec, __import__, getattr, subprocess.run, _touch])
def test_a_call_is_refused_by_name(
    entry: str, function: Any, members: Members, key: Key, tmp_path: Path
) -> None:
    target = tmp_path / "was_run"
    code = f"open({str(target)!r}, 'w')"
    arguments = (str(target),) if function is _touch else (code,)
    hostile = _with_entry(members, entry, pickle.dumps(_Calls(function, *arguments)))
    _refused(_zip(hostile), key, f"calls .*{function.__name__}.*Nothing of it was run")
    assert not target.exists()


def test_os_system_in_every_protocol(members: Members, key: Key, tmp_path: Path) -> None:
    target = tmp_path / "was_run"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        pickled = pickle.dumps(_Calls(__import__("os").system, f"touch {target}"), protocol)
        _refused(_zip(_with_entry(members, "policy_kwargs", pickled)), key, r"calls posix\.system")
    assert not target.exists()


def test_a_call_beside_what_is_read_stays_closed(
    members: Members, key: Key, tmp_path: Path
) -> None:
    target = tmp_path / "was_run"
    hostile = _with_entry(members, "lr_schedule", pickle.dumps(_Calls(_touch, str(target))))
    assert pp.build(_zip(hostile), key=key).data
    assert not target.exists()


def test_a_call_in_the_weights_is_refused(members: Members, key: Key) -> None:
    pickled = pickle.dumps(_Calls(eval, "1"), 2)
    hostile = _with_weights(members, lambda inside: inside | {"archive/data.pkl": pickled})
    _refused(_zip(hostile), key, "calls builtins.eval|calls __builtin__.eval")


def test_a_call_in_the_statistics_is_refused(members: Members, key: Key, tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(_zip(members))
    (tmp_path / "vecnormalize.pkl").write_bytes(pickle.dumps(_Calls(eval, "1")))
    with pytest.raises(SourceError, match=r"vecnormalize\.pkl calls builtins\.eval"):
        pp.build(tmp_path / "model.zip", key=key)


# Opcodes by hand: absurd arguments of what may be called.
_DTYPE = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f4I00\nI01\ntR"
_HUGE = b"(L1000000000000L\nL1000000000000L\nt"
_ARRAY = b"cnumpy._core.numeric\n_frombuffer\n(C\x04abcd" + _DTYPE
ABSURD = {
    "a huge array": _ARRAY + _HUGE + b"X\x01\x00\x00\x00CtR.",
    "a negative shape": _ARRAY + b"(I-5\ntX\x01\x00\x00\x00CtR.",
    "an array of objects": _ARRAY.replace(b"f4", b"O8") + b"(I1\ntX\x01\x00\x00\x00CtR.",
    "an array of text": _ARRAY.replace(b"\x02\x00\x00\x00f4", b"\x09\x00\x00\x00U99999999")
    + b"(I1\ntX\x01\x00\x00\x00CtR.",
    "a scalar of nothing": b"cnumpy._core.multiarray\nscalar\n(NNtR.",
    "no arguments": b"cnumpy._core.multiarray\n_reconstruct\n)R.",
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_array_is_refused(name: str, members: Members, key: Key) -> None:
    space = b"cgymnasium.spaces.box\nBox\n)\x81}(X\x05\x00\x00\x00dtype" + _DTYPE
    space += b"X\x03\x00\x00\x00low" + ABSURD[name][:-1]
    space += b"X\x04\x00\x00\x00high" + ABSURD[name][:-1] + b"ub."
    _refused(_zip(_with_entry(members, "observation_space", space)), key, r"observation_space\.low")


BROKEN = {
    "empty": b"",
    "cut": pickle.dumps({"a": 1})[:-3],
    "no stop": b"\x80\x04K\x01",
    "an empty stack": b"0.",
    "no mark": b"t.",
    "a memo that is empty": b"h\x00.",
    "an unknown opcode": b"\xff.",
    "a huge length": b"\x8e" + b"\xff" * 8 + b"ab.",
    "a huge number of a memo": b"Nr\xff\xff\xff\xff0.",
    "keys that take for ever": b"(" + b"".join(b"2\x86" for _ in range(60)) + b"Nd.",
    "a key of nested tuples": b"N" + b"2\x86" * 60 + b"}" + b"N" + b"2\x86" * 60 + b"Ns.",
    "extensions": b"\x82\x01.",
    "instances": b"(ios\nsystem\n.",
    "a buffer from outside": b"\x97.",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pickle_is_refused(name: str, members: Members, key: Key) -> None:
    _refused(_zip(_with_entry(members, "action_space", BROKEN[name])), key, "action_space")


def _space(kind: str, state: bytes) -> bytes:
    return f"cgymnasium.spaces.{kind}\n)".encode() + b"\x81}(" + state + b"ub."


HUGE_SPACES = {
    "switches": _space("multi_binary\nMultiBinary", b"X\x01\x00\x00\x00n(I1000000\nI1000000\nl"),
    "a choice": _space("discrete\nDiscrete", b"X\x01\x00\x00\x00nL99999999999L\n"),
    "choices": _space(
        "multi_discrete\nMultiDiscrete", b"X\x04\x00\x00\x00nvec(I900000\nI900000\nl"
    ),
    "nothing": _space("multi_discrete\nMultiDiscrete", b"X\x04\x00\x00\x00nvec(l"),
    "no number": _space("discrete\nDiscrete", b"X\x01\x00\x00\x00n}"),
}


@pytest.mark.parametrize("name", HUGE_SPACES)
@pytest.mark.parametrize("entry", ["observation_space", "action_space"])
def test_an_absurd_space_is_refused(entry: str, name: str, members: Members, key: Key) -> None:
    _refused(_zip(_with_entry(members, entry, HUGE_SPACES[name])), key, entry)


def test_a_pickle_of_too_many_opcodes_is_refused() -> None:
    with pytest.raises(SourceError, match="opcodes"):
        read_pickle(b"}" * (MAX_OPCODES + 1) + b".", "it")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("data", b"{", "not JSON"),
        ("data", b"[1]", "not a JSON object"),
        ("data", b"[" * 100_000, "not JSON"),
        ("data", b"\xff\xfe{}", "not JSON"),
        ("data", b"{}", "class no class"),
        ("data", b'{"policy_class": {":serialized:": "%%%"}}', "not base64"),
        ("data", b'{"policy_class": {":serialized:": 7}}', "not base64"),
        ("policy.pth", b"", "not a zip"),
        ("policy.pth", b"PK", "not a zip"),
        ("policy.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch before 1.6"),
    ],
)
def test_a_broken_member_is_refused(
    name: str, content: bytes, reason: str, members: Members, key: Key
) -> None:
    _refused(_zip(members | {name: content}), key, reason)


def test_a_zip_of_something_else_is_refused(members: Members, key: Key) -> None:
    _refused(_zip({"readme": b"hello"}), key, "neither one that model.save")
    _refused(_zip({"readme about policy.pth and data": b"x"}), key, "^the zip has no member 'data'")


def test_names_that_lead_out_are_refused(members: Members, key: Key) -> None:
    for name in ("../../data2", "/etc/passwd", "a/../../b", "..\\b"):
        _refused(_zip(members | {name: b"x"}), key, "leads out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(members: Members, key: Key) -> None:
    file = io.BytesIO(_zip(members))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("data", b"{}")
    _refused(file.getvalue(), key, "two members of the same name")


def test_a_zip_cut_anywhere_is_refused(members: Members, key: Key) -> None:
    whole = _zip(members, zipfile.ZIP_DEFLATED)
    for length in range(4, len(whole), len(whole) // 50):
        with pytest.raises(SourceError):
            pp.build(whole[:length], key=key)


def test_the_last_whole_member_of_a_cut_zip_is_not_taken_for_it(members: Members, key: Key) -> None:
    """Members lie in it as they are, and some of them are zips."""
    whole = _zip(members)
    end = whole.index(members["policy.pth"]) + len(members["policy.pth"])
    _refused(whole[:end], key, "before its first member")


def test_flipped_bytes_are_refused_or_harmless(members: Members, key: Key) -> None:
    whole = bytearray(_zip(members, zipfile.ZIP_DEFLATED))
    refused = 0
    for place in range(2, len(whole), len(whole) // 150):
        whole[place] ^= 0x5A
        try:
            pp.build(bytes(whole), key=key)
        except pp.PackError:
            refused += 1
        whole[place] ^= 0x5A
    assert refused > 75


def test_a_tensor_larger_than_its_storage_is_refused(members: Members, key: Key) -> None:
    def enlarge(inside: Members) -> Members:
        pickled = inside["archive/data.pkl"]
        assert pickled.count(b"K@K\x03\x86") >= 1  # size (64, 3)
        huge = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"
        return inside | {"archive/data.pkl": pickled.replace(b"K@K\x03\x86", huge, 1)}

    _refused(_zip(_with_weights(members, enlarge)), key, "does not fit its storage")


def test_a_storage_that_is_missing_is_refused(members: Members, key: Key) -> None:
    def drop(inside: Members) -> Members:
        return {name: content for name, content in inside.items() if name != "archive/data/1"}

    _refused(_zip(_with_weights(members, drop)), key, "no member 'archive/data/1'")


def test_weights_that_are_not_finite_are_refused(members: Members, key: Key) -> None:
    def spoil(inside: Members) -> Members:
        return {
            name: struct.pack("<f", float("nan")) * (len(content) // 4)
            if name.startswith("archive/data/")
            else content
            for name, content in inside.items()
        }

    _refused(_zip(_with_weights(members, spoil)), key, "NaN")


def _bomb(members: Members, name: str, mebibytes: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for other, content in members.items():
            if other != name:
                archive.writestr(other, content)
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(mebibytes):
                member.write(bytes(1 << 20))
    return file.getvalue()


LIMIT = 300 << 20
ALONE = """
import resource, sys
import plasma_pack as pp
from plasma_pack.packet.keys import load_private
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {limit},) * 2)
try:
    pp.build(sys.argv[1], key=load_private(sys.argv[2]))
except pp.SourceError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["data", "policy.pth", "directory", "opcodes"])
def test_a_bomb_is_refused_in_little_memory(
    kind: str, members: Members, key_file: Path, tmp_path: Path
) -> None:
    """In a process that may take 300 MB more than it has after its imports."""
    if kind == "directory":
        names = {f"{index:05d}": b"" for index in range(60_000)}
        bomb = _zip(members | names)
    elif kind == "opcodes":
        bomb = _zip(_with_entry(members, "observation_space", b"}" * (20 << 20)))
    else:
        bomb = _bomb(members, kind, 600)
    path = tmp_path / "bomb.zip"
    path.write_bytes(bomb)
    command = [sys.executable, "-c", ALONE.format(limit=LIMIT), str(path), str(key_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    reasons = {"directory": "a directory of", "opcodes": "opcodes"}
    assert reasons.get(kind, "unpacks to 629,145,600 bytes") in done.stdout


def test_the_limit_of_that_process_works(tmp_path: Path) -> None:
    command = ALONE.split("try:")[0].format(limit=LIMIT) + "bytes(600 << 20)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != LIMIT
