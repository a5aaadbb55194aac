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

#include "kernels/lanes_avx2.inc"
#include "kernels/lanes_kernels.inc"
#include "kernels/panels_avx2.inc"

using Inputs = __m256i;

constexpr int kChains = 8;

// vpdpbusd multiplies unsigned by signed, so 128 is added to every weight, and 128 times the sum of
// the inputs taken off again: modulo 2^32, like every sum here. Unlike vpdpbusds it never
// saturates.
LANES_INLINE int8_t packed_weight(int8_t w) noexcept { return static_cast<int8_t>(w ^ -128); }

LANES_INLINE Inputs inputs(const int8_t* q) noexcept { return broadcast_quad(q); }

LANES_INLINE Sums add_products(Sums sums, const int8_t* block, Inputs x) noexcept {
  return _mm256_dpbusd_avx_epi32(sums, load_words(block), x);
}

LANES_INLINE Sums offset(const int8_t* q, int cols) noexcept {
  static_assert(kColsMultiple % 32 == 0);
  __m256i sum = _mm256_setzero_si256();
  for (int i = 0; i < cols; i += 32) {
    sum = _mm256_dpbusd_avx_epi32(sum, _mm256_set1_epi8(1), load_words(q + i));
  }
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  const __m128i one = _mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1));
  return {
      _mm256_slli_epi32(_mm256_sub_epi32(_mm256_setzero_si256(), _mm256_broadcastd_epi32(one)), 7)};
}

// In a convolution one weight meets many patches, so there the image is unsigned, and what that
// adds to a row is known when weights are packed.
constexpr int kImageOffset = 128;
constexpr int kTilePanels = 2;
constexpr int kTileSums = 12;

LANES_INLINE Sums add_taps(Sums sums, const int8_t* block, Inputs x) noexcept {
  return _mm256_dpbusd_avx_epi32(sums, x, load_words(block));
}

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kAvxVnni = table("avxvnni");

}  // namespace plasma::kernels
