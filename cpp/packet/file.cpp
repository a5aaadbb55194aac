// SPDX-License-Identifier: Apache-2.0
// file.cpp -- step 0: turns a path into private bytes.
//
// Read once, never mapped: whoever can write the file cannot change what has been verified.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "packet/packet.hpp"

namespace plasma::packet {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(number_); }  // of -1: refused, and no harm
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

const char* reason_of(int error_number) noexcept {
  switch (error_number) {
    case ENOENT: return "no such file";
    case EACCES: return "permission denied";
    case ELOOP: return "a symbolic link";
    default: return "open";
  }
}

// Exactly buffer.size() bytes; a file that shrank meanwhile is an error.
Error read_all(int descriptor, AlignedBuffer& buffer) noexcept {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = read(descriptor, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail_equal(Status::Io, "bytes read", done, buffer.size());
    done += static_cast<size_t>(count);
  }
  return {};
}

}  // namespace

Error read_file(const char* path, uint64_t cap, AlignedBuffer& bytes) noexcept {
  if (path == nullptr) return fail(Status::Argument, "path");
  // O_NONBLOCK: opening a pipe that nobody writes to must fail below, not wait.
  const Descriptor file(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) return fail(Status::Io, reason_of(errno));
  struct stat info;
  if (fstat(file.number(), &info) != 0) return fail(Status::Io, "stat");
  if (!S_ISREG(info.st_mode)) return fail(Status::Io, "not a regular file");

  const uint64_t size = static_cast<uint64_t>(info.st_size);
  const uint64_t most = std::min(cap, kMaxFileBytes);
  if (size > most) return fail_at_most(Status::TooLarge, "file", size, most);
  AlignedBuffer buffer;
  if (!buffer.allocate(static_cast<size_t>(size))) return fail(Status::OutOfMemory, "file");
  if (Error error = read_all(file.number(), buffer)) return error;
  bytes = std::move(buffer);
  return {};
}

}  // namespace plasma::packet
