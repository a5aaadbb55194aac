// SPDX-License-Identifier: Apache-2.0
// scalar.cpp -- the meaning of every kernel.
//
// Nothing here is clever. When another table disagrees with this file, that table is wrong. Rule
// numbers are those of vm/ISA.md, "Numerics". Every + - * / and square root is rounded alone: this
// file is compiled with -ffp-contract=off.
#include <bit>

#include "kernels/kernels.hpp"

namespace plasma::kernels {
namespace {

constexpr int kLanes = 16;  // the stripes of SUM and DOT, rule 15

#include "kernels/scalar_functions.inc"

uint32_t magnitude(float x) noexcept { return bits(x) & 0x7FFFFFFFu; }
uint32_t larger(uint32_t a, uint32_t b) noexcept { return a > b ? a : b; }

// x, seen as well.
float seen(float x, Range& range) noexcept {
  uint32_t& end = bits(x) >> 31 ? range.low : range.high;
  end = larger(magnitude(x), end);
  return x;
}

Range range(const float* x, int n) noexcept {
  Range all{};
  for (int i = 0; i < n; ++i) seen(x[i], all);
  return all;
}

uint32_t peak(const float* x, int n) noexcept { return peak_of(range(x, n)); }

// Rule 15: the sum of term(0) ... term(n - 1) in sixteen stripes, then a tree.
template <class Term>
float striped_sum(int n, Term term) noexcept {
  float lane[kLanes] = {};
  int i = 0;
  for (; i <= n - kLanes; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lane[j] = lane[j] + term(i + j);
  }
  for (int j = 0; i + j < n; ++j) lane[j] = lane[j] + term(i + j);

  for (int d = kLanes / 2; d >= 1; d /= 2) {
    for (int j = 0; j < d; ++j) lane[j] = lane[j] + lane[j + d];
  }
  return lane[0];
}

#include "kernels/scalar_layers.inc"
#include "kernels/scalar_windows.inc"

void strided(const Walk& walk, const float* x, float* y) noexcept {
  const auto at = [&](size_t i, int axis) { return static_cast<ptrdiff_t>(i) * walk.stride[axis]; };
  for (size_t i = 0; i < walk.size[0]; ++i) {
    for (size_t j = 0; j < walk.size[1]; ++j) {
      for (size_t k = 0; k < walk.size[2]; ++k) {
        for (size_t l = 0; l < walk.size[3]; ++l)
          *y++ = x[walk.begin + at(i, 0) + at(j, 1) + at(k, 2) + at(l, 3)];
      }
    }
  }
}

void linear_f32(const float* w, const float* x, const float* bias, float* y, int rows,
                int cols) noexcept {
  for (int r = 0; r < rows; ++r, w += cols) {
    const float dot = striped_sum(cols, [&](int i) { return x[i] * w[i]; });
    y[r] = dot + (bias ? bias[r] : 0.0f);
  }
}

void add_scaled(float* y, float g, const float* b, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = y[i] + g * b[i];
}

void add(const float* a, const float* b, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void sub(const float* a, const float* b, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = a[i] - b[i];
}

void mul(const float* a, const float* b, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

void normalize(const float* x, const float* mean, const float* scale, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = (x[i] - mean[i]) * scale[i];
}

uint32_t clamp(const float* x, const float* low, const float* high, float* y, int n) noexcept {
  const uint32_t largest = peak(x, n);
  for (int i = 0; i < n; ++i) y[i] = clamp(x[i], low[i], high[i]);
  return largest;
}

uint32_t squash(const float* x, const float* scale, const float* offset, float* y, int n) noexcept {
  const uint32_t largest = peak(x, n);
  for (int i = 0; i < n; ++i) y[i] = tanh(x[i]) * scale[i] + offset[i];
  return largest;
}

// y_i = f(x_i), and the peak of x.
template <class F>
uint32_t map(const float* x, float* y, int n, F f) noexcept {
  const uint32_t largest = peak(x, n);
  for (int i = 0; i < n; ++i) y[i] = f(x[i]);
  return largest;
}

// y_i = f(a_i, b_i), and the peak of both.
template <class F>
uint32_t zip(const float* a, const float* b, float* y, int n, F f) noexcept {
  const uint32_t largest = larger(peak(a, n), peak(b, n));
  for (int i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  return largest;
}

uint32_t relu(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return max(v, 0.0f); });
}

uint32_t leaky_relu(const float* x, float alpha, float* y, int n) noexcept {
  return map(x, y, n, [&](float v) { return v > 0.0f ? v : alpha * v; });
}

uint32_t elu(const float* x, float alpha, float* y, int n) noexcept {
  return map(x, y, n, [&](float v) { return v > 0.0f ? v : alpha * (exp(v) - 1.0f); });
}

uint32_t silu(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return v * sigmoid(v); });
}

uint32_t sigmoid(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return sigmoid(v); });
}

uint32_t tanh(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return tanh(v); });
}

uint32_t layer_norm(const float* x, const float* gain, const float* bias, float eps, float* y,
                    int n) noexcept {
  const uint32_t largest = peak(x, n);
  const float count = static_cast<float>(n);
  const float mean = striped_sum(n, [&](int i) { return x[i]; }) / count;
  const auto square = [&](int i) { return (x[i] - mean) * (x[i] - mean); };
  const float variance = striped_sum(n, square) / count;
  const float k = 1.0f / __builtin_sqrtf(variance + eps);
  for (int i = 0; i < n; ++i) y[i] = ((x[i] - mean) * k) * gain[i] + bias[i];
  return larger(magnitude(variance), largest);
}

uint32_t gru(const float* gi, const float* gh, const float* h, float* y, int n) noexcept {
  const uint32_t of_gi = peak(gi, 3 * n);
  const uint32_t of_gh = peak(gh, 3 * n);
  for (int i = 0; i < n; ++i) {
    const float r = sigmoid(gi[i] + gh[i]);
    const float z = sigmoid(gi[n + i] + gh[n + i]);
    const float c = tanh(r * gh[2 * n + i] + gi[2 * n + i]);
    y[i] = z * (h[i] - c) + c;
  }
  return larger(of_gi, of_gh);
}

uint32_t lstm_cell(const float* gi, const float* gh, const float* c, float* y, int n) noexcept {
  const uint32_t of_gi = peak(gi, 3 * n);
  const uint32_t of_gh = peak(gh, 3 * n);
  for (int k = 0; k < n; ++k) {
    const float i = sigmoid(gi[k] + gh[k]);
    const float f = sigmoid(gi[n + k] + gh[n + k]);
    const float g = tanh(gi[2 * n + k] + gh[2 * n + k]);
    y[k] = f * c[k] + i * g;
  }
  return larger(of_gi, of_gh);
}

uint32_t lstm_hidden(const float* gi, const float* gh, const float* c, float* y, int n) noexcept {
  const uint32_t of_gates = larger(peak(gi + 3 * n, n), peak(gh + 3 * n, n));
  const uint32_t of_c = peak(c, n);
  for (int k = 0; k < n; ++k) {
    const float o = sigmoid(gi[3 * n + k] + gh[3 * n + k]);
    y[k] = o * tanh(c[k]);
  }
  return larger(of_gates, of_c);
}

uint32_t rms_norm(const float* x, const float* gain, float eps, float* y, int n) noexcept {
  const uint32_t largest = peak(x, n);
  const auto square = [&](int i) { return x[i] * x[i]; };
  const float mean = striped_sum(n, square) / static_cast<float>(n);
  const float k = 1.0f / __builtin_sqrtf(mean + eps);
  for (int i = 0; i < n; ++i) y[i] = (x[i] * k) * gain[i];
  return larger(magnitude(mean), largest);
}

// MAX, rule 21.
float striped_max(const float* x, int n) noexcept {
  float lane[kLanes];
  for (float& best : lane) best = -__builtin_inff();
  for (int i = 0; i < n; ++i) lane[i % kLanes] = max(x[i], lane[i % kLanes]);
  for (int d = kLanes / 2; d >= 1; d /= 2) {
    for (int j = 0; j < d; ++j) lane[j] = max(lane[j], lane[j + d]);
  }
  return lane[0];
}

uint32_t softmax(const float* x, float* y, int n) noexcept {
  const uint32_t largest = peak(x, n);
  const float m = striped_max(x, n);
  for (int i = 0; i < n; ++i) y[i] = exp(x[i] - m);
  const float k = 1.0f / striped_sum(n, [&](int i) { return y[i]; });
  for (int i = 0; i < n; ++i) y[i] = y[i] * k;
  return largest;
}

#include "kernels/scalar_attention.inc"

uint32_t min(const float* a, const float* b, float* y, int n) noexcept {
  return zip(a, b, y, n, [](float v, float w) { return min(v, w); });
}

uint32_t max(const float* a, const float* b, float* y, int n) noexcept {
  return zip(a, b, y, n, [](float v, float w) { return max(v, w); });
}

uint32_t div(const float* a, const float* b, float* y, int n) noexcept {
  return zip(a, b, y, n, [](float v, float w) { return v / w; });
}

uint32_t select(const float* c, const float* a, const float* b, float* y, int n) noexcept {
  const uint32_t largest = peak(c, n);
  for (int i = 0; i < n; ++i) y[i] = c[i] > 0.0f ? a[i] : b[i];
  return largest;
}

void round(const float* x, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = round(x[i]);
}

void abs(const float* x, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = abs(x[i]);
}

void sqrt(const float* x, float* y, int n) noexcept {
  for (int i = 0; i < n; ++i) y[i] = __builtin_sqrtf(x[i]);
}

uint32_t exp(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return exp(v); });
}

uint32_t softplus(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return softplus(v); });
}

uint32_t erf(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return erf(v); });
}

uint32_t log(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return log(v); });
}

uint32_t sin(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return sin(v); });
}

uint32_t cos(const float* x, float* y, int n) noexcept {
  return map(x, y, n, [](float v) { return cos(v); });
}

void reduce_sum(const float* x, float* y, int rows, int cols) noexcept {
  for (int r = 0; r < rows; ++r, x += cols) {
    y[r] = striped_sum(cols, [&](int i) { return x[i]; });
  }
}

void reduce_mean(const float* x, float* y, int rows, int cols) noexcept {
  reduce_sum(x, y, rows, cols);
  for (int r = 0; r < rows; ++r) y[r] = y[r] / static_cast<float>(cols);
}

uint32_t reduce_max(const float* x, float* y, int rows, int cols) noexcept {
  for (int r = 0; r < rows; ++r) y[r] = striped_max(x + static_cast<ptrdiff_t>(r) * cols, cols);
  return peak(x, rows * cols);
}

uint32_t argmax(const float* x, int32_t* index, int n) noexcept {
  int best = 0;
  for (int i = 1; i < n; ++i) best = x[i] > x[best] ? i : best;
  *index = best;
  return peak(x, n);
}

}  // namespace

const KernelTable kScalar = {
    .name = "scalar",
    .input_flip = 0,
    .packed_i8_bytes = packed_i8_bytes,
    .pack_i8 = pack_i8,
    .quantize = quantize,
    .linear_i8 = linear_i8,
    .accumulate_i8 = accumulate_i8,
    .packed_conv2d_bytes = packed_conv2d_bytes,
    .pack_conv2d = pack_conv2d,
    .conv2d_i8 = conv2d_i8,
    .linear_f32 = linear_f32,
    .add_scaled = add_scaled,
    .add = add,
    .sub = sub,
    .mul = mul,
    .normalize = normalize,
    .avg_pool2d = avg_pool2d,
    .strided = strided,
    .reduce_sum = reduce_sum,
    .reduce_mean = reduce_mean,
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
    .lstm_cell = lstm_cell,
    .lstm_hidden = lstm_hidden,
    .rms_norm = rms_norm,
    .softmax = softmax,
    .attention = attention,
    .min = min,
    .max = max,
    .div = div,
    .select = select,
    .round = round,
    .abs = abs,
    .sqrt = sqrt,
    .exp = exp,
    .softplus = softplus,
    .erf = erf,
    .log = log,
    .sin = sin,
    .cos = cos,
    .reduce_max = reduce_max,
    .argmax = argmax,
    .max_pool2d = max_pool2d,
    .range = range,
};

}  // namespace plasma::kernels
