// SPDX-License-Identifier: Apache-2.0
// machine.hpp -- a proven program made ready to run: Model (the base), AdapterSet (what is resident
// beside it), Plan (the base and the adapters that are on), Frame (one robot's memory).
//
// Blueprint, constants and working memory are apart, so one Model serves many Frames and a new Plan
// can be built while the old one flies. All addresses are offsets into a Frame or into the
// constants; the validator proved each of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "kernels/kernels.hpp"
#include "vm/program.hpp"

namespace plasma::vm {

// Where the parts of a Frame begin, in bytes.
struct FrameLayout {
  uint32_t input = 0, output = 0, arena = 0, state = 0, next_state = 0, previous = 0;
  uint32_t quantized = 0, image = 0, lora_hidden = 0, lora_quantized = 0, scores = 0;
  uint32_t size = 0;
  uint32_t input_bytes = 0, output_bytes = 0, state_bytes = 0;
};

struct Operand {
  uint32_t offset = 0;
  int32_t count = 0;
  bool is_constant = false;
};

// A patch of an adapter, resolved: y += c * B (A x), then y += gain * bias.
struct Lora {
  const int8_t* a = nullptr;
  const float* a_scale = nullptr;
  const int8_t* b = nullptr;
  const float* b_scale = nullptr;
  const float* bias = nullptr;  // null: none
  int32_t rank = 0;
  float c = 0;
  float gain = 0;
};

// One instruction. The activation behind it may be part of it, and is then no opcode itself.
struct Op {
  Opcode opcode{};
  Opcode then{};             // that activation, or none
  bool knows_range = false;  // of x[0]: it is the one measured last
  bool is_i8 = false;
  uint8_t n_in = 0;
  bool is_i32 = false;  // the index of a gather
  float imm = 0;
  Operand x[8];
  Operand y;
  uint32_t scale_offset = 0;  // of the row scales of i8 weights, in the constants
  uint32_t window = 0;        // of a conv2d or a pool, among the model's
  uint32_t walk = 0;          // of a strided, among the model's
  uint32_t attention = 0;     // likewise
  int32_t rows = 1;           // those of x that are taken one by one, or those of a gather's table
  uint32_t stream = 0;        // of random numbers: the index of the instruction
  uint16_t slot = kNone;      // where patches attach
};

// One float or int32 output and, when it drives an
// actuator, its limits (offsets into the constants).
struct OutputSpec {
  uint32_t offset = 0;
  int32_t count = 0;
  bool is_f32 = false;
  bool is_actuator = false;
  bool is_rate_limited = false;
  uint32_t low = 0, high = 0, max_delta = 0, safe = 0;
};

// The base: resolved instructions and one block of constants,
// repacked for a kernel table, in order of execution.
class Model {
 public:
  // Nothing points into `program` afterwards. MemoryCap when the repacked constants are larger than
  // `max_bytes`: rows are padded, so narrow matrices grow.
  static Error build(const Program& program, const kernels::KernelTable& table, uint64_t max_bytes,
                     Model& model) noexcept;

  [[nodiscard]] const kernels::KernelTable& table() const noexcept { return *table_; }
  [[nodiscard]] std::span<const Op> ops() const noexcept { return ops_; }
  [[nodiscard]] const FrameLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::span<const kernels::Window> windows() const noexcept { return windows_; }
  [[nodiscard]] std::span<const kernels::Walk> walks() const noexcept { return walks_; }
  [[nodiscard]] std::span<const kernels::Attention> attentions() const noexcept {
    return attentions_;
  }
  [[nodiscard]] std::span<const OutputSpec> outputs() const noexcept { return outputs_; }
  [[nodiscard]] const uint8_t* constants() const noexcept { return constants_.data(); }
  [[nodiscard]] size_t slot_count() const noexcept { return slot_count_; }
  [[nodiscard]] bool lock_memory() const noexcept { return constants_.lock(); }

 private:
  friend class ModelBuilder;
  const kernels::KernelTable* table_ = nullptr;
  AlignedBuffer constants_;
  std::vector<Op> ops_;
  std::vector<kernels::Window> windows_;
  std::vector<kernels::Walk> walks_;
  std::vector<kernels::Attention> attentions_;
  std::vector<OutputSpec> outputs_;
  FrameLayout layout_;
  size_t slot_count_ = 0;
};

// An adapter repacked for a kernel table; offsets into its own block.
class AdapterModel {
 public:
  struct Part {
    uint16_t slot = 0;
    int32_t rank = 0;
    float scale = 0;
    uint32_t a = 0, a_scale = 0, b = 0, b_scale = 0, bias = kNoBias;
  };

  static Error build(const Program& base, const AdapterProgram& adapter,
                     const kernels::KernelTable& table, uint64_t max_bytes,
                     AdapterModel& model) noexcept;

  [[nodiscard]] std::span<const Part> parts() const noexcept { return parts_; }
  [[nodiscard]] Bytes block() const noexcept { return block_.bytes(); }

 private:
  std::vector<Part> parts_;
  AlignedBuffer block_;
};

// The adapters resident beside a model: their patches slot by slot, within a slot in ascending
// order of content digest, and a copy of their constants, so that an adapter may be dropped while
// its patches still fly.
class AdapterSet {
 public:
  struct Patch {
    uint16_t slot = 0;
    uint16_t adapter = 0;  // its place among those given to build()
    float scale = 0;
    Lora lora;  // without gain
  };

  // `adapters` in ascending order of content digest.
  static Error build(std::span<const AdapterModel* const> adapters, AdapterSet& set) noexcept;

  [[nodiscard]] std::span<const Patch> patches() const noexcept { return patches_; }
  [[nodiscard]] bool lock_memory() const noexcept { return block_.lock(); }

 private:
  std::vector<Patch> patches_;
  AlignedBuffer block_;
};

// What one tick runs: a model and the patches that are on.
class Plan {
 public:
  // All adapters are off. Both must outlive the plan.
  Plan(const Model& model, const AdapterSet& set) noexcept;

  // A gain for each adapter of the set; those with gain 0 are left out. Allocates nothing.
  void mix(std::span<const float> gains) noexcept;

  [[nodiscard]] const Model& model() const noexcept { return *model_; }
  [[nodiscard]] std::span<const Op> ops() const noexcept { return model_->ops(); }
  [[nodiscard]] std::span<const Lora> patches(uint16_t slot) const noexcept {
    return {loras_.data() + begins_[slot], loras_.data() + begins_[slot + 1]};
  }

 private:
  const Model* model_;
  const AdapterSet* set_;
  std::vector<Lora> loras_;
  std::vector<uint32_t> begins_;  // of each slot's patches; then the end of the last
};

// Working memory of one control loop: inputs, outputs, temporaries, state and scratch in one block.
class Frame {
 public:
  Error allocate(const Model& model) noexcept;
  // Zeroes the state and the count of ticks, and forgets the previous action.
  void reset() noexcept;

  [[nodiscard]] uint8_t* input() const noexcept { return block_.data() + layout_.input; }
  [[nodiscard]] const uint8_t* output() const noexcept { return block_.data() + layout_.output; }
  [[nodiscard]] uint8_t* data() const noexcept { return block_.data(); }
  [[nodiscard]] size_t size() const noexcept { return block_.size(); }
  [[nodiscard]] bool lock_memory() const noexcept { return block_.lock(); }

  bool has_previous = false;
  uint64_t seed = 0;   // of what uniform and normal draw
  uint64_t ticks = 0;  // since reset, faults as well
  // Within a tick: of its inputs, then of a layer's results.
  mutable kernels::Range measured = {};

 private:
  FrameLayout layout_;
  AlignedBuffer block_;
};

// Runs one tick (ISA.md, section 5): reads frame.input(), writes frame.output(). False on a fault:
// the outputs are then the safe action. No allocation, lock or system call.
[[nodiscard]] bool tick(const Plan& plan, Frame& frame) noexcept;

// The same for many frames, with the same bits. peaks[i]: the largest exponent that frame i saw;
// above kernels::kMaxFinite it was a fault.
void tick(const Plan& plan, std::span<Frame> frames, uint32_t* peaks) noexcept;

// One evaluation with a look at the clock before each instruction and after the last: times holds
// one value more than there are instructions. It commits nothing.
using Clock = uint64_t (*)() noexcept;
void profile(const Plan& plan, const Frame& frame, Clock now, uint64_t* times) noexcept;

// The halves of a tick, each behind an opaque call so that
// no arithmetic leaves the pinned floating-point mode.
[[nodiscard]] bool evaluate(const Plan& plan, const Frame& frame) noexcept;
void evaluate(const Plan& plan, std::span<const Frame> frames, uint32_t* peaks) noexcept;
void evaluate(const Plan& plan, const Frame& frame, Clock now, uint64_t* times) noexcept;
void limit_actions(const Model& model, Frame& frame, bool fault) noexcept;
[[nodiscard]] float fold_gain(float gain, float scale) noexcept;

}  // namespace plasma::vm
