// SPDX-License-Identifier: Apache-2.0
// triple_buffer.hpp -- the newest value from one writer to one reader, neither of whom waits or
// allocates: each has a value of its own, the third lies between them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace plasma::runtime {

template <class T>
class TripleBuffer {
 public:
  template <class... Args>
  explicit TripleBuffer(const Args&... args) : values_{T(args...), T(args...), T(args...)} {}

  // The writer's: fill it in, then publish it. What it holds is one of the older values.
  T& back() noexcept { return values_[back_]; }
  void publish() noexcept {
    back_ = middle_.exchange(back_ | kFresh, std::memory_order_acq_rel) & kIndex;
  }

  // The reader's: what was published last.
  const T& front() noexcept {
    if ((middle_.load(std::memory_order_relaxed) & kFresh) != 0)
      front_ = middle_.exchange(front_, std::memory_order_acq_rel) & kIndex;
    return values_[front_];
  }

 private:
  static constexpr uint8_t kFresh = 4, kIndex = 3;

  std::array<T, 3> values_;
  uint8_t front_ = 0, back_ = 1;
  std::atomic<uint8_t> middle_{2};
};

}  // namespace plasma::runtime
