// SPDX-License-Identifier: Apache-2.0
// system_faults.cpp -- the calls that the linker redirects: each asks the faults of its thread,
// then the system.
#include "system_faults.hpp"

#include <sys/stat.h>
#include <zstd_errors.h>

#include <cerrno>
#include <cstddef>
#include <new>

namespace plasma::test {
namespace {

thread_local SystemFaults* faults = nullptr;

bool memory_is_out() noexcept {
  if (faults == nullptr || faults->memory_for < 0) return false;
  if (faults->memory_for == 0) return true;
  --faults->memory_for;
  return false;
}

}  // namespace

SystemFaults::SystemFaults() { faults = this; }
SystemFaults::~SystemFaults() { faults = nullptr; }

extern "C" {

void* __real_aligned_alloc(size_t alignment, size_t size);
void* __wrap_aligned_alloc(size_t alignment, size_t size) {
  return memory_is_out() ? nullptr : __real_aligned_alloc(alignment, size);
}

// operator new(size_t, const std::nothrow_t&)
void* __real__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __wrap__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  return memory_is_out() ? nullptr : __real__ZnwmRKSt9nothrow_t(size, tag);
}

size_t __real_ZSTD_decompress(void* to, size_t room, const void* from, size_t size);
size_t __wrap_ZSTD_decompress(void* to, size_t room, const void* from, size_t size) {
  if (faults == nullptr || faults->has_zstd_memory)
    return __real_ZSTD_decompress(to, room, from, size);
  return static_cast<size_t>(-ZSTD_error_memory_allocation);
}

int __real_fstat(int descriptor, struct stat* info);
int __wrap_fstat(int descriptor, struct stat* info) {
  return faults == nullptr || faults->has_stat ? __real_fstat(descriptor, info) : -1;
}

ssize_t __real_read(int descriptor, void* to, size_t size);
ssize_t __wrap_read(int descriptor, void* to, size_t size) {
  if (faults == nullptr || faults->reads.empty()) return __real_read(descriptor, to, size);
  const SystemFaults::Read answer = faults->reads.back();
  faults->reads.pop_back();
  errno = answer.error;
  return answer.count;
}

int __real_sodium_init();
int __wrap_sodium_init() {
  return faults == nullptr || faults->has_sodium ? __real_sodium_init() : -1;
}

}  // extern "C"

}  // namespace plasma::test
