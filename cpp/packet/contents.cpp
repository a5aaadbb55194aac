// SPDX-License-Identifier: Apache-2.0
// contents.cpp -- steps 7 and 8: turns stored sections into the content that was signed.
//
// The content digest is made of raw lengths and digests, so a base may be recompressed, or audited
// again, and keeps its adapters.
#include "packet/digest.hpp"
#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

constexpr auto kContentContext = context("plasma-edge content v1");

Error open_content(const SectionRecord& record, int32_t index, SectionContent& content) noexcept {
  content.type = Section{record.type};
  if (!content.bytes.allocate(static_cast<size_t>(record.raw_len))) {
    return fail(Status::OutOfMemory, "section", index);
  }
  if (record.is_frame()) return decompress(record.stored, index, content.bytes);
  std::memcpy(content.bytes.data(), record.stored.data(), record.stored.size());
  return {};
}

// Bytes that are not compressed were hashed in step 6.
bool has_raw_digest(const SectionRecord& record, const SectionContent& content) noexcept {
  if (!record.is_frame()) return record.raw_digest == record.stored_digest;
  return record.raw_digest == digest_of(content.bytes.bytes());
}

bool is_identity(Section type) noexcept { return type != Section::Gold && type != Section::Audit; }

Digest content_digest_of(const Header& header, std::span<const SectionRecord> records,
                         std::span<const SectionContent> contents) noexcept {
  Hash hash;
  hash.bytes(kContentContext);
  hash.number(static_cast<uint64_t>(header.kind), 2);
  hash.number(0, 2);
  hash.number(header.opset, 4);
  hash.bytes(header.base_digest);
  for (size_t i = 0; i < contents.size(); ++i) {
    if (!is_identity(contents[i].type)) continue;
    hash.number(records[i].type, 4);
    hash.number(0, 4);
    hash.number(records[i].raw_len, 8);
    hash.bytes(records[i].raw_digest);
  }
  return hash.finish();
}

// Policies read the verdict in the header; here it is tied to the section that people read.
Error check_audit(const Header& header, std::span<const SectionContent> contents) noexcept {
  uint32_t verdict = static_cast<uint32_t>(Verdict::None);
  for (const SectionContent& content : contents) {
    if (content.type != Section::Audit) continue;
    ByteReader reader(content.bytes.bytes());
    verdict = reader.u32();
    if (!reader.ok()) return fail_at_least(Status::AuditFormat, "audit", content.bytes.size(), 4);
  }
  const uint32_t declared = static_cast<uint32_t>(header.audit_verdict);
  if (verdict != declared) return fail_equal(Status::AuditFormat, "verdict", verdict, declared);
  return {};
}

}  // namespace

Error open_contents(const Header& header, std::span<const SectionRecord> records,
                    std::vector<SectionContent>& contents) noexcept {
  for (size_t i = 0; i < records.size() && records[i].type < kFirstOptional; ++i) {
    SectionContent content;
    if (Error error = open_content(records[i], static_cast<int32_t>(i), content)) return error;
    contents.push_back(std::move(content));
  }
  for (size_t i = 0; i < contents.size(); ++i) {
    if (!has_raw_digest(records[i], contents[i])) {
      return fail(Status::RawDigest, "section", static_cast<int32_t>(i));
    }
  }
  if (content_digest_of(header, records, contents) != header.content_digest) {
    return fail(Status::ContentDigest, "");
  }
  return check_audit(header, contents);
}

}  // namespace plasma::packet
