// SPDX-License-Identifier: Apache-2.0
// reference_rules.hpp -- the functions and sums of ISA.md section 5, in plain loops, one value at a
// time. Shares nothing with cpp/kernels.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "program_builder.hpp"

namespace plasma::test {

namespace rules {

inline float max(float a, float b) { return a > b ? a : b; }
inline float min(float a, float b) { return a < b ? a : b; }
inline float clamp(float x, float low, float high) { return min(max(x, low), high); }

inline float scale(float v, float t) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(v) + (std::bit_cast<uint32_t>(t) << 23));
}
constexpr float kM = 12582912.0f;
constexpr float kL = 0x1.715476p+0f, kN = 0x1.62e43p-1f;
constexpr float kH = 0x1.63p-1f, kl = -0x1.bd0106p-13f;

inline float poly(float r) {
  float p = 0x1.6a3186p-10f;
  for (const float c : {0x1.123282p-7f, 0x1.5558b2p-5f, 0x1.55549ep-3f, 0x1.fffffcp-2f}) {
    p = p * r + c;
  }
  return p;
}
inline float exp(float x) {
  const float t = clamp(x, -87, 88) * kL + kM, n = t - kM;
  const float r = (clamp(x, -87, 88) - n * kH) - n * kl;
  const float y = scale(1 + ((r * r) * poly(r) + r), t);
  return x >= -87 ? y : 0;
}
inline float sigmoid(float x) {
  const float t = clamp(x, -87, 87) * -kL + kM, n = t - kM;
  const float r = (clamp(x, -87, 87) + n * kH) + n * kl;
  return 1 / (1 + scale(1 + ((r * r) * poly(-r) - r), t));
}
inline float tanh(float x) {
  const float u = clamp(x, -10, 10) + clamp(x, -10, 10);
  const float t = u * kL + kM, r = u - (t - kM) * kN;
  const float s = scale(1, t), e = s * ((r * r) * poly(r) + r) + (s - 1);
  return e / (e + 2);
}
inline float abs(float x) { return std::fabs(x); }
inline float round(float x) { return std::nearbyint(x); }
inline float softplus(float x) {
  const float e = exp(0 - abs(x)), s = e / (2 + e), q = s * s;
  float p = 0x1.1ef866p-2f;
  for (const float c : {0x1.1eb614p-2f, 0x1.99d27cp-2f, 0x1.5555p-1f, 2.0f}) p = p * q + c;
  return max(x, 0) + s * p;
}
inline float erf(float x) {
  const float inside = clamp(x, -3.92f, 3.92f), z = inside * inside;
  float p = 0x1.132728p-19f, q = 0x1.3f884ap-15f;
  for (const float c :
       {0x1.2ab82ap-12f, 0x1.ed9218p-9f, 0x1.b01e42p-5f, 0x1.85f45ap-3f, 0x1.20dd74p+0f}) {
    p = p * z + c;
  }
  for (const float c : {0x1.30c09ap-10f, 0x1.ea8362p-7f, 0x1.d36476p-4f, 0x1.01103cp-1f, 1.0f}) {
    q = q * z + c;
  }
  return clamp((inside * p) / q, -1, 1);
}
inline float log(float x) {
  int k = 0;
  float m = std::frexp(max(x, 0x1p-126f), &k);  // in [1/2, 1)
  if (m < 0x1.6a09e6p-1f) m = m + m, k = k - 1;
  const float s = (m - 1) / (m + 1), q = s * s;
  float p = 0x1.1ef866p-2f;
  for (const float c : {0x1.1eb614p-2f, 0x1.99d27cp-2f, 0x1.5555p-1f, 2.0f}) p = p * q + c;
  const auto e = static_cast<float>(k);
  return x > 0 ? e * kH + (e * kl + s * p) : std::nanf("");
}
// sin x for `quarters` even, cos x for it odd: rule 27.
inline float sine(float x, int quarters) {
  if (!(std::fabs(x) <= 8192)) return std::nanf("");
  const auto offset = static_cast<float>(quarters);
  const float n = ((x * 0x1.45f306p-2f - 0.5f * offset) + kM) - kM, m = (n + n) + offset;
  const float r = ((x - m * 0x1.92p+0f) - m * 0x1.fb4p-12f) - m * 0x1.4442d2p-24f, z = r * r;
  float p = 0x1.5cf9bp-19f;
  for (const float c : {-0x1.9f6002p-13f, 0x1.110e6ap-7f, -0x1.555548p-3f}) p = p * z + c;
  const float y = r + (r * z) * p;
  const bool is_negated = (static_cast<int>(n) + quarters) % 2 != 0;
  return is_negated ? y * -1.0f : y;
}
// Rule 28: element i of what the instruction `stream` draws.
inline float uniform(uint64_t seed, uint64_t tick, uint64_t stream, uint64_t i) {
  uint64_t c[4] = {i / 4, stream, tick % (1ull << 32), tick >> 32};
  uint64_t key[2] = {seed % (1ull << 32), seed >> 32};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = c[0] * 0xD2511F53u, b = c[2] * 0xCD9E8D57u;
    const uint64_t next[4] = {(b >> 32) ^ c[1] ^ key[0], b % (1ull << 32),
                              (a >> 32) ^ c[3] ^ key[1], a % (1ull << 32)};
    std::copy(next, next + 4, c);
    key[0] = (key[0] + 0x9E3779B9u) % (1ull << 32);
    key[1] = (key[1] + 0xBB67AE85u) % (1ull << 32);
  }
  return std::ldexp(static_cast<float>(c[i % 4] / 512) + 0.5f, -23);
}
inline float normal(uint64_t seed, uint64_t tick, uint64_t stream, uint64_t i) {
  const float u = uniform(seed, tick, stream, i - i % 2);
  const float angle = 0x1.921fb6p+2f * uniform(seed, tick, stream, i - i % 2 + 1);
  return std::sqrt(-2 * log(u)) * sine(angle, i % 2 == 0 ? 1 : 0);
}
// Rule 15, given the terms.
inline float sum(const Floats& terms) {
  float lane[16] = {};
  for (size_t i = 0; i < terms.size(); ++i) lane[i % 16] = lane[i % 16] + terms[i];
  for (size_t d = 8; d >= 1; d /= 2) {
    for (size_t j = 0; j < d; ++j) lane[j] = lane[j] + lane[j + d];
  }
  return lane[0];
}
inline float dot(const float* a, const float* b, size_t n) {
  Floats terms(n);
  for (size_t i = 0; i < n; ++i) terms[i] = a[i] * b[i];
  return sum(terms);
}

}  // namespace rules

}  // namespace plasma::test
