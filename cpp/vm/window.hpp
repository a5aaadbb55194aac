// SPDX-License-Identifier: Apache-2.0
// window.hpp -- conv2d, max_pool2d and avg_pool2d as the window that slides over their image.
//
// The image and y are [height, width, channels]; the kernel's size is that of the weights of a
// conv2d and an immediate of a pool (ISA.md, section 2).
#pragma once

#include "kernels/kernels.hpp"
#include "vm/program.hpp"

namespace plasma::vm {

[[nodiscard]] bool has_window(Opcode opcode) noexcept;

// Rules 9 and 12 for one of these instructions; its operands are tensors of any shape.
Error check_window(const Program& program, const Instruction& instruction, int32_t index) noexcept;

// Of an instruction for which these rules hold.
[[nodiscard]] kernels::Window window_of(const Program& program,
                                        const Instruction& instruction) noexcept;

}  // namespace plasma::vm
