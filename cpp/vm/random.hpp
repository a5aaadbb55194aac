// SPDX-License-Identifier: Apache-2.0
// random.hpp -- uniform and normal: numbers worked out from a counter (ISA.md, rules 28 and 29).
//
// No state is carried: the seed, the tick and the place in the program say what is drawn.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/kernels.hpp"

namespace plasma::vm {

struct Draw {
  uint64_t seed;
  uint64_t tick;    // since reset
  uint32_t stream;  // the index of the instruction
};

// Philox4x32 with ten rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011).
using PhiloxWords = std::array<uint32_t, 4>;
[[nodiscard]] PhiloxWords philox(PhiloxWords counter, std::array<uint32_t, 2> key) noexcept;

void uniform(const Draw& draw, float* y, int n) noexcept;
void normal(const kernels::KernelTable& table, const Draw& draw, float* y, int n) noexcept;

}  // namespace plasma::vm
