// SPDX-License-Identifier: Apache-2.0
// half.hpp -- f16 constants (IEEE binary16, finite) as the f32 of the same value.
#pragma once

#include <bit>

#include "base/byte_reader.hpp"

namespace plasma::vm {

[[nodiscard]] inline bool is_finite_half(uint16_t half) noexcept {
  return (half & 0x7C00u) != 0x7C00u;
}

[[nodiscard]] inline float widened(uint16_t half) noexcept {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = half >> 10 & 31u;
  const uint32_t mantissa = half & 0x3FFu;
  // Without an exponent it counts units of 2^-24, exact in f32.
  const uint32_t magnitude = exponent == 0
                                 ? std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f)
                                 : (exponent + 127 - 15) << 23 | mantissa << 13;
  return std::bit_cast<float>(sign | magnitude);
}

inline void widen(Bytes halves, float* to) noexcept {
  ByteReader reader(halves);
  while (reader.left() > 0) *to++ = widened(reader.u16());
}

}  // namespace plasma::vm
