// SPDX-License-Identifier: Apache-2.0
// avx512vnni.cpp -- sixteen lanes as one register, and int8 products sixteen rows at a time.
//
// For what may be included here, see avx2.cpp.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define LANES_INLINE [[gnu::always_inline]] inline

namespace plasma::kernels {

namespace {

constexpr int8_t kInputFlip = -128;  // see avxvnni.cpp

struct Lanes {
  __m512 v;
  LANES_INLINE Lanes() noexcept : Lanes(0.0f) {}
  LANES_INLINE Lanes(float x) noexcept : v(_mm512_set1_ps(x)) {}
  LANES_INLINE Lanes(__m512 x) noexcept : v(x) {}
};

struct Words {
  __m512i v;
  LANES_INLINE Words() noexcept : Words(0) {}
  LANES_INLINE explicit Words(int32_t x) noexcept : v(_mm512_set1_epi32(x)) {}
  LANES_INLINE Words(__m512i x) noexcept : v(x) {}
};

using Mask = __mmask16;

struct Whole {};

struct Head {
  __mmask16 mask;
  LANES_INLINE explicit Head(int n) noexcept : mask(static_cast<__mmask16>((1u << n) - 1)) {}
};

LANES_INLINE Lanes operator+(Lanes a, Lanes b) noexcept { return _mm512_add_ps(a.v, b.v); }
LANES_INLINE Lanes operator-(Lanes a, Lanes b) noexcept { return _mm512_sub_ps(a.v, b.v); }
LANES_INLINE Lanes operator*(Lanes a, Lanes b) noexcept { return _mm512_mul_ps(a.v, b.v); }
LANES_INLINE Lanes operator/(Lanes a, Lanes b) noexcept { return _mm512_div_ps(a.v, b.v); }
// vmaxps and vminps are rule 3 as they stand: the second operand when neither is greater.
LANES_INLINE Lanes max(Lanes a, Lanes b) noexcept { return _mm512_max_ps(a.v, b.v); }
LANES_INLINE Lanes min(Lanes a, Lanes b) noexcept { return _mm512_min_ps(a.v, b.v); }
LANES_INLINE Mask greater(Lanes a, Lanes b) noexcept {
  return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ);
}
LANES_INLINE Mask at_least(Lanes a, Lanes b) noexcept {
  return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ);
}
LANES_INLINE Lanes select(Mask mask, Lanes yes, Lanes no) noexcept {
  return _mm512_mask_blend_ps(mask, no.v, yes.v);
}

LANES_INLINE Words bits(Lanes x) noexcept { return _mm512_castps_si512(x.v); }
LANES_INLINE Lanes floats(Words w) noexcept { return _mm512_castsi512_ps(w.v); }
LANES_INLINE Words operator+(Words a, Words b) noexcept { return _mm512_add_epi32(a.v, b.v); }
LANES_INLINE Words operator&(Words a, Words b) noexcept { return _mm512_and_si512(a.v, b.v); }
LANES_INLINE Words larger(Words a, Words b) noexcept { return _mm512_max_epi32(a.v, b.v); }
LANES_INLINE Words shift_to_exponent(Words w) noexcept { return _mm512_slli_epi32(w.v, 23); }
LANES_INLINE Words shift_from_exponent(Words w) noexcept { return _mm512_srai_epi32(w.v, 23); }

LANES_INLINE Lanes load(const float* p, Whole) noexcept { return _mm512_loadu_ps(p); }
LANES_INLINE Lanes load(const float* p, Head head) noexcept {
  return _mm512_maskz_loadu_ps(head.mask, p);
}
LANES_INLINE void store(float* p, Lanes x, Whole) noexcept { _mm512_storeu_ps(p, x.v); }
LANES_INLINE void store(float* p, Lanes x, Head head) noexcept {
  _mm512_mask_storeu_ps(p, head.mask, x.v);
}
LANES_INLINE Lanes existing(Lanes x, Whole, Lanes) noexcept { return x; }
LANES_INLINE Lanes existing(Lanes x, Head head, Lanes other) noexcept {
  return select(head.mask, x, other);
}

LANES_INLINE float fold(Lanes x) noexcept {
  const __m256 high = _mm512_extractf32x8_ps(x.v, 1);
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x.v), high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

using Quad = __m128;

// Each step adds what two sums have left, so that none is folded alone.
LANES_INLINE Quad fold_four(const Lanes (&v)[4]) noexcept {
  __m512 eight[2];
  for (int i = 0; i < 2; ++i) {
    const __m512 low = _mm512_shuffle_f32x4(v[i].v, v[i + 2].v, 0x44);
    eight[i] = _mm512_add_ps(low, _mm512_shuffle_f32x4(v[i].v, v[i + 2].v, 0xEE));
  }
  // 0, 2, 1, 3: the last step sorts them.
  const __m512 low = _mm512_shuffle_f32x4(eight[0], eight[1], 0x88);
  const __m512 four = _mm512_add_ps(low, _mm512_shuffle_f32x4(eight[0], eight[1], 0xDD));
  const __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4E));
  const __m512 one = _mm512_add_ps(two, _mm512_permute_ps(two, 0xB1));
  const __m512i order = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 4, 8, 0);
  return _mm512_castps512_ps128(_mm512_permutexvar_ps(order, one));
}
LANES_INLINE void store_quad(float* p, Quad quad) noexcept { _mm_storeu_ps(p, quad); }
LANES_INLINE Lanes join(const Quad (&quads)[4]) noexcept {
  const __m512 first = _mm512_insertf32x4(_mm512_castps128_ps512(quads[0]), quads[1], 1);
  return _mm512_insertf32x4(_mm512_insertf32x4(first, quads[2], 2), quads[3], 3);
}

LANES_INLINE float fold_max(Lanes x) noexcept {
  const __m256 high = _mm512_extractf32x8_ps(x.v, 1);
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x.v), high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

LANES_INLINE uint32_t largest(Words w) noexcept {
  return static_cast<uint32_t>(_mm512_reduce_max_epi32(w.v));
}

LANES_INLINE void store_rounded(int8_t* q, Lanes x, int32_t zero) noexcept {
  const __m512i words = _mm512_add_epi32(_mm512_cvtps_epi32(x.v), _mm512_set1_epi32(zero));
  const __m128i stored = _mm_xor_si128(_mm512_cvtepi32_epi8(words), _mm_set1_epi8(kInputFlip));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), stored);
}

LANES_INLINE float square_root(float x) noexcept {
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

#include "kernels/lanes_kernels.inc"

constexpr int kPanelRows = 16;
constexpr int kBlockCols = 4;
constexpr int kChains = 8;

using Inputs = __m512i;

// Int32 lanes by their type: the compiler then sees one variable through all products.
struct Sums {
  __v16si words;
  LANES_INLINE Sums(__m512i w = _mm512_setzero_si512()) noexcept
      : words(reinterpret_cast<__v16si>(w)) {}
  LANES_INLINE operator __m512i() const noexcept { return reinterpret_cast<__m512i>(words); }
};

LANES_INLINE Sums operator+(Sums a, Sums b) noexcept { return _mm512_add_epi32(a, b); }
LANES_INLINE Sums nothing() noexcept { return {}; }

LANES_INLINE Inputs inputs(const int8_t* q) noexcept {
  int32_t four;
  __builtin_memcpy(&four, q, sizeof four);
  return _mm512_set1_epi32(four);
}

LANES_INLINE Sums add_products(Sums sums, const int8_t* block, Inputs x) noexcept {
  return _mm512_dpbusd_epi32(sums, x, _mm512_loadu_si512(block));
}

constexpr int kTilePanels = 4;
constexpr int kTileSums = 24;

LANES_INLINE Sums scaled_sums(const int8_t* p, int32_t factor) noexcept {
  return _mm512_mullo_epi32(_mm512_loadu_si512(p), _mm512_set1_epi32(factor));
}

using Values = Lanes;

struct Rows {
  Head exists;
  bool is_whole;
  Lanes step, bias;
  LANES_INLINE Rows(float s, const float* scale, const float* b, int rows) noexcept
      : exists(rows < kPanelRows ? rows : kPanelRows),
        is_whole(rows >= kPanelRows),
        step(Lanes(s) * load(scale, exists)),
        bias(b ? load(b, exists) : Lanes()) {}
};

LANES_INLINE Values dequantized(Sums sums, const Rows& rows) noexcept {
  return Lanes(_mm512_cvtepi32_ps(sums)) * rows.step + rows.bias;
}

LANES_INLINE void store(float* y, Values values, const Rows& rows) noexcept {
  rows.is_whole ? store(y, values, Whole{}) : store(y, values, rows.exists);
}

struct Seen {
  Words positive, negative;
};

LANES_INLINE void see(Seen& seen, Values values) noexcept {
  seen.positive = larger(seen.positive, bits(values));
  seen.negative = _mm512_max_epu32(seen.negative.v, bits(values).v);
}

LANES_INLINE Range range_of(const Seen& seen) noexcept {
  const Words magnitudes = larger(seen.negative + Words(INT32_MIN), Words());  // where negative
  return {largest(magnitudes), largest(seen.positive)};
}

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kAvx512Vnni = table("avx512vnni");

}  // namespace plasma::kernels
