// SPDX-License-Identifier: Apache-2.0
// test_packet_header.cpp -- steps 0 to 2: reading the file, the header and its lengths.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "plasma-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const char* name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string write(const char* name, const Blob& bytes) const {
    const std::string path = *this / name;
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!bytes.empty()) std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
    return path;
  }

 private:
  std::filesystem::path path_;
};

std::string read_verdict(const std::string& path, uint64_t cap = 1'000) {
  AlignedBuffer bytes;
  return status_code(packet::read_file(path.c_str(), cap, bytes).status);
}

}  // namespace

TEST_CASE("reads a regular file into private memory") {
  const Folder folder;
  const std::string path = folder.write("a.plasma", pattern(500));
  AlignedBuffer bytes;
  REQUIRE_FALSE(packet::read_file(path.c_str(), 500, bytes));
  CHECK(Blob(bytes.bytes().begin(), bytes.bytes().end()) == pattern(500));
  REQUIRE_FALSE(packet::read_file(folder.write("empty", {}).c_str(), 500, bytes));
  CHECK(bytes.size() == 0);
}

TEST_CASE("refuses what is not a readable regular file") {
  const Folder folder;
  const std::string path = folder.write("a.plasma", pattern(10));
  std::filesystem::create_symlink(path, folder / "link");
  std::filesystem::create_symlink(folder / "nowhere", folder / "dangling");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(read_verdict(folder / "link") == "E_IO");
  CHECK(read_verdict(folder / "dangling") == "E_IO");
  CHECK(read_verdict(folder / "missing") == "E_IO");
  CHECK(read_verdict(folder / "pipe") == "E_IO");
  CHECK(read_verdict(folder / ".") == "E_IO");
  CHECK(read_verdict("/dev/zero") == "E_IO");
  CHECK(read_verdict("") == "E_IO");
  AlignedBuffer bytes;
  CHECK(packet::read_file(nullptr, 10, bytes).status == Status::Argument);
}

TEST_CASE("closes every file it opened, read or refused") {
  const Folder folder;
  const std::string path = folder.write("a.plasma", pattern(10));
  const int before = dup(STDERR_FILENO);
  close(before);
  CHECK(read_verdict(path) == "OK");
  CHECK(read_verdict(path, 9) == "E_TOO_LARGE");
  CHECK(read_verdict(folder / ".") == "E_IO");
  const int after = dup(STDERR_FILENO);
  close(after);
  CHECK(before == after);
}

TEST_CASE("refuses a file over the cap before reading it, and leaves the buffer alone") {
  const Folder folder;
  const std::string path = folder.write("a.plasma", pattern(10));
  CHECK(read_verdict(path, 9) == "E_TOO_LARGE");
  CHECK(read_verdict(path, 10) == "OK");
  CHECK(read_verdict(path, 11) == "OK");
  // 2 GiB without a block of its own: reading it would take seconds.
  std::filesystem::resize_file(path, 2ull << 30);
  AlignedBuffer bytes;
  REQUIRE(bytes.allocate(3));
  CHECK(packet::read_file(path.c_str(), UINT64_MAX, bytes).status == Status::TooLarge);
  CHECK(bytes.size() == 3);
}

TEST_CASE("refuses bytes over the cap that did not come from read_file") {
  const Blob file = base_spec().build();
  Device device;
  device.request.limits.file_bytes = file.size() - 1;
  CHECK(device.verdict(file) == "E_TOO_LARGE");
  device.request.limits.file_bytes = file.size();
  CHECK(device.verdict(file) == "OK");
}

TEST_CASE("no device takes more than 2^30 bytes, whatever it says") {
  const size_t size = (size_t{1} << 30) + 1;
  void* zeros = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(zeros != MAP_FAILED);
  const Bytes file(static_cast<const uint8_t*>(zeros), size);
  packet::Request request;
  request.limits.file_bytes = UINT64_MAX;
  std::unique_ptr<packet::VerifiedPacket> packet;
  const packet::TrustStore trust = trusting({&kAlice});
  const auto verdict_of = [&](Bytes bytes) {
    return std::string(status_code(packet::Verifier::verify(bytes, trust, request, packet).status));
  };
  CHECK(verdict_of(file) == "E_TOO_LARGE");
  CHECK(verdict_of(file.first(size - 1)) == "E_MAGIC");
  munmap(zeros, size);
}

TEST_CASE("refuses what does not begin like a packet") {
  const Blob good = base_spec().build();
  CHECK(verdict(Blob{}) == "E_MAGIC");
  CHECK(verdict(Blob{0x89}) == "E_MAGIC");
  CHECK(verdict(Blob(255)) == "E_MAGIC");
  CHECK(verdict(Blob(296)) == "E_MAGIC");
  CHECK(verdict(Blob(good.begin(), good.begin() + 7)) == "E_MAGIC");
  CHECK(verdict(Blob(good.begin(), good.begin() + 8)) == "E_TRUNCATED");
  CHECK(verdict(Blob(good.begin(), good.begin() + 255)) == "E_TRUNCATED");
  CHECK(verdict(Blob(good.begin(), good.begin() + 256)) == "E_TRUNCATED");
}

TEST_CASE("refuses a packet that went through text mode, a 7-bit channel or another container") {
  const Blob good = base_spec().build();
  Blob crlf = good;
  crlf.insert(crlf.begin() + 6, 0x0D);
  CHECK(verdict(crlf) == "E_MAGIC");
  Blob lf = good;
  lf.erase(lf.begin() + 5);
  CHECK(verdict(lf) == "E_MAGIC");
  Blob seven_bits = good;
  for (uint8_t& byte : seven_bits) byte &= 0x7F;
  CHECK(verdict(seven_bits) == "E_MAGIC");
  for (const char* prefix : {"\x1f\x8b\x08", "PK\x03\x04",
                             "\x7f"
                             "ELF",
                             "%PDF-1.7\n"}) {
    Blob polyglot = text(prefix);
    append(polyglot, good);
    CHECK(verdict(polyglot) == "E_MAGIC");
    Blob suffixed = good;
    append(suffixed, prefix);
    CHECK(verdict(suffixed) == "E_TRAILING");
  }
}

TEST_CASE("refuses other format versions") {
  CHECK(verdict_with(8, 0, 2) == "E_VERSION");
  CHECK(verdict_with(8, 2, 2) == "E_VERSION");
  CHECK(verdict_with(10, 1, 2) == "E_VERSION");
  CHECK(verdict_with(8, 0x0100, 2) == "E_VERSION");
}

TEST_CASE("refuses an unknown kind, and a kind that was not asked for") {
  for (const uint64_t kind : {0u, 4u, 5u, 0x0100u, 65'535u})
    CHECK(verdict_with(12, kind, 2) == "E_KIND");
  CHECK(verdict(adapter_spec()) == "E_KIND");
  CHECK(verdict(root_spec()) == "E_KIND");
  CHECK(device_for(Kind::Adapter).verdict(base_spec()) == "E_KIND");
  CHECK(root_verdict(base_spec()) == "E_KIND");
  CHECK(device_for(Kind::TrustRoot).verdict(root_spec()) == "E_ARGUMENT");
}

TEST_CASE("refuses an unknown kind even where any kind will do") {
  packet::Header header;
  for (const uint64_t kind : {0u, 4u, 65'535u}) {
    Blob file = base_spec().build();
    put(file, 12, kind, 2);
    CHECK(packet::read_header(file, header).status == Status::Kind);
  }
}

TEST_CASE("refuses another header length") {
  for (const uint64_t length : {0u, 255u, 257u, 65'535u})
    CHECK(verdict_with(14, length, 2) == "E_LIMIT");
}

TEST_CASE("refuses every flag and every reserved bit") {
  for (size_t bit = 0; bit < 32; ++bit)
    CHECK(verdict_with(16, uint64_t{1} << bit, 4) == "E_RESERVED");
  for (size_t at = 152; at < 160; ++at) CHECK(verdict_with(at, 1, 1) == "E_RESERVED");
  for (size_t at = 204; at < 256; ++at) CHECK(verdict_with(at, 0x80, 1) == "E_RESERVED");
}

TEST_CASE("refuses counts and lengths outside their limits") {
  for (const uint64_t count : {uint64_t{0}, uint64_t{17}, uint64_t{0xFFFF'FFFF}}) {
    CHECK(verdict_with(24, count, 4) == "E_LIMIT");
  }
  for (const uint64_t count : {uint64_t{0}, uint64_t{9}, uint64_t{0xFFFF'FFFF}}) {
    CHECK(verdict_with(196, count, 4) == "E_LIMIT");
  }
  CHECK(verdict_with(28, 16'385, 4) == "E_LIMIT");
  CHECK(verdict_with(28, 0xFFFF'FFFF, 4) == "E_LIMIT");
  CHECK(verdict_with(52, 3, 4) == "E_LIMIT");
  CHECK(verdict_with(200, 17, 4) == "E_LIMIT");
}

TEST_CASE("only a base may take adapters") {
  PacketSpec base = base_spec();
  base.max_adapters = 16;
  CHECK(verdict(base) == "OK");
  PacketSpec adapter = adapter_spec();
  adapter.max_adapters = 1;
  CHECK(device_for(Kind::Adapter).verdict(adapter) == "E_LIMIT");
  PacketSpec root = root_spec();
  root.max_adapters = 1;
  CHECK(root_verdict(root) == "E_LIMIT");
}

TEST_CASE("accepts the largest manifest, section count and signer count") {
  PacketSpec spec = base_spec();
  spec.manifest = Blob(16'384, 0x5A);
  for (uint8_t seed = 20; spec.signers.size() < 8; ++seed) spec.signers.push_back({Key(seed)});
  for (uint32_t type = 256; spec.sections.size() < 16; ++type)
    spec.sections.push_back({type, {1}, 2});
  CHECK(spec.signed_len() == 18'304);
  Device device;
  CHECK(device.verdict(spec) == "OK");
  CHECK(device.packet->manifest().size() == 16'384);
}

TEST_CASE("the fields are judged in the order of the header") {
  PacketSpec spec = base_spec();
  spec.before_signing = {{200, 17, 4}, {204, 1, 1}};
  CHECK(verdict(spec) == "E_LIMIT");
  spec.before_signing.push_back({152, 1, 1});
  CHECK(verdict(spec) == "E_RESERVED");
  spec.before_signing.push_back({24, 0, 4});
  CHECK(verdict(spec) == "E_LIMIT");
  spec.before_signing.push_back({16, 1, 4});
  CHECK(verdict(spec) == "E_RESERVED");
  spec.before_signing.push_back({12, 9, 2});
  CHECK(verdict(spec) == "E_KIND");
  spec.before_signing.push_back({8, 9, 2});
  CHECK(verdict(spec) == "E_VERSION");
  spec.before_signing.push_back({7, 9, 1});
  CHECK(verdict(spec) == "E_MAGIC");
}

TEST_CASE("refuses a signed length that is not the sum of its parts") {
  const uint64_t right = base_spec().signed_len();
  for (const uint64_t wrong : {right - 1, right + 1, uint64_t{0}, uint64_t{0xFFFF'FFFF}}) {
    CHECK(verdict_with(20, wrong, 4) == "E_LAYOUT");
  }
  CHECK(verdict_with(28, 0, 4) == "E_LAYOUT");
  CHECK(verdict_with(24, 3, 4) == "E_LAYOUT");
  CHECK(verdict_with(196, 2, 4) == "E_LAYOUT");
}

TEST_CASE("refuses a file that is not as long as it says") {
  const uint64_t right = base_spec().build().size();
  CHECK(verdict_with(32, right - 1, 8) == "E_TRAILING");
  CHECK(verdict_with(32, 0, 8) == "E_TRAILING");
  CHECK(verdict_with(32, right + 1, 8) == "E_TRUNCATED");
  CHECK(verdict_with(32, uint64_t{1} << 63, 8) == "E_TRUNCATED");
  CHECK(verdict_with(32, UINT64_MAX, 8) == "E_TRUNCATED");
}

TEST_CASE("refuses a file without room for its signatures and its trailer") {
  const PacketSpec spec = base_spec();
  for (const size_t length : {size_t{256}, spec.signed_len(), spec.sections_at() + 39}) {
    Blob file = spec.build();
    file.resize(length);
    put(file, 32, length, 8);
    CHECK(verdict(file) == "E_LAYOUT");
  }
}

TEST_CASE("the room for signatures and trailer may be used to the last byte") {
  const size_t least = base_spec().sections_at() + 40;
  packet::Header header;
  for (const auto& [length, expected] :
       {std::pair{least - 1, Status::Layout}, {least, Status::Ok}}) {
    Blob file = base_spec().build();
    file.resize(length);
    put(file, 32, length, 8);
    CHECK(packet::read_header(file, header).status == expected);
  }
}

TEST_CASE("refuses every byte of the pad before the signatures that is not zero") {
  const PacketSpec good = base_spec();
  REQUIRE(good.signed_len() < good.signatures_at());
  for (size_t at = good.signed_len(); at < good.signatures_at(); ++at) {
    PacketSpec spec = good;
    spec.before_trailer = {{at, 0x01, 1}};
    CHECK(verdict(spec) == "E_PADDING");
  }
}
