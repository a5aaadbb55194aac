// SPDX-License-Identifier: Apache-2.0
// flight.hpp -- flies a program that the validator accepted, on two kernel tables, with inputs as
// odd as they come. Nothing may report, the tables may not differ in a bit, and what leaves an
// actuator keeps its limits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>

#include "choices.hpp"
#include "red_zones.hpp"
#include "tally.hpp"
#include "vm/machine.hpp"

namespace plasma::test {

constexpr uint64_t kDeviceBytes = 1u << 18, kDeviceUnits = 1u << 20;  // what is more is not flown

inline bool fits(const vm::Certificate& needs) {
  return needs.arena_bytes <= kDeviceBytes && needs.state_bytes <= kDeviceBytes &&
         needs.const_bytes <= kDeviceBytes && needs.cost_units <= kDeviceUnits;
}

// A program on one kernel table, with the adapters that are on and some robots' memory.
class Machine {
 public:
  Machine(const vm::Program& program, const kernels::KernelTable& table,
          const std::vector<const vm::AdapterProgram*>& adapters, size_t robots)
      : frames_(robots) {
    require(!vm::Model::build(program, table, UINT64_MAX, model_), "an accepted program is built");
    attach(program, adapters);
    poison_constants(program, model_);
    for (vm::Frame& frame : frames_) {
      require(!frame.allocate(model_), "memory for a frame");
      poison_frame(program, frame, model_.layout());
    }
  }

  [[nodiscard]] const vm::Model& model() const { return model_; }
  [[nodiscard]] const vm::Frame& robot(size_t i) const { return frames_[i]; }
  [[nodiscard]] size_t robots() const { return frames_.size(); }

  // The same inputs for every robot; whether each tick was without a fault.
  bool tick(const std::vector<float>& inputs) {
    for (vm::Frame& frame : frames_) {
      std::memcpy(frame.input(), inputs.data(), model_.layout().input_bytes);
    }
    if (frames_.size() == 1) return vm::tick(*plan_, frames_[0]);
    std::vector<uint32_t> peaks(frames_.size());
    vm::tick(*plan_, frames_, peaks.data());
    return peaks[0] <= kernels::kMaxFinite;
  }

 private:
  void attach(const vm::Program& program, const std::vector<const vm::AdapterProgram*>& adapters) {
    std::vector<vm::AdapterModel> parts(adapters.size());
    std::vector<const vm::AdapterModel*> residents;
    for (size_t i = 0; i < adapters.size(); ++i) {
      require(!vm::AdapterModel::build(program, *adapters[i], model_.table(), UINT64_MAX, parts[i]),
              "an accepted adapter is built");
      residents.push_back(&parts[i]);
    }
    require(!vm::AdapterSet::build(residents, set_), "memory for adapters");
    plan_ = std::make_unique<vm::Plan>(model_, set_);
    plan_->mix(std::vector<float>(adapters.size(), 0.75f));
  }

  vm::Model model_;
  vm::AdapterSet set_;
  std::unique_ptr<vm::Plan> plan_;
  std::vector<vm::Frame> frames_;
};

inline std::vector<float> odd_inputs(Choices& choices, size_t count) {
  std::vector<float> values(count);
  const int kind = choices.within(0, 7);
  for (float& value : values) {
    value = kind == 0   ? choices.number()
            : kind == 1 ? choices.ordinary() * 1e37f
                        : choices.ordinary();
  }
  constexpr float kOdd[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-42f, -0.0f, 0.0f};
  if (kind == 2 && count > 0) {
    values[static_cast<size_t>(choices.within(0, static_cast<int>(count) - 1))] =
        choices.one_of(kOdd);
  }
  return values;
}

template <class T>
bool within_limits(const vm::Model& model, const vm::OutputSpec& output, const T* y, bool finite) {
  const auto constants = [&](uint32_t offset) {
    return static_cast<const T*>(static_cast<const void*>(model.constants() + offset));
  };
  const T *low = constants(output.low), *high = constants(output.high);
  if (!finite) return std::memcmp(y, constants(output.safe), size_t(output.count) * 4) == 0;
  return std::all_of(y, y + output.count, [&](const T& value) {
    const auto i = &value - y;
    return low[i] <= value && value <= high[i];
  });
}

// Section 5 of ISA.md, steps 3 and 4.
inline void check_actions(const vm::Model& model, const vm::Frame& frame, bool finite) {
  for (const vm::OutputSpec& output : model.outputs()) {
    const void* y = frame.data() + output.offset;
    const auto* floats = static_cast<const float*>(y);
    const auto* words = static_cast<const int32_t*>(y);
    if (output.is_f32) {
      require(std::all_of(floats, floats + output.count, [](float v) { return std::isfinite(v); }),
              "an output is finite");
    }
    if (output.is_actuator) {
      require(output.is_f32 ? within_limits(model, output, floats, finite)
                            : within_limits(model, output, words, finite),
              "an action keeps its limits, or is the safe one");
    } else if (!finite) {
      require(std::all_of(words, words + output.count, [](int32_t v) { return v == 0; }),
              "an output after a fault is zero");
    }
  }
}

inline void require_same(const Machine& slow, const Machine& fast) {
  const vm::FrameLayout& a = slow.model().layout();
  for (size_t i = 0; i < fast.robots(); ++i) {
    const vm::Frame &one = slow.robot(0), &other = fast.robot(i);
    require(std::memcmp(one.output(), other.output(), a.output_bytes) == 0,
            "outputs are the same on every table");
    require(std::memcmp(one.data() + a.state, other.data() + a.state, a.state_bytes) == 0,
            "states are the same on every table");
  }
}

// Asking a virtual machine what its CPU can do takes as long as a small program.
inline const std::vector<const kernels::KernelTable*>& faster_tables() {
  static const std::vector<const kernels::KernelTable*> tables = [] {
    const kernels::KernelTable* all[16];
    const size_t count = kernels::available(all, 16);
    return std::vector(all + std::min<size_t>(1, count - 1), all + count);
  }();
  return tables;
}

// One robot on the scalar table, one or three on another.
inline void fly(const vm::Program& program, Choices& choices,
                const std::vector<const vm::AdapterProgram*>& adapters = {}) {
  Machine slow(program, kernels::kScalar, adapters, 1);
  Machine fast(program, *choices.one_of(faster_tables()), adapters, choices.one_in(4) ? 3 : 1);
  for (int i = 0; i < 3; ++i) {
    const auto inputs = odd_inputs(choices, slow.model().layout().input_bytes / 4);
    const bool finite = slow.tick(inputs);
    require(finite == fast.tick(inputs), "faults are the same on every table");
    require_same(slow, fast);
    check_actions(slow.model(), slow.robot(0), finite);
  }
  ++tally.accepted;
}

}  // namespace plasma::test
