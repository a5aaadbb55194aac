// SPDX-License-Identifier: Apache-2.0
// aligned_buffer.hpp -- one zeroed, 64-byte aligned block of memory, allocated once and owned.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

namespace plasma {

inline constexpr size_t kAlignment = 64;

constexpr size_t align_up(size_t size) noexcept {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

class AlignedBuffer {
 public:
  AlignedBuffer() noexcept = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedBuffer() { std::free(data_); }

  // False when memory is out; the buffer is then unchanged.
  [[nodiscard]] bool allocate(size_t size) noexcept {
    if (size > SIZE_MAX - kAlignment) return false;
    void* block = std::aligned_alloc(kAlignment, align_up(size == 0 ? 1 : size));
    if (block == nullptr) return false;
    std::memset(block, 0, align_up(size == 0 ? 1 : size));
    std::free(data_);
    data_ = static_cast<uint8_t*>(block);
    size_ = size;
    return true;
  }

  // Keeps its pages in RAM until the allocator gives them back. False beyond the process's limit.
  [[nodiscard]] bool lock() const noexcept { return size_ == 0 || mlock(data_, size_) == 0; }

  [[nodiscard]] uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const uint8_t> bytes() const noexcept { return {data_, size_}; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace plasma
