// SPDX-License-Identifier: Apache-2.0
// verify.cpp -- steps 1 to 8 in order: turns untrusted bytes into a VerifiedPacket or an error.
//
// The signature comes before decompression on purpose: a stranger's bytes must never reach zstd.
#include <algorithm>
#include <new>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

// The caller's mistakes come first: a threshold of 0 would accept a packet that nobody signed.
Error check_arguments(const TrustStore& trust, const Request& request) noexcept {
  if (request.kind == Kind::TrustRoot) return fail(Status::Argument, "kind");
  const uint64_t threshold = trust.threshold(request.kind);
  if (threshold == 0) return fail_at_least(Status::Argument, "threshold", 0, 1);
  if (threshold > trust.size()) {
    return fail_at_most(Status::Argument, "threshold", threshold, trust.size());
  }
  return {};
}

}  // namespace

Bytes VerifiedPacket::section(Section type) const noexcept {
  for (const SectionContent& content : contents_) {
    if (content.type == type) return content.bytes.bytes();
  }
  return {};
}

Error Verifier::verify(Bytes file, const TrustStore& trust, const Request& request,
                       std::unique_ptr<VerifiedPacket>& packet) noexcept {
  packet.reset();
  if (Error error = check_arguments(trust, request)) return error;
  const uint64_t most = std::min(request.limits.file_bytes, kMaxFileBytes);
  if (file.size() > most) return fail_at_most(Status::TooLarge, "file", file.size(), most);
  std::unique_ptr<VerifiedPacket> made(new (std::nothrow) VerifiedPacket);
  if (made == nullptr) return fail(Status::OutOfMemory, "packet");

  Header& header = made->header_;
  if (Error error = open_header(file, &request.kind, header)) return error;
  if (Error error = verify_signatures(file, header, trust, made->signers_)) return error;
  if (Error error = verify_trailer(file)) return error;
  // From here on every byte is signed, or about to be compared with a signed digest.
  if (Error error = check_policy(header, trust, request)) return error;
  std::vector<SectionRecord> records;
  if (Error error = open_sections(file, header, request.limits, records)) return error;
  if (Error error = open_contents(header, records, made->contents_)) return error;

  if (!made->manifest_.allocate(header.manifest_len)) return fail(Status::OutOfMemory, "manifest");
  const Bytes manifest = file.subspan(header.signed_len - header.manifest_len, header.manifest_len);
  std::memcpy(made->manifest_.data(), manifest.data(), manifest.size());
  packet = std::move(made);
  return {};
}

}  // namespace plasma::packet
