"""What a step of the benchmark's nets consists of: instructions by function, bytes of weights, products.

    .venv/bin/python -m benchmarks.bench.nets B D E F G
    .venv/bin/python -m benchmarks.instructions B D E F G

callgrind counts; it knows no AVX-512, so the table is avx2. Counts are the same on every machine with the
same compiler, and no load changes them. The extension is the one that the build left unstripped. Needs valgrind.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks/results/bench/instructions.json"
STEPS = 200
_STEP = "plasma::Policy::step(float const* const*, void* const*)"
_WITH_ARGUMENTS = re.compile(r"(?:void )?(?:\w+::|\(anonymous namespace\)::)*(\w+)[<(].*")


def fly(packet: str, key: str) -> None:
    """What callgrind watches: the unstripped extension, alone with NumPy."""
    name = "plasma_edge._core"
    spec = importlib.util.spec_from_file_location(name, _extension())
    assert spec is not None and spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    import plasma_edge as pe

    policy = pe.Policy.load(packet, trust=bytes.fromhex(key))
    obs = np.random.default_rng(0).standard_normal(policy.inputs[0].shape).astype(np.float32)
    for _ in range(STEPS):
        policy(obs)


def measured(letter: str) -> dict[str, Any]:
    from benchmarks.bench.catalog import NETS
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    import plasma_pack as pp
    from plasma_pack.layers import packet_layers
    from plasma_pack.program.decode import decode

    net, key = NETS[letter], Ed25519PrivateKey.generate()
    packet = pp.build(net.onnx, key=key, weights="int8", states=net.states, low=-100, high=100)
    opened = pp.open_packet(packet.data)
    layers = packet_layers(decode(opened.sections, opened.slot_names))
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "net.plasma", Path(folder) / "out"
        path.write_bytes(packet.data)
        arguments = ["fly", str(path), key.public_key().public_bytes_raw().hex()]
        subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", f"--toggle-collect={_STEP}"]
            + ["--compress-strings=no", f"--callgrind-out-file={out}"]
            + [sys.executable, "-m", "benchmarks.instructions", *arguments],
            check=True,
            cwd=ROOT,
        )
        functions = _counted(out.read_text())
    return {
        "instructions": round(sum(functions.values()) / STEPS),
        "functions": {name: round(n / STEPS) for name, n in functions.most_common(6)},
        "weight_bytes": sum(layer.nbytes for layer in layers),
        "macs": packet.certificate.macs,
    }


def _counted(text: str) -> Counter[str]:
    """Instructions of each function itself."""
    found: Counter[str] = Counter()
    name, is_callee = "", False
    for line in text.splitlines():
        if line.startswith("fn="):
            name = _short(line[3:])
        elif line.startswith("calls="):
            is_callee = True  # the next line is the cost of the called, which has its own
        elif line[:1].isdigit() or line[:1] in "+-*":
            if not is_callee:
                found[name] += sum(map(int, line.split()[1:2]))  # no number is none
            is_callee = False
    return found


def _short(name: str) -> str:
    match = _WITH_ARGUMENTS.fullmatch(name)
    return match[1] if match else name


def _extension() -> Path:
    return next((ROOT / "build").glob("cp*-linux_x86_64/_core*.so"))


def main() -> None:
    if sys.argv[1:2] == ["fly"]:
        fly(*sys.argv[2:])
        return
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for letter in sys.argv[1:]:
        result[letter] = measured(letter)
        sys.stdout.write(f"{letter} {json.dumps(result[letter])}\n")
        sys.stdout.flush()
        RESULT.write_text(json.dumps(dict(sorted(result.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
