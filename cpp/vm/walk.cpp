// SPDX-License-Identifier: Apache-2.0
// walk.cpp -- reads the walk of an instruction and proves that it stays inside its operand.
//
// An index is largest where every axis with a positive stride is at its end, and least where every
// other one is: two corners stand for all. With |stride| <= 2^24 and sizes <= 2^28 nothing here
// overflows.
#include "vm/walk.hpp"

#include <cmath>

namespace plasma::vm {
namespace {

constexpr float kMaxImmediate = 0x1p24f;  // every whole number up to it is an f32

struct Axis {
  int64_t size, stride;
};

// The four axes of y, padded with ones on the left.
std::array<Axis, 4> axes_of(const Tensor& y, const Instruction& instruction) noexcept {
  std::array<Axis, 4> axes{};
  const size_t missing = 4u - y.rank;
  for (size_t i = 0; i < 4; ++i) {
    axes[i] = {i < missing ? 1 : y.dims[i - missing], static_cast<int64_t>(instruction.imm[i + 1])};
  }
  return axes;
}

// Whole, small, and not -0.
bool is_whole(float value) noexcept {
  return std::fabs(value) <= kMaxImmediate && value == std::trunc(value) &&
         !(value == 0 && std::signbit(value));
}

}  // namespace

Error check_walk(const Program& program, const Instruction& instruction, int32_t index) noexcept {
  const Tensor& x = program.tensors[instruction.in[0]];
  const Tensor& y = program.tensors[instruction.out];
  if (x.dtype != DType::F32 || y.dtype != DType::F32)
    return fail(Status::ProgShape, "operand is not f32: instruction", index);
  for (size_t i = 0; i < 5; ++i) {
    if (!is_whole(instruction.imm[i]))
      return fail(Status::ProgNumeric, "walk of instruction", index);
  }
  int64_t least = static_cast<int64_t>(instruction.imm[0]);
  int64_t most = least;
  for (const Axis& axis : axes_of(y, instruction)) {
    (axis.stride < 0 ? least : most) += axis.stride * (axis.size - 1);
  }
  if (least < 0) return fail(Status::ProgShape, "begins before its operand: instruction", index);
  const auto last = static_cast<int64_t>(x.elements()) - 1;
  if (most > last)
    return fail_at_most(Status::ProgShape, "last index of instruction", static_cast<uint64_t>(most),
                        static_cast<uint64_t>(last), index);
  return {};
}

kernels::Walk walk_of(const Program& program, const Instruction& instruction) noexcept {
  kernels::Walk walk{static_cast<ptrdiff_t>(instruction.imm[0]), {1, 1, 1, 1}, {0, 0, 0, 0}};
  size_t at = 4;  // filled from the last axis on
  const std::array<Axis, 4> axes = axes_of(program.tensors[instruction.out], instruction);
  for (size_t i = 4; i-- > 0;) {
    const auto size = static_cast<size_t>(axes[i].size);
    const auto stride = static_cast<ptrdiff_t>(axes[i].stride);
    if (size == 1) continue;
    // Where the axis inside it ends, this one goes on: they are one.
    if (at < 4 && stride == walk.stride[at] * static_cast<ptrdiff_t>(walk.size[at])) {
      walk.size[at] *= size;
      continue;
    }
    --at;
    walk.size[at] = size;
    walk.stride[at] = stride;
  }
  return walk;
}

// So it is where the strides are those of a dense array, whatever the order of its axes. It begins
// at 0 then, or it would leave its operand; axes that walk_of did not need have a stride of 0.
bool is_permutation(const Program& program, const Instruction& instruction) noexcept {
  const kernels::Walk walk = walk_of(program, instruction);
  size_t covered = 1;
  for (int round = 0; round < 4; ++round) {
    for (size_t axis = 0; axis < 4; ++axis) {
      if (walk.stride[axis] == static_cast<ptrdiff_t>(covered)) {
        covered *= walk.size[axis];
        break;
      }
    }
  }
  return covered == program.tensors[instruction.in[0]].elements() &&
         covered == program.tensors[instruction.out].elements();
}

}  // namespace plasma::vm
