// SPDX-License-Identifier: Apache-2.0
// test_kernels.cpp -- every table this CPU can run gives the bits of kScalar, and kScalar those of
// the golden hashes.
//
// Bits are compared, not values; NaN equals NaN (vm/ISA.md, rule 5). Every output lies between
// guard bytes that no kernel may touch, and starts at each of the sixteen alignments in turn.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel_fixtures.hpp"

namespace {

using namespace plasma::kernels;

constexpr int kLongest = 2 * 64 + 19;
constexpr int kMaxCols = 66'572;

// One shape for every kernel that gives n floats for vectors a, b and c. These have `width` times n
// elements, of which most kernels read n; kernels without a peak give 0. The golden hash pins the
// bits for ever: a change there is a change of the instruction set (vm/ISA.md).
struct Vectors {
  const float *a, *b, *c;
  float* y;
  int n;
};
struct Inputs {
  std::vector<float> a, b, c;
};

struct VectorKernel {
  const char* name;
  uint64_t golden;
  uint32_t (*run)(Table k, Vectors v);
  bool y_apart = false;  // y may be none of a, b and c; elsewhere it may be a
  int width = 3;
};

const VectorKernel kVectorKernels[] = {
    {"add", 0xAF7D8D13A99955E0u, [](Table k, Vectors v) { return k.add(v.a, v.b, v.y, v.n), 0u; }},
    {"sub", 0x3A471C88429A2676u, [](Table k, Vectors v) { return k.sub(v.a, v.b, v.y, v.n), 0u; }},
    {"mul", 0xE961AD65D3E92915u, [](Table k, Vectors v) { return k.mul(v.a, v.b, v.y, v.n), 0u; }},
    {"normalize", 0x2B48EE6C4FAF0B8Du,
     [](Table k, Vectors v) { return k.normalize(v.a, v.b, v.c, v.y, v.n), 0u; }},
    {"add_scaled", 0xCC3908D9A2AE46C5u,
     [](Table k, Vectors v) {
       std::copy_n(v.a, v.n, v.y);
       k.add_scaled(v.y, v.c[0], v.b, v.n);
       return 0u;
     }},
    {"clamp", 0xD1F79C1B5534BEAFu,
     [](Table k, Vectors v) { return k.clamp(v.a, v.b, v.c, v.y, v.n); }},
    {"squash", 0xA404B330DB0ADDDFu,
     [](Table k, Vectors v) { return k.squash(v.a, v.b, v.c, v.y, v.n); }},
    {"relu", 0x2F77E3122FC48C34u, [](Table k, Vectors v) { return k.relu(v.a, v.y, v.n); }},
    {"leaky_relu", 0xAEBE98D5ADD6E95Cu,
     [](Table k, Vectors v) { return k.leaky_relu(v.a, v.c[0], v.y, v.n); }},
    {"elu", 0x71713887105B5A19u, [](Table k, Vectors v) { return k.elu(v.a, v.c[0], v.y, v.n); }},
    {"silu", 0x47EC92B1BC482B12u, [](Table k, Vectors v) { return k.silu(v.a, v.y, v.n); }},
    {"sigmoid", 0x3A8332CB312B1AC1u, [](Table k, Vectors v) { return k.sigmoid(v.a, v.y, v.n); }},
    {"tanh", 0x54D0067F53C4BFEFu, [](Table k, Vectors v) { return k.tanh(v.a, v.y, v.n); }},
    {"layer_norm", 0xBEC645D498DB4570u,
     [](Table k, Vectors v) { return k.layer_norm(v.a, v.b, v.c, 1e-5f, v.y, v.n); }},
    {"gru", 0xFA884FEA246B1377u, [](Table k, Vectors v) { return k.gru(v.a, v.b, v.c, v.y, v.n); },
     true},
    {"lstm_cell", 0x1F1790EC00A13321u,
     [](Table k, Vectors v) { return k.lstm_cell(v.a, v.b, v.c, v.y, v.n); }, true, 4},
    {"lstm_hidden", 0xEF0401662AAB2A0Cu,
     [](Table k, Vectors v) { return k.lstm_hidden(v.a, v.b, v.c, v.y, v.n); }, true, 4},
    {"rms_norm", 0x37817F4B1A39B16Au,
     [](Table k, Vectors v) { return k.rms_norm(v.a, v.b, 1e-6f, v.y, v.n); }},
    {"softmax", 0x9BFDCC6973E3DA16u, [](Table k, Vectors v) { return k.softmax(v.a, v.y, v.n); }},
    {"min", 0xD1BD15C43CB9E543u, [](Table k, Vectors v) { return k.min(v.a, v.b, v.y, v.n); }},
    {"max", 0x3A99D18D5BCE87EDu, [](Table k, Vectors v) { return k.max(v.a, v.b, v.y, v.n); }},
    {"div", 0x2A2FD1DF6E7CF259u, [](Table k, Vectors v) { return k.div(v.a, v.b, v.y, v.n); }},
    {"select", 0x14BFD4F2A92067BEu,
     [](Table k, Vectors v) { return k.select(v.a, v.b, v.c, v.y, v.n); }},
    {"round", 0x1FFA603C6BDA0E71u, [](Table k, Vectors v) { return k.round(v.a, v.y, v.n), 0u; }},
    {"abs", 0xFBCB61CA488BC908u, [](Table k, Vectors v) { return k.abs(v.a, v.y, v.n), 0u; }},
    {"sqrt", 0x993C7E25C11C8454u, [](Table k, Vectors v) { return k.sqrt(v.a, v.y, v.n), 0u; }},
    {"exp", 0x5BFA8F9DA9EDD14Du, [](Table k, Vectors v) { return k.exp(v.a, v.y, v.n); }},
    {"softplus", 0x0EEF7FDEB78961D6u, [](Table k, Vectors v) { return k.softplus(v.a, v.y, v.n); }},
    {"erf", 0xB09E0578147EBD28u, [](Table k, Vectors v) { return k.erf(v.a, v.y, v.n); }},
    {"log", 0x5E373768ADA697B4u, [](Table k, Vectors v) { return k.log(v.a, v.y, v.n); }},
    {"sin", 0x0A99185655D2B967u, [](Table k, Vectors v) { return k.sin(v.a, v.y, v.n); }},
    {"cos", 0xECB301C4DC2DE532u, [](Table k, Vectors v) { return k.cos(v.a, v.y, v.n); }},
};
constexpr int kWidest = 4;
constexpr uint64_t kGoldenLayers = 0x462A5A2005AA78FBu;

uint32_t run(const VectorKernel& kernel, Table table, const Inputs& in, float* y, int n) {
  return kernel.run(table, {in.a.data(), in.b.data(), in.c.data(), y, n});
}

void check_same_bits(Table table, const VectorKernel& kernel, const Inputs& in, int n, int offset) {
  const std::string which = std::string(table.name) + " " + kernel.name;
  CAPTURE(which);
  CAPTURE(n);
  CAPTURE(offset);
  std::vector<float> expected(static_cast<size_t>(n));
  const uint32_t expected_peak = run(kernel, kScalar, in, expected.data(), n);

  Guarded<float> y(n, offset), a(in.a, (offset + 3) % 16), b(in.b, (offset + 5) % 16);
  Guarded<float> c(in.c, (offset + 11) % 16);
  const uint32_t peak = kernel.run(table, {a.data(), b.data(), c.data(), y.data(), n});
  CHECK(bits_of(y.values()) == bits_of(expected));
  CHECK(canonical_peak(peak) == canonical_peak(expected_peak));
  CHECK(y.guards_intact());
  if (kernel.y_apart) return;

  Guarded<float> in_place({in.a.begin(), in.a.begin() + n}, offset);
  kernel.run(table, {in_place.data(), b.data(), c.data(), in_place.data(), n});
  CHECK(bits_of(in_place.values()) == bits_of(expected));
  CHECK(in_place.guards_intact());
}

}  // namespace

TEST_CASE("scalar is always there and the last table is the default") {
  const std::vector<const KernelTable*> all = tables();
  CHECK(all.front() == &kScalar);
  CHECK(all.back() == find(nullptr));
  std::string names;
  for (const KernelTable* table : all) {
    CHECK(find(table->name) == table);
    names += std::string(" ") + table->name;
  }
  MESSAGE("tables:" << names);
  CHECK(find("abacus") == nullptr);
  const KernelTable* one[1] = {};
  CHECK(available(one, 1) == 1);
  CHECK(one[0] == &kScalar);
}

TEST_CASE("vector kernels give the bits of scalar at every length and alignment") {
  Random random{1};
  for (int n = 1; n <= kLongest; ++n) {
    const auto draw = [&] { return numbers(random, kWidest * n); };
    const Inputs in{draw(), draw(), draw()};
    for (const KernelTable* table : tables()) {
      for (const VectorKernel& kernel : kVectorKernels) {
        for (int offset = 0; offset < 16; ++offset) check_same_bits(*table, kernel, in, n, offset);
      }
    }
  }
}

TEST_CASE("no kernel touches what lies beyond its operands") {
  Random random{9};
  for (int n = 1; n <= kLongest; ++n) {
    const std::vector<float> numbers_of_all = numbers(random, kWidest * n);
    const int rows = 1 + n % 7;
    Fenced x(numbers_of_all, n), y(n), of_rows(rows), out(rows);
    Fenced three_gates(numbers_of_all, 3 * n), four_gates(numbers_of_all, 4 * n);
    Fenced matrix(numbers(random, rows * n), rows * n);
    const std::vector<int8_t> w = weights(random, rows * n);
    for (const KernelTable* table : tables()) {
      for (const VectorKernel& kernel : kVectorKernels) {
        Fenced& gates = kernel.width == 4 ? four_gates : three_gates;
        Fenced& operand = kernel.y_apart ? gates : x;
        kernel.run(*table, {operand.data(), operand.data(), x.data(), y.data(), n});
      }
      Product product(*table, w, quantize(*table, x.data(), n).q, rows, n);
      const int8_t *packed = product.packed.data(), *q = product.q.data();
      float *scale = of_rows.data(), *to = out.data();
      const Grid grid{1.0f, -5};
      table->linear_i8(packed, q, &grid, scale, scale, 0.0f, to, rows, n, 1);
      table->accumulate_i8(packed, q, &grid, scale, 0.0f, to, rows, n, 1);
      table->linear_f32(matrix.data(), x.data(), scale, to, rows, n);
    }
  }
}

TEST_CASE("vector kernels give the bits of scalar on extreme values") {
  Random random{2};
  for (int round = 0; round < 400; ++round) {
    const int n = 1 + random.below(100);
    const int kinds = round % 2 ? kKinds : kFiniteKinds;
    const auto draw = [&] { return extremes(random, kWidest * n, kinds); };
    const Inputs in{draw(), draw(), draw()};
    for (const KernelTable* table : tables()) {
      for (const VectorKernel& kernel : kVectorKernels) {
        check_same_bits(*table, kernel, in, n, round % 16);
      }
    }
  }
}

TEST_CASE("vector kernels give the bits of scalar on patterns from the whole range of floats") {
  constexpr int kCount = 1 << 16;
  constexpr int kElements = kWidest * kCount;
  Inputs in{std::vector<float>(kElements), std::vector<float>(kElements, 1.5f),
            std::vector<float>(kElements, -0.25f)};
  for (uint32_t i = 0; i < kElements; ++i) in.a[i] = from_bits(i * 65537u);
  for (const KernelTable* table : tables()) {
    for (const VectorKernel& kernel : kVectorKernels) {
      check_same_bits(*table, kernel, in, kCount, 0);
    }
  }
}

TEST_CASE("a range reaches to the least and the greatest and argmax is the first greatest") {
  Random random{3};
  for (const KernelTable* table : tables()) {
    for (int n = 1; n <= kLongest; ++n) {
      Guarded<float> x(n % 2 ? numbers(random, n) : extremes(random, n, kKinds), n % 16);
      int32_t expected = -1, index = -2;
      const uint32_t peak = kScalar.argmax(x.data(), &expected, n);
      CHECK(table->argmax(x.data(), &index, n) == peak);
      CHECK(index == expected);
      const Range range = table->range(x.data(), n);
      CHECK(canonical_peak(peak_of(range)) == canonical_peak(peak));
      CHECK(bits_of(range) == bits_of(kScalar.range(x.data(), n)));
    }
    const float mixed[] = {-0.0f, -1.0f, 0.0f, 2.0f, -3.0f};
    CHECK(bits_of(table->range(mixed, 5)) == std::vector<uint32_t>{0x40400000u, 0x40000000u});
    CHECK(bits_of(table->range(mixed, 1)) == std::vector<uint32_t>{0, 0});
    const float ties[] = {-0.0f, -1.0f, 0.0f, 2.0f, 2.0f};
    int32_t index = -1;
    CHECK(table->argmax(ties, &index, 5) == 0x40000000u);
    CHECK(index == 3);
    CHECK(table->argmax(ties, &index, 3) == 0x3F800000u);
    CHECK(index == 0);
  }
}

TEST_CASE("quantize gives the bits of scalar, and its zero in the padding") {
  Random random{4};
  for (int n = 1; n <= 4 * kLongest; ++n) {
    CAPTURE(n);
    Guarded<float> x(n % 3 ? numbers(random, n) : extremes(random, n, n % 2 ? kKinds : 7), n % 16);
    const Quantized expected = quantize(kScalar, x.data(), n);
    CHECK(std::all_of(expected.q.begin() + n, expected.q.end(),
                      [&](int8_t v) { return v == expected.grid.zero; }));
    for (const KernelTable* table : tables()) CHECK(quantize(*table, x.data(), n) == expected);
  }
}

TEST_CASE("quantize spreads the range over 255 values and rounds halves to even") {
  struct Case {
    std::vector<float> x;
    std::vector<int8_t> q;
    float step;
    int32_t zero;
  };
  const Case cases[] = {
      {{127.0f, -127.0f, 0.5f, 1.5f, -2.5f, -0.0f, 126.5f}, {127, -127, 0, 2, -2, 0, 126}, 1, 0},
      {{254.0f, 0.0f, 0.5f, 1.5f, 127.0f}, {127, -127, -127, -125, 0}, 1, -127},
      {{-254.0f, -0.0f, -1.0f}, {-127, 127, 126}, 1, 127},
      {{-30.0f, 224.0f, 0.0f}, {-127, 127, -97}, 1, -97},
      {{3.0f, 3.0f}, {127, 127}, 3.0f / 254.0f, -127},
  };
  for (const KernelTable* table : tables()) {
    for (const Case& one : cases) {
      Quantized result = quantize(*table, one.x.data(), static_cast<int>(one.x.size()));
      result.q.resize(one.x.size());
      CHECK(result.q == one.q);
      CHECK(result.grid.step == one.step);
      CHECK(result.grid.zero == one.zero);
    }
  }
}

// Both ends rounded, a range may take 256 values; never 257.
TEST_CASE("quantize keeps every value within half a step") {
  Random random{17};
  for (int round = 0; round < 200'000; ++round) {
    const float low = -std::fabs(random.number()), high = std::fabs(random.number());
    const float x[] = {low, high, low / 3, high / 3};
    const Quantized result = quantize(kScalar, x, 4);
    for (size_t i = 0; i < 4; ++i) {
      const double found = double{result.grid.step} * (result.q[i] - result.grid.zero);
      CHECK(std::fabs(found - double{x[i]}) <= 0.5001 * double{result.grid.step});
    }
  }
}

TEST_CASE("quantize gives zeros and step 0 below 2^-100 and for values that are not finite") {
  for (const float odd : {kInf, -kInf, kNan, 0x1.fffffep-101f, -0x1p-149f, -0.0f}) {
    const bool tiny = std::fabs(odd) < 1.0f;
    const float x[] = {tiny ? 0.0f : 1.0f, odd, 0.0f};
    for (const KernelTable* table : tables()) {
      const Quantized result = quantize(*table, x, 3);
      CHECK(result.q == std::vector<int8_t>(64, 0));
      CHECK(bits_of(result.grid) == std::vector<uint32_t>{0, 0});
      CHECK((peak_of(result.range) <= kMaxFinite) == tiny);
    }
  }
  const float least = -0x1p-99f, most[] = {-0x1.fffffep127f, 0x1.fffffep127f};
  for (const KernelTable* table : tables()) {
    const Quantized result = quantize(*table, &least, 1);
    CHECK(result.q[0] == -127);
    CHECK(result.grid.step == 0x1p-100f / 127.0f);
    CHECK(quantize(*table, most, 2).grid.step == 0x1.fffffep127f / 127.0f);
  }
}

TEST_CASE("int8 products are exact at the largest values") {
  for (const int cols : {1, 3, 4, 31, 32, 63, 64, 65, 1000, kMaxCols}) {
    for (int rows = 1; rows <= 17; rows += cols == kMaxCols ? 4 : 1) {
      CAPTURE(rows);
      CAPTURE(cols);
      std::vector<int8_t> w(static_cast<size_t>(rows) * static_cast<size_t>(cols));
      for (size_t i = 0; i < w.size(); ++i) {
        w[i] = i / static_cast<size_t>(cols) % 2 ? int8_t{-127} : int8_t{127};
      }
      for (const auto& [value, zero] : {std::pair{127, 0}, {127, -127}, {-127, 127}, {-128, 126}}) {
        const std::vector<int8_t> x(static_cast<size_t>(cols), static_cast<int8_t>(value));
        std::vector<float> expected;
        for (int r = 0; r < rows; ++r) {
          expected.push_back(static_cast<float>((r % 2 ? -127 : 127) * (value - zero) * cols));
        }
        for (const KernelTable* table : tables()) {
          Product product(*table, w, x, rows, cols);
          const std::vector<float> ones(static_cast<size_t>(rows), 1.0f);
          CHECK(bits_of(product.linear({{1.0f, zero}}, ones, nullptr)) == bits_of(expected));
        }
      }
    }
  }
}

TEST_CASE("int8 layers give the bits of scalar for random shapes") {
  Random random{5};
  for (int round = 0; round < 400; ++round) {
    const int rows = 1 + random.below(round % 8 ? 40 : 300);
    const int cols = 1 + random.below(round % 8 ? 150 : 600);
    CAPTURE(rows);
    CAPTURE(cols);
    const std::vector<int8_t> w = weights(random, rows * cols), x = weights(random, cols);
    const std::vector<float> scale =
        round % 5 ? numbers(random, rows) : extremes(random, rows, kFiniteKinds);
    const std::vector<float> bias = numbers(random, rows);
    const Grid grid{random.number(), random.below(255) - 127};
    Product reference(kScalar, w, x, rows, cols);
    for (const KernelTable* table : tables()) {
      Product product(*table, w, x, rows, cols);
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        CHECK(bits_of(product.linear({grid}, scale, b, round % 16)) ==
              bits_of(reference.linear({grid}, scale, b)));
      }
      CHECK(bits_of(product.accumulate({grid}, scale, bias, round % 16)) ==
            bits_of(reference.accumulate({grid}, scale, bias)));
    }
  }
}

TEST_CASE("float layers give the bits of scalar for every width") {
  Random random{6};
  for (int cols = 1; cols <= kLongest; ++cols) {
    const int rows = 1 + cols % 11;
    CAPTURE(cols);
    const bool extreme = cols % 4 == 0;
    const std::vector<float> w =
        extreme ? extremes(random, rows * cols, kKinds) : numbers(random, rows * cols);
    const std::vector<float> x = numbers(random, cols), bias = numbers(random, rows);
    for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
      const std::vector<uint32_t> expected = bits_of(linear_f32(kScalar, w, x, b, rows, 0));
      for (const KernelTable* table : tables()) {
        CHECK(bits_of(linear_f32(*table, w, x, b, rows, cols % 16)) == expected);
      }
    }
  }
}

TEST_CASE("the bits of every vector kernel are the golden ones") {
  for (const KernelTable* table : tables()) {
    for (const VectorKernel& kernel : kVectorKernels) {
      const std::string which = std::string(table->name) + " " + kernel.name;
      CAPTURE(which);
      Random random{7};
      Hash hash;
      for (int n = 1; n <= kLongest; n += 2) {
        const auto draw = [&] {
          const int count = kernel.width * n;
          return n % 4 == 1 ? numbers(random, count) : extremes(random, count, kFiniteKinds);
        };
        const Inputs in{draw(), draw(), draw()};
        std::vector<float> y(static_cast<size_t>(n));
        hash.word(canonical_peak(run(kernel, *table, in, y.data(), n)));
        hash.floats(y);
      }
      CHECK(hash.value == kernel.golden);
    }
  }
}

TEST_CASE("the bits of every layer are the golden ones") {
  for (const KernelTable* table : tables()) {
    Random random{8};
    Hash hash;
    for (int n = 1; n <= kLongest; n += 2) {
      const int rows = 1 + n % 19;
      const std::vector<float> x = numbers(random, n), scale = numbers(random, rows);
      const std::vector<float> bias = numbers(random, rows), w = numbers(random, rows * n);
      const Quantized quantized = quantize(*table, x.data(), n);
      Product product(*table, weights(random, rows * n), quantized.q, rows, n);
      for (const int8_t q : quantized.q) hash.word(static_cast<uint8_t>(q));
      for (const uint32_t word : bits_of(quantized.grid)) hash.word(word);
      hash.floats(product.linear({quantized.grid}, scale, bias.data()));
      hash.floats(product.accumulate({quantized.grid}, scale, bias));
      hash.floats(linear_f32(*table, w, x, bias.data(), rows, 0));
    }
    CHECK(hash.value == kGoldenLayers);
  }
}
