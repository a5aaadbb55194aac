// SPDX-License-Identifier: Apache-2.0
// fuzz_zstd.cpp -- a frame, of the fuzzer's making or honest and then changed, into exactly as many
// bytes as were declared: all of them or an error, none behind them.
#include <sanitizer/asan_interface.h>

#include "choices.hpp"
#include "packet/steps.hpp"
#include "packet_writer.hpp"
#include "tally.hpp"

namespace plasma::test {
namespace {

// What the fuzzer wrote is either the frame or what is in it.
Blob frame_of(Choices& choices, const Blob& bytes) {
  if (choices.coin()) return bytes;
  Blob frame = compress(bytes, choices.within(10, 21), choices.coin(), choices.coin());
  for (int changes = choices.within(0, 2); changes > 0; --changes) {
    const int at = choices.within(0, static_cast<int>(frame.size()) - 1);
    frame[static_cast<size_t>(at)] = static_cast<uint8_t>(choices.word());
  }
  if (choices.one_in(8)) append(frame, choices.word(), 1);
  return frame;
}

void try_frame(const Blob& frame, size_t declared) {
  AlignedBuffer content;
  require(content.allocate(declared), "memory for the content");
  ASAN_POISON_MEMORY_REGION(content.data() + declared, align_up(declared) - declared);
  if (packet::decompress(frame, 0, content)) return;
  Blob wide(declared + 64);
  const size_t written = ZSTD_decompress(wide.data(), wide.size(), frame.data(), frame.size());
  require(written == declared, "the frame holds as many bytes as were declared");
  require(std::equal(wide.begin(), wide.end() - 64, content.data()), "and these are its bytes");
  ++tally.accepted;
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plasma::test;
  ++tally.behind_signature;
  if (size < 8) return 0;
  Choices choices(data, 8);
  const Blob bytes(data + 8, data + size);
  const Blob frame = frame_of(choices, bytes);
  const size_t declared =
      choices.coin() ? bytes.size() : static_cast<size_t>(choices.within(1, 300));
  if (declared > 0 && !frame.empty()) try_frame(frame, declared);
  return 0;
}
