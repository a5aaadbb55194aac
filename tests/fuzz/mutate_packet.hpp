// SPDX-License-Identifier: Apache-2.0
// mutate_packet.hpp -- how libFuzzer changes packets: takes one apart, changes its header, table,
// sections, compression, manifest or signers, mends what follows from that, and signs it again.
#pragma once

#include "mutate_sections.hpp"
#include "packet/packet.hpp"
#include "signed_packets.hpp"

namespace plasma::test {

struct Field {
  size_t at, count;
};
// FORMAT.md, section 2. What does not follow from the rest of the packet comes first.
inline constexpr Field kFields[] = {{40, 8},  {48, 4},  {52, 4},  {56, 8},  {64, 8},  {72, 8},
                                    {80, 8},  {192, 4}, {8, 2},   {10, 2},  {12, 2},  {14, 2},
                                    {16, 4},  {20, 4},  {24, 4},  {28, 4},  {32, 8},  {88, 8},
                                    {120, 8}, {152, 8}, {160, 4}, {164, 4}, {168, 4}, {172, 4},
                                    {176, 8}, {184, 8}, {196, 4}, {200, 4}, {204, 8}};
inline constexpr size_t kFree = 8;
inline constexpr Field kRecordFields[] = {{0, 4},  {4, 4},  {8, 8}, {16, 8},
                                          {24, 8}, {32, 8}, {64, 8}};
inline constexpr size_t kMostRaw = 1u << 16;

inline uint64_t number_at(Bytes file, Field field) {
  uint64_t value = 0;
  for (size_t i = field.count; i-- > 0;) value = value << 8 | file[field.at + i];
  return value;
}
inline Blob blob_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// One record of the table; a frame that does not open stays as it is stored.
inline SectionSpec section_at(Bytes file, size_t record) {
  SectionSpec section{.type = static_cast<uint32_t>(number_at(file, {record, 4})),
                      .raw = {},
                      .flags = static_cast<uint32_t>(number_at(file, {record + 4, 4}))};
  const uint64_t offset = number_at(file, {record + 8, 8}),
                 size = number_at(file, {record + 16, 8});
  if (offset > file.size() || size > file.size() - offset) return section;
  section.raw = blob_of(file.subspan(offset, size));
  if ((section.flags & 1) == 0) return section;
  section.stored = section.raw;
  Blob raw(std::min<uint64_t>(number_at(file, {record + 24, 8}), kMostRaw));
  const size_t written =
      ZSTD_decompress(raw.data(), raw.size(), section.stored.data(), section.stored.size());
  if (ZSTD_isError(written) == 0) section.raw = raw, section.stored.clear();
  return section;
}

// False: not a packet, or one without room for its table.
inline bool take_apart(Bytes file, PacketSpec& spec) {
  packet::Header header;
  if (packet::read_header(file, header)) return false;
  spec.kind = static_cast<uint16_t>(header.kind);
  spec.opset = header.opset;
  spec.max_adapters = header.max_adapters;
  spec.base_digest = blob_of(header.base_digest);
  const auto sign = spec.kind == 3 ? sign_trust : sign_packet;
  for (uint32_t i = 0; i < header.signer_count; ++i) {
    const Blob id = blob_of(file.subspan(256 + 16 * size_t{i}, 16));
    for (const Key& key : {kMaker, kSecond}) {
      if (key.id() == id) spec.signers.push_back({key, sign});
    }
  }
  if (spec.signers.empty()) spec.signers = {{kMaker, sign}};
  const size_t manifest = header.signed_len - header.manifest_len;
  spec.manifest = blob_of(file.subspan(manifest, header.manifest_len));
  for (size_t at = manifest - 96 * header.section_count; at < manifest; at += 96) {
    spec.sections.push_back(section_at(file, at));
  }
  for (size_t i = 0; i < kFree; ++i) {
    const Field field = kFields[i];
    spec.before_signing.push_back({field.at, number_at(file, field), field.count});
  }
  return true;
}

inline void mutate_blob(Blob& blob) {
  const size_t size = blob.size();
  blob.resize(size + 64);
  blob.resize(LLVMFuzzerMutate(blob.data(), size, blob.size()));
}

// As fuzz_program and fuzz_adapter change them; GOLD would now be wrong, and mostly goes.
inline void change_contents(PacketSpec& spec, Dice& dice) {
  Sections sections = raw_sections_of(spec);
  dice.below(3) == 0 ? mutate_one(dice, sections) : change(dice, sections);
  if (dice.below(4) != 0) sections.erase(kGold);
  std::map<uint32_t, uint32_t> flags;
  for (const SectionSpec& section : spec.sections) flags[section.type] = section.flags;
  spec.sections = specs_of(sections);
  for (SectionSpec& section : spec.sections) section.flags = flags[section.type];
}

inline void change_signers(PacketSpec& spec, Dice& dice) {
  switch (dice.below(4)) {
    case 0: spec.signers.push_back({Key(9)}); break;
    case 1: spec.signers.push_back({kMaker}); break;
    case 2: spec.signers.push_back({Key(9), sign_absent}); break;
    default: spec.signers[0].sign = dice.below(2) == 0 ? sign_trust : sign_absent;
  }
}

inline void change_one(PacketSpec& spec, SectionSpec& section, Dice& dice) {
  switch (dice.below(4)) {
    case 0: section.flags ^= 1; break;
    case 1:
      section.flags |= 1;
      if (section.stored.empty()) section.stored = compress(section.raw, 10 + int(dice.below(11)));
      mutate_blob(section.stored);
      break;
    case 2: section.type = dice.below(2) == 0 ? dice.below(40) : 256 + dice.below(3); break;
    default: spec.sections.push_back(section);
  }
}

// Written last, over what would have been right.
inline void overwrite(PacketSpec& spec, Dice& dice) {
  Field field = kFields[dice.below(std::size(kFields))];
  if (!spec.sections.empty() && dice.below(2) == 0) {
    field = kRecordFields[dice.below(std::size(kRecordFields))];
    field.at += spec.record_at(dice.below(spec.sections.size()));
  }
  spec.before_signing.push_back({field.at, draw_value(dice, dice.below(400)), field.count});
}

inline void change(PacketSpec& spec, Dice& dice) {
  SectionSpec* const section =
      spec.sections.empty() ? nullptr : &spec.sections[dice.below(spec.sections.size())];
  switch (dice.below(14)) {
    case 0: mutate_blob(spec.manifest); break;
    case 1: change_signers(spec, dice); break;
    case 2: spec.max_adapters = dice.below(18); break;
    case 3:
    case 4:
      if (section != nullptr) change_one(spec, *section, dice);
      break;
    case 5:
      if (section != nullptr)
        spec.sections.erase(spec.sections.begin() + (section - spec.sections.data()));
      break;
    default: change_contents(spec, dice);
  }
}

// `fresh` gives an honest packet, by dice.
template <class Fresh>
size_t mutate_packet(uint8_t* data, size_t size, size_t most, unsigned seed, Fresh fresh) {
  Dice dice{seed};
  PacketSpec spec;
  if (dice.below(50) == 0 || !take_apart({data, size}, spec)) spec = fresh(dice);
  for (uint32_t changes = 1 + dice.below(2); changes > 0; --changes) change(spec, dice);
  if (dice.below(16) != 0) {
    std::stable_sort(spec.sections.begin(), spec.sections.end(),
                     [](const SectionSpec& a, const SectionSpec& b) { return a.type < b.type; });
  }
  if (dice.below(8) != 0) certify(spec);
  if (dice.below(4) == 0) overwrite(spec, dice);
  Blob packet = spec.build();
  if (dice.below(32) == 0) {
    packet[dice.below(packet.size())] ^= static_cast<uint8_t>(1u << dice.below(8));
  }
  if (packet.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::copy(packet.begin(), packet.end(), data);
  return packet.size();
}

}  // namespace plasma::test
