// SPDX-License-Identifier: Apache-2.0
// system_faults.hpp -- a system that refuses: what a library asks it for fails when a test says so.
//
// The linker hands these calls of the library and of the tests to system_faults.cpp (--wrap).
#pragma once

#include <sys/types.h>

#include <vector>

namespace plasma::test {

// Of this thread, as long as it lives.
class SystemFaults {
 public:
  SystemFaults();
  SystemFaults(const SystemFaults&) = delete;
  SystemFaults& operator=(const SystemFaults&) = delete;
  ~SystemFaults();

  struct Read {
    ssize_t count;
    int error;  // what errno is afterwards
  };

  int memory_for = -1;          // so many allocations succeed, the next one fails; -1: none does
  bool has_zstd_memory = true;  // ... and those that decompression makes for itself
  bool has_stat = true;
  bool has_sodium = true;
  std::vector<Read> reads = {};  // what read() answers first, the last one first of all
};

}  // namespace plasma::test
