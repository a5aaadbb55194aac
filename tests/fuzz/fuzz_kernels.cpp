// SPDX-License-Identifier: Apache-2.0
// fuzz_kernels.cpp -- one kernel on shapes and operands of the fuzzer's choice: every table gives
// the bits of kScalar, or the process aborts. Operands have exactly their size, for
// AddressSanitizer to see what is read beyond.
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "choices.hpp"
#include "kernels/kernels.hpp"
#include "tally.hpp"

namespace plasma::kernels {
namespace {

using test::Choices;
using Floats = std::vector<float>;
using Bits = std::vector<uint32_t>;

// A kernel with its operands: gives all that it wrote and returned.
using Case = std::function<Bits(const KernelTable&)>;

uint32_t canonical(float x) { return std::isnan(x) ? 0x7FC00000u : std::bit_cast<uint32_t>(x); }
uint32_t canonical_peak(uint32_t peak) { return peak > 0x7F800000u ? 0x7FC00000u : peak; }

Bits bits_of(const Floats& x, uint32_t peak = 0) {
  Bits bits{canonical_peak(peak)};
  for (const float v : x) bits.push_back(canonical(v));
  return bits;
}

class Bytes64 {
 public:
  explicit Bytes64(size_t size) {
    if (!buffer_.allocate(size)) std::abort();
  }
  int8_t* data() { return static_cast<int8_t*>(static_cast<void*>(buffer_.data())); }

 private:
  AlignedBuffer buffer_;
};

using K = KernelTable;
constexpr uint32_t (*K::* kUnary[])(const float*, float*, int) noexcept = {
    &K::relu,     &K::silu, &K::sigmoid, &K::tanh, &K::softmax, &K::exp,
    &K::softplus, &K::erf,  &K::log,     &K::sin,  &K::cos};
constexpr void (*K::* kPlain[])(const float*, float*, int) noexcept = {&K::abs, &K::sqrt,
                                                                       &K::round};
constexpr void (*K::* kExact[])(const float*, const float*, float*, int) noexcept = {
    &K::add, &K::sub, &K::mul};
constexpr uint32_t (*K::* kBinary[])(const float*, const float*, float*, int) noexcept = {
    &K::min, &K::max, &K::div};
constexpr uint32_t (*K::* kTernary[])(const float*, const float*, const float*, float*,
                                      int) noexcept = {&K::clamp, &K::squash, &K::select};
constexpr uint32_t (*K::* kGates[])(const float*, const float*, const float*, float*,
                                    int) noexcept = {&K::gru, &K::lstm_cell, &K::lstm_hidden};

Case unary(Choices& choices) {
  const int n = choices.within(1, 300);
  if (choices.within(0, 4) == 0) {
    return [run = choices.one_of(kPlain), x = choices.numbers(n), n](const K& k) {
      Floats y(x.size());
      (k.*run)(x.data(), y.data(), n);
      return bits_of(y);
    };
  }
  return [run = choices.one_of(kUnary), x = choices.numbers(n), n](const K& k) {
    Floats y(x.size());
    const uint32_t peak = (k.*run)(x.data(), y.data(), n);
    return bits_of(y, peak);
  };
}

Case binary(Choices& choices) {
  const int n = choices.within(1, 300);
  const Floats a = choices.numbers(n), b = choices.numbers(n);
  if (choices.coin()) {
    return [run = choices.one_of(kExact), a, b, n](const K& k) {
      Floats y(a.size());
      (k.*run)(a.data(), b.data(), y.data(), n);
      return bits_of(y);
    };
  }
  return [run = choices.one_of(kBinary), a, b, n](const K& k) {
    Floats y(a.size());
    const uint32_t peak = (k.*run)(a.data(), b.data(), y.data(), n);
    return bits_of(y, peak);
  };
}

Case ternary(Choices& choices) {
  const int n = choices.within(1, 200);
  const bool is_gated = choices.coin();
  const int wide = is_gated ? 4 * n : n;
  const auto run = is_gated ? choices.one_of(kGates) : choices.one_of(kTernary);
  return [run, a = choices.numbers(wide), b = choices.numbers(wide), c = choices.numbers(n),
          n](const K& k) {
    Floats y(static_cast<size_t>(n));
    const uint32_t peak = (k.*run)(a.data(), b.data(), c.data(), y.data(), n);
    return bits_of(y, peak);
  };
}

Case norm(Choices& choices) {
  const int n = choices.within(1, 300);
  const float eps = 1e-5f;
  return [is_layer = choices.coin(), x = choices.numbers(n), gain = choices.numbers(n),
          bias = choices.numbers(n), n, eps](const K& k) {
    Floats y(x.size());
    const uint32_t peak = is_layer
                              ? k.layer_norm(x.data(), gain.data(), bias.data(), eps, y.data(), n)
                              : k.rms_norm(x.data(), gain.data(), eps, y.data(), n);
    return bits_of(y, peak);
  };
}

Case reduction(Choices& choices) {
  const int rows = choices.within(1, 20), cols = choices.within(1, 100);
  return [kind = choices.within(0, 2), x = choices.numbers(rows * cols), rows, cols](const K& k) {
    Floats y(static_cast<size_t>(rows));
    uint32_t peak = 0;
    if (kind == 0) k.reduce_sum(x.data(), y.data(), rows, cols);
    if (kind == 1) k.reduce_mean(x.data(), y.data(), rows, cols);
    if (kind == 2) peak = k.reduce_max(x.data(), y.data(), rows, cols);
    return bits_of(y, peak);
  };
}

// QUANT and LINEAR8 of some tokens, or LINEAR32.
Case linear(Choices& choices) {
  const int rows = choices.within(1, 80), cols = choices.within(1, 200);
  const int tokens = choices.within(1, kMaxTokens);
  const Floats x = choices.numbers(tokens * cols), scale = choices.numbers(rows);
  const Floats bias = choices.numbers(rows);
  const bool has_bias = choices.coin();
  const float low = choices.coin() ? 0.0f : kUnlimited;
  if (choices.within(0, 3) == 0) {
    return [=, w = choices.numbers(rows * cols)](const K& k) {
      Floats y(static_cast<size_t>(rows));
      k.linear_f32(w.data(), x.data(), has_bias ? bias.data() : nullptr, y.data(), rows, cols);
      return bits_of(y);
    };
  }
  return [=, w = choices.weights(rows * cols)](const K& k) {
    const size_t row = padded_cols(cols);
    Bytes64 packed(k.packed_i8_bytes(rows, cols)), q(row * static_cast<size_t>(tokens));
    k.pack_i8(w.data(), rows, cols, packed.data());
    std::vector<Grid> grids(static_cast<size_t>(tokens));
    Floats y(static_cast<size_t>(rows * tokens));
    uint32_t worst = 0;
    for (int t = 0; t < tokens; ++t) {
      const float* const token = x.data() + t * cols;
      const Range range = k.range(token, cols);
      worst = std::max(worst, canonical_peak(peak_of(range)));
      grids[static_cast<size_t>(t)] =
          k.quantize(token, cols, range, q.data() + row * static_cast<size_t>(t));
    }
    k.linear_i8(packed.data(), q.data(), grids.data(), scale.data(),
                has_bias ? bias.data() : nullptr, low, y.data(), rows, cols, tokens);
    const Range range = k.accumulate_i8(packed.data(), q.data(), grids.data(), scale.data(), low,
                                        y.data(), rows, cols, tokens);
    worst = std::max(worst, canonical_peak(peak_of(range)));
    Bits bits = bits_of(y, worst);
    if (worst <= kMaxFinite) bits.insert(bits.end(), {range.low, range.high});
    return bits;
  };
}

Window window(Choices& choices) {
  Window v{};
  v.groups = choices.coin() ? 1 : choices.within(1, 4);
  v.channels = v.groups * choices.within(1, v.groups == 1 ? 40 : 12);
  v.out_channels = v.groups * choices.within(1, v.groups == 1 ? 70 : 12);
  v.height = choices.within(1, 14), v.width = choices.within(1, 14);
  v.kernel_height = choices.within(1, 5), v.kernel_width = choices.within(1, 5);
  v.stride_y = choices.within(1, 3), v.stride_x = choices.within(1, 3);
  v.dilation_y = choices.within(1, 2), v.dilation_x = choices.within(1, 2);
  v.pad_top = choices.within(0, 3), v.pad_bottom = choices.within(0, 3);
  v.pad_left = choices.within(0, 3), v.pad_right = choices.within(0, 3);
  const auto size = [](int padded, int kernel, int dilation, int stride) {
    const int extent = dilation * (kernel - 1) + 1;
    return extent > padded ? 0 : (padded - extent) / stride + 1;
  };
  v.out_height =
      size(v.pad_top + v.height + v.pad_bottom, v.kernel_height, v.dilation_y, v.stride_y);
  v.out_width = size(v.pad_left + v.width + v.pad_right, v.kernel_width, v.dilation_x, v.stride_x);
  return v;
}

Case conv2d(Choices& choices) {
  const Window v = window(choices);
  if (v.out_height == 0 || v.out_width == 0) return {};
  const int terms = v.kernel_height * v.kernel_width * (v.channels / v.groups);
  return [v, x = choices.numbers(v.height * v.width * v.channels),
          w = choices.weights(v.out_channels * terms), scale = choices.numbers(v.out_channels),
          bias = choices.numbers(v.out_channels), has_bias = choices.coin(),
          low = choices.coin() ? 0.0f : kUnlimited](const K& k) {
    Bytes64 packed(k.packed_conv2d_bytes(v)), image(image_bytes(v));
    k.pack_conv2d(v, w.data(), packed.data());
    Floats y(static_cast<size_t>(v.out_height * v.out_width * v.out_channels));
    const Range of_x = k.range(x.data(), static_cast<int>(x.size()));
    const Range range = k.conv2d_i8(v, packed.data(), x.data(), of_x, image.data(), scale.data(),
                                    has_bias ? bias.data() : nullptr, low, y.data());
    Bits bits = bits_of(y, peak_of(range));
    if (peak_of(range) <= kMaxFinite) bits.insert(bits.end(), {range.low, range.high});
    return bits;
  };
}

Case attention(Choices& choices) {
  const int heads = choices.within(1, 4), width = heads * choices.within(1, 40);
  const int tokens = choices.within(1, 5), keys = choices.within(1, 40);
  const Attention a{.tokens = tokens,
                    .keys = keys,
                    .width = width,
                    .heads = heads,
                    .q_step = width,
                    .k_step = width,
                    .v_step = width,
                    .mask_step = choices.coin() ? keys : 0,
                    .scale = choices.number()};
  return [a, q = choices.numbers(tokens * width), key = choices.numbers(keys * width),
          v = choices.numbers(keys * width), mask = choices.numbers(tokens * keys),
          has_mask = choices.coin()](const K& k) {
    Floats scores(static_cast<size_t>(a.heads * a.keys));
    Floats y(static_cast<size_t>(a.tokens * a.width));
    const uint32_t peak = k.attention(a, q.data(), key.data(), v.data(),
                                      has_mask ? mask.data() : nullptr, scores.data(), y.data());
    return peak <= kMaxFinite ? bits_of(y, peak) : Bits{};  // else a fault, and y is unobservable
  };
}

struct Family {
  const char* name;
  Case (*draw)(Choices&);
};
constexpr Family kFamilies[] = {{"unary", unary},   {"binary", binary},       {"ternary", ternary},
                                {"norm", norm},     {"reduction", reduction}, {"linear", linear},
                                {"conv2d", conv2d}, {"attention", attention}};

}  // namespace
}  // namespace plasma::kernels

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plasma::kernels;
  ++plasma::test::tally.behind_signature;
  Choices choices(data, size);
  const Family family = choices.one_of(kFamilies);
  const Case run = family.draw(choices);
  if (!run) return -1;
  const Bits expected = run(kScalar);
  const KernelTable* tables[16];
  const size_t count = available(tables, 16);
  for (size_t i = 1; i < count; ++i) {
    if (run(*tables[i]) == expected) continue;
    std::fprintf(stderr, "%s differs from scalar: %s\n", tables[i]->name, family.name);
    std::abort();
  }
  return 0;
}
