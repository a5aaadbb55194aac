// SPDX-License-Identifier: Apache-2.0
// verify.cpp -- steps 1 to 8 in order: turns untrusted bytes into a VerifiedPacket or an error.
//
// The signature comes before decompression on purpose: a stranger's bytes must never reach zstd.
#include <algorithm>
#include <new>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

Error check_memory(const Header& header, const Limits& limits) noexcept {
  if (header.arena_bytes > limits.arena_bytes) {
    return fail_at_most(Status::MemoryCap, "arena_bytes", header.arena_bytes, limits.arena_bytes);
  }
  if (header.state_bytes > limits.state_bytes) {
    return fail_at_most(Status::MemoryCap, "state_bytes", header.state_bytes, limits.state_bytes);
  }
  if (header.const_bytes > limits.const_bytes) {
    return fail_at_most(Status::MemoryCap, "const_bytes", header.const_bytes, limits.const_bytes);
  }
  return {};
}

Error check_base(const Header& header, const Request& request) noexcept {
  const bool names_base = header.base_digest != Digest{};
  if (names_base != (header.kind == Kind::Adapter)) return fail(Status::BaseField, "base_digest");
  if (names_base && request.base_digest != nullptr && header.base_digest != *request.base_digest) {
    return fail(Status::BaseMismatch, "base_digest");
  }
  return {};
}

// The caller's mistakes come first: a threshold of 0 would accept a packet that nobody signed.
Error check_arguments(const TrustStore& trust) noexcept {
  const uint64_t threshold = trust.threshold();
  if (threshold == 0) return fail_at_least(Status::Argument, "threshold", 0, 1);
  if (threshold > trust.size()) {
    return fail_at_most(Status::Argument, "threshold", threshold, trust.size());
  }
  return {};
}

}  // namespace

Error check_policy(const Header& header, const Request& request) noexcept {
  if (request.channel != nullptr && header.channel_id != *request.channel) {
    return fail(Status::Channel, "channel_id");
  }
  if (header.min_runtime > request.runtime) {
    return fail_at_most(Status::RuntimeTooOld, "min_runtime", header.min_runtime, request.runtime);
  }
  if (header.opset > request.opset) {
    return fail_at_most(Status::Opset, "opset", header.opset, request.opset);
  }
  if (header.audit_verdict < request.require_audit) {
    return fail_at_least(Status::Audit, "audit_verdict",
                         static_cast<uint64_t>(header.audit_verdict),
                         static_cast<uint64_t>(request.require_audit));
  }
  if (Error error = check_memory(header, request.limits)) return error;
  if (header.cost_units > request.limits.cost_units) {
    return fail_at_most(Status::Deadline, "cost_units", header.cost_units,
                        request.limits.cost_units);
  }
  return check_base(header, request);
}

Bytes VerifiedPacket::section(Section type) const noexcept {
  for (const SectionContent& content : contents_) {
    if (content.type == type) return content.bytes.bytes();
  }
  return {};
}

Error Verifier::verify(Bytes file, const TrustStore& trust, const Request& request,
                       std::unique_ptr<VerifiedPacket>& packet) noexcept {
  packet.reset();
  if (Error error = check_arguments(trust)) return error;
  const uint64_t most = std::min(request.limits.file_bytes, kMaxFileBytes);
  if (file.size() > most) return fail_at_most(Status::TooLarge, "file", file.size(), most);
  std::unique_ptr<VerifiedPacket> made(new (std::nothrow) VerifiedPacket);
  if (made == nullptr) return fail(Status::OutOfMemory, "packet");

  Header& header = made->header_;
  if (Error error = open_header(file, &request.kind, header)) return error;
  if (Error error = verify_signatures(file, header, trust, made->signers_)) return error;
  if (Error error = verify_trailer(file)) return error;
  // From here on every byte is signed, or about to be compared with a signed digest.
  if (Error error = check_policy(header, request)) return error;
  std::vector<SectionRecord> records;
  if (Error error = open_sections(file, header, request.limits, records)) return error;
  if (Error error = open_contents(header, records, made->contents_)) return error;

  if (!made->manifest_.allocate(header.manifest_len)) return fail(Status::OutOfMemory, "manifest");
  const Bytes manifest = file.subspan(header.signed_len - header.manifest_len, header.manifest_len);
  if (!manifest.empty()) std::memcpy(made->manifest_.data(), manifest.data(), manifest.size());
  packet = std::move(made);
  return {};
}

}  // namespace plasma::packet
