// SPDX-License-Identifier: Apache-2.0
// test_packet_zstd.cpp -- step 7: what a compressed section may be, and what a signer cannot make
// it do.
#include <doctest/doctest.h>

#include <algorithm>

#include "packet_device.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Section;

namespace {

constexpr size_t kConst = 2;  // the index of CONST_I8 in base_spec()
constexpr uint64_t kBlock = 131'072;

// A frame header by hand: descriptor, then whatever follows it.
Blob frame_head(uint8_t descriptor, const Blob& rest, uint32_t magic = 0xFD2FB528) {
  Blob frame;
  append(frame, magic, 4);
  append(frame, descriptor, 1);
  append(frame, rest);
  return frame;
}

Blob number(uint64_t value, size_t count) {
  Blob bytes;
  append(bytes, value, count);
  return bytes;
}

// Content size in 8 bytes, a window of its own: descriptor C0, window descriptor, size.
Blob windowed_head(uint8_t window, uint64_t content_size) {
  Blob rest = number(window, 1);
  append(rest, content_size, 8);
  return frame_head(0xC0, rest);
}

void append_block(Blob& frame, unsigned type, uint64_t size, const Blob& bytes, bool last) {
  append(frame, size << 3 | type << 1 | (last ? 1u : 0u), 3);
  append(frame, bytes);
}

// `content_size` zeros in run-length blocks: 32,750 to 1 and beyond.
Blob bomb(uint64_t declared, uint64_t real) {
  Blob frame = windowed_head(0x50, declared);  // 1 MiB
  for (uint64_t done = 0; done < real; done += kBlock) {
    const uint64_t size = std::min(kBlock, real - done);
    append_block(frame, 1, size, {0}, done + size == real);
  }
  return frame;
}

Blob raw_block_frame(Blob head, const Blob& content) {
  append_block(head, 0, content.size(), content, true);
  return head;
}

PacketSpec with_frame(Blob frame, Blob raw) {
  PacketSpec spec = base_spec();
  spec.sections[kConst] = {3, std::move(raw), 1, std::move(frame)};
  return spec;
}

// Which part of the frame was refused.
std::string place_of(const Blob& frame, const Blob& raw) {
  Device device;
  CHECK(device.verdict(with_frame(frame, raw)) == "E_ZSTD_FRAME");
  return device.error.where;
}

std::string verdict_of(const Blob& frame, const Blob& raw) {
  return verdict(with_frame(frame, raw));
}

const Blob kRaw = pattern(300);

}  // namespace

TEST_CASE("opens frames of every honest shape") {
  CHECK(verdict_of(compress(kRaw), kRaw) == "OK");
  CHECK(verdict_of(compress(kRaw, 20, 1, 1), kRaw) == "OK");
  CHECK(verdict_of(compress(pattern(10)), pattern(10)) == "OK");
  CHECK(verdict_of(compress(pattern(70'000)), pattern(70'000)) == "OK");
  CHECK(verdict_of(raw_block_frame(frame_head(0x60, number(300 - 256, 2)), kRaw), kRaw) == "OK");
  CHECK(verdict_of(raw_block_frame(frame_head(0xA0, number(300, 4)), kRaw), kRaw) == "OK");
  CHECK(verdict_of(raw_block_frame(frame_head(0xE0, number(300, 8)), kRaw), kRaw) == "OK");
  CHECK(verdict_of(raw_block_frame(windowed_head(0, 300), kRaw), kRaw) == "OK");
  const Blob large((3u << 20) + 1, 9);
  CHECK(verdict_of(compress(large), large) == "OK");
}

TEST_CASE("refuses a frame without its content size") {
  CHECK(verdict_of(compress(kRaw, 20, 0), kRaw) == "E_ZSTD_FRAME");
}

TEST_CASE("refuses a content size that is not the declared raw length") {
  for (const uint64_t size :
       {uint64_t{299}, uint64_t{301}, uint64_t{0}, UINT64_MAX, UINT64_MAX - 1}) {
    CHECK(verdict_of(raw_block_frame(windowed_head(0, size), kRaw), kRaw) == "E_ZSTD_FRAME");
  }
  CHECK(verdict_of(compress(pattern(299)), kRaw) == "E_ZSTD_FRAME");
  CHECK(verdict_of(compress(pattern(301)), kRaw) == "E_ZSTD_FRAME");
}

TEST_CASE("refuses more than one frame") {
  Blob two = compress(Blob(kRaw.begin(), kRaw.begin() + 150));
  append(two, compress(Blob(kRaw.begin() + 150, kRaw.end())));
  CHECK(verdict_of(two, kRaw) == "E_ZSTD_FRAME");
  Blob second_is_empty = compress(kRaw);
  append(second_is_empty, compress({}));
  CHECK(verdict_of(second_is_empty, kRaw) == "E_ZSTD_FRAME");
}

TEST_CASE("refuses skippable frames, before, behind and alone") {
  for (uint32_t magic = 0x184D2A50; magic <= 0x184D2A5F; ++magic) {
    Blob skippable = number(magic, 4);
    append(skippable, 4, 4);
    append(skippable, 0, 4);
    Blob before = skippable;
    append(before, compress(kRaw));
    Blob behind = compress(kRaw);
    append(behind, skippable);
    CHECK(verdict_of(before, kRaw) == "E_ZSTD_FRAME");
    CHECK(verdict_of(behind, kRaw) == "E_ZSTD_FRAME");
    CHECK(verdict_of(skippable, kRaw) == "E_ZSTD_FRAME");
  }
}

TEST_CASE("refuses a skippable frame whose length reads like a frame header") {
  Blob skippable = number(0x184D2A50, 4);
  append(skippable, 0x0120, 4);  // single segment, content of one byte
  skippable.resize(8 + 0x0120);
  CHECK(verdict_of(skippable, {0}) == "E_ZSTD_FRAME");
}

TEST_CASE("an error says whether the head of a frame was refused, or its blocks") {
  CHECK(place_of(number(0x184D2A50, 4), kRaw) == "frame header of section");
  CHECK(place_of(frame_head(0x60, {}), Blob(256)) == "frame header of section");
  CHECK(place_of(frame_head(0x60, number(0, 2)), Blob(256)) == "blocks of section");
}

TEST_CASE("refuses legacy and magicless frames") {
  for (uint32_t magic = 0xFD2FB520; magic < 0xFD2FB528; ++magic) {
    const Blob head = frame_head(0x60, number(300 - 256, 2), magic);
    CHECK(verdict_of(raw_block_frame(head, kRaw), kRaw) == "E_ZSTD_FRAME");
  }
  const Blob frame = compress(kRaw);
  CHECK(verdict_of(Blob(frame.begin() + 4, frame.end()), kRaw) == "E_ZSTD_FRAME");
}

TEST_CASE("refuses a dictionary id, zero or not, of every width") {
  for (uint8_t width = 1; width <= 3; ++width) {
    for (const uint64_t id : {0u, 7u}) {
      Blob rest = number(id, width == 3 ? 4 : width);
      append(rest, 300 - 256, 2);
      const Blob head = frame_head(static_cast<uint8_t>(0x60 | width), rest);
      CHECK(verdict_of(raw_block_frame(head, kRaw), kRaw) == "E_ZSTD_FRAME");
    }
  }
}

TEST_CASE("refuses the unused and the reserved bit of the frame header") {
  for (const uint8_t bit : {uint8_t{0x08}, uint8_t{0x10}}) {
    const Blob head = frame_head(0x60 | bit, number(300 - 256, 2));
    CHECK(verdict_of(raw_block_frame(head, kRaw), kRaw) == "E_ZSTD_FRAME");
  }
}

TEST_CASE("a window may reach 1 MiB, and not go beyond") {
  CHECK(verdict_of(raw_block_frame(windowed_head(0x4F, 300), kRaw), kRaw) == "OK");
  CHECK(verdict_of(raw_block_frame(windowed_head(0x50, 300), kRaw), kRaw) == "OK");
  for (const unsigned window : {0x51u, 0x58u, (31u - 10) << 3, 0xFFu}) {
    const Blob head = windowed_head(static_cast<uint8_t>(window), 300);
    CHECK(verdict_of(raw_block_frame(head, kRaw), kRaw) == "E_ZSTD_FRAME");
  }
}

TEST_CASE("the window of a single segment is its content") {
  const Blob exact(1u << 20, 4);
  CHECK(verdict_of(compress(exact, 21), exact) == "OK");
  const Blob above((1u << 20) + 1, 4);
  CHECK(verdict_of(compress(above, 21), above) == "E_ZSTD_FRAME");
  CHECK(verdict_of(compress(above, 20), above) == "OK");
}

TEST_CASE("refuses every truncation and extension of a frame") {
  const Blob frame = compress(kRaw, 20, 1, 1);
  for (size_t length = 1; length < frame.size(); ++length) {
    CHECK(verdict_of(Blob(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length)), kRaw) ==
          "E_ZSTD_FRAME");
  }
  for (size_t extra = 1; extra <= 12; ++extra) {
    Blob longer = frame;
    longer.insert(longer.end(), extra, 0);
    CHECK(verdict_of(longer, kRaw) == "E_ZSTD_FRAME");
  }
}

TEST_CASE("refuses blocks that do not decompress, and a wrong checksum") {
  Blob frame = compress(Blob(300, 5), 20, 1, 1);
  frame.back() ^= 1;
  CHECK(verdict_of(frame, Blob(300, 5)) == "E_ZSTD_DATA");
  Blob reserved = windowed_head(0, 300);
  append_block(reserved, 3, 300, kRaw, true);
  CHECK(verdict_of(reserved, kRaw) == "E_ZSTD_FRAME");
  Blob nonsense = windowed_head(0, 300);
  append_block(nonsense, 2, 300, Blob(300, 0xFF), true);
  CHECK(verdict_of(nonsense, kRaw) == "E_ZSTD_DATA");
}

TEST_CASE("no flipped bit of a frame, signed as it is, gives other content") {
  const Blob raw = pattern(300);
  const Blob good = compress(raw);
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Blob frame = good;
    frame[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    Device device;
    const std::string verdict = device.verdict(with_frame(frame, raw));
    if (verdict != "OK") continue;
    const Bytes content = device.packet->section(Section::ConstI8);
    CHECK(Blob(content.begin(), content.end()) == raw);
  }
}

TEST_CASE("a bomb cannot expand beyond what it declares, nor declare beyond the device's cap") {
  constexpr uint64_t kCap = 8u << 20;
  Device device;
  device.request.limits.const_bytes = kCap;
  const Blob content(kCap);
  CHECK(bomb(kCap, kCap).size() < 300);
  CHECK(device.verdict(with_frame(bomb(kCap, kCap), content)) == "OK");
  CHECK(device.verdict(with_frame(bomb(kCap, kCap + 1), content)) == "E_ZSTD_DATA");
  CHECK(device.verdict(with_frame(bomb(kCap, 64 * kCap), content)) == "E_ZSTD_DATA");
  CHECK(device.verdict(with_frame(bomb(kCap, kCap - 1), content)) == "E_ZSTD_DATA");
  CHECK(device.verdict(with_frame(bomb(kCap, 1), content)) == "E_ZSTD_DATA");
  CHECK(device.verdict(with_frame(bomb(kCap + 1, kCap + 1), Blob(kCap + 1))) == "E_LIMIT");
  PacketSpec lying = with_frame(bomb(uint64_t{1} << 40, kCap), content);
  lying.before_signing = {{lying.record_at(kConst) + 24, uint64_t{1} << 40, 8}};
  CHECK(device.verdict(lying) == "E_LIMIT");
}

TEST_CASE("refuses compressed bytes without the flag, and the flag without compressed bytes") {
  PacketSpec spec = base_spec();
  spec.sections[kConst] = {3, kRaw, 0, compress(kRaw)};
  CHECK(verdict(spec) == "E_SECTION_LAYOUT");
  const uint64_t stored_len = compress(kRaw).size();
  spec.before_signing = {{spec.record_at(kConst) + 24, stored_len, 8}};
  CHECK(verdict(spec) == "E_RAW_DIGEST");
  CHECK(verdict_of(kRaw, kRaw) == "E_ZSTD_FRAME");
}

TEST_CASE("all frames are opened before any content is compared") {
  PacketSpec spec = with_frame(kRaw, kRaw);
  spec.before_signing = {{spec.record_at(0) + 64, 0, 8}};
  CHECK(verdict(spec) == "E_ZSTD_FRAME");
  spec = base_spec();
  spec.before_signing = {{spec.record_at(0) + 64, 0, 8}};
  Device device;
  CHECK(device.verdict(spec) == "E_RAW_DIGEST");
  CHECK(device.error.index == 0);
}

TEST_CASE("a frame says its size, even where the byte behind its window would pass for it") {
  // The block header of 73 bytes begins with 73: 73 * 8 + 1 = 2 * 256 + 73.
  PacketSpec spec = base_spec();
  const Blob content = pattern(73);
  const Blob frame = raw_block_frame(frame_head(0x00, number(0x50, 1)), content);
  spec.sections[kConst] = {3, content, 1, frame};
  CHECK(verdict(spec) == "E_ZSTD_FRAME");
}
