// SPDX-License-Identifier: Apache-2.0
// test_vm_random.cpp -- uniform and normal: the published words of Philox, the bits of
// reference_rules.hpp, and the shape of what comes out.
#include <algorithm>
#include <cmath>

#include "machine_rig.hpp"
#include "mutants.hpp"
#include "reference_machine.hpp"
#include "vm/random.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

// x -> y = x + what `opcode` draws, n times; and what another instruction of it draws.
P drawing(Opcode opcode, uint32_t n) {
  P p;
  const uint16_t x = p.input("x", 1);
  p.op(opcode, p.output("y", n), {});
  p.op(opcode, p.output("z", n), {});
  p.op(Opcode::Copy, p.output("echo", 1), {x});
  return p;
}

Floats tick(Rig& rig) { return floats_of(rig.tick({0})); }

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0;
};

Moments moments_of(const Floats& values) {
  Moments m;
  const auto n = static_cast<double>(values.size());
  for (const float v : values) m.mean += v / n;
  for (const float v : values) m.variance += (v - m.mean) * (v - m.mean) / n;
  for (const float v : values) m.kurtosis += std::pow(v - m.mean, 4) / n;
  m.kurtosis /= m.variance * m.variance;
  return m;
}

// The largest distance between the distribution of the values and another one.
template <class F>
double kolmogorov(Floats values, F cumulative) {
  std::sort(values.begin(), values.end());
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double below = static_cast<double>(i) / static_cast<double>(values.size());
    worst = std::max(worst, std::fabs(cumulative(double{values[i]}) - below));
  }
  return worst;
}

constexpr int kDraws = 100'000;
constexpr double kKolmogorov = 1.95 / 316.2;  // exceeded once in a thousand seeds

}  // namespace

TEST_CASE("philox gives the words that its authors published") {
  using Words = vm::PhiloxWords;
  CHECK(vm::philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8});
  CHECK(vm::philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        Words{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD});
  CHECK(vm::philox({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}) ==
        Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1});
}

TEST_CASE("draws have the bits of the reference, for every length, seed and table") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const Opcode opcode : {Opcode::Uniform, Opcode::Normal}) {
      for (uint32_t n = 1; n <= 150; n += n < 9 ? 1 : 23) {
        Rig rig(drawing(opcode, n), table);
        ReferenceMachine reference(drawing(opcode, n));
        for (const uint64_t seed : {uint64_t{0}, uint64_t{7}, uint64_t{1} << 32, ~uint64_t{0}}) {
          rig.frame.seed = reference.seed = seed;
          CHECK(rig.tick({0}) == reference.tick({0}));
        }
      }
    }
  });
}

TEST_CASE("the number of the tick counts beyond 32 bits") {
  float y[4];
  for (const uint64_t at : {uint64_t{0}, uint64_t{1} << 32, ~uint64_t{0}}) {
    vm::uniform({3, at, 5}, y, 4);
    for (uint64_t i = 0; i < 4; ++i) CHECK(y[i] == rules::uniform(3, at, 5, i));
  }
}

TEST_CASE("seeds, ticks, instructions and elements all draw something else") {
  Rig rig(drawing(Opcode::Uniform, 8));
  Floats all;
  for (const uint64_t seed : {0u, 1u}) {
    rig.frame.seed = seed;
    rig.frame.reset();
    for (int i = 0; i < 3; ++i) {
      const Floats y = tick(rig);
      all.insert(all.end(), y.begin(), y.end() - 1);
    }
  }
  std::sort(all.begin(), all.end());
  CHECK(all.size() == 2 * 3 * 16);
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("reset begins the numbers again, a fault does not hold them up") {
  P p = drawing(Opcode::Normal, 3);
  Rig rig(p);
  const Floats first = tick(rig), second = tick(rig), third = tick(rig);
  rig.frame.reset();
  CHECK(tick(rig) == first);
  rig.tick({std::nanf("")});
  CHECK(rig.fault);
  CHECK(tick(rig) == third);
  CHECK(second != first);
}

TEST_CASE("uniform numbers lie between 0 and 1 and are uniform") {
  Floats u(kDraws);
  vm::uniform({11, 0, 0}, u.data(), kDraws);
  CHECK(*std::min_element(u.begin(), u.end()) > 0);
  CHECK(*std::max_element(u.begin(), u.end()) < 1);
  CHECK(moments_of(u).mean == doctest::Approx(0.5).epsilon(0.01));
  CHECK(moments_of(u).variance == doctest::Approx(1.0 / 12).epsilon(0.02));
  CHECK(kolmogorov(u, [](double x) { return x; }) < kKolmogorov);
}

TEST_CASE("normal numbers are normal, and neighbours have nothing to do with each other") {
  Floats z(kDraws);
  vm::normal(kernels::kScalar, {12, 0, 0}, z.data(), kDraws);
  const Moments m = moments_of(z);
  CHECK(std::fabs(m.mean) < 0.01);
  CHECK(m.variance == doctest::Approx(1).epsilon(0.02));
  CHECK(m.kurtosis == doctest::Approx(3).epsilon(0.03));
  CHECK(kolmogorov(z, [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }) < kKolmogorov);
  for (const size_t lag : {1u, 2u, 3u, 4u}) {
    double product = 0;
    for (size_t i = lag; i < z.size(); ++i) product += double{z[i]} * z[i - lag] / kDraws;
    CHECK(std::fabs(product) < 0.012);
  }
}

}  // namespace plasma::test
