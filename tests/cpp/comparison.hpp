// SPDX-License-Identifier: Apache-2.0
// comparison.hpp -- a program on a kernel table against reference_machine.hpp: the same bits and
// the same faults, for ordinary inputs and for those that are not.
#pragma once

#include "machine_rig.hpp"
#include "reference_machine.hpp"

namespace plasma::test {

constexpr int kKindsOfInputs = 8;

inline Floats draw_inputs(Dice& dice, size_t n, int kind) {
  Floats x = dice.floats(n, kind == 3 ? 3e38f : 3);
  if (kind == 4) x.assign(n, -0.0f);
  if (kind == 5) std::fill_n(x.begin(), dice.below(n), 0x1p-101f);
  if (kind == 6) x[dice.below(n)] = -INFINITY;
  if (kind == 7) x[dice.below(n)] = std::nanf("");
  return x;
}

inline void compare(const ProgramBuilder& program, const kernels::KernelTable& table,
                    const std::vector<Rig::Adapter>& adapters = {}) {
  Rig rig(program, table);
  rig.attach(adapters);
  std::vector<ReferenceMachine::Adapter> same;
  for (const Rig::Adapter& one : adapters) same.push_back({one.builder, one.gain});
  ReferenceMachine reference(program, same);
  Dice dice{5};
  for (int i = 0; i < kKindsOfInputs; ++i) {
    CAPTURE(i);
    const Floats x = draw_inputs(dice, rig.input_count(), i);
    CHECK(rig.tick(x) == reference.tick(x));
    CHECK(rig.fault == reference.fault);
  }
}

}  // namespace plasma::test
