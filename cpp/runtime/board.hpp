// SPDX-License-Identifier: Apache-2.0
// board.hpp -- from work to time: what a cost unit takes on this board, and so how long a tick may.
#pragma once

#include "plasma_edge/runtime.hpp"
#include "vm/program.hpp"

namespace plasma::runtime {

// Microseconds of one tick of a base, or what the patches of an adapter add to it.
double bound_us(const Board& board, const vm::Program& base) noexcept;
double bound_us(const Board& board, const vm::AdapterProgram& adapter) noexcept;

}  // namespace plasma::runtime
