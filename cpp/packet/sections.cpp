// SPDX-License-Identifier: Apache-2.0
// sections.cpp -- step 6: turns the section table into records that tile the file.
//
// There is no freedom in the layout: the offset of a section follows from those before it. The
// decompressor sees no byte whose digest is not in the signed region.
#include <algorithm>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

// Where a section may stand, and where it must: one bit for each Kind.
constexpr uint8_t kBase = 1;
constexpr uint8_t kAdapter = 2;
constexpr uint8_t kRoot = 4;
constexpr uint64_t kDeviceCap = 0;

struct Rule {
  Section type;
  uint64_t most;  // of raw_len
  uint8_t allowed;
  uint8_t needed = 0;
};

constexpr Rule kRules[] = {
    {Section::Prog, 262'144, kBase, kBase},
    {Section::Tens, 262'144, kBase, kBase},
    {Section::ConstI8, kDeviceCap, kBase, 0},
    {Section::ConstF16, kDeviceCap, kBase, 0},
    {Section::ConstF32, kDeviceCap, kBase, 0},
    {Section::ConstI32, kDeviceCap, kBase, 0},
    {Section::Io, 6'144, kBase, kBase},
    {Section::Slots, 16'384, kBase, 0},
    {Section::Gold, 262'144, kBase | kAdapter, 0},
    {Section::Safe, 65'536, kBase, 0},
    {Section::Audit, 16'384, kBase | kAdapter, 0},
    {Section::Lora, 32'768, kAdapter, kAdapter},
    {Section::LoraConst, kDeviceCap, kAdapter, kAdapter},
    {Section::Trust, 13'328, kRoot, kRoot},
};
constexpr Rule kOptional = {Section{kFirstOptional}, kMaxFileBytes, kBase | kAdapter};

uint8_t bit_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::Base: return kBase;
    case Kind::Adapter: return kAdapter;
    case Kind::TrustRoot: return kRoot;
  }
  return 0;
}

// A trust root is not compressed: it is read before it is believed.
uint32_t flags_of(const Rule& rule) noexcept {
  if (rule.type == Section::Trust) return 0;
  return rule.type == kOptional.type ? kFlagFrame | kFlagMayIgnore : kFlagFrame;
}

const Rule* rule_of(uint32_t type) noexcept {
  if (type >= kFirstOptional) return &kOptional;
  for (const Rule& rule : kRules) {
    if (static_cast<uint32_t>(rule.type) == type) return &rule;
  }
  return nullptr;
}

SectionRecord read_record(ByteReader& reader) noexcept {
  SectionRecord record;
  record.type = reader.u32();
  record.flags = reader.u32();
  record.offset = reader.u64();
  record.stored_len = reader.u64();
  record.raw_len = reader.u64();
  record.stored_digest = reader.array<32>();
  record.raw_digest = reader.array<32>();
  return record;
}

// `end` is where the last section ended, `room` what the device has left for constants.
struct Walk {
  Bytes body;  // the file without its trailer
  size_t end = 0;
  uint64_t room = 0;
  uint32_t last_type = 0;
  uint8_t kind_bit = 0;

  Error check_type(const SectionRecord& record, const Rule*& rule, int32_t index) noexcept;
  Error check_sizes(const SectionRecord& record, const Rule& rule, int32_t index) noexcept;
  Error take(SectionRecord& record, int32_t index) noexcept;
};

Error Walk::check_type(const SectionRecord& record, const Rule*& rule, int32_t index) noexcept {
  if (record.type <= last_type) {
    return fail_at_least(Status::SectionOrder, "section", record.type, uint64_t{last_type} + 1,
                         index);
  }
  last_type = record.type;
  rule = rule_of(record.type);
  if (rule == nullptr || (rule->allowed & kind_bit) == 0) {
    return fail(Status::SectionUnknown, "section", index);
  }
  const bool may_ignore = (record.flags & kFlagMayIgnore) != 0;
  if (rule == &kOptional && !may_ignore) return fail(Status::SectionUnknown, "section", index);
  const uint32_t most = flags_of(*rule);
  if ((record.flags & ~most) != 0) return fail(Status::Reserved, "flags of section", index);
  return {};
}

Error Walk::check_sizes(const SectionRecord& record, const Rule& rule, int32_t index) noexcept {
  if (record.stored_len == 0 || record.raw_len == 0) {
    return fail_at_least(Status::SectionLayout, "length of section", 0, 1, index);
  }
  const uint64_t most = rule.most == kDeviceCap ? room : rule.most;
  if (record.raw_len > most) {
    return fail_at_most(Status::Limit, "raw_len of section", record.raw_len, most, index);
  }
  if (rule.most == kDeviceCap) room -= record.raw_len;
  if (!record.is_frame() && record.stored_len != record.raw_len) {
    return fail_equal(Status::SectionLayout, "stored_len of section", record.stored_len,
                      record.raw_len, index);
  }
  return {};
}

Error Walk::take(SectionRecord& record, int32_t index) noexcept {
  const size_t offset = align_up(end);
  if (record.offset != offset) {
    return fail_equal(Status::SectionLayout, "offset of section", record.offset, offset, index);
  }
  const size_t most = offset < body.size() ? body.size() - offset : 0;
  if (record.stored_len > most) {
    return fail_at_most(Status::SectionLayout, "stored_len of section", record.stored_len, most,
                        index);
  }
  if (!ByteReader(body.subspan(end, offset - end)).zeros(offset - end)) {
    return fail(Status::Padding, "before section", index);
  }
  record.stored = body.subspan(offset, static_cast<size_t>(record.stored_len));
  end = offset + record.stored.size();
  return {};
}

bool is_missing(const Rule& rule, uint8_t kind_bit,
                std::span<const SectionRecord> records) noexcept {
  if ((rule.needed & kind_bit) == 0) return false;
  return std::none_of(records.begin(), records.end(), [&rule](const SectionRecord& record) {
    return record.type == static_cast<uint32_t>(rule.type);
  });
}

}  // namespace

Error open_sections(Bytes file, const Header& header, const Limits& limits,
                    std::vector<SectionRecord>& records) noexcept {
  Walk walk;
  walk.body = file.first(file.size() - kTrailerBytes);
  walk.end = sections_offset(header);
  walk.room = std::min(limits.const_bytes, kMaxFileBytes);
  walk.kind_bit = bit_of(header.kind);

  ByteReader table(file.subspan(kHeaderBytes + header.signer_count * kSignerIdBytes));
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const int32_t index = static_cast<int32_t>(i);
    SectionRecord record = read_record(table);
    const Rule* rule = nullptr;
    if (Error error = walk.check_type(record, rule, index)) return error;
    if (Error error = walk.check_sizes(record, *rule, index)) return error;
    if (Error error = walk.take(record, index)) return error;
    records.push_back(record);
  }
  if (walk.end != walk.body.size()) {
    return fail_equal(Status::SectionLayout, "end of the last section", walk.end, walk.body.size());
  }
  for (const Rule& rule : kRules) {
    if (is_missing(rule, walk.kind_bit, records)) {
      return fail(Status::SectionMissing, "type", static_cast<int32_t>(rule.type));
    }
  }
  for (size_t i = 0; i < records.size(); ++i) {
    if (digest_of(records[i].stored) != records[i].stored_digest) {
      return fail(Status::StoredDigest, "section", static_cast<int32_t>(i));
    }
  }
  return {};
}

}  // namespace plasma::packet
