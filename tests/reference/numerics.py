"""Section 6 of ISA.md: IEEE binary32, one rounding an operation.

A double holds every f32, and +, −, · and ÷ of two of them rounded to double and then to f32 is what f32 rounds to.
"""

from __future__ import annotations

import struct
from ctypes import c_float, c_int32, c_uint32

Vector = list[float]

_M = 12_582_912.0
_L, _H = float.fromhex("0x1.715476p+0"), float.fromhex("0x1.63p-1")
_LOW, _N = float.fromhex("-0x1.bd0106p-13"), float.fromhex("0x1.62e43p-1")
_C = [
    float.fromhex(text)
    for text in [
        "0x1.6a3186p-10",
        "0x1.123282p-7",
        "0x1.5558b2p-5",
        "0x1.55549ep-3",
        "0x1.fffffcp-2",
    ]
]


def f32(value: float) -> float:
    return float(c_float(value).value)


def bits(value: float) -> int:
    return int(struct.unpack("<I", struct.pack("<f", value))[0])


def greater(a: float, b: float) -> float:
    """3: max."""
    return a if a > b else b


def lesser(a: float, b: float) -> float:
    """3: min."""
    return a if a < b else b


def clamp(x: float, low: float, high: float) -> float:
    return lesser(greater(x, low), high)


def quantize(x: Vector) -> tuple[list[int], float]:
    """6: QUANT."""
    low, high = max(0.0, *(-value for value in x)), max(0.0, *x)
    half = f32(f32(low / 2) + f32(high / 2))
    if half < 2.0**-100:
        return [0] * len(x), 0.0
    s, v = f32(half / 127), f32(127 / half)
    return [round(f32(value * v)) for value in x], s


def linear_i8(rows: list[list[int]], scales: Vector, x: Vector) -> Vector:
    """7 and 8, before the bias."""
    q, s = quantize(x)
    sums = [sum(w * value for w, value in zip(row, q, strict=True)) for row in rows]
    return [f32(f32(acc) * f32(s * scale)) for acc, scale in zip(sums, scales, strict=True)]


def dot(w: Vector, x: Vector) -> float:
    """15."""
    lanes = [0.0] * 16
    for i, (a, b) in enumerate(zip(w, x, strict=True)):
        lanes[i % 16] = f32(lanes[i % 16] + f32(a * b))
    for d in (8, 4, 2, 1):
        lanes[:d] = [f32(lanes[j] + lanes[j + d]) for j in range(d)]
    return lanes[0]


def scale(v: float, t: float) -> float:
    """10: v · 2^n, n in the low bits of t."""
    found = c_uint32(bits(v) + (bits(t) << 23)).value
    return float(struct.unpack("<f", struct.pack("<I", found))[0])


def _polynomial(r: float) -> float:
    """11: P."""
    total = _C[0]
    for c in _C[1:]:
        total = f32(f32(total * r) + c)
    return total


def exp(x: float) -> float:
    """12."""
    inside = clamp(x, -87, 88)
    t = f32(f32(inside * _L) + _M)
    n = f32(t - _M)
    r = f32(f32(inside - f32(n * _H)) - f32(n * _LOW))
    p = f32(f32(f32(r * r) * _polynomial(r)) + r)
    return scale(f32(1 + p), t) if x >= -87 else 0.0


def sigmoid(x: float) -> float:
    """13."""
    inside = clamp(x, -87, 87)
    t = f32(f32(inside * -_L) + _M)
    n = f32(t - _M)
    r = f32(f32(inside + f32(n * _H)) + f32(n * _LOW))
    p = f32(f32(f32(r * r) * _polynomial(-r)) - r)
    return f32(1 / f32(1 + scale(f32(1 + p), t)))


def tanh(x: float) -> float:
    """14."""
    inside = clamp(x, -10, 10)
    u = f32(inside + inside)
    t = f32(f32(u * _L) + _M)
    n = f32(t - _M)
    r = f32(u - f32(n * _N))
    p = f32(f32(f32(r * r) * _polynomial(r)) + r)
    s = scale(1.0, t)
    e = f32(f32(s * p) + f32(s - 1))
    return f32(e / f32(e + 2))


def as_word(value: float, *, is_f32: bool) -> bytes:
    """An element of an output."""
    return struct.pack("<f", value) if is_f32 else bytes(c_int32(int(value)))
