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

struct Lanes {
  __m256 lo, hi;
  LANES_INLINE Lanes() noexcept : Lanes(0.0f) {}
  LANES_INLINE Lanes(float x) noexcept : lo(_mm256_set1_ps(x)), hi(lo) {}
  LANES_INLINE Lanes(__m256 l, __m256 h) noexcept : lo(l), hi(h) {}
};

struct Words {
  __m256i lo, hi;
  LANES_INLINE Words() noexcept : Words(0) {}
  LANES_INLINE explicit Words(int32_t x) noexcept : lo(_mm256_set1_epi32(x)), hi(lo) {}
  LANES_INLINE Words(__m256i l, __m256i h) noexcept : lo(l), hi(h) {}
};

struct Mask {
  __m256 lo, hi;
};

struct Whole {};

// All ones where a lane exists: sixteen words of a table that slides over the edge.
alignas(64) constexpr int32_t kEdge[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                           -1, -1, -1, -1, -1, 0,  0,  0,  0,  0};

LANES_INLINE __m256i load_words(const void* p) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

struct Head {
  __m256i lo, hi;
  LANES_INLINE explicit Head(int n) noexcept
      : lo(load_words(kEdge + 16 - n)), hi(load_words(kEdge + 24 - n)) {}
};

LANES_INLINE Lanes operator+(Lanes a, Lanes b) noexcept {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
LANES_INLINE Lanes operator-(Lanes a, Lanes b) noexcept {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
LANES_INLINE Lanes operator*(Lanes a, Lanes b) noexcept {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
LANES_INLINE Lanes operator/(Lanes a, Lanes b) noexcept {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
// maxps and minps are rule 3 as they stand: the second operand when neither is greater.
LANES_INLINE Lanes max(Lanes a, Lanes b) noexcept {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
LANES_INLINE Lanes min(Lanes a, Lanes b) noexcept {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
LANES_INLINE Mask greater(Lanes a, Lanes b) noexcept {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)};
}
LANES_INLINE Mask at_least(Lanes a, Lanes b) noexcept {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ)};
}
LANES_INLINE Lanes select(Mask mask, Lanes yes, Lanes no) noexcept {
  return {_mm256_blendv_ps(no.lo, yes.lo, mask.lo), _mm256_blendv_ps(no.hi, yes.hi, mask.hi)};
}

LANES_INLINE Words bits(Lanes v) noexcept {
  return {_mm256_castps_si256(v.lo), _mm256_castps_si256(v.hi)};
}
LANES_INLINE Lanes floats(Words w) noexcept {
  return {_mm256_castsi256_ps(w.lo), _mm256_castsi256_ps(w.hi)};
}
LANES_INLINE Words operator+(Words a, Words b) noexcept {
  return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
LANES_INLINE Words operator&(Words a, Words b) noexcept {
  return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
LANES_INLINE Words larger(Words a, Words b) noexcept {
  return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
LANES_INLINE Words shift_to_exponent(Words w) noexcept {
  return {_mm256_slli_epi32(w.lo, 23), _mm256_slli_epi32(w.hi, 23)};
}

LANES_INLINE Lanes load(const float* p, Whole) noexcept {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
LANES_INLINE Lanes load(const float* p, Head head) noexcept {
  return {_mm256_maskload_ps(p, head.lo), _mm256_maskload_ps(p + 8, head.hi)};
}
LANES_INLINE void store(float* p, Lanes v, Whole) noexcept {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
LANES_INLINE void store(float* p, Lanes v, Head head) noexcept {
  _mm256_maskstore_ps(p, head.lo, v.lo);
  _mm256_maskstore_ps(p + 8, head.hi, v.hi);
}
LANES_INLINE Lanes existing(Lanes v, Whole) noexcept { return v; }
LANES_INLINE Lanes existing(Lanes v, Head head) noexcept {
  return floats(bits(v) & Words(head.lo, head.hi));
}

LANES_INLINE float fold(Lanes v) noexcept {
  const __m256 eight = _mm256_add_ps(v.lo, v.hi);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

LANES_INLINE uint32_t largest(Words w) noexcept {
  const __m256i eight = _mm256_max_epi32(w.lo, w.hi);
  const __m128i four =
      _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  const __m128i one = _mm_max_epi32(two, _mm_shuffle_epi32(two, 0xB1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(one));
}

LANES_INLINE void store_rounded(int8_t* q, Lanes v) noexcept {
  const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi));
  const __m256i in_order = _mm256_permute4x64_epi64(words, 0xD8);  // packs works within halves
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(in_order), _mm256_extracti128_si256(in_order, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), bytes);
}

LANES_INLINE float square_root(float x) noexcept {
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

#include "kernels/lanes_kernels.inc"

// The packed layout: panels of eight rows; in a panel, for every four columns, a block of 32 bytes:
// row 0 columns c..c+3, row 1 columns c..c+3, ... row 7. So eight int32 lanes are the sums of eight
// rows and nothing is added across. Missing rows and columns are zero.
constexpr int kPanelRows = 8;
constexpr int kBlockCols = 4;
constexpr size_t kBlockBytes = kPanelRows * kBlockCols;

LANES_INLINE int panels_of(int rows) noexcept { return (rows + kPanelRows - 1) / kPanelRows; }
LANES_INLINE int blocks_of(int cols) noexcept { return (cols + kBlockCols - 1) / kBlockCols; }
LANES_INLINE size_t panel_bytes(int cols) noexcept {
  return static_cast<size_t>(blocks_of(cols)) * kBlockBytes;
}

size_t packed_i8_bytes(int rows, int cols) noexcept {
  return static_cast<size_t>(panels_of(rows)) * panel_bytes(cols);
}

void pack_i8(const int8_t* w, int rows, int cols, int8_t* packed) noexcept {
  for (int panel = 0; panel < panels_of(rows) * kPanelRows; panel += kPanelRows) {
    for (int block = 0; block < blocks_of(cols) * kBlockCols; block += kBlockCols) {
      for (int r = panel; r < panel + kPanelRows; ++r) {
        for (int c = block; c < block + kBlockCols; ++c) {
          const size_t at =
              static_cast<size_t>(r) * static_cast<size_t>(cols) + static_cast<size_t>(c);
          *packed++ = r < rows && c < cols ? w[at] : int8_t{0};
        }
      }
    }
  }
}

// The sums of kPanels panels, eight rows each. maddubs multiplies unsigned by signed and adds
// neighbours with signed 16-bit saturation: |q| and w * sign(q) keep a pair within 2 * 127 * 127 =
// 32'258 < 32'767. With -128 they would not, nor could sign negate it: hence the symmetric range.
template <int kPanels>
LANES_INLINE void multiply(const int8_t* packed, const int8_t* q, int cols,
                           __m256i (&sum)[kPanels]) noexcept {
  const __m256i ones = _mm256_set1_epi16(1);
  for (int p = 0; p < kPanels; ++p) sum[p] = _mm256_setzero_si256();
  const int8_t* const end = packed + panel_bytes(cols);
  for (; packed != end; packed += kBlockBytes, q += kBlockCols) {
    int32_t four;
    __builtin_memcpy(&four, q, sizeof four);
    const __m256i x = _mm256_set1_epi32(four);
    const __m256i magnitude = _mm256_abs_epi8(x);
    for (int p = 0; p < kPanels; ++p) {
      const __m256i w = load_words(packed + static_cast<size_t>(p) * panel_bytes(cols));
      const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(w, x));
      sum[p] = _mm256_add_epi32(sum[p], _mm256_madd_epi16(pairs, ones));
    }
  }
}

// Rule 8 for the rows of one panel that exist.
LANES_INLINE void dequantize(__m256i sum, float s, const float* scale, const float* bias, float* y,
                             int rows) noexcept {
  const __m256i exists = load_words(kEdge + 16 - (rows < kPanelRows ? rows : kPanelRows));
  const __m256 step = _mm256_mul_ps(_mm256_set1_ps(s), _mm256_maskload_ps(scale, exists));
  const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), step);
  const __m256 b = bias ? _mm256_maskload_ps(bias, exists) : _mm256_setzero_ps();
  const __m256 result = _mm256_add_ps(product, b);
  if (rows < kPanelRows) {
    _mm256_maskstore_ps(y, exists, result);
  } else {
    _mm256_storeu_ps(y, result);
  }
}

template <int kPanels>
LANES_INLINE void linear_panels(const int8_t* packed, const int8_t* q, float s, const float* scale,
                                const float* bias, float* y, int rows, int cols) noexcept {
  __m256i sum[kPanels];
  multiply(packed, q, cols, sum);
  for (int p = 0, r = 0; p < kPanels; ++p, r += kPanelRows) {
    dequantize(sum[p], s, scale + r, bias ? bias + r : nullptr, y + r, rows - r);
  }
}

void linear_i8(const int8_t* packed, const int8_t* q, float s, const float* scale,
               const float* bias, float* y, int rows, int cols) noexcept {
  constexpr int kTogether = 4;  // panels that share one |q|
  int r = 0;
  for (; r + (kTogether - 1) * kPanelRows < rows; r += kTogether * kPanelRows) {
    linear_panels<kTogether>(packed, q, s, scale + r, bias ? bias + r : nullptr, y + r, rows - r,
                             cols);
    packed += kTogether * panel_bytes(cols);
  }
  for (; r < rows; r += kPanelRows, packed += panel_bytes(cols)) {
    linear_panels<1>(packed, q, s, scale + r, bias ? bias + r : nullptr, y + r, rows - r, cols);
  }
}

void accumulate_i8(const int8_t* packed, const int8_t* q, float k, const float* scale, float* y,
                   int rows, int cols) noexcept {
  linear_i8(packed, q, k, scale, y, y, rows, cols);  // addition commutes: y is its own bias
}

}  // namespace

const KernelTable kAvx2 = {
    .name = "avx2",
    .packed_i8_bytes = packed_i8_bytes,
    .pack_i8 = pack_i8,
    .quantize = quantize,
    .linear_i8 = linear_i8,
    .accumulate_i8 = accumulate_i8,
    .linear_f32 = linear_f32,
    .add_scaled = add_scaled,
    .add = add,
    .sub = sub,
    .mul = mul,
    .normalize = normalize,
    .clamp = clamp,
    .squash = squash,
    .relu = relu,
    .leaky_relu = leaky_relu,
    .elu = elu,
    .silu = silu,
    .sigmoid = sigmoid,
    .tanh = tanh,
    .layer_norm = layer_norm,
    .gru = gru,
    .argmax = argmax,
    .peak = peak,
};

}  // namespace plasma::kernels
