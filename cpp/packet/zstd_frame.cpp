// SPDX-License-Identifier: Apache-2.0
// zstd_frame.cpp -- step 7: turns one signed zstd frame into exactly the bytes its record declares.
//
// The frame header is read here (RFC 8878, section 3.1.1) and not by ZSTD_getFrameHeader: that
// function and its struct are outside zstd's stable interface and may change under a dynamically
// linked program. What is read here is also all that is allowed: no skippable frame, no legacy
// magic, no dictionary id, no unused bit.
#include <zstd.h>
#include <zstd_errors.h>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

constexpr uint32_t kFrameMagic = 0xFD2FB528;
constexpr uint8_t kSingleSegment = 0x20;
constexpr uint8_t kRefusedBits = 0x1B;  // unused, reserved, and the size of a dictionary id

struct Frame {
  uint64_t content_size = 0;  // 0 as well when the frame does not say; raw_len never is
  uint64_t window = 0;
};

// At most 2^41 * 15/8, so it cannot wrap.
uint64_t window_of(uint8_t descriptor) noexcept {
  const uint64_t base = uint64_t{1} << (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7u);
}

// False when this is not a plain frame header.
bool read_frame(Bytes bytes, Frame& frame) noexcept {
  ByteReader reader(bytes);
  if (reader.u32() != kFrameMagic) return false;
  const uint8_t descriptor = reader.u8();
  if ((descriptor & kRefusedBits) != 0) return false;
  const bool single_segment = (descriptor & kSingleSegment) != 0;
  if (!single_segment) frame.window = window_of(reader.u8());
  switch (descriptor >> 6) {
    case 0: frame.content_size = single_segment ? reader.u8() : 0; break;
    case 1: frame.content_size = uint64_t{reader.u16()} + 256; break;
    case 2: frame.content_size = reader.u32(); break;
    default: frame.content_size = reader.u64(); break;
  }
  if (single_segment) frame.window = frame.content_size;
  return reader.ok();
}

Error check_frame(Bytes bytes, uint64_t raw_len, int32_t index) noexcept {
  Frame frame;
  if (!read_frame(bytes, frame)) return fail(Status::ZstdFrame, "frame header of section", index);
  if (frame.content_size != raw_len) {
    return fail_equal(Status::ZstdFrame, "content size of section", frame.content_size, raw_len,
                      index);
  }
  if (frame.window > kMaxZstdWindow) {
    return fail_at_most(Status::ZstdFrame, "window of section", frame.window, kMaxZstdWindow,
                        index);
  }
  // Walks the block headers only.
  const size_t frame_len = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(frame_len) != 0) return fail(Status::ZstdFrame, "blocks of section", index);
  if (frame_len != bytes.size()) {
    return fail_equal(Status::ZstdFrame, "end of the frame in section", frame_len, bytes.size(),
                      index);
  }
  return {};
}

}  // namespace

Error decompress(Bytes frame, int32_t index, AlignedBuffer& content) noexcept {
  if (Error error = check_frame(frame, content.size(), index)) return error;
  const size_t written =
      ZSTD_decompress(content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_getErrorCode(written) == ZSTD_error_memory_allocation) {
    return fail(Status::OutOfMemory, "section", index);
  }
  if (written != content.size()) return fail(Status::ZstdData, "section", index);
  return {};
}

}  // namespace plasma::packet
