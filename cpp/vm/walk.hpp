// SPDX-License-Identifier: Apache-2.0
// walk.hpp -- strided as the walk through its operand (ISA.md, section 2).
#pragma once

#include "kernels/kernels.hpp"
#include "vm/program.hpp"

namespace plasma::vm {

// Rule 9 for a strided; its operands are tensors of any shape.
Error check_walk(const Program& program, const Instruction& instruction, int32_t index) noexcept;

// The walk of a proven strided, with as few axes as it can be said with.
[[nodiscard]] kernels::Walk walk_of(const Program& program,
                                    const Instruction& instruction) noexcept;

// Does a proven strided take every element of its operand once?
[[nodiscard]] bool is_permutation(const Program& program, const Instruction& instruction) noexcept;

}  // namespace plasma::vm
