// SPDX-License-Identifier: Apache-2.0
// kernels.hpp -- the arithmetic of a tick: one table of primitives per instruction set, all with
// the same bits.
//
// scalar.cpp is the meaning. When another table disagrees with it by one bit, that table is wrong.
// The rules (QUANT, LINEAR8, EXP, SUM, ...) are numbered in vm/ISA.md, "Numerics".
//
// Everywhere: n, rows, cols >= 1; pointers may be unaligned unless said; float outputs are written
// for exactly n elements, nothing beyond. Element-wise kernels, the norms and softmax may work in
// place (y is an operand), never on a partial overlap; the others write apart from what they read.
// MXCSR / FPCR are at their defaults. A `peak` is the largest (bits & 0x7FFFFFFF) of the vector x:
// above kMaxFinite one element was not finite. So it is for an end of a `Range`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plasma::kernels {

inline constexpr uint32_t kMaxFinite = 0x7F7FFFFFu;

// int8 vectors and packed rows are filled up with zeros to a multiple of this many elements.
inline constexpr int kColsMultiple = 64;

// An int8 layer takes so many vectors (tokens) at a time: enough to share what is loaded, and few
// enough to keep scratch small.
inline constexpr int kMaxTokens = 16;

// Always inlined: an ISA file must not emit a copy of it that another file could end up calling.
[[gnu::always_inline]] constexpr size_t padded_cols(int cols) noexcept {
  return (static_cast<size_t>(cols) + kColsMultiple - 1) / kColsMultiple * kColsMultiple;
}

// How a window slides over an image [height, width, channels], channels fastest. It is proved
// (vm/window.cpp) that the output dims follow from the others and that everywhere the window covers
// some of the padded image; of the image itself as well, where there are no weights.
struct Window {
  int height, width, channels;
  int out_height, out_width, out_channels;
  int kernel_height, kernel_width;
  int stride_y, stride_x;
  int pad_top, pad_left, pad_bottom, pad_right;
  int dilation_y, dilation_x;
  int groups;  // of channels and of output channels
};

// The pixels [begin, end) of `size` that `kernel` neighbouring places from `start` on cover.
struct Cover {
  int begin, end;
};
[[gnu::always_inline]] constexpr Cover cover(int start, int kernel, int size) noexcept {
  return {start > 0 ? start : 0, start + kernel < size ? start + kernel : size};
}

// How y's elements are taken out of x: y[i0, i1, i2, i3] = x[begin + i0 * stride[0] + ...]. It is
// proved (vm/walk.cpp) that every index lies in x.
struct Walk {
  ptrdiff_t begin;
  size_t size[4];
  ptrdiff_t stride[4];
};

// Attention of `tokens` queries over `keys` keys and values, in `heads` parts of width / heads
// columns each. A row of q, k, v or mask begins so many floats after the one before; mask_step is 0
// where all tokens share one row.
struct Attention {
  int tokens, keys, width, heads;
  int q_step, k_step, v_step, mask_step;
  float scale;
};

// Bytes of scratch a conv2d needs for its image, padded all around.
[[gnu::always_inline]] constexpr size_t image_bytes(const Window& window) noexcept {
  const auto rows = static_cast<size_t>(window.pad_top + window.height + window.pad_bottom);
  const auto cols = static_cast<size_t>(window.pad_left + window.width + window.pad_right);
  return rows * cols * static_cast<size_t>(window.channels) + kColsMultiple;
}

// What a layer's max(.., low) is when it shall change nothing but NaN.
inline constexpr float kUnlimited = -__builtin_inff();

// How far a vector reaches below and above zero: the peaks of its elements with and without a sign,
// 0 where there are none.
struct Range {
  uint32_t low, high;
};
[[gnu::always_inline]] constexpr uint32_t peak_of(Range range) noexcept {
  return range.low > range.high ? range.low : range.high;
}

// What QUANT (rule 6) makes of a vector beside its int8 values: x is about step * (q - zero).
struct Grid {
  float step;
  int32_t zero;
};

struct KernelTable {
  const char* name;

  // quantize stores every q as q ^ input_flip: some tables multiply unsigned by signed.
  int8_t input_flip;

  // int8 weights are repacked once, at load, into the layout this table reads.
  // Requires: -127 <= w <= 127, cols <= 66'572, packed 64-byte aligned. Ensures: padding weighs
  // nothing.
  size_t (*packed_i8_bytes)(int rows, int cols) noexcept;
  void (*pack_i8)(const int8_t* w, int rows, int cols, int8_t* packed) noexcept;

  // QUANT (rule 6), given the range of x: q[0..n), and the q of zeros up to padded_cols(n). q is
  // 64-byte aligned.
  Grid (*quantize)(const float* x, int n, Range range, int8_t* q) noexcept;

  // LINEAR8 (rule 8) of 1 to kMaxTokens vectors: q is [tokens, padded_cols(cols)], grid [tokens], y
  // [tokens, rows]; y_r = max(f32(acc_r) * (step * scale_r) + b_r, low). bias may be null: b_r =
  // +0. low is +0, which is a relu, or kUnlimited. The range is of all tokens, before max(.., low).
  Range (*linear_i8)(const int8_t* packed, const int8_t* q, const Grid* grid, const float* scale,
                     const float* bias, float low, float* y, int rows, int cols,
                     int tokens) noexcept;

  // The second half of LORA (rule 9) of as many: y_r = max(y_r + f32(acc_r) * (step * scale_r),
  // low), step = c * s' of each.
  Range (*accumulate_i8)(const int8_t* packed, const int8_t* q, const Grid* grid,
                         const float* scale, float low, float* y, int rows, int cols,
                         int tokens) noexcept;

  // CONV2D, given the range of x: every output position is a LINEAR8 over the patch of QUANT(x)
  // under the window. w is [out_channels, kernel_height, kernel_width, channels / groups],
  // repacked once as above; y is [out_height, out_width, out_channels]. `image` is scratch of
  // image_bytes(window), 64-byte aligned.
  size_t (*packed_conv2d_bytes)(const Window& window) noexcept;
  void (*pack_conv2d)(const Window& window, const int8_t* w, int8_t* packed) noexcept;
  Range (*conv2d_i8)(const Window& window, const int8_t* packed, const float* x, Range range,
                     int8_t* image, const float* scale, const float* bias, float low,
                     float* y) noexcept;

  // F32 LINEAR (rule 15): y_r = DOT(w_r, x) + b_r; w [rows, cols] row-major. bias may be null: b_r
  // = +0.
  void (*linear_f32)(const float* w, const float* x, const float* bias, float* y, int rows,
                     int cols) noexcept;

  // y_i = y_i + g * b_i, the bias of an adapter.
  void (*add_scaled)(float* y, float g, const float* b, int n) noexcept;

  void (*add)(const float* a, const float* b, float* y, int n) noexcept;
  void (*sub)(const float* a, const float* b, float* y, int n) noexcept;
  void (*mul)(const float* a, const float* b, float* y, int n) noexcept;
  // y = (x - mean) * scale
  void (*normalize)(const float* x, const float* mean, const float* scale, float* y,
                    int n) noexcept;

  // AVGPOOL: the mean of the pixels under the window, channel by channel; padding does not count.
  void (*avg_pool2d)(const Window& window, const float* x, float* y) noexcept;
  // STRIDED: y holds the elements that the walk takes, in order.
  void (*strided)(const Walk& walk, const float* x, float* y) noexcept;
  // SUM (rule 15) of each row of x [rows, cols], and that divided by cols.
  void (*reduce_sum)(const float* x, float* y, int rows, int cols) noexcept;
  void (*reduce_mean)(const float* x, float* y, int rows, int cols) noexcept;

  // These can turn a non-finite input into a finite output, so each returns its peak.
  uint32_t (*clamp)(const float* x, const float* low, const float* high, float* y, int n) noexcept;
  // y = TANH(x) * scale + offset
  uint32_t (*squash)(const float* x, const float* scale, const float* offset, float* y,
                     int n) noexcept;
  uint32_t (*relu)(const float* x, float* y, int n) noexcept;
  uint32_t (*leaky_relu)(const float* x, float alpha, float* y,
                         int n) noexcept;  // x > 0 ? x : alpha * x
  uint32_t (*elu)(const float* x, float alpha, float* y,
                  int n) noexcept;                             // x > 0 ? x : alpha * (EXP(x) - 1)
  uint32_t (*silu)(const float* x, float* y, int n) noexcept;  // x * SIGMOID(x)
  uint32_t (*sigmoid)(const float* x, float* y, int n) noexcept;
  uint32_t (*tanh)(const float* x, float* y, int n) noexcept;
  // LAYERNORM (rule 16); the peak includes the variance.
  uint32_t (*layer_norm)(const float* x, const float* gain, const float* bias, float eps, float* y,
                         int n) noexcept;
  // GRU (rule 17): gi, gh are [3n] in the order r, z, c; h and y are [n]. The peak is of gi and gh.
  uint32_t (*gru)(const float* gi, const float* gh, const float* h, float* y, int n) noexcept;
  // LSTM (rule 19): gi, gh are [4n] in the order i, f, g, o; c and y are [n]. The cell gives c' and
  // the peak of i, f and g; hidden takes c' as c and gives h' and the peak of o and c'.
  uint32_t (*lstm_cell)(const float* gi, const float* gh, const float* c, float* y, int n) noexcept;
  uint32_t (*lstm_hidden)(const float* gi, const float* gh, const float* c, float* y,
                          int n) noexcept;
  // RMSNORM (rule 20); the peak includes the mean square.
  uint32_t (*rms_norm)(const float* x, const float* gain, float eps, float* y, int n) noexcept;
  uint32_t (*softmax)(const float* x, float* y, int n) noexcept;  // rule 21
  // ATTENTION (rule 30): y is [tokens, width]. mask may be null; `scores` is scratch of heads *
  // keys floats. The peak is of the scores: none is finite where an element of q, k or mask that it
  // reads is not.
  uint32_t (*attention)(const Attention& shape, const float* q, const float* k, const float* v,
                        const float* mask, float* scores, float* y) noexcept;
  // min, max (rule 3) and a / b; the peak is of a and b.
  uint32_t (*min)(const float* a, const float* b, float* y, int n) noexcept;
  uint32_t (*max)(const float* a, const float* b, float* y, int n) noexcept;
  uint32_t (*div)(const float* a, const float* b, float* y, int n) noexcept;
  // y = c > 0 ? a : b; the peak is of c alone: what is not chosen may be anything.
  uint32_t (*select)(const float* c, const float* a, const float* b, float* y, int n) noexcept;
  void (*round)(const float* x, float* y, int n) noexcept;  // rule 31
  void (*abs)(const float* x, float* y, int n) noexcept;
  void (*sqrt)(const float* x, float* y, int n) noexcept;
  uint32_t (*exp)(const float* x, float* y, int n) noexcept;
  uint32_t (*softplus)(const float* x, float* y, int n) noexcept;  // rule 22
  uint32_t (*erf)(const float* x, float* y, int n) noexcept;       // rule 23
  uint32_t (*log)(const float* x, float* y, int n) noexcept;       // rule 26
  uint32_t (*sin)(const float* x, float* y, int n) noexcept;       // rule 27
  uint32_t (*cos)(const float* x, float* y, int n) noexcept;       // rule 27
  // MAX (rule 21) of each row of x [rows, cols].
  uint32_t (*reduce_max)(const float* x, float* y, int rows, int cols) noexcept;
  // Index of the first largest element (x_i > best replaces best).
  uint32_t (*argmax)(const float* x, int32_t* index, int n) noexcept;
  // MAXPOOL: the largest of the pixels under the window, channel by channel. The peak is of x.
  uint32_t (*max_pool2d)(const Window& window, const float* x, float* y) noexcept;
  // The range alone: is this vector finite, and what would QUANT make of it?
  Range (*range)(const float* x, int n) noexcept;
};

extern const KernelTable kScalar;
extern const KernelTable kAvx2;  // this and the next two: x86-64 only
extern const KernelTable kAvxVnni;
extern const KernelTable kAvx512Vnni;
extern const KernelTable kNeon;  // this and the next: 64-bit ARM only
extern const KernelTable kNeonDot;

// Tables that this CPU can run, slowest first; the last one is what find(nullptr) gives.
[[nodiscard]] size_t available(const KernelTable** tables, size_t capacity) noexcept;

// The table of that name, or the fastest when name is null; null when there is none or the CPU
// lacks it.
[[nodiscard]] const KernelTable* find(const char* name) noexcept;

}  // namespace plasma::kernels
