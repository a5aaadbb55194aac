// SPDX-License-Identifier: Apache-2.0
// test_base.cpp -- byte reader, aligned buffer and the status table.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/byte_reader.hpp"
#include "plasma_edge/status.hpp"

namespace {

using plasma::AlignedBuffer;
using plasma::ByteReader;
using plasma::Error;
using plasma::Status;

constexpr Status kAll[] = {
#define PLASMA_STATUS(code, name, text, family, sentence) Status::name,
#include "plasma_edge/status.def"
#undef PLASMA_STATUS
};

static_assert(!std::is_copy_constructible_v<AlignedBuffer>);
static_assert(!std::is_copy_assignable_v<AlignedBuffer>);
static_assert(std::is_nothrow_move_constructible_v<AlignedBuffer>);

std::string message_of(const Error& error) {
  char text[256];
  const size_t length = plasma::format_error(error, text, sizeof text);
  CHECK(length == std::strlen(text));
  return text;
}

}  // namespace

TEST_CASE("reads little-endian numbers of every width, one after the other") {
  const std::vector<uint8_t> bytes = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x84, 0xFE,
                                      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00,
                                      0x00, 0x80, 0xBF, 0xFF, 0xFF, 0xFF, 0xFF};
  ByteReader reader(bytes);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u32() == 0x84050607);
  CHECK(reader.u64() == 0xFFFFFFFFFFFFFFFEu);
  CHECK(reader.f32() == -1.0f);
  CHECK(reader.i32() == -1);
  CHECK(reader.ok());
  CHECK(reader.left() == 0);
  CHECK(reader.position() == bytes.size());
}

TEST_CASE("a read past the end gives zero, moves nothing and is remembered") {
  const std::vector<uint8_t> bytes = {1, 2, 3};
  ByteReader reader(bytes);
  CHECK(reader.u32() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.position() == 0);
  CHECK(reader.u16() == 0x0201);
  CHECK(reader.array<2>() == std::array<uint8_t, 2>{});
  CHECK(reader.u8() == 3);
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a huge count cannot wrap the bounds") {
  const std::vector<uint8_t> bytes(8);
  ByteReader reader(bytes);
  CHECK(reader.u8() == 0);
  CHECK(reader.take(SIZE_MAX).empty());
  CHECK_FALSE(reader.ok());
  CHECK_FALSE(reader.zeros(SIZE_MAX));
  CHECK(reader.position() == 1);
}

TEST_CASE("nothing can be read from nothing, but nothing can be taken") {
  ByteReader reader{plasma::Bytes{}};
  CHECK(reader.take(0).empty());
  CHECK(reader.zeros(0));
  CHECK(reader.ok());
  CHECK(reader.u8() == 0);
  CHECK_FALSE(reader.ok());
}

TEST_CASE("zeros is true for zeros only, and moves past them") {
  const std::vector<uint8_t> bytes = {0, 0, 0, 1, 0};
  ByteReader reader(bytes);
  CHECK(reader.zeros(3));
  CHECK_FALSE(reader.zeros(2));
  CHECK(reader.ok());
  CHECK(reader.left() == 0);
  CHECK_FALSE(reader.zeros(1));
  CHECK_FALSE(reader.ok());
}

TEST_CASE("align_up rounds to the next multiple of 64") {
  CHECK(plasma::align_up(0) == 0);
  CHECK(plasma::align_up(1) == 64);
  CHECK(plasma::align_up(63) == 64);
  CHECK(plasma::align_up(64) == 64);
  CHECK(plasma::align_up(65) == 128);
}

TEST_CASE("a buffer is aligned, zeroed and exactly as long as asked") {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{100'000}}) {
    AlignedBuffer buffer;
    REQUIRE(buffer.allocate(size));
    CHECK(buffer.size() == size);
    CHECK(std::bit_cast<uintptr_t>(buffer.data()) % plasma::kAlignment == 0);
    ByteReader reader(buffer.bytes());
    CHECK(reader.zeros(size));
  }
}

TEST_CASE("a moved buffer keeps its bytes and leaves none behind") {
  AlignedBuffer first;
  REQUIRE(first.allocate(10));
  first.data()[3] = 7;
  AlignedBuffer second(std::move(first));
  CHECK(second.bytes()[3] == 7);
  CHECK(first.size() == 0);  // NOLINT: what a moved-from buffer is, is promised
  first = std::move(second);
  CHECK(first.bytes()[3] == 7);
  CHECK(second.size() == 0);
}

TEST_CASE("every status has its own number, code and sentence") {
  std::set<std::string> codes;
  std::set<std::string> sentences;
  std::set<uint16_t> numbers;
  for (const Status status : kAll) {
    codes.insert(plasma::status_code(status));
    sentences.insert(plasma::status_sentence(status));
    numbers.insert(static_cast<uint16_t>(status));
  }
  CHECK(codes.size() == std::size(kAll));
  CHECK(sentences.size() == std::size(kAll));
  CHECK(numbers.size() == std::size(kAll));
}

TEST_CASE("the hundreds of a status are its family") {
  for (const Status status : kAll) {
    const unsigned hundreds = static_cast<unsigned>(status) / 100;
    CHECK(static_cast<unsigned>(plasma::status_family(status)) == hundreds);
  }
}

TEST_CASE("an error is true when something failed") {
  CHECK_FALSE(Error{});
  CHECK(plasma::fail(Status::Magic, ""));
}

TEST_CASE("a message says what, where, what was found and what was expected") {
  CHECK(message_of({}) == "OK: ok");
  CHECK(message_of(plasma::fail(Status::Magic, "")) ==
        "E_MAGIC: not a plasma packet (wrong first bytes)");
  const std::string limit =
      message_of(plasma::fail_at_most(Status::Limit, "section_count", 17, 16));
  CHECK(limit.starts_with("E_LIMIT: section_count: found 17, expected at most 16; "));
  const std::string least =
      message_of(plasma::fail_at_least(Status::SigThreshold, "signatures", 1, 2));
  CHECK(least.find("found 1, expected at least 2; ") != std::string::npos);
  const std::string equal = message_of(plasma::fail_equal(Status::Layout, "record", 3, 4, 5));
  CHECK(equal.starts_with("E_LAYOUT: record 5: found 3, expected 4; "));
}

TEST_CASE("the longest message fits in 256 bytes") {
  const char* where = "a field whose name is forty letters long";
  for (const Status status : kAll) {
    char text[512];
    const Error error = plasma::fail_at_least(status, where, UINT64_MAX, UINT64_MAX, INT32_MAX);
    CHECK(plasma::format_error(error, text, sizeof text) < 256);
  }
}

TEST_CASE("a message is cut to the room it has, and still ends in NUL") {
  const Error error = plasma::fail(Status::Magic, "");
  char text[10];
  std::memset(text, 'x', sizeof text);
  CHECK(plasma::format_error(error, text, 8) == 7);
  CHECK(std::string(text) == "E_MAGIC");
  CHECK(text[8] == 'x');
  CHECK(plasma::format_error(error, text, 1) == 0);
  CHECK(text[0] == '\0');
  CHECK(plasma::format_error(error, nullptr, 0) == 0);
}
