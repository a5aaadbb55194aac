// SPDX-License-Identifier: Apache-2.0
// certificate.cpp -- what one tick needs, computed from the
// program alone (ISA.md, section 4). There is no second formula.
#include <algorithm>

#include "base/aligned_buffer.hpp"
#include "vm/attention.hpp"
#include "vm/rules.hpp"
#include "vm/window.hpp"

namespace plasma::vm {
namespace {

constexpr uint64_t kOpCost = 500;
constexpr uint64_t kQuantCost = 13;  // per element of x
constexpr uint64_t kF32MacCost = 4;
constexpr uint64_t kRowCost = 8;     // dequantise, bias, store
constexpr uint64_t kPoolCost = 6;    // per pixel and channel
constexpr uint64_t kScoreCost = 64;  // its sum, mask and softmax

uint64_t round_up(uint64_t n, uint64_t unit) noexcept { return (n + unit - 1) / unit * unit; }

uint64_t u64(int value) noexcept { return static_cast<uint64_t>(value); }

uint64_t conv_macs(const Program& program, const Instruction& instruction) noexcept {
  const kernels::Window v = window_of(program, instruction);
  return program.tensors[instruction.out].elements() * u64(v.kernel_height) * u64(v.kernel_width) *
         u64(v.channels / v.groups);
}

// Kernels work on blocks of sixteen rows of a group and four channels, filled or not.
uint64_t conv_cost(const Program& program, const Instruction& instruction) noexcept {
  const kernels::Window v = window_of(program, instruction);
  const uint64_t outputs = program.tensors[instruction.out].elements();
  const uint64_t rows = u64(v.groups) * round_up(u64(v.out_channels / v.groups), 16);
  const uint64_t terms =
      u64(v.kernel_height) * u64(v.kernel_width) * round_up(u64(v.channels / v.groups), 4);
  return kOpCost + kQuantCost * program.tensors[instruction.in[0]].elements() +
         kernels::image_bytes(v) + u64(v.out_height) * u64(v.out_width) * rows * terms +
         kRowCost * outputs;
}

uint64_t pool_cost(const Program& program, const Instruction& instruction) noexcept {
  const kernels::Window v = window_of(program, instruction);
  const uint64_t taps = u64(v.kernel_height) * u64(v.kernel_width);
  return kOpCost + kPoolCost * (taps * program.tensors[instruction.out].elements() +
                                program.tensors[instruction.in[0]].elements());
}

// How many elements an instruction without a formula of its own works on. Rows are reduced in
// sixteens, and then these; an index is worth two elements.
uint64_t counted(const Program& program, const Instruction& instruction) noexcept {
  const uint64_t y = program.tensors[instruction.out].elements();
  switch (instruction.opcode) {
    case Opcode::Argmax: return program.tensors[instruction.in[0]].elements();
    case Opcode::ReduceSum:
    case Opcode::ReduceMean:
    case Opcode::ReduceMax:
      return y * (round_up(program.tensors[instruction.in[0]].elements() / y, 16) + 16);
    case Opcode::TopK: return program.tensors[instruction.in[0]].elements() * (y + 1);
    case Opcode::Gather: return y + 2 * program.tensors[instruction.in[1]].elements();
    default: return y;
  }
}

// Vectors that a `linear` takes, and those it takes at a time.
uint64_t tokens_of(const Program& program, const Instruction& linear) noexcept {
  return program.tensors[linear.out].rows();
}
uint64_t tokens_together(const Program& program, const Instruction& linear) noexcept {
  return std::min<uint64_t>(tokens_of(program, linear), kernels::kMaxTokens);
}

uint64_t linear_cost(const Program& program, const Instruction& instruction) noexcept {
  const Tensor& w = program.tensors[instruction.in[1]];
  const uint64_t rows = w.dims[0], cols = w.dims[1];
  const uint64_t dots = w.dtype == DType::I8 ? kQuantCost * cols + rows * cols
                                             : kF32MacCost * rows * round_up(cols, 16);
  return kOpCost + tokens_of(program, instruction) * (dots + kRowCost * rows);
}

// Every score is a product of width / heads terms, and weighs as many values.
uint64_t attention_macs(const kernels::Attention& a) noexcept {
  return 2 * u64(a.tokens) * u64(a.keys) * u64(a.width);
}

uint64_t attention_cost(const kernels::Attention& a) noexcept {
  return kOpCost + kF32MacCost * attention_macs(a) +
         kScoreCost * u64(a.heads) * u64(a.tokens) * u64(a.keys);
}

}  // namespace

uint64_t cost_of(const Program& program, const Instruction& instruction) noexcept {
  if (instruction.opcode == Opcode::Linear) return linear_cost(program, instruction);
  if (instruction.opcode == Opcode::Attention)
    return attention_cost(attention_of(program, instruction));
  if (instruction.opcode == Opcode::Conv2d) return conv_cost(program, instruction);
  if (has_window(instruction.opcode)) return pool_cost(program, instruction);
  const OpcodeRow* row = find_opcode(static_cast<uint16_t>(instruction.opcode));
  return kOpCost + row->cost * counted(program, instruction);
}

Scratch scratch_of(const Program& program) noexcept {
  Scratch scratch;
  for (const Instruction& instruction : program.instructions) {
    if (instruction.opcode == Opcode::Conv2d) {
      scratch.image =
          std::max<uint64_t>(scratch.image, kernels::image_bytes(window_of(program, instruction)));
    }
    if (instruction.opcode == Opcode::Attention) {
      const kernels::Attention a = attention_of(program, instruction);
      scratch.scores = std::max(scratch.scores, 4 * u64(a.heads) * u64(a.keys));
    }
    if (instruction.opcode != Opcode::Linear) continue;
    const Tensor& w = program.tensors[instruction.in[1]];
    if (w.dtype != DType::I8) continue;
    const uint64_t together = tokens_together(program, instruction);
    scratch.quantized = std::max(scratch.quantized, together * align_up(w.dims[1]));
  }
  for (const Slot& slot : program.slots) {
    const uint64_t together = tokens_together(program, program.instructions[slot.op_index]);
    scratch.quantized = std::max(scratch.quantized, together * align_up(slot.in));
    scratch.lora_hidden = std::max(scratch.lora_hidden, together * 4 * slot.max_rank);
    scratch.lora_quantized = std::max(scratch.lora_quantized, together * align_up(slot.max_rank));
  }
  return scratch;
}

Certificate certify(const Program& program) noexcept {
  Certificate certificate;
  uint64_t inputs = 0, outputs = 0, arena = 0;
  for (const Tensor& tensor : program.tensors) {
    switch (tensor.storage) {
      case Storage::Input: inputs += tensor.bytes(); break;
      case Storage::Output: outputs += tensor.bytes(); break;
      case Storage::Arena: arena = std::max(arena, tensor.offset + tensor.bytes()); break;
      case Storage::State: certificate.state_bytes += tensor.bytes(); break;
      case Storage::Const: break;
    }
  }
  for (const Instruction& instruction : program.instructions) {
    certificate.cost_units += cost_of(program, instruction);
    if (instruction.opcode == Opcode::Linear) {
      certificate.macs +=
          tokens_of(program, instruction) * program.tensors[instruction.in[1]].elements();
    }
    if (instruction.opcode == Opcode::Attention)
      certificate.macs += attention_macs(attention_of(program, instruction));
    if (instruction.opcode == Opcode::Conv2d) certificate.macs += conv_macs(program, instruction);
  }
  const Scratch scratch = scratch_of(program);
  certificate.arena_bytes = align_up(inputs) + 2 * align_up(outputs) + align_up(arena) +
                            align_up(scratch.quantized) + align_up(scratch.image) +
                            align_up(scratch.lora_hidden) + align_up(scratch.lora_quantized) +
                            align_up(scratch.scores);
  const Image& image = program.image;
  certificate.const_bytes = image.const_i8.size() + image.const_f16.size() +
                            image.const_f32.size() + image.const_i32.size();
  return certificate;
}

Certificate certify_adapter(const Program& base, const AdapterProgram& adapter) noexcept {
  Certificate certificate;
  certificate.const_bytes = adapter.image.constants.size();
  for (const Patch& patch : adapter.patches) {
    const Slot& slot = base.slots[patch.slot];
    const Instruction& linear = base.instructions[slot.op_index];
    const bool base_is_float = base.tensors[linear.in[1]].dtype != DType::I8;
    const uint64_t rank = patch.rank;
    const uint64_t tokens = tokens_of(base, linear);
    const uint64_t macs = rank * (uint64_t{slot.in} + slot.out);
    certificate.macs += tokens * macs;
    certificate.cost_units +=
        kOpCost + tokens * (macs + kQuantCost * rank + kRowCost * (rank + slot.out) +
                            (base_is_float ? kQuantCost * slot.in : 0) +
                            (patch.bias != kNoBias ? 4 * uint64_t{slot.out} : 0));
  }
  return certificate;
}

}  // namespace plasma::vm
