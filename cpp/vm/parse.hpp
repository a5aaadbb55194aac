// SPDX-License-Identifier: Apache-2.0
// parse.hpp -- bytes to records, each checked on its own
// (ISA.md rules 1 to 3). Relations come in validator.cpp.
#pragma once

#include "vm/program.hpp"

namespace plasma::vm {

Error parse_instructions(Bytes bytes, std::vector<Instruction>& instructions) noexcept;
Error parse_tensors(Bytes bytes, std::vector<Tensor>& tensors) noexcept;
Error parse_io(Bytes bytes, std::vector<Io>& io) noexcept;
Error parse_slots(Bytes bytes, std::vector<Slot>& slots) noexcept;
Error parse_safe(Bytes bytes, std::vector<Safe>& safe) noexcept;
Error parse_patches(Bytes bytes, std::vector<Patch>& patches) noexcept;

}  // namespace plasma::vm
