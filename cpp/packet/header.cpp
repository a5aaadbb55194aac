// SPDX-License-Identifier: Apache-2.0
// header.cpp -- steps 1 and 2: turns the first 256 bytes into a Header whose lengths hold.
//
// A stranger's bytes get this far: fixed offsets only, no loop whose length they choose. Fields are
// judged in the order of the file, so that two implementations name the same error.
#include <algorithm>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

constexpr std::array<uint8_t, 8> kMagic = {0x89, 'P', 'L', 'M', 'A', 0x0D, 0x0A, 0x1A};
constexpr uint16_t kFormatMajor = 1;
constexpr uint16_t kFormatMinor = 0;
constexpr size_t kReservedMiddle = 8;
constexpr size_t kReservedEnd = 52;

// What has one allowed value, or is not yet known to be an enumerator.
struct RawFields {
  uint16_t major = 0;
  uint16_t minor = 0;
  uint16_t kind = 0;
  uint16_t header_len = 0;
  uint32_t flags = 0;
  uint32_t audit_verdict = 0;
  bool middle_is_zero = false;
  bool end_is_zero = false;
};

void read_fields(ByteReader& reader, RawFields& raw, Header& header) noexcept {
  raw.major = reader.u16();
  raw.minor = reader.u16();
  raw.kind = reader.u16();
  raw.header_len = reader.u16();
  raw.flags = reader.u32();
  header.signed_len = reader.u32();
  header.section_count = reader.u32();
  header.manifest_len = reader.u32();
  header.file_len = reader.u64();
  header.sequence = reader.u64();
  header.rollback_index = reader.u32();
  raw.audit_verdict = reader.u32();
  header.not_before = reader.u64();
  header.not_after = reader.u64();
  header.channel_id = reader.array<16>();
  header.content_digest = reader.array<32>();
  header.base_digest = reader.array<32>();
  raw.middle_is_zero = reader.zeros(kReservedMiddle);
  header.opset = reader.u32();
  header.arena_bytes = reader.u32();
  header.state_bytes = reader.u32();
  header.const_bytes = reader.u32();
  header.macs = reader.u64();
  header.cost_units = reader.u64();
  header.min_runtime = reader.u32();
  header.signer_count = reader.u32();
  header.max_adapters = reader.u32();
  raw.end_is_zero = reader.zeros(kReservedEnd);
}

Error check_range(const char* where, uint64_t found, uint64_t least, uint64_t most) noexcept {
  if (found < least) return fail_at_least(Status::Limit, where, found, least);
  if (found > most) return fail_at_most(Status::Limit, where, found, most);
  return {};
}

Error check_identity(const RawFields& raw, const Kind* wanted) noexcept {
  if (raw.major != kFormatMajor) {
    return fail_equal(Status::Version, "format_major", raw.major, kFormatMajor);
  }
  if (raw.minor != kFormatMinor) {
    return fail_equal(Status::Version, "format_minor", raw.minor, kFormatMinor);
  }
  if (raw.kind < 1 || raw.kind > static_cast<uint16_t>(Kind::TrustRoot)) {
    return fail(Status::Kind, "kind");
  }
  if (wanted != nullptr && Kind{raw.kind} != *wanted) {
    return fail_equal(Status::Kind, "kind", raw.kind, static_cast<uint64_t>(*wanted));
  }
  if (raw.header_len != kHeaderBytes) {
    return fail_equal(Status::Limit, "header_len", raw.header_len, kHeaderBytes);
  }
  if (raw.flags != 0) return fail_equal(Status::Reserved, "flags", raw.flags, 0);
  return {};
}

Error check_counts(const RawFields& raw, const Header& header) noexcept {
  const uint64_t last_verdict = static_cast<uint64_t>(Verdict::Verified);
  const uint32_t most_adapters = Kind{raw.kind} == Kind::Base ? kMaxAdapters : 0;
  Error error = check_range("section_count", header.section_count, 1, kMaxSections);
  if (!error) error = check_range("manifest_len", header.manifest_len, 0, kMaxManifestBytes);
  if (!error) error = check_range("audit_verdict", raw.audit_verdict, 0, last_verdict);
  if (!error && !raw.middle_is_zero) error = fail(Status::Reserved, "header");
  if (!error) error = check_range("opset", header.opset, 1, UINT32_MAX);
  if (!error) error = check_range("signer_count", header.signer_count, 1, kMaxSigners);
  if (!error) error = check_range("max_adapters", header.max_adapters, 0, most_adapters);
  if (!error && !raw.end_is_zero) error = fail(Status::Reserved, "header");
  return error;
}

// Step 2. The counts are bounded, so no sum below can wrap.
Error check_lengths(Bytes file, const Header& header) noexcept {
  const uint64_t signed_len = kHeaderBytes + header.signer_count * kSignerIdBytes +
                              header.section_count * kSectionRecordBytes + header.manifest_len;
  if (header.signed_len != signed_len) {
    return fail_equal(Status::Layout, "signed_len", header.signed_len, signed_len);
  }
  const uint64_t size = file.size();
  if (size < header.file_len)
    return fail_at_least(Status::Truncated, "file", size, header.file_len);
  if (size > header.file_len) return fail_at_most(Status::Trailing, "file", size, header.file_len);
  const uint64_t least = sections_offset(header) + kTrailerBytes;
  if (size < least) return fail_at_least(Status::Layout, "file_len", size, least);

  const size_t pad = signatures_offset(header) - header.signed_len;
  if (!ByteReader(file.subspan(header.signed_len, pad)).zeros(pad)) {
    return fail(Status::Padding, "before the signatures");
  }
  return {};
}

}  // namespace

Error open_header(Bytes file, const Kind* wanted, Header& header) noexcept {
  ByteReader reader(file);
  const Bytes magic = reader.take(kMagic.size());
  if (!std::equal(magic.begin(), magic.end(), kMagic.begin(), kMagic.end())) {
    return fail(Status::Magic, "");
  }
  if (file.size() < kHeaderBytes) {
    return fail_at_least(Status::Truncated, "header", file.size(), kHeaderBytes);
  }
  RawFields raw;
  Header candidate;
  read_fields(reader, raw, candidate);
  if (Error error = check_identity(raw, wanted)) return error;
  if (Error error = check_counts(raw, candidate)) return error;
  candidate.kind = Kind{raw.kind};
  candidate.audit_verdict = Verdict{raw.audit_verdict};
  if (Error error = check_lengths(file, candidate)) return error;
  header = candidate;
  return {};
}

Error read_header(Bytes file, Header& header) noexcept {
  return open_header(file, nullptr, header);
}

}  // namespace plasma::packet
