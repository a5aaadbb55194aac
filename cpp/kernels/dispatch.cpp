// SPDX-License-Identifier: Apache-2.0
// dispatch.cpp -- which tables this CPU can run.
//
// The list is in order of speed and scalar is always its first entry, so there is always an answer.
// Which table to use is the caller's decision; nothing here reads the environment.
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "kernels/kernels.hpp"

namespace plasma::kernels {

namespace {

constexpr size_t kMaxTables = 8;

#if defined(__x86_64__)
// Leaf 7.1: the compilers' own name for it is too young.
bool has_avxvnni() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
         (a >> 4 & 1) != 0;
}
#endif

// Slowest first.
size_t usable(const KernelTable* (&tables)[kMaxTables]) noexcept {
  size_t count = 0;
  tables[count++] = &kScalar;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) tables[count++] = &kAvx2;
  if (has_avxvnni()) tables[count++] = &kAvxVnni;
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512dq")) {
    tables[count++] = &kAvx512Vnni;
  }
#elif defined(__aarch64__)
  tables[count++] = &kNeon;
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) tables[count++] = &kNeonDot;
#endif
  return count;
}

}  // namespace

size_t available(const KernelTable** tables, size_t capacity) noexcept {
  const KernelTable* all[kMaxTables];
  const size_t count = usable(all);
  const size_t written = count < capacity ? count : capacity;
  for (size_t i = 0; i < written; ++i) tables[i] = all[i];
  return written;
}

const KernelTable* find(const char* name) noexcept {
  const KernelTable* all[kMaxTables];
  const size_t count = usable(all);
  if (name == nullptr) return all[count - 1];
  for (size_t i = 0; i < count; ++i) {
    if (std::strcmp(all[i]->name, name) == 0) return all[i];
  }
  return nullptr;
}

}  // namespace plasma::kernels
