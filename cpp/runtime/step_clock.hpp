// SPDX-License-Identifier: Apache-2.0
// step_clock.hpp -- how long a step took, by the CPU's own counter where it runs at one rate: two
// readings of the system's clock would be a tenth of a small policy's step.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace plasma::runtime {

class StepClock {
 public:
  StepClock() noexcept : begin_(sample()) {}

  // Learns the counter's rate from the time since construction: to within 0.1 % after 100 us.
  void calibrate() noexcept {
    const Sample end = sample();
    if (!kHasCounter || end.count == begin_.count || end.ns == begin_.ns) return;
    const Wide passed = static_cast<Wide>(end.ns - begin_.ns) << 32;
    ns_per_tick_ = static_cast<uint64_t>(passed / (end.count - begin_.count));
  }

  [[nodiscard]] static uint64_t now() noexcept { return kHasCounter ? counter() : system_ns(); }
  // Between two readings of now().
  [[nodiscard]] uint64_t ns_between(uint64_t begin, uint64_t end) const noexcept {
    return static_cast<uint64_t>(static_cast<Wide>(end - begin) * ns_per_tick_ >> 32);
  }

 private:
  using Wide = unsigned __int128;
  struct Sample {
    uint64_t count = 0, ns = 0;
  };

  static uint64_t system_ns() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  }

  // Both clocks at one moment: the closest of a few tries, in case something comes in between.
  static Sample sample() noexcept {
    Sample best;
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 5; ++i) {
      const uint64_t before = counter(), ns = system_ns(), apart = counter() - before;
      if (apart >= least) continue;
      least = apart;
      best = {before + apart / 2, ns};
    }
    return best;
  }

#if defined(__x86_64__)
  static uint64_t counter() noexcept { return __rdtsc(); }
  // Whether it goes on at the same rate in every state of the CPU.
  static bool has_counter() noexcept {
    uint32_t a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
  }
#else
  static uint64_t counter() noexcept {
    uint64_t count;
    asm volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
  }
  static bool has_counter() noexcept { return true; }
#endif
  static inline const bool kHasCounter = has_counter();

  Sample begin_;
  uint64_t ns_per_tick_ = uint64_t{1} << 32;  // times 2^32
};

}  // namespace plasma::runtime
