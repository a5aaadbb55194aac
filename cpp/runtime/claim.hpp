// SPDX-License-Identifier: Apache-2.0
// claim.hpp -- one thread at a time, without a lock.
#pragma once

#include <atomic>

namespace plasma::runtime {

// Holds a flag for a scope; a second holder is refused, never made to wait.
class Claim {
 public:
  explicit Claim(std::atomic<bool>& flag) noexcept
      : flag_(flag), held_(!flag.exchange(true, std::memory_order_acquire)) {}
  ~Claim() {
    if (held_) flag_.store(false, std::memory_order_release);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  std::atomic<bool>& flag_;
  bool held_;
};

}  // namespace plasma::runtime
