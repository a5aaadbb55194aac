// SPDX-License-Identifier: Apache-2.0
// safe.cpp -- the last word on every action: limits
// and rate limits, or the safe action after a fault.
//
// Comparisons and differences of finite floats only; max and min as ISA.md, numerics 3.
#include <cstring>

#include "vm/machine.hpp"

namespace plasma::vm {
namespace {

template <typename T>
T clamp(T value, T low, T high) noexcept {
  const T raised = value > low ? value : low;
  return raised < high ? raised : high;
}

template <typename T>
const T* values(const uint8_t* block, uint32_t offset) noexcept {
  return static_cast<const T*>(static_cast<const void*>(block + offset));
}

template <typename T>
void limit(const OutputSpec& output, const uint8_t* constants, T* y) noexcept {
  const T* low = values<T>(constants, output.low);
  const T* high = values<T>(constants, output.high);
  for (int32_t i = 0; i < output.count; ++i) y[i] = clamp(y[i], low[i], high[i]);
}

void limit_rate(const OutputSpec& output, const uint8_t* constants, const float* previous,
                float* y) noexcept {
  const float* delta = values<float>(constants, output.max_delta);
  for (int32_t i = 0; i < output.count; ++i) {
    if (delta[i] > 0) y[i] = clamp(y[i], previous[i] - delta[i], previous[i] + delta[i]);
  }
}

}  // namespace

void limit_actions(const Model& model, Frame& frame, bool fault) noexcept {
  const uint8_t* const constants = model.constants();
  const FrameLayout& layout = model.layout();
  if (fault) std::memset(frame.data() + layout.output, 0, layout.output_bytes);
  for (const OutputSpec& output : model.outputs()) {
    if (!output.is_actuator) continue;
    void* const y = frame.data() + output.offset;
    if (fault) {
      std::memcpy(y, constants + output.safe, static_cast<size_t>(output.count) * 4);
    } else if (output.is_f32) {
      limit(output, constants, static_cast<float*>(y));
      if (output.is_rate_limited && frame.has_previous) {
        const uint32_t previous = layout.previous + (output.offset - layout.output);
        limit_rate(output, constants, values<float>(frame.data(), previous),
                   static_cast<float*>(y));
      }
    } else {
      limit(output, constants, static_cast<int32_t*>(y));
    }
  }
}

}  // namespace plasma::vm
