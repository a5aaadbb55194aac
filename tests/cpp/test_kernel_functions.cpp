// SPDX-License-Identifier: Apache-2.0
// test_kernel_functions.cpp -- EXP, TANH and the others against the true functions, and where they
// saturate.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "kernel_fixtures.hpp"

using namespace plasma::kernels;

TEST_CASE("exp, sigmoid and tanh stay within their error of the true function") {
  double worst_sigmoid = 0, worst_tanh = 0, worst_exp = 0;
  for (float x = -87.0f; x <= 87.0f; x += 0x1p-10f) {
    float y;
    kScalar.sigmoid(&x, &y, 1);
    worst_sigmoid = std::max(worst_sigmoid, ulps(y, 1.0 / (1.0 + std::exp(-double{x}))));
    kScalar.tanh(&x, &y, 1);
    worst_tanh = std::max(worst_tanh, ulps(y, std::tanh(double{x})));
    if (x > 0.0f) continue;
    kScalar.elu(&x, 1.0f, &y, 1);  // EXP(x) - 1
    worst_exp = std::max(worst_exp, std::fabs(y - (std::exp(double{x}) - 1.0)));
  }
  CHECK(worst_sigmoid < 3.0);
  CHECK(worst_tanh < 3.0);
  CHECK(worst_exp < 0x1p-23);
}

TEST_CASE("softplus and erf stay within their error of the true function") {
  double worst_softplus = 0, worst_erf = 0;
  for (float x = -87.0f; x <= 87.0f; x += 0x1p-10f) {
    float y;
    kScalar.softplus(&x, &y, 1);
    worst_softplus = std::max(worst_softplus, ulps(y, std::log1p(std::exp(double{x}))));
    kScalar.erf(&x, &y, 1);
    worst_erf = std::max(worst_erf, std::fabs(y - std::erf(double{x})));
  }
  CHECK(worst_softplus < 4.0);
  CHECK(worst_erf < 4e-7);
}

TEST_CASE("log stays within 3 ulps of the true function, over all positive floats") {
  double worst = 0;
  for (uint32_t b = 0x00800000u; b < 0x7F800000u;
       b += b >= 0x3F000000u && b < 0x40000000u ? 1 : 509) {
    const float x = from_bits(b);
    float y;
    kScalar.log(&x, &y, 1);
    worst = std::max(worst, x == 1.0f ? std::fabs(y) / 0x1p-149 : ulps(y, std::log(double{x})));
  }
  CHECK(worst < 3.0);
}

TEST_CASE("sin and cos stay within 1.3e-7 of the true functions, up to 8192") {
  double worst = 0, worst_near_zero = 0;
  for (float x = -8192.0f; x <= 8192.0f; x += 0x1p-9f) {
    float y;
    kScalar.sin(&x, &y, 1);
    worst = std::max(worst, std::fabs(y - std::sin(double{x})));
    if (std::fabs(x) <= 1.5f && x != 0)
      worst_near_zero = std::max(worst_near_zero, ulps(y, std::sin(double{x})));
    kScalar.cos(&x, &y, 1);
    worst = std::max(worst, std::fabs(y - std::cos(double{x})));
  }
  CHECK(worst < 1.3e-7);
  CHECK(worst_near_zero < 2.0);
}

TEST_CASE("log, sin and cos are not a number outside their domains") {
  const float outside[] = {0.0f, -0.0f, -1.0f, -0x1p-149f, -kInf, kNan};
  const float too_large[] = {0x1.000002p+13f, -0x1.000002p+13f, 1e30f, kInf, -kInf, kNan};
  const float inside[] = {8192.0f, -8192.0f, 0.0f, -0.0f, 1.0f, 0x1p-149f};
  for (const KernelTable* table : tables()) {
    float y[6];
    table->log(outside, y, 6);
    CHECK(std::all_of(y, y + 6, [](float v) { return std::isnan(v); }));
    for (const auto function : {table->sin, table->cos}) {
      function(too_large, y, 6);
      CHECK(std::all_of(y, y + 6, [](float v) { return std::isnan(v); }));
      CHECK(function(inside, y, 6) == 0x46000000u);
      CHECK(std::all_of(y, y + 6, [](float v) { return std::fabs(v) <= 1.0f; }));
    }
    const float tiny[] = {0x1p-149f, 0x1p-126f};
    table->log(tiny, y, 2);
    CHECK(y[0] == y[1]);
    CHECK(y[1] == doctest::Approx(-87.3365448));
    const float infinite = kInf;
    CHECK(table->log(&infinite, y, 1) == 0x7F800000u);
  }
}

TEST_CASE("round goes to the nearest whole number, of two to the even one, and keeps the sign") {
  std::vector<float> x = {0.0f, -0.0f, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, 0x1.fffffep-2f, 0x1p-149f};
  for (uint32_t b = 0; b < 0x7F800000u; b += 0xFFF1) {
    x.push_back(from_bits(b));
    x.push_back(-from_bits(b));
  }
  for (float big = 0x1p+21f; big < 0x1p+24f; big += 4096.25f) x.push_back(big);
  for (const KernelTable* table : tables()) {
    std::vector<float> y(x.size());
    table->round(x.data(), y.data(), static_cast<int>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      CHECK(std::bit_cast<uint32_t>(y[i]) == std::bit_cast<uint32_t>(std::nearbyint(x[i])));
    }
    const float strange[] = {kInf, -kInf, kNan};
    table->round(strange, y.data(), 3);
    CHECK(y[0] == kInf);
    CHECK(y[1] == -kInf);
    CHECK(std::isnan(y[2]));
  }
}

TEST_CASE("select sees its condition only: what it leaves out may be anything") {
  const float c[] = {1, 0, -0.0f, -1, 0x1p-149f, 3e38f};
  const float a[] = {1, kNan, kInf, kNan, 5, 6}, b[] = {kNan, 2, 3, 4, -kInf, kNan};
  const float not_finite[] = {0, kInf, kNan, 0, 0, 0};
  for (const KernelTable* table : tables()) {
    float y[6];
    CHECK(from_bits(table->select(c, a, b, y, 6)) == 3e38f);
    CHECK(std::vector<float>(y, y + 6) == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(table->select(not_finite, c, c, y, 6) > 0x7F7FFFFFu);
  }
}

TEST_CASE("a softmax sums to 1, whatever is added to its logits") {
  Random random{9};
  for (const KernelTable* table : tables()) {
    for (int n = 1; n <= 200; ++n) {
      std::vector<float> x = numbers(random, n), y(x.size());
      for (const float offset : {0.0f, 1000.0f, -1e30f}) {
        for (float& v : x) v = v + offset;
        table->softmax(x.data(), y.data(), n);
        double sum = 0;
        for (const float v : y) sum += v;
        CHECK(std::fabs(sum - 1) < 1e-6);
      }
    }
  }
}

TEST_CASE("activations saturate where the rules say") {
  const float x[] = {-kInf, -1e30f, 1e30f, kInf};
  constexpr float kLeast = 1.6458115e-38f;  // 1 / (1 + EXP(87)), not denormal
  for (const KernelTable* table : tables()) {
    float y[4];
    CHECK(table->tanh(x, y, 4) == 0x7F800000u);
    CHECK(std::vector<float>(y, y + 4) == std::vector<float>{-1.0f, -1.0f, 1.0f, 1.0f});
    table->sigmoid(x, y, 4);
    CHECK(std::vector<float>(y, y + 4) == std::vector<float>{kLeast, kLeast, 1.0f, 1.0f});
    table->elu(x, 2.0f, y, 4);
    CHECK(std::vector<float>(y, y + 4) == std::vector<float>{-2.0f, -2.0f, 1e30f, kInf});
    table->erf(x, y, 4);
    CHECK(std::vector<float>(y, y + 4) == std::vector<float>{-1.0f, -1.0f, 1.0f, 1.0f});
    table->softplus(x, y, 4);
    CHECK(std::vector<float>(y, y + 4) == std::vector<float>{0.0f, 0.0f, 1e30f, kInf});
    table->exp(x, y, 4);
    CHECK(std::vector<float>(y, y + 2) == std::vector<float>{0.0f, 0.0f});
    CHECK(y[2] == y[3]);
    CHECK(y[2] == doctest::Approx(1.6516363e38));
  }
}
