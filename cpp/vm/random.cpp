// SPDX-License-Identifier: Apache-2.0
// random.cpp -- Philox4x32-10, and what uniform and normal make of its words.
#include "vm/random.hpp"

#include <algorithm>

namespace plasma::vm {
namespace {

constexpr int kRounds = 10;
constexpr int kBlock = 4;  // elements of one counter
constexpr float kTwoPi = 0x1.921fb6p+2f;

uint32_t low(uint64_t word) noexcept { return static_cast<uint32_t>(word); }
uint32_t high(uint64_t word) noexcept { return static_cast<uint32_t>(word >> 32); }

// The middle of one of 2^23 equal parts of (0, 1): neither 0 nor 1, and exact.
float unit(uint32_t word) noexcept { return static_cast<float>(2 * (word >> 9) + 1) * 0x1p-24f; }

// u_begin, u_{begin + 1}, ...; begin is a multiple of kBlock.
void fill_units(const Draw& draw, int begin, float* u, int n) noexcept {
  PhiloxWords words{};
  for (int i = 0; i < n; ++i) {
    if (i % kBlock == 0) {
      const auto block = static_cast<uint32_t>((begin + i) / kBlock);
      words = philox({block, draw.stream, low(draw.tick), high(draw.tick)},
                     {low(draw.seed), high(draw.seed)});
    }
    u[i] = unit(words[static_cast<size_t>(i % kBlock)]);
  }
}

}  // namespace

PhiloxWords philox(PhiloxWords counter, std::array<uint32_t, 2> key) noexcept {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

void uniform(const Draw& draw, float* y, int n) noexcept { fill_units(draw, 0, y, n); }

// Box and Muller: a pair of uniforms gives a radius and an angle, and these a pair of normals.
void normal(const kernels::KernelTable& table, const Draw& draw, float* y, int n) noexcept {
  constexpr int kPairs = 32;  // at a time
  float u[2 * kPairs], radius[kPairs], cosine[kPairs], sine[kPairs];
  for (int begin = 0; begin < n; begin += 2 * kPairs) {
    const int count = std::min(n - begin, 2 * kPairs);
    const int pairs = (count + 1) / 2;
    fill_units(draw, begin, u, 2 * pairs);
    for (int p = 0; p < pairs; ++p) {
      radius[p] = u[2 * p];
      sine[p] = kTwoPi * u[2 * p + 1];
    }
    table.log(radius, radius, pairs);
    for (int p = 0; p < pairs; ++p) radius[p] = -2.0f * radius[p];
    table.sqrt(radius, radius, pairs);
    table.cos(sine, cosine, pairs);
    table.sin(sine, sine, pairs);
    for (int i = 0; i < count; ++i)
      y[begin + i] = radius[i / 2] * (i % 2 == 0 ? cosine : sine)[i / 2];
  }
}

}  // namespace plasma::vm
