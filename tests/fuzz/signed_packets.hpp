// SPDX-License-Identifier: Apache-2.0
// signed_packets.hpp -- packets of the sample program and its adapter, signed with a throw-away
// key, for what lies behind the signature: nothing of the check itself is left out.
#pragma once

#include "packet_writer.hpp"
#include "sample_programs.hpp"

namespace plasma::test {

inline const Key kMaker{1};  // trusted by the targets; its secret is in the source
inline const Key kSecond{2};

inline Sections raw_sections_of(const PacketSpec& spec) {
  Sections sections;
  for (const SectionSpec& section : spec.sections) sections[section.type] = section.raw;
  return sections;
}
inline std::vector<SectionSpec> specs_of(const Sections& sections, uint32_t flags = 0) {
  std::vector<SectionSpec> specs;
  for (const auto& [type, raw] : sections) specs.push_back({type, raw, flags});
  return specs;
}

// Writes the certificate that the sections need, where there is one.
inline void certify(PacketSpec& spec) {
  const Sections sections = raw_sections_of(spec);
  vm::Program program;
  vm::Certificate needs;
  if (spec.kind == 2) {
    const Sections base = sample::program().sections();
    vm::AdapterProgram adapter;
    if (vm::validate(image_of(base), program)) return;
    if (vm::validate_adapter(program, adapter_image_of(sections), adapter)) return;
    needs = adapter.certificate;
  } else {
    if (vm::validate(image_of(sections), program)) return;
    needs = program.certificate;
  }
  spec.before_signing.insert(spec.before_signing.end(), {{164, needs.arena_bytes, 4},
                                                         {168, needs.state_bytes, 4},
                                                         {172, needs.const_bytes, 4},
                                                         {176, needs.macs, 8},
                                                         {184, needs.cost_units, 8}});
}

inline PacketSpec sample_base() {
  PacketSpec spec;
  spec.max_adapters = 2;
  spec.signers = {{kMaker}};
  spec.sections = specs_of(sample::program().sections());
  certify(spec);
  return spec;
}

inline PacketSpec sample_adapter() {
  PacketSpec spec;
  spec.kind = 2;
  spec.base_digest = sample_base().content_digest();
  spec.signers = {{kMaker}};
  spec.sections = specs_of(sample::adapter().sections());
  certify(spec);
  return spec;
}

}  // namespace plasma::test
