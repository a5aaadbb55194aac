// SPDX-License-Identifier: Apache-2.0
// attention.hpp -- attention as the rows and columns of its operands (ISA.md, section 2).
#pragma once

#include "kernels/kernels.hpp"
#include "vm/program.hpp"

namespace plasma::vm {

// Rule 9 for an attention; its operands are tensors of any shape.
Error check_attention(const Program& program, const Instruction& instruction,
                      int32_t index) noexcept;

// Of an instruction for which this rule holds.
[[nodiscard]] kernels::Attention attention_of(const Program& program,
                                              const Instruction& instruction) noexcept;

// The columns of operand `k`, one of q, k and v, at which its part begins.
[[nodiscard]] uint32_t attention_column(const Instruction& instruction, size_t k) noexcept;

}  // namespace plasma::vm
