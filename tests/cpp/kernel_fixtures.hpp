// SPDX-License-Identifier: Apache-2.0
// kernel_fixtures.hpp -- what a test of kernels needs: guarded memory, fixed random numbers, the
// values at the edges of the rules, and each kind of layer as one call.
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "../../cpp/kernels/kernels.hpp"

namespace plasma::kernels {

using Table = const KernelTable&;

inline std::vector<const KernelTable*> tables() {
  const KernelTable* all[16];
  return {all, all + available(all, 16)};
}

inline float from_bits(uint32_t b) { return std::bit_cast<float>(b); }
inline uint32_t canonical(float x) { return x != x ? 0x7FC00000u : std::bit_cast<uint32_t>(x); }
inline uint32_t canonical_peak(uint32_t peak) { return peak > 0x7F800000u ? 0x7FC00000u : peak; }

// n elements, `offset` elements after a 64-byte boundary, with guard bytes on both sides.
template <class T>
class Guarded {
 public:
  explicit Guarded(int n, int offset = 0)
      : size_(static_cast<size_t>(n) * sizeof(T)), bytes_(size_ + kRoom, kGuard) {
    const size_t past = reinterpret_cast<uintptr_t>(bytes_.data()) % 64;
    start_ = 128 - past + static_cast<size_t>(offset) * sizeof(T);
  }
  Guarded(const std::vector<T>& x, int offset = 0) : Guarded(static_cast<int>(x.size()), offset) {
    std::copy(x.begin(), x.end(), data());
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + start_); }
  std::vector<T> values() { return {data(), data() + size_ / sizeof(T)}; }
  bool guards_intact() const {
    const auto intact = [](uint8_t b) { return b == kGuard; };
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(start_);
    return std::all_of(bytes_.begin(), begin, intact) &&
           std::all_of(begin + static_cast<std::ptrdiff_t>(size_), bytes_.end(), intact);
  }

 private:
  static constexpr uint8_t kGuard = 0xA5;
  static constexpr size_t kRoom = 128 + 64 + 64;  // before, for the offset, after

  size_t size_;
  std::vector<uint8_t> bytes_;
  size_t start_;
};

// The first n of x, the last of which is the last thing before a page that nobody may read.
class Fenced {
 public:
  Fenced(const std::vector<float>& x, int n) : Fenced(n) { std::copy_n(x.begin(), n, data()); }
  explicit Fenced(int n) : floats_(static_cast<size_t>(n)) {
    const size_t needed = floats_ * sizeof(float);
    readable_ = (needed + kPage - 1) / kPage * kPage;
    const int kind = MAP_PRIVATE | MAP_ANONYMOUS;
    void* const pages = mmap(nullptr, readable_ + kPage, PROT_READ | PROT_WRITE, kind, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    pages_ = static_cast<uint8_t*>(pages);
    REQUIRE(mprotect(pages_ + readable_, kPage, PROT_NONE) == 0);
  }
  ~Fenced() { munmap(pages_, readable_ + kPage); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  float* data() { return reinterpret_cast<float*>(pages_ + readable_) - floats_; }

 private:
  static constexpr size_t kPage = 65536;  // the largest of the CPUs we know

  size_t floats_, readable_;
  uint8_t* pages_;
};

inline std::vector<uint32_t> bits_of(const std::vector<float>& x) {
  std::vector<uint32_t> b(x.size());
  std::transform(x.begin(), x.end(), b.begin(), canonical);
  return b;
}

// splitmix64
struct Random {
  uint64_t state;
  uint64_t bits() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  int below(int n) { return static_cast<int>(bits() % static_cast<uint64_t>(n)); }
  // Either sign, magnitudes 2^-12 to 2^5.
  float number() {
    const uint64_t b = bits();
    const uint32_t exponent = 127 - 12 + static_cast<uint32_t>(b >> 32) % 17;
    return from_bits((static_cast<uint32_t>(b) & 0x807FFFFFu) | (exponent << 23));
  }
};

// The edges of the rules: 2^-100 of QUANT, the clamps of EXP, SIGMOID and TANH.
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kExtremes[] = {0.0f,
                               0x1p-149f,
                               0x1.fffffcp-127f,
                               0x1p-126f,  // denormals
                               0x1.fffffep-101f,
                               0x1p-100f,
                               1e-30f,
                               0x1p-24f,  // QUANT
                               0.06f,
                               0.5f,
                               1.0f,
                               9.0f,
                               10.0f,
                               0x1.400002p+3f,
                               16.6f,  // TANH
                               0x1.5bfffep+6f,
                               87.0f,
                               0x1.5c0002p+6f,  // SIGMOID, EXP
                               88.0f,
                               0x1.600002p+6f,
                               104.0f,
                               1e4f,
                               12582912.0f,
                               1e30f,
                               0x1.fffffep+127f,
                               kInf,
                               kNan};
constexpr int kKinds = static_cast<int>(std::size(kExtremes));
constexpr int kFiniteKinds = kKinds - 2;

inline std::vector<float> numbers(Random& random, int n) {
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = random.number();
  return x;
}

inline std::vector<float> extremes(Random& random, int n, int kinds) {
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = (random.below(2) ? 1.0f : -1.0f) * kExtremes[random.below(kinds)];
  return x;
}

inline std::vector<int8_t> weights(Random& random, int n) {
  std::vector<int8_t> w(static_cast<size_t>(n));
  for (int8_t& v : w) v = static_cast<int8_t>(random.below(255) - 127);
  return w;
}

// FNV-1a over canonical bits, low byte first.
struct Hash {
  uint64_t value = 0xCBF29CE484222325u;
  void word(uint32_t w) {
    for (int shift = 0; shift < 32; shift += 8) {
      value = (value ^ ((w >> shift) & 0xFFu)) * 0x100000001B3u;
    }
  }
  void floats(const std::vector<float>& x) {
    for (const float v : x) word(canonical(v));
  }
};

// Grid and Range in bits that can be compared.
inline std::vector<uint32_t> bits_of(Range range) {
  return {canonical_peak(range.low), canonical_peak(range.high)};
}
inline std::vector<uint32_t> bits_of(Grid grid) {
  return {std::bit_cast<uint32_t>(grid.step), static_cast<uint32_t>(grid.zero)};
}

inline Range rectified(Range range) { return {0, range.high}; }

struct Quantized {
  std::vector<int8_t> q;  // as rule 6 has it, not as the table stores it
  Grid grid;
  Range range;
  bool operator==(const Quantized& other) const {
    return q == other.q && bits_of(grid) == bits_of(other.grid) &&
           bits_of(range) == bits_of(other.range);
  }
};

inline Quantized quantize(Table table, const float* x, int n) {
  Guarded<int8_t> q(static_cast<int>(padded_cols(n)));
  const Range range = table.range(x, n);
  const Grid grid = table.quantize(x, n, range, q.data());
  CHECK(q.guards_intact());
  std::vector<int8_t> values = q.values();
  for (int8_t& value : values) value = static_cast<int8_t>(value ^ table.input_flip);
  return {values, grid, range};
}

// An int8 matrix in the layout of a table, and a vector for it; or several, each after its padding.
struct Product {
  Table table;
  int rows, cols, tokens;
  Guarded<int8_t> packed, q;

  Product(Table k, const std::vector<int8_t>& w, const std::vector<int8_t>& x, int r, int c,
          int t = 1)
      : table(k),
        rows(r),
        cols(c),
        tokens(t),
        packed(static_cast<int>(k.packed_i8_bytes(r, c))),
        q(t * static_cast<int>(padded_cols(c))) {
    table.pack_i8(w.data(), rows, cols, packed.data());
    std::fill_n(q.data(), q.values().size(), table.input_flip);
    std::transform(x.begin(), x.end(), q.data(),
                   [&](int8_t value) { return static_cast<int8_t>(value ^ table.input_flip); });
    CHECK(packed.guards_intact());
  }
  std::vector<float> linear(const std::vector<Grid>& grids, const std::vector<float>& scale,
                            const float* bias, int offset = 0, float low = kUnlimited) {
    Guarded<float> y(tokens * rows, offset), at(scale, (offset + 7) % 16);
    check(y, low,
          table.linear_i8(packed.data(), q.data(), grids.data(), at.data(), bias, low, y.data(),
                          rows, cols, tokens));
    return y.values();
  }
  std::vector<float> accumulate(const std::vector<Grid>& grids, const std::vector<float>& scale,
                                const std::vector<float>& onto, int offset = 0,
                                float low = kUnlimited) {
    Guarded<float> y(onto, offset);
    check(y, low,
          table.accumulate_i8(packed.data(), q.data(), grids.data(), scale.data(), low, y.data(),
                              rows, cols, tokens));
    return y.values();
  }
  void check(Guarded<float>& y, float low, Range range) const {
    CHECK(y.guards_intact());
    if (low == 0.0f) range = rectified(range);
    if (peak_of(range) <= kMaxFinite)
      CHECK(bits_of(range) == bits_of(table.range(y.data(), tokens * rows)));
  }
};

inline std::vector<float> linear_f32(Table table, const std::vector<float>& w,
                                     const std::vector<float>& x, const float* bias, int rows,
                                     int offset) {
  Guarded<float> y(rows, offset), w_at(w, (offset + 1) % 16), x_at(x, (offset + 2) % 16);
  table.linear_f32(w_at.data(), x_at.data(), bias, y.data(), rows, static_cast<int>(x.size()));
  CHECK(y.guards_intact());
  return y.values();
}

// The distance to the true value in units of the last place of the nearest float.
inline double ulps(float got, double truth) {
  const float nearest = std::fabs(static_cast<float>(truth));
  const double ulp = static_cast<double>(std::nextafter(nearest, INFINITY)) - nearest;
  return std::fabs(got - truth) / ulp;
}

}  // namespace plasma::kernels
