// SPDX-License-Identifier: Apache-2.0
// robot_packets.hpp -- signed packets of whole programs,
// and a policy loaded from them through the public door.
#pragma once

#include <memory>

#include "machine_rig.hpp"
#include "packet_writer.hpp"
#include "plasma_edge/runtime.hpp"

namespace plasma::test {

inline const Key kMaker{1};  // the one key these policies trust

inline std::vector<SectionSpec> sections_of(const Sections& raw, uint32_t flags) {
  std::vector<SectionSpec> sections;
  for (const auto& [type, bytes] : raw) sections.push_back({type, bytes, flags});
  return sections;
}

// Writes a certificate where FORMAT.md has it.
inline void certify(PacketSpec& spec, const vm::Certificate& certificate) {
  spec.before_signing.insert(spec.before_signing.end(), {{164, certificate.arena_bytes, 4},
                                                         {168, certificate.state_bytes, 4},
                                                         {172, certificate.const_bytes, 4},
                                                         {176, certificate.macs, 8},
                                                         {184, certificate.cost_units, 8}});
}

// The golden section of these ticks, as this rig answers them.
inline Blob gold_of(Rig& rig, const std::vector<Floats>& cases) {
  Blob gold, body;
  for (const Floats& inputs : cases) {
    append(body, words(inputs));
    append(body, rig.tick(inputs));
  }
  append(gold, cases.size(), 8);
  append(gold, rig.model.layout().input_bytes, 4);
  append(gold, rig.model.layout().output_bytes, 4);
  append(gold, body);
  return gold;
}
inline void add_gold(PacketSpec& spec, const Blob& gold) {
  const auto place = std::find_if(spec.sections.begin(), spec.sections.end(),
                                  [](const SectionSpec& section) { return section.type > kGold; });
  spec.sections.insert(place, {kGold, gold});
}

inline PacketSpec base_packet(const ProgramBuilder& builder, uint32_t flags = 0) {
  const Sections raw = builder.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(raw), program));
  PacketSpec spec;
  spec.max_adapters = 2;
  spec.signers = {{kMaker}};
  spec.sections = sections_of(raw, flags);
  certify(spec, program.certificate);
  return spec;
}

inline PacketSpec adapter_packet(const ProgramBuilder& base, const AdapterBuilder& adapter) {
  const Sections base_raw = base.sections(), raw = adapter.sections();
  vm::Program program;
  vm::AdapterProgram patches;
  REQUIRE(!vm::validate(image_of(base_raw), program));
  REQUIRE(!vm::validate_adapter(program, adapter_image_of(raw), patches));
  PacketSpec spec;
  spec.kind = 2;
  spec.base_digest = base_packet(base).content_digest();
  spec.signers = {{kMaker}};
  spec.sections = sections_of(raw, 0);
  certify(spec, patches.certificate);
  return spec;
}

inline Trust trust_in_maker() { return {.keys = {kMaker.public_key}}; }

inline std::string code_of(const Error& error) { return status_code(error.status); }

// A policy, and memory for its inputs and outputs.
struct Robot {
  std::unique_ptr<Policy> policy = {};
  std::vector<const float*> inputs = {};
  std::vector<void*> outputs = {};
  Blob words_out = {};
  StepResult result = StepResult::Ok;

  std::string load(const Blob& packet, const LoadOptions& options = {}) {
    const Error error = Policy::load(packet, trust_in_maker(), options, policy);
    if ((policy == nullptr) != static_cast<bool>(error)) return "policy and error disagree";
    if (error) return code_of(error);
    size_t bytes = 0;
    for (const IoInfo& io : policy->outputs()) bytes += io.elements * 4;
    words_out.resize(bytes);
    uint8_t* next = words_out.data();
    for (const IoInfo& io : policy->outputs()) {
      outputs.push_back(next);
      next += io.elements * 4;
    }
    inputs.resize(policy->inputs().size());
    return "OK";
  }
  std::string load(const PacketSpec& spec, const LoadOptions& options = {}) {
    return load(spec.build(), options);
  }
  std::string attach(const PacketSpec& spec, const char* name, float gain = 1) {
    return code_of(policy->attach(spec.build(), name, gain));
  }
  std::string set_gains(std::initializer_list<NamedGain> gains) {
    return code_of(policy->set_gains({gains.begin(), gains.size()}));
  }

  // One tick; inputs one after the other, outputs as words. Allocates nothing.
  const Blob& step(const Floats& values) {
    const float* next = values.data();
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = next;
      next += policy->inputs()[i].elements;
    }
    result = policy->step(inputs.data(), outputs.data());
    return words_out;
  }
};

inline Robot load_robot(const PacketSpec& spec, const LoadOptions& options = {}) {
  Robot robot;
  REQUIRE(robot.load(spec, options) == "OK");
  return robot;
}

}  // namespace plasma::test
