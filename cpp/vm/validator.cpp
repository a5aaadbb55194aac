// SPDX-License-Identifier: Apache-2.0
// validator.cpp -- proves that a program may run: every
// rule of ISA.md section 3, once, before the first tick.
//
// It trusts nobody: a signature says who made a program, not that it is sound.
#include <cstring>
#include <limits>

#include "vm/fp_env.hpp"
#include "vm/parse.hpp"
#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();

Error parse(const Image& image, Program& program) noexcept {
  program.image = image;
  if (Error error = parse_instructions(image.prog, program.instructions)) return error;
  if (Error error = parse_tensors(image.tens, program.tensors)) return error;
  if (Error error = parse_io(image.io, program.io)) return error;
  if (Error error = parse_slots(image.slots, program.slots)) return error;
  return parse_safe(image.safe, program.safe);
}

Error check_region(const Tensor& tensor, int32_t index, uint64_t region_bytes) noexcept {
  const uint64_t end = tensor.offset + tensor.bytes();
  if (end > region_bytes)
    return fail_at_most(Status::ProgBounds, "end of tensor", end, region_bytes, index);
  return {};
}

bool same_text(const std::array<char, 32>& a, const std::array<char, 32>& b) noexcept {
  return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

Error check_io_record(const Program& program, size_t index) noexcept {
  const Io& io = program.io[index];
  const auto where = static_cast<int32_t>(index);
  if (io.tensor >= program.tensors.size()) {
    return fail_at_most(Status::ProgIo, "tensor of io", io.tensor, program.tensors.size() - 1,
                        where);
  }
  const Tensor& tensor = program.tensors[io.tensor];
  const Storage storage = io.is_output ? Storage::Output : Storage::Input;
  if (tensor.storage != storage || tensor.dtype != io.dtype || tensor.rank != io.rank ||
      tensor.dims != io.dims) {
    return fail(Status::ProgIo, "io differs from its tensor: io", where);
  }
  const bool dtype_fits = io.dtype == DType::F32 || (io.is_output && io.dtype == DType::I32);
  if (!dtype_fits) return fail(Status::ProgIo, "dtype of io", where);
  for (size_t other = 0; other < index; ++other) {
    if (same_text(program.io[other].name, io.name))
      return fail(Status::ProgIo, "name used twice: io", where);
  }
  return {};
}

uint32_t word_at(Bytes words, uint32_t index) noexcept {
  ByteReader reader(words.subspan(size_t{index} * 4, 4));
  return reader.u32();
}

float float_at(Bytes words, uint32_t index) noexcept {
  ByteReader reader(words.subspan(size_t{index} * 4, 4));
  return reader.f32();
}

// The comparisons are written so that a NaN fails them.
Error check_safe_values(const Safe& safe, DType dtype, int32_t index) noexcept {
  for (uint32_t i = 0; i < safe.n; ++i) {
    if (dtype == DType::F32) {
      const float low = float_at(safe.low, i);
      const float high = float_at(safe.high, i);
      const float action = float_at(safe.safe, i);
      const bool finite = low >= -kLargest && high <= kLargest;
      if (!finite || !(low <= action && action <= high))
        return fail(Status::ProgSafe, "limits of io", index);
      const float delta = float_at(safe.max_delta, i);
      if (!(delta >= 0 && delta <= kLargest))
        return fail(Status::ProgSafe, "max_delta of io", index);
    } else {
      const auto low = static_cast<int32_t>(word_at(safe.low, i));
      const auto high = static_cast<int32_t>(word_at(safe.high, i));
      const auto action = static_cast<int32_t>(word_at(safe.safe, i));
      if (!(low <= action && action <= high)) return fail(Status::ProgSafe, "limits of io", index);
      if (word_at(safe.max_delta, i) != 0) return fail(Status::ProgSafe, "max_delta of io", index);
    }
  }
  return {};
}

}  // namespace

Error check_operands_exist(const Program& program) noexcept {
  const size_t count = program.tensors.size();
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    const auto index = static_cast<int32_t>(i);
    for (size_t k = 0; k < instruction.n_in; ++k) {
      if (instruction.in[k] >= count) {
        return fail_at_most(Status::ProgArity, "operand", instruction.in[k], count - 1, index);
      }
    }
    if (instruction.out >= count)
      return fail_at_most(Status::ProgArity, "output", instruction.out, count - 1, index);
  }
  return {};
}

Error check_regions(const Program& program) noexcept {
  uint64_t packed_end[5] = {};
  for (size_t i = 0; i < program.tensors.size(); ++i) {
    const Tensor& tensor = program.tensors[i];
    const auto index = static_cast<int32_t>(i);
    const uint32_t unit = tensor.storage == Storage::Const ? 64 : 4;
    if (tensor.offset % unit != 0) {
      return fail_equal(Status::ProgBounds, "alignment of tensor", tensor.offset % unit, 0, index);
    }
    switch (tensor.storage) {
      case Storage::Const:
        if (Error error = check_region(tensor, index, program.image.constants(tensor.dtype).size()))
          return error;
        break;
      case Storage::Arena:
        if (Error error = check_region(tensor, index, UINT32_MAX)) return error;
        break;
      default: {
        uint64_t& end = packed_end[static_cast<size_t>(tensor.storage)];
        if (tensor.offset != end)
          return fail_equal(Status::ProgBounds, "offset of tensor", tensor.offset, end, index);
        end += tensor.bytes();
        if (end > UINT32_MAX)
          return fail_at_most(Status::ProgBounds, "end of tensor", end, UINT32_MAX, index);
      }
    }
  }
  return {};
}

Error check_io(const Program& program) noexcept {
  uint32_t previous[2] = {};  // last tensor seen + 1, for inputs and outputs
  uint32_t count[2] = {};
  for (size_t i = 0; i < program.io.size(); ++i) {
    const Io& io = program.io[i];
    if (Error error = check_io_record(program, i)) return error;
    if (!io.is_output && count[1] > 0)
      return fail(Status::ProgIo, "input after an output: io", static_cast<int32_t>(i));
    const size_t side = io.is_output ? 1 : 0;
    if (io.tensor < previous[side])
      return fail(Status::ProgIo, "order of io", static_cast<int32_t>(i));
    previous[side] = io.tensor + 1u;
    ++count[side];
  }
  uint32_t tensors[2] = {};
  for (const Tensor& tensor : program.tensors) {
    if (tensor.storage == Storage::Input) ++tensors[0];
    if (tensor.storage == Storage::Output) ++tensors[1];
  }
  for (size_t side = 0; side < 2; ++side) {
    if (count[side] != tensors[side] || count[side] == 0) {
      return fail_equal(Status::ProgIo, side == 0 ? "inputs" : "outputs", count[side],
                        tensors[side]);
    }
  }
  return {};
}

Error check_safe(const Program& program) noexcept {
  size_t next = 0;
  for (size_t i = 0; i < program.io.size(); ++i) {
    const Io& io = program.io[i];
    if (!io.is_actuator) continue;
    const auto index = static_cast<int32_t>(i);
    if (next == program.safe.size()) return fail(Status::ProgSafe, "no record for io", index);
    const Safe& safe = program.safe[next++];
    if (safe.io_index != i) return fail_equal(Status::ProgSafe, "io of record", safe.io_index, i);
    const uint64_t elements = program.tensors[io.tensor].elements();
    if (safe.n != elements)
      return fail_equal(Status::ProgSafe, "elements of io", safe.n, elements, index);
    if (Error error = check_safe_values(safe, io.dtype, index)) return error;
  }
  if (next != program.safe.size())
    return fail_equal(Status::ProgSafe, "records", program.safe.size(), next);
  return {};
}

Error check_slots(const Program& program) noexcept {
  int32_t previous = -1;
  for (size_t i = 0; i < program.slots.size(); ++i) {
    const Slot& slot = program.slots[i];
    const auto index = static_cast<int32_t>(i);
    if (slot.op_index <= previous || slot.op_index >= program.instructions.size()) {
      return fail(Status::ProgSlot, "op_index of slot", index);
    }
    previous = slot.op_index;
    const Instruction& instruction = program.instructions[slot.op_index];
    if (instruction.opcode != Opcode::Linear) return fail(Status::ProgSlot, "slot", index);
    const Tensor& weights = program.tensors[instruction.in[1]];
    if (slot.out != weights.dims[0])
      return fail_equal(Status::ProgSlot, "out of slot", slot.out, weights.dims[0], index);
    if (slot.in != weights.dims[1])
      return fail_equal(Status::ProgSlot, "in of slot", slot.in, weights.dims[1], index);
    if (slot.max_rank < 1) return fail_at_least(Status::ProgSlot, "max_rank of slot", 0, 1, index);
    if (slot.max_rank > kMaxRank)
      return fail_at_most(Status::ProgSlot, "max_rank of slot", slot.max_rank, kMaxRank, index);
    if (slot.in > kMaxDotTerms)
      return fail_at_most(Status::ProgAccumulator, "in of slot", slot.in, kMaxDotTerms, index);
  }
  return {};
}

Error validate(const Image& image, Program& program) noexcept {
  const DefaultFpMode pinned;  // or denormals would compare as zeros on some hosts
  if (Error error = parse(image, program)) return error;
  constexpr Error (*kRules[])(const Program&) noexcept = {
      check_operands_exist, check_regions,   check_io,    check_safe,  check_dataflow,
      check_shapes,         check_constants, check_arena, check_slots,
  };
  for (auto rule : kRules) {
    if (Error error = rule(program)) return error;
  }
  program.certificate = certify(program);
  return {};
}

}  // namespace plasma::vm
