// SPDX-License-Identifier: Apache-2.0
// attention.cpp -- proves that the parts of q, k and v lie inside their tensors and fit each other.
#include "vm/attention.hpp"

#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

constexpr size_t kHeads = 0, kScale = 1, kFirstColumn = 2;  // immediates
constexpr size_t kMask = 3;                                 // operand

int to_int(uint64_t value) noexcept { return static_cast<int>(value); }

uint32_t heads_of(const Instruction& instruction) noexcept {
  return static_cast<uint32_t>(instruction.imm[kHeads]);
}

// Column and width lie inside the rows of operand k.
Error check_part(const Program& program, const Instruction& instruction, size_t k, uint64_t width,
                 int32_t index) noexcept {
  const Tensor& x = program.tensors[instruction.in[k]];
  if (x.dtype != DType::F32)
    return fail(Status::ProgShape, "operand is not f32: instruction", index);
  if (!is_whole(instruction.imm[kFirstColumn + k], 0, float{kMaxElements}))
    return fail(Status::ProgNumeric, "column of instruction", index);
  const uint64_t end = attention_column(instruction, k) + width;
  if (end > x.row())
    return fail_at_most(Status::ProgShape, "end of instruction", end, x.row(), index);
  return {};
}

Error check_mask(const Tensor& mask, uint64_t tokens, uint64_t keys, int32_t index) noexcept {
  if (mask.dtype != DType::F32)
    return fail(Status::ProgShape, "mask is not f32: instruction", index);
  if (mask.row() != keys)
    return fail_equal(Status::ProgShape, "mask of instruction", mask.row(), keys, index);
  if (mask.rows() != 1 && mask.rows() != tokens)
    return fail_equal(Status::ProgShape, "mask of instruction", mask.rows(), tokens, index);
  return {};
}

}  // namespace

uint32_t attention_column(const Instruction& instruction, size_t k) noexcept {
  return static_cast<uint32_t>(instruction.imm[kFirstColumn + k]);
}

kernels::Attention attention_of(const Program& program, const Instruction& instruction) noexcept {
  const auto in = [&](size_t k) -> const Tensor& { return program.tensors[instruction.in[k]]; };
  const Tensor& y = program.tensors[instruction.out];
  const bool has_mask_rows = instruction.n_in > kMask && in(kMask).rows() > 1;
  return {.tokens = to_int(y.rows()),
          .keys = to_int(in(1).rows()),
          .width = to_int(y.row()),
          .heads = to_int(heads_of(instruction)),
          .q_step = to_int(in(0).row()),
          .k_step = to_int(in(1).row()),
          .v_step = to_int(in(2).row()),
          .mask_step = has_mask_rows ? to_int(in(1).rows()) : 0,
          .scale = instruction.imm[kScale]};
}

Error check_attention(const Program& program, const Instruction& instruction,
                      int32_t index) noexcept {
  const auto in = [&](size_t k) -> const Tensor& { return program.tensors[instruction.in[k]]; };
  const Tensor& y = program.tensors[instruction.out];
  if (y.dtype != DType::F32)
    return fail(Status::ProgShape, "output is not f32: instruction", index);
  if (!is_whole(instruction.imm[kHeads], 1, float{kMaxElements}))
    return fail(Status::ProgNumeric, "heads of instruction", index);
  if (y.row() % heads_of(instruction) != 0)
    return fail(Status::ProgShape, "heads of instruction", index);
  for (size_t k = 0; k < kMask; ++k) {
    if (Error error = check_part(program, instruction, k, y.row(), index)) return error;
  }
  const uint64_t tokens = in(0).rows(), keys = in(1).rows();
  if (!y.has_rows_of(in(0)))
    return fail(Status::ProgShape, "output has not the rows of its operand: instruction", index);
  if (in(2).rows() != keys)
    return fail_equal(Status::ProgShape, "values of instruction", in(2).rows(), keys, index);
  // Each is at most 2^28, so their product cannot overflow; nor then can the cost.
  if (tokens * keys > kMaxElements)
    return fail_at_most(Status::ProgDims, "scores of instruction", tokens * keys, kMaxElements,
                        index);
  return instruction.n_in > kMask ? check_mask(in(kMask), tokens, keys, index) : Error{};
}

}  // namespace plasma::vm
