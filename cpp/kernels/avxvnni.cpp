// SPDX-License-Identifier: Apache-2.0
// avxvnni.cpp -- avx2 with one instruction for four int8 products: the small x86 cores of robots.
//
// For what may be included here, see avx2.cpp.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define LANES_INLINE [[gnu::always_inline]] inline

namespace plasma::kernels {

namespace {

// vpdpbusd multiplies unsigned by signed, so inputs are stored 128 higher, and what that adds to a
// row, 128 times the sum of its weights, is taken off again: modulo 2^32, like every sum here.
// Unlike vpdpbusds it never saturates.
constexpr int8_t kInputFlip = -128;

#include "kernels/lanes_avx2.inc"
#include "kernels/lanes_kernels.inc"
#include "kernels/panels_avx2.inc"

using Inputs = __m256i;

constexpr int kChains = 8;

LANES_INLINE Inputs inputs(const int8_t* q) noexcept { return broadcast_quad(q); }

LANES_INLINE Sums add_products(Sums sums, const int8_t* block, Inputs x) noexcept {
  return _mm256_dpbusd_avx_epi32(sums, x, load_words(block));
}

constexpr int kTilePanels = 2;
constexpr int kTileSums = 12;

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kAvxVnni = table("avxvnni");

}  // namespace plasma::kernels
