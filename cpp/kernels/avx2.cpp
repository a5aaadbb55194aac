// SPDX-License-Identifier: Apache-2.0
// avx2.cpp -- sixteen lanes as two registers, and int8 products eight rows at a time.
//
// Everything is in the anonymous namespace and no standard header but the two below is included: a
// weak symbol from this file would be AVX2 code that the linker may hand to the whole program.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define LANES_INLINE [[gnu::always_inline]] inline

namespace plasma::kernels {

namespace {

constexpr int8_t kInputFlip = 0;

#include "kernels/lanes_avx2.inc"
#include "kernels/lanes_kernels.inc"
#include "kernels/panels_avx2.inc"

struct Inputs {
  __m256i value, magnitude;
};

constexpr int kChains = 4;

LANES_INLINE Inputs inputs(const int8_t* q) noexcept {
  const __m256i x = broadcast_quad(q);
  return {x, _mm256_abs_epi8(x)};
}

// maddubs multiplies unsigned by signed and adds neighbours with signed 16-bit saturation: |q| and
// w * sign(q) keep a pair within 2 * 128 * 127 = 32'512 < 32'767. With weights of -128 they would
// not, nor could sign negate one: hence their symmetric range.
LANES_INLINE Sums add_products(Sums sums, const int8_t* block, Inputs x) noexcept {
  const __m256i signed_w = _mm256_sign_epi8(load_words(block), x.value);
  const __m256i pairs = _mm256_maddubs_epi16(x.magnitude, signed_w);
  return sums + Sums(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

constexpr int kTilePanels = 2;
constexpr int kTileSums = 4;

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kAvx2 = table("avx2");

}  // namespace plasma::kernels
