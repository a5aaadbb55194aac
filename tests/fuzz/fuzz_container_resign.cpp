// SPDX-License-Identifier: Apache-2.0
// fuzz_container_resign.cpp -- packets changed anywhere and signed again by a key that the device
// trusts (mutate_packet.cpp), through the door that a host uses: load and step, or attach and step.
#include <cmath>

#include "choices.hpp"
#include "packet/packet.hpp"
#include "plasma_edge/runtime.hpp"
#include "signed_packets.hpp"
#include "tally.hpp"

namespace plasma::test {
namespace {

constexpr uint64_t kDeviceBytes = 1u << 18, kDeviceUnits = 1u << 20;

LoadOptions options() {
  LoadOptions options;
  options.max_memory_bytes = kDeviceBytes;
  options.max_cost_units = kDeviceUnits;
  return options;
}
Trust trust() { return {.keys = {kMaker.public_key}}; }

// A few ticks; every output is finite, whatever goes in.
void step(Policy& policy, Bytes seed) {
  Choices choices(seed.data(), seed.size());
  std::vector<Floats> in;
  std::vector<const float*> inputs;
  std::vector<Blob> out;
  std::vector<void*> outputs;
  for (const IoInfo& io : policy.outputs())
    outputs.push_back(out.emplace_back(io.elements * 4).data());
  for (int tick = 0; tick < 3; ++tick) {
    in.clear(), inputs.clear();
    for (const IoInfo& io : policy.inputs()) {
      inputs.push_back(in.emplace_back(choices.numbers(static_cast<int>(io.elements))).data());
    }
    const StepResult result = policy.step(inputs.data(), outputs.data());
    require(result != StepResult::Busy, "nobody else steps");
    for (size_t i = 0; i < out.size(); ++i) {
      if (policy.outputs()[i].type != ElementType::F32) continue;
      ByteReader reader(out[i]);
      while (reader.left() > 0) require(std::isfinite(reader.f32()), "an output is finite");
    }
  }
  ++tally.accepted;
}

void try_adapter(Bytes file) {
  static std::unique_ptr<Policy> policy;
  if (policy == nullptr) {
    require(!Policy::load(sample_base().build(), trust(), options(), policy), "the base is loaded");
  }
  const Error error = policy->attach(file, "guest", 0.5f);
  tally.behind_signature += is_behind_signature(error);
  if (error) return;
  step(*policy, file.last(64));
  require(!policy->detach("guest"), "what was attached is detached");
}

void try_base(Bytes file) {
  std::unique_ptr<Policy> policy;
  const Error error = Policy::load(file, trust(), options(), policy);
  require((policy == nullptr) == static_cast<bool>(error), "a policy or an error");
  tally.behind_signature += is_behind_signature(error);
  if (!error) step(*policy, file.last(64));
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const plasma::Bytes file(data, size);
  plasma::packet::Header header;
  const bool is_adapter =
      !plasma::packet::read_header(file, header) && header.kind == plasma::packet::Kind::Adapter;
  is_adapter ? plasma::test::try_adapter(file) : plasma::test::try_base(file);
  return 0;
}
