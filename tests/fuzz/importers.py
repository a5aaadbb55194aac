"""Damaged policies of other formats through `plasma_pack.build`: each becomes a packet or a typed error.

    .venv/bin/python -m tests.fuzz.importers --cases 2000 --seed 1

The seeds are files of the tests: networks of three exporters, zips of Stable-Baselines3 (also their members,
zipped again, so that the damage is behind the checksum), TensorFlow Lite, and safetensors made here. A batch runs in
a child that may take 2 GB more, and 20 seconds of the processor a case. What else ends it is a crash, its input kept in
build/fuzz/crashes. Totals are added to benchmarks/results/fuzz/latest.json. Exit code 1: something crashed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_pack as pp
from plasma_edge import PlasmaError
from tests.fuzz.run import BUILD, LATEST, Run, add_up, provenance, table

FOLDER = Path(__file__).parents[1] / "pack" / "importers"
MEMORY, SECONDS, BATCH = 2 << 30, 20, 50
# What turns up where it hurts: ends of ranges, signs, lengths.
BYTES = (0, 1, 0x7F, 0x80, 0xFF)
Damage = Callable[[bytes, random.Random], bytes]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are others, or gone, or there twice; now and then the end is missing."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(changed)), chance.choice((1, 1, 4, 64))
        what = chance.random()
        if what < 0.8:
            changed[at] = chance.choice((*BYTES, chance.randrange(256)))
        elif what < 0.9 and len(changed) > length:
            del changed[at : at + length]
        else:
            changed[at:at] = changed[at : at + length]
    return bytes(
        changed[: chance.randrange(len(changed)) + 1] if chance.random() < 0.1 else changed
    )


def damaged_inside(data: bytes, chance: random.Random) -> bytes:
    """One member of a zip is damaged, and the zip whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name, content in members.items() if content])
    is_zip = members[name].startswith(b"PK")
    damage = damaged_inside if is_zip and chance.random() < 0.8 else damaged
    members[name] = damage(members[name], chance)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def made_safetensors() -> bytes:
    """An actor as CleanRL's ppo saves it."""
    sizes = {0: (16, 4), 2: (16, 16), 4: (2, 16)}
    generator = np.random.default_rng(0)
    weights = {f"actor.{k}.weight": generator.normal(size=s) for k, s in sizes.items()}
    biases = {f"actor.{k}.bias": np.zeros(rows) for k, (rows, _) in sizes.items()}
    tensors = {name: np.float32(values) for name, values in (weights | biases).items()}
    return safetensors.numpy.save(tensors)


def formats() -> dict[str, tuple[list[bytes], Damage]]:
    def files(pattern: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(FOLDER.glob(pattern))]

    zips = files("sb3/zips/*/model.zip")
    return {
        "onnx": (files("onnx/exported/*.onnx"), damaged),
        "zip": (zips, damaged),
        "zip_member": (zips, damaged_inside),
        "tflite": (files("tflite/files/*.tflite"), damaged),
        "safetensors": ([made_safetensors()], damaged),
    }


def case(seeds: list[bytes], damage: Damage, name: str) -> bytes:
    """The same bytes for the same name on every machine."""
    chance = random.Random(name)
    return damage(chance.choice(seeds), chance)


def batch(names: list[str], seeds: list[bytes], damage: Damage, told: int) -> None:
    """In the child. Says on `told` which case begins, and whether it became a packet."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    key = Ed25519PrivateKey.generate()
    for name in names:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        os.write(told, f"{name}\n".encode())
        try:
            pp.build(case(seeds, damage, name), key=key, weights="int8")
            os.write(told, b"accepted\n")
        except PlasmaError:
            os.write(told, b"refused\n")
    os._exit(0)


def fuzz(target: str, cases: int, seed: int, seeds: list[bytes], damage: Damage) -> Run:
    names = [f"{target} {seed} {number}" for number in range(cases)]
    done, started = Run(f"import_{target}"), time.monotonic()
    while names:
        lines = in_a_child(names[:BATCH], seeds, damage)
        ended = [line for line in lines if line in ("accepted", "refused")]
        done.executions += len(ended)
        done.accepted += ended.count("accepted")
        if len(ended) < len(names[:BATCH]):
            crashed = names[len(ended)]
            keep(target, crashed, case(seeds, damage, crashed))
            done.executions += 1
            done.crashes += 1
            ended.append(crashed)
        names = names[len(ended) :]
    done.seconds = time.monotonic() - started
    return done


def in_a_child(names: list[str], seeds: list[bytes], damage: Damage) -> list[str]:
    reading, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            batch(names, seeds, damage, telling)
        finally:
            os._exit(1)  # whatever was not a PlasmaError
    os.close(telling)
    with os.fdopen(reading) as said:
        lines = said.read().splitlines()
    os.waitpid(child, 0)
    return lines


def keep(target: str, name: str, data: bytes) -> None:
    folder = BUILD / "crashes" / f"import_{target}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name.replace(" ", "_")).write_bytes(data)
    sys.stderr.write(f"{name}: neither a packet nor a typed error; kept in {folder}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=1000, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    runs = [fuzz(target, options.cases, options.seed, *made) for target, made in formats().items()]
    sys.stdout.write(table(runs))
    results = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    LATEST.write_text(json.dumps(add_up(results, runs, provenance()), indent=1) + "\n")
    return int(any(run.crashes for run in runs))


if __name__ == "__main__":
    sys.exit(main())
