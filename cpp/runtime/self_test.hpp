// SPDX-License-Identifier: Apache-2.0
// self_test.hpp -- step 11 of FORMAT.md, section 7: the
// golden cases, bit for bit, on the tables that will fly.
#pragma once

#include "vm/machine.hpp"

namespace plasma::runtime {

// Runs the cases of a GOLD section on a frame of its own. An empty section passes. With `base`, the
// plan without the adapter, at least one output must differ from what it gives.
Error self_test(const vm::Plan& plan, Bytes gold, const vm::Plan* base) noexcept;

}  // namespace plasma::runtime
