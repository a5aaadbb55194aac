// SPDX-License-Identifier: Apache-2.0
// test_kernel_moves.cpp -- strided and the reductions: the bits of scalar.cpp for random walks and
// rows, and no touch beyond them.
#include <doctest/doctest.h>

#include <vector>

#include "kernel_fixtures.hpp"

namespace plasma::kernels {
namespace {

constexpr uint64_t kGolden = 0x03DFBF57FF1DF936u;

size_t elements(const Walk& walk) {
  return walk.size[0] * walk.size[1] * walk.size[2] * walk.size[3];
}

// A walk through n elements: random strides and whatever sizes they leave room for.
Walk random_walk(Random& random, int n) {
  Walk walk{random.below(n), {1, 1, 1, 1}, {0, 0, 0, 0}};
  ptrdiff_t least = walk.begin, most = walk.begin;
  for (int axis = 3; axis >= 0; --axis) {
    const int kind = random.below(4);
    ptrdiff_t stride = kind < 2 ? kind : random.below(2 * n) - n;
    if (axis == 2 && random.below(2)) stride = 1;
    size_t size = 1 + static_cast<size_t>(random.below(axis == 3 ? 40 : 5));
    const auto reach = [&] { return static_cast<ptrdiff_t>(size - 1) * stride; };
    while (size > 1 && (least + reach() < 0 || most + reach() >= n)) --size;
    walk.size[axis] = size;
    walk.stride[axis] = stride;
    (stride < 0 ? least : most) += reach();
  }
  return walk;
}

std::vector<float> taken(Table k, const Walk& walk, const std::vector<float>& x, int offset) {
  Guarded<float> at(x, (offset + 3) % 16), y(static_cast<int>(elements(walk)), offset);
  k.strided(walk, at.data(), y.data());
  CHECK(y.guards_intact());
  return y.values();
}

struct Reduced {
  std::vector<uint32_t> sum, mean, largest;
  uint32_t peak;
  bool operator==(const Reduced&) const = default;
};

Reduced reduce(Table k, const std::vector<float>& x, int rows, int offset) {
  const int cols = static_cast<int>(x.size()) / rows;
  Guarded<float> at(x, (offset + 5) % 16), sum(rows, offset), mean(rows, offset);
  Guarded<float> largest(rows, offset);
  k.reduce_sum(at.data(), sum.data(), rows, cols);
  k.reduce_mean(at.data(), mean.data(), rows, cols);
  const uint32_t peak = k.reduce_max(at.data(), largest.data(), rows, cols);
  CHECK(sum.guards_intact());
  CHECK(mean.guards_intact());
  CHECK(largest.guards_intact());
  return {bits_of(sum.values()), bits_of(mean.values()), bits_of(largest.values()),
          canonical_peak(peak)};
}

}  // namespace

TEST_CASE("strided gives the bits of scalar for random walks") {
  Random random{21};
  for (int round = 0; round < 3'000; ++round) {
    const int n = 1 + random.below(300);
    const Walk walk = random_walk(random, n);
    const std::vector<float> x = numbers(random, n);
    const auto expected = bits_of(taken(kScalar, walk, x, 0));
    for (const KernelTable* table : tables())
      CHECK(bits_of(taken(*table, walk, x, round % 16)) == expected);
  }
}

TEST_CASE("strided reads the elements of its walk and no others") {
  Random random{22};
  for (int n = 1; n <= 100; ++n) {
    Fenced x(numbers(random, n), n);
    const Walk walks[] = {{n - 1, {1, 1, 1, static_cast<size_t>(n)}, {0, 0, 0, -1}},
                          {0, {1, 1, 1, static_cast<size_t>(n)}, {0, 0, 0, 1}},
                          {n - 1, {1, 1, 3, 3}, {0, 0, 0, 0}},
                          {n % 4, {1, 1, static_cast<size_t>(n / 4), 4}, {0, 0, 1, n / 4}},
                          {n % 3, {1, 1, static_cast<size_t>(n / 3), 3}, {0, 0, 1, n / 3}}};
    for (const KernelTable* table : tables()) {
      for (const Walk& walk : walks) {
        Fenced y(static_cast<int>(elements(walk)));
        if (elements(walk) > 0) table->strided(walk, x.data(), y.data());
      }
    }
  }
}

TEST_CASE("reductions give the bits of scalar for every width, and of extreme values") {
  Random random{23};
  for (int cols = 1; cols <= 147; ++cols) {
    const int rows = 1 + random.below(40);
    const std::vector<float> x =
        cols % 3 ? numbers(random, rows * cols) : extremes(random, rows * cols, kKinds);
    const Reduced expected = reduce(kScalar, x, rows, 0);
    for (const KernelTable* table : tables()) CHECK(reduce(*table, x, rows, cols % 16) == expected);
  }
}

TEST_CASE("reductions touch nothing beyond their rows") {
  Random random{24};
  for (int cols = 1; cols <= 70; ++cols) {
    const int rows = 1 + cols % 5;
    Fenced x(numbers(random, rows * cols), rows * cols), y(rows);
    for (const KernelTable* table : tables()) {
      table->reduce_sum(x.data(), y.data(), rows, cols);
      table->reduce_mean(x.data(), y.data(), rows, cols);
      table->reduce_max(x.data(), y.data(), rows, cols);
    }
  }
}

TEST_CASE("the bits of every reduction are the golden ones") {
  for (const KernelTable* table : tables()) {
    Random random{25};
    Hash hash;
    for (int cols = 1; cols <= 147; cols += 2) {
      const Reduced reduced = reduce(*table, numbers(random, 7 * cols), 7, 0);
      for (const auto& words : {reduced.sum, reduced.mean, reduced.largest}) {
        for (const uint32_t word : words) hash.word(word);
      }
      hash.word(reduced.peak);
    }
    CHECK(hash.value == kGolden);
  }
}

}  // namespace plasma::kernels
