// SPDX-License-Identifier: Apache-2.0
// red_zones.hpp -- makes every byte of a frame or of the constants that belongs to no tensor and to
// no scratch a report of AddressSanitizer when it is touched. Nothing without that sanitizer.
#pragma once

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "vm/attention.hpp"
#include "vm/machine.hpp"
#include "vm/rules.hpp"

namespace plasma::test {

using Extent = std::pair<uint64_t, uint64_t>;  // begin, end

inline void poison_between(std::vector<Extent> parts, const uint8_t* block, uint64_t size) {
  std::sort(parts.begin(), parts.end());
  uint64_t end = 0;
  for (const Extent& part : parts) {
    if (part.first > end) ASAN_POISON_MEMORY_REGION(block + end, part.first - end);
    end = std::max(end, part.second);
  }
  if (size > end) ASAN_POISON_MEMORY_REGION(block + end, size - end);
}

inline void poison_frame(const vm::Program& program, const vm::Frame& frame,
                         const vm::FrameLayout& at) {
  const vm::Scratch scratch = vm::scratch_of(program);
  std::vector<Extent> parts;
  const auto own = [&](uint64_t begin, uint64_t bytes) {
    parts.emplace_back(begin, begin + bytes);
  };
  own(at.input, at.input_bytes);
  own(at.output, at.output_bytes);
  own(at.previous, at.output_bytes);
  own(at.state, at.state_bytes);
  own(at.next_state, at.state_bytes);
  own(at.quantized, scratch.quantized);
  own(at.image, scratch.image);
  own(at.lora_hidden, scratch.lora_hidden);
  own(at.lora_quantized, scratch.lora_quantized);
  own(at.scores, scratch.scores);
  for (const vm::Tensor& tensor : program.tensors) {
    if (tensor.storage == vm::Storage::Arena) own(at.arena + tensor.offset, tensor.bytes());
  }
  poison_between(parts, frame.data(), frame.size());
}

// The pads behind constants that are read as they are; int8 weights are packed, each table its way.
inline void poison_constants(const vm::Program& program, const vm::Model& model) {
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const vm::Instruction& instruction = program.instructions[i];
    for (size_t k = 0; k < instruction.n_in; ++k) {
      const vm::Tensor& tensor = program.tensors[instruction.in[k]];
      const vm::Operand& operand = model.ops()[i].x[k];
      if (!operand.is_constant || tensor.dtype == vm::DType::I8) continue;
      const bool is_part = instruction.opcode == vm::Opcode::Attention && k < 3;
      const uint64_t begin =
          operand.offset - (is_part ? 4 * uint64_t{vm::attention_column(instruction, k)} : 0);
      const uint64_t end = begin + tensor.elements() * 4;
      ASAN_POISON_MEMORY_REGION(model.constants() + end, align_up(end) - end);
    }
  }
}

}  // namespace plasma::test
