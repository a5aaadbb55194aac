// SPDX-License-Identifier: Apache-2.0
// batch.hpp -- the states of many robots that one policy steps.
#pragma once

#include <vector>

#include "vm/machine.hpp"

namespace plasma::runtime {

// Working memory of step_batch: a frame a row.
struct Batch {
  std::vector<vm::Frame> frames;
  std::vector<uint32_t> peaks;

  Error resize(const vm::Model& model, size_t rows, uint64_t seed) noexcept {
    if (frames.size() == rows) return {};
    frames = std::vector<vm::Frame>(rows);
    peaks.resize(rows);
    for (vm::Frame& frame : frames) {
      if (Error error = frame.allocate(model)) {
        frames.clear();
        return error;
      }
    }
    reset(seed);
    return {};
  }

  // Row r draws what a policy of its own with seed + r would.
  void reset(uint64_t seed) noexcept {
    for (vm::Frame& frame : frames) {
      frame.seed = seed++;
      frame.reset();
    }
  }
};

}  // namespace plasma::runtime
