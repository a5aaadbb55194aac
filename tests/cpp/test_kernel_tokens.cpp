// SPDX-License-Identifier: Apache-2.0
// test_kernel_tokens.cpp -- int8 layers of several vectors, and attention: every table gives the
// bits of kScalar, touches nothing beyond its operands, and kScalar gives those of the golden hash.
#include <doctest/doctest.h>

#include "kernel_fixtures.hpp"

namespace plasma::kernels {
namespace {

// A change here is a change of the instruction set (vm/ISA.md).
constexpr uint64_t kGolden = 0xC56FC6C74060FD50u;

struct Tokens {
  int rows, cols, tokens;
  std::vector<int8_t> w, q;  // of each token its padding as well
  std::vector<Grid> grids;
  std::vector<float> scale, bias, onto;

  Tokens(Random& random, int r, int c, int t)
      : rows(r),
        cols(c),
        tokens(t),
        w(weights(random, r * c)),
        scale(numbers(random, r)),
        bias(numbers(random, r)),
        onto(numbers(random, r * t)) {
    for (int i = 0; i < tokens; ++i) {
      std::vector<int8_t> row = weights(random, cols);
      row.resize(padded_cols(cols));
      q.insert(q.end(), row.begin(), row.end());
      const float step = random.number();
      grids.push_back({step, random.below(255) - 127});
    }
  }
  std::vector<float> linear(Table table, bool has_bias, int offset, float low = kUnlimited) const {
    Product product(table, w, q, rows, cols, tokens);
    return product.linear(grids, scale, has_bias ? bias.data() : nullptr, offset, low);
  }
  std::vector<float> accumulate(Table table, int offset, float low = kUnlimited) const {
    return Product(table, w, q, rows, cols, tokens).accumulate(grids, scale, onto, offset, low);
  }
};

Attention random_attention(Random& random) {
  const int heads = 1 + random.below(4);
  const int width = heads * (1 + random.below(random.below(2) ? 8 : 90));
  const int keys = 1 + random.below(random.below(2) ? 8 : 60);
  return {.tokens = 1 + random.below(5),
          .keys = keys,
          .width = width,
          .heads = heads,
          .q_step = width + random.below(9),
          .k_step = width + random.below(9),
          .v_step = width + random.below(9),
          .mask_step = random.below(2) ? keys : 0,
          .scale = random.number()};
}

// The last row of each operand ends with what is read of it.
struct Operands {
  std::vector<float> q, k, v, mask;

  template <class Draw>
  Operands(const Attention& a, Draw draw)
      : q(draw((a.tokens - 1) * a.q_step + a.width)),
        k(draw((a.keys - 1) * a.k_step + a.width)),
        v(draw((a.keys - 1) * a.v_step + a.width)),
        mask(draw((a.tokens - 1) * a.mask_step + a.keys)) {}
};

struct Attended {
  std::vector<float> y;
  uint32_t peak;
};

Attended attend(Table table, const Attention& a, const Operands& in, bool has_mask, int offset) {
  Guarded<float> q(in.q, offset), k(in.k, (offset + 3) % 16), v(in.v, (offset + 7) % 16);
  Guarded<float> mask(in.mask, (offset + 1) % 16), scores(a.heads * a.keys, (offset + 5) % 16);
  Guarded<float> y(a.tokens * a.width, (offset + 9) % 16);
  const uint32_t peak = table.attention(a, q.data(), k.data(), v.data(),
                                        has_mask ? mask.data() : nullptr, scores.data(), y.data());
  CHECK(scores.guards_intact());
  CHECK(y.guards_intact());
  return {y.values(), canonical_peak(peak)};
}

}  // namespace

TEST_CASE("int8 layers of several vectors give the bits of scalar") {
  Random random{21};
  for (int round = 0; round < 400; ++round) {
    const int rows = 1 + random.below(round % 4 ? 40 : 300), cols = 1 + random.below(200);
    const Tokens layer(random, rows, cols, 1 + round % kMaxTokens);
    CAPTURE(rows);
    CAPTURE(cols);
    CAPTURE(layer.tokens);
    const auto expected = bits_of(layer.linear(kScalar, round % 3, 0));
    const auto accumulated = bits_of(layer.accumulate(kScalar, 0));
    for (const KernelTable* table : tables()) {
      CHECK(bits_of(layer.linear(*table, round % 3, round % 16)) == expected);
      CHECK(bits_of(layer.accumulate(*table, round % 16)) == accumulated);
    }
  }
}

TEST_CASE("int8 layers limited from below give what they give without, and then a relu") {
  Random random{24};
  for (int round = 0; round < 100; ++round) {
    const Tokens layer(random, 1 + random.below(150), 1 + random.below(100), 1 + round % 9);
    for (const KernelTable* table : tables()) {
      const auto limited = [&](std::vector<float> y) {
        table->relu(y.data(), y.data(), static_cast<int>(y.size()));
        return bits_of(y);
      };
      CHECK(bits_of(layer.linear(*table, round % 2, 3, 0.0f)) ==
            limited(layer.linear(*table, round % 2, 0)));
      CHECK(bits_of(layer.accumulate(*table, 5, 0.0f)) == limited(layer.accumulate(*table, 0)));
    }
  }
}

TEST_CASE("each of several vectors gives the bits that it gives alone") {
  Random random{22};
  for (const KernelTable* table : tables()) {
    const Tokens layer(random, 37, 90, kMaxTokens);
    const std::vector<float> y = layer.linear(*table, true, 0);
    for (int t = 0; t < layer.tokens; ++t) {
      const auto at = layer.q.begin() + t * static_cast<std::ptrdiff_t>(padded_cols(90));
      Product one(*table, layer.w, {at, at + 90}, 37, 90);
      const auto row = y.begin() + t * 37;
      CHECK(one.linear({layer.grids[static_cast<size_t>(t)]}, layer.scale, layer.bias.data()) ==
            std::vector<float>(row, row + 37));
    }
  }
}

TEST_CASE("attention gives the bits of scalar for random shapes and extreme values") {
  Random random{23};
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    const Attention a = random_attention(random);
    const Operands in(a, [&](int n) {
      return round % 4 ? numbers(random, n)
                       : extremes(random, n, round % 8 ? kFiniteKinds : kKinds);
    });
    const Attended expected = attend(kScalar, a, in, round % 3, 0);
    for (const KernelTable* table : tables()) {
      const Attended found = attend(*table, a, in, round % 3, round % 16);
      CHECK(bits_of(found.y) == bits_of(expected.y));
      CHECK(found.peak == expected.peak);
    }
  }
}

TEST_CASE("attention reads nothing beyond its operands") {
  Random random{24};
  for (int round = 0; round < 100; ++round) {
    const Attention a = random_attention(random);
    const Operands in(a, [&](int n) { return numbers(random, n); });
    const auto size = [](const std::vector<float>& x) { return static_cast<int>(x.size()); };
    Fenced q(in.q, size(in.q)), k(in.k, size(in.k)), v(in.v, size(in.v));
    Fenced mask(in.mask, size(in.mask)), scores(a.heads * a.keys), y(a.tokens * a.width);
    for (const KernelTable* table : tables()) {
      const float* const of_mask = round % 2 ? mask.data() : nullptr;
      table->attention(a, q.data(), k.data(), v.data(), of_mask, scores.data(), y.data());
    }
  }
}

TEST_CASE("an attention weighs its values by the softmax of its scores") {
  const Attention a = {.tokens = 1,
                       .keys = 2,
                       .width = 2,
                       .heads = 2,
                       .q_step = 2,
                       .k_step = 2,
                       .v_step = 2,
                       .mask_step = 0,
                       .scale = 0.5f};
  const float q[] = {2, -4}, k[] = {1, 1, 3, 1}, v[] = {10, 20, 30, 40};
  const double odds = std::exp(2.0);  // scores 1 and 3 in the first head, -2 twice in the second
  for (const KernelTable* table : tables()) {
    float scores[4], y[2];
    CHECK(table->attention(a, q, k, v, nullptr, scores, y) == std::bit_cast<uint32_t>(3.0f));
    CHECK(y[0] == doctest::Approx((10 + 30 * odds) / (1 + odds)));
    CHECK(y[1] == 30.0f);
  }
}

TEST_CASE("the bits of tokens and of attention are the golden ones") {
  for (const KernelTable* table : tables()) {
    Random random{25};
    Hash hash;
    for (int round = 0; round < 60; ++round) {
      const int rows = 1 + random.below(50);  // one draw a line: arguments have no order
      const int cols = 1 + random.below(90);
      const Tokens layer(random, rows, cols, 1 + round % kMaxTokens);
      hash.floats(layer.linear(*table, round % 2, 0));
      hash.floats(layer.accumulate(*table, 0));
      const Attention a = random_attention(random);
      const Operands in(a, [&](int n) {
        return round % 2 ? numbers(random, n) : extremes(random, n, kFiniteKinds);
      });
      const Attended attended = attend(*table, a, in, round % 3, 0);
      hash.word(attended.peak);
      hash.floats(attended.y);
    }
    CHECK(hash.value == kGolden);
  }
}

}  // namespace plasma::kernels
