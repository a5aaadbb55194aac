// SPDX-License-Identifier: Apache-2.0
// test_packet_faults.cpp -- memory that runs out, and files that the system takes back, while a
// packet is read and verified.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "packet_device.hpp"
#include "system_faults.hpp"

using namespace plasma;
using namespace plasma::test;

namespace {

// A file of 100 bytes, there as long as this.
class File {
 public:
  File() {
    const int file = mkstemp(path_.data());
    REQUIRE(write(file, content.data(), content.size()) == ssize_t{100});
    close(file);
  }
  ~File() { std::filesystem::remove(path_); }

  // The code and the place of the error, or "OK" and the right bytes.
  [[nodiscard]] std::string read() const {
    AlignedBuffer bytes;
    const Error error = packet::read_file(path_.c_str(), 1'000, bytes);
    if (error) return std::string(status_code(error.status)) + " " + error.where;
    return Blob(bytes.bytes().begin(), bytes.bytes().end()) == content ? "OK" : "other bytes";
  }

  const Blob content = pattern(100);

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "plasma-test-XXXXXX").string();
};

std::string read_with(std::vector<SystemFaults::Read> reads) {
  const File file;
  SystemFaults faults;
  faults.reads = std::move(reads);
  return file.read();
}

}  // namespace

TEST_CASE("memory that runs out at any allocation refuses the packet, and says so") {
  const Blob file = base_spec().build();
  Device device;
  int allocations = 0;
  for (std::string verdict; verdict != "OK"; ++allocations) {
    SystemFaults faults;
    faults.memory_for = allocations;
    verdict = device.verdict(file);
    if (verdict != "OK") CHECK(verdict == "E_OUT_OF_MEMORY");
  }
  // The packet, the signed message, four sections, the manifest; the eighth run has all it needs.
  CHECK(allocations == 8);
}

TEST_CASE("memory that runs out inside of decompression is no fault of the packet") {
  SystemFaults faults;
  faults.has_zstd_memory = false;
  CHECK(verdict(base_spec()) == "E_OUT_OF_MEMORY");
}

TEST_CASE("a trust store without libsodium takes no key") {
  SystemFaults faults;
  faults.has_sodium = false;
  packet::TrustStore trust;
  CHECK(trust.add(kAlice.public_key).status == Status::KeyInvalid);
  CHECK(trust.size() == 0);
}

TEST_CASE("a file that there is no memory for is not read") {
  const File file;
  SystemFaults faults;
  faults.memory_for = 0;
  CHECK(file.read() == "E_OUT_OF_MEMORY file");
}

TEST_CASE("a read that a signal interrupts goes on") {
  CHECK(read_with({{-1, EINTR}}) == "OK");
  CHECK(read_with({{-1, EINTR}, {-1, EINTR}}) == "OK");
}

TEST_CASE("a file that fails or ends while it is read is refused") {
  CHECK(read_with({{-1, EIO}}) == "E_IO bytes read");
  CHECK(read_with({{0, 0}}) == "E_IO bytes read");
  CHECK(read_with({{0, EINTR}}) == "E_IO bytes read");  // errno may be of an earlier call
}

TEST_CASE("a file that cannot be asked for its size is refused") {
  const File file;
  SystemFaults faults;
  faults.has_stat = false;
  CHECK(file.read() == "E_IO stat");
}

TEST_CASE("descriptor 0 is a file like any other") {
  const File file;
  const int input = dup(STDIN_FILENO);
  close(STDIN_FILENO);
  CHECK(file.read() == "OK");
  CHECK(file.read() == "OK");
  CHECK(fcntl(STDIN_FILENO, F_GETFD) == -1);  // closed again
  dup2(input, STDIN_FILENO);
  close(input);
}

TEST_CASE("the reason why a file did not open is said") {
  AlignedBuffer bytes;
  const auto reason = [&](const char* path) {
    return std::string(packet::read_file(path, 10, bytes).where);
  };
  CHECK(reason("/no/such/file") == "no such file");
  CHECK(reason("/") == "not a regular file");
}
