"""A network that nobody here trained, built as it is and compared with onnxruntime: Silero's voice detector.

    pip download --no-deps --dest build/foreign silero-vad==6.2.3
    .venv/bin/python benchmarks/foreign.py build/foreign/silero_vad-6.2.3-py3-none-any.whl

PyPI has no policies of Stable-Baselines3's zoo, but this: convolutions over 36 ms of sound, an LSTM whose
state is an input and an output, one number out (MIT licence, github.com/snakers4/silero-vad). What it hears is made
here: noise that swells and falls, and hums of twenty harmonics in turn. Error: of 300 ticks with the state carried.
"""

from __future__ import annotations

import sys
import zipfile
from typing import Any

import numpy as np
import onnxruntime
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
import plasma_pack as pp

NAME = "silero_vad/data/silero_vad_16k_sequence.onnx"
TICKS, SAMPLES, RATE = 300, 576, 16_000
HUM_TICKS = 40


def heard() -> np.ndarray:
    """[TICKS, SAMPLES]"""
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((TICKS, SAMPLES)) * 0.3
    noise *= np.abs(np.sin(np.arange(TICKS) / 17))[:, None]
    seconds = np.arange(TICKS * SAMPLES).reshape(TICKS, SAMPLES) / RATE
    hum = sum(np.sin(2 * np.pi * 120 * k * seconds) / k for k in range(1, 20)) * 0.2
    is_hum = np.arange(TICKS) // HUM_TICKS % 2 == 1
    return np.where(is_hum[:, None], hum, noise).astype(np.float32)


def wanted(model: bytes, sound: np.ndarray) -> np.ndarray:
    """What onnxruntime says, [TICKS]."""
    session = onnxruntime.InferenceSession(model)
    h = c = np.zeros((1, 1, 128), np.float32)
    said = []
    for tick in sound:
        probability, h, c = session.run(None, {"input": tick[None], "h": h, "c": c})
        said.append(float(probability[0]))
    return np.array(said)


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        model = wheel.read(NAME)
    sound, key = heard(), Ed25519PrivateKey.generate()
    source = wanted(model, sound)
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "calibrated": {"calibration": sound},
        "f32": {"weights": "f32"},
    }
    for name, given in options.items():
        packet = pp.build(model, key=key, **given)
        policy = pe.Policy.load(packet.data, trust=key.public_key().public_bytes_raw())
        found = np.array([float(policy(tick)[0]) for tick in sound])
        error = np.sqrt(np.mean((found - source) ** 2)) / np.ptp(source)
        sys.stdout.write(f"{name:<12}{error:.5%} rms of the range, {len(packet.data):,} bytes\n")


if __name__ == "__main__":
    main()
