// SPDX-License-Identifier: Apache-2.0
// rules.hpp -- the validator's rules, one function each, in the order validate() applies them.
//
// Each needs those before it: check_shapes may index what check_operands_exist proved, and so on.
#pragma once

#include "vm/program.hpp"

namespace plasma::vm {

Error check_operands_exist(const Program& program) noexcept;  // 2: operand indices name tensors
Error check_regions(const Program& program) noexcept;         // 4, 5: offsets, bounds, packing
Error check_io(const Program& program) noexcept;              // 13
Error check_safe(const Program& program) noexcept;            // 14
Error check_dataflow(const Program& program) noexcept;        // 7, 8
Error check_shapes(const Program& program) noexcept;          // 9, 12
Error check_constants(const Program& program) noexcept;       // 6, 11
Error check_arena(const Program& program) noexcept;           // 10
Error check_slots(const Program& program) noexcept;           // 15

// Shared by constants of a base and of an adapter (11).
Error check_weights(Bytes weights, const char* what, int32_t index) noexcept;
Error check_scales(Bytes scales, const char* what, int32_t index) noexcept;
Error check_finite(Bytes floats, const char* what, int32_t index) noexcept;

// A whole number from `least` to `most`, and not -0.
[[nodiscard]] bool is_whole(float value, float least, float most) noexcept;

// The bytes of what a frame holds for kernels: what is quantised at a time, the largest padded
// image, the hidden vectors of adapters and the scores of an attention.
struct Scratch {
  uint64_t quantized = 0;
  uint64_t image = 0;  // of a conv2d, padded
  uint64_t lora_hidden = 0;
  uint64_t lora_quantized = 0;
  uint64_t scores = 0;
};
Scratch scratch_of(const Program& program) noexcept;

uint64_t cost_of(const Program& program, const Instruction& instruction) noexcept;  // in units
Certificate certify(const Program& program) noexcept;
Certificate certify_adapter(const Program& base, const AdapterProgram& adapter) noexcept;

}  // namespace plasma::vm
