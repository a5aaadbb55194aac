// SPDX-License-Identifier: Apache-2.0
// allocation_count.cpp -- counts allocations through the sanitizer's hook, or by replacing operator
// new where there is no sanitizer.
#include "allocation_count.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define PLASMA_TEST_HOOKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLASMA_TEST_HOOKS 1
#endif
#endif

namespace plasma::test {
namespace {

thread_local uint64_t count = 0;

}  // namespace

#if defined(PLASMA_TEST_HOOKS)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           size_t),
                                                         void (*on_free)(const volatile void*));
namespace {

void count_one(const volatile void*, size_t) { ++count; }
void ignore(const volatile void*) {}

}  // namespace

uint64_t allocation_count() {
  static const int installed = __sanitizer_install_malloc_and_free_hooks(count_one, ignore);
  return installed == 0 ? UINT64_MAX : count;
}

#else

uint64_t allocation_count() { return count; }

}  // namespace plasma::test

void* operator new(size_t size) {
  ++plasma::test::count;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  std::abort();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace plasma::test {

#endif

}  // namespace plasma::test
