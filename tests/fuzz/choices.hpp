// SPDX-License-Identifier: Apache-2.0
// choices.hpp -- a fuzzer's bytes as decisions: what it wrote, and when that is used up, numbers
// that follow from it (splitmix64).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace plasma::test {

class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), left_(size), state_(size) {}

  uint32_t word() {
    uint32_t word = 0;
    if (left_ >= sizeof word) {
      std::memcpy(&word, data_, sizeof word);
      data_ += sizeof word, left_ -= sizeof word;
      state_ = (state_ ^ word) * 0x100000001B3u;
      return word;
    }
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<uint32_t>(z >> 32);
  }

  int within(int least, int most) {
    return least + static_cast<int>(word() % static_cast<uint32_t>(most - least + 1));
  }
  bool coin() { return within(0, 1) == 1; }
  bool one_in(int n) { return within(1, n) == 1; }

  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[static_cast<size_t>(within(0, static_cast<int>(all.size()) - 1))];
  }
  template <class T, size_t kCount>
  T one_of(T const (&all)[kCount]) {
    return all[within(0, kCount - 1)];
  }

  // Of ordinary size: in [-8, 8).
  float ordinary() { return std::ldexp(static_cast<float>(static_cast<int32_t>(word())), -28); }
  // Any bits but those of a signalling NaN; half of the time of ordinary size.
  float number() {
    if (coin()) return ordinary();
    const float any = std::bit_cast<float>(word());
    return std::isnan(any) ? NAN : any;
  }
  std::vector<float> numbers(int n) {
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = number();
    return x;
  }
  std::vector<int8_t> weights(int n) {
    std::vector<int8_t> w(static_cast<size_t>(n));
    for (int8_t& v : w) v = static_cast<int8_t>(within(-127, 127));
    return w;
  }

 private:
  const uint8_t* data_;
  size_t left_;
  uint64_t state_;
};

}  // namespace plasma::test
