// SPDX-License-Identifier: Apache-2.0
// self_test.cpp -- replays a packet's golden cases and compares bits.
#include "runtime/self_test.hpp"

#include <cstring>

namespace plasma::runtime {
namespace {

constexpr uint32_t kMaxCases = 16;

struct Cases {
  uint32_t count = 0;
  size_t input_bytes = 0;
  size_t output_bytes = 0;
};

Error parse(ByteReader& reader, const vm::FrameLayout& layout, Cases& cases) noexcept {
  cases.count = reader.u32();
  const uint32_t reserved = reader.u32();
  cases.input_bytes = reader.u32();
  cases.output_bytes = reader.u32();
  if (!reader.ok() || reserved != 0) return fail(Status::GoldFormat, "header");
  if (cases.count < 1 || cases.count > kMaxCases)
    return fail_at_most(Status::GoldFormat, "cases", cases.count, kMaxCases);
  if (cases.input_bytes != layout.input_bytes) {
    return fail_equal(Status::GoldFormat, "input bytes", cases.input_bytes, layout.input_bytes);
  }
  if (cases.output_bytes != layout.output_bytes) {
    return fail_equal(Status::GoldFormat, "output bytes", cases.output_bytes, layout.output_bytes);
  }
  const size_t bytes = cases.count * (cases.input_bytes + cases.output_bytes);
  if (reader.left() != bytes)
    return fail_equal(Status::GoldFormat, "bytes of cases", reader.left(), bytes);
  return {};
}

void run(const vm::Plan& plan, vm::Frame& frame, Bytes input) noexcept {
  std::memcpy(frame.input(), input.data(), input.size());
  // A case may be a fault: then the safe action is what must come out.
  static_cast<void>(vm::tick(plan, frame));
}

}  // namespace

Error self_test(const vm::Plan& plan, Bytes gold, const vm::Plan* base) noexcept {
  if (gold.empty()) return {};
  ByteReader reader(gold);
  Cases cases;
  if (Error error = parse(reader, plan.model().layout(), cases)) return error;

  vm::Frame frame, base_frame;
  if (Error error = frame.allocate(plan.model())) return error;
  if (base != nullptr) {
    if (Error error = base_frame.allocate(plan.model())) return error;
  }
  bool differs = base == nullptr;
  for (uint32_t i = 0; i < cases.count; ++i) {
    const Bytes input = reader.take(cases.input_bytes);
    const Bytes expected = reader.take(cases.output_bytes);
    run(plan, frame, input);
    if (std::memcmp(frame.output(), expected.data(), expected.size()) != 0) {
      return fail(Status::SelfTest, "case", static_cast<int32_t>(i));
    }
    if (base == nullptr) continue;
    run(*base, base_frame, input);
    differs = differs || std::memcmp(base_frame.output(), expected.data(), expected.size()) != 0;
  }
  return differs ? Error{} : fail(Status::SelfTest, "every output is the base's");
}

}  // namespace plasma::runtime
