// SPDX-License-Identifier: Apache-2.0
// allocation_count.hpp -- how often this thread has asked for memory.
//
// Under AddressSanitizer every malloc is counted, by its hook; otherwise every operator new.
#pragma once

#include <cstdint>

namespace plasma::test {

uint64_t allocation_count();

}  // namespace plasma::test
