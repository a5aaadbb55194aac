// SPDX-License-Identifier: Apache-2.0
// latency.hpp -- step times in a fixed histogram: one
// writer that never waits, any reader at any time.
//
// Buckets are logarithmic with 64 steps an octave, so a
// percentile is right to within 2 % from 1 ns to minutes.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "plasma_edge/runtime.hpp"

namespace plasma::runtime {

class Latency {
 public:
  void record(uint64_t ns, bool fault, bool late) noexcept {
    bump(counts_[bucket_of(ns)]);
    bump(steps_);
    if (fault) bump(faults_);
    if (late) bump(late_);
    if (ns > max_ns_.load(std::memory_order_relaxed)) max_ns_.store(ns, std::memory_order_relaxed);
  }

  [[nodiscard]] Stats stats() const noexcept {
    Stats stats;
    stats.steps = steps_.load(std::memory_order_relaxed);
    stats.faults = faults_.load(std::memory_order_relaxed);
    stats.deadline_misses = late_.load(std::memory_order_relaxed);
    stats.max_us = static_cast<double>(max_ns_.load(std::memory_order_relaxed)) / 1e3;
    stats.p50_us = std::min(percentile_us(stats.steps, 0.5), stats.max_us);
    stats.p99_us = std::min(percentile_us(stats.steps, 0.99), stats.max_us);
    stats.p999_us = std::min(percentile_us(stats.steps, 0.999), stats.max_us);
    return stats;
  }

 private:
  using Counter = std::atomic<uint64_t>;
  static constexpr uint32_t kStepBits = 6;
  static constexpr uint32_t kOctaves = 32;  // times beyond 2^37 ns share the last bucket
  static constexpr uint32_t kBuckets = kOctaves << kStepBits;

  // One writer: a plain add is enough, atomics only keep readers defined.
  static void bump(Counter& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  static uint32_t bucket_of(uint64_t ns) noexcept {
    if (ns < 1u << kStepBits) return static_cast<uint32_t>(ns);
    const auto octave = static_cast<uint32_t>(std::bit_width(ns)) - kStepBits - 1;
    const auto step = static_cast<uint32_t>(ns >> octave) - (1u << kStepBits);
    return std::min(((octave + 1) << kStepBits) + step, kBuckets - 1);
  }

  static double middle_ns(uint32_t bucket) noexcept {
    const uint32_t octave = bucket >> kStepBits;
    const uint32_t step = bucket & ((1u << kStepBits) - 1);
    if (octave == 0) return step;
    return (static_cast<double>(step + (1u << kStepBits)) + 0.5) *
           static_cast<double>(1ull << (octave - 1));
  }

  [[nodiscard]] double percentile_us(uint64_t steps, double share) const noexcept {
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(steps));
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket].load(std::memory_order_relaxed);
      if (seen > rank) return middle_ns(bucket) / 1e3;
    }
    return 0;
  }

  std::array<Counter, kBuckets> counts_{};
  Counter steps_{0}, faults_{0}, late_{0}, max_ns_{0};
};

}  // namespace plasma::runtime
