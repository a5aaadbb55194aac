// SPDX-License-Identifier: Apache-2.0
// steps.hpp -- the steps of FORMAT.md, section 7, that verify() walks; private to cpp/packet.
//
// Each trusts what the steps before it proved, so they must be called in this order.
#pragma once

#include "packet/trust.hpp"

namespace plasma::packet {

inline constexpr uint32_t kFlagFrame = 1;
inline constexpr uint32_t kFlagMayIgnore = 2;
// Types from here on may be ignored, and are: this runtime knows none.
inline constexpr uint32_t kFirstOptional = 256;

// One record of the section table, and the bytes it points at.
struct SectionRecord {
  uint32_t type = 0;
  uint32_t flags = 0;
  uint64_t offset = 0;
  uint64_t stored_len = 0;
  uint64_t raw_len = 0;
  Digest stored_digest{};
  Digest raw_digest{};
  Bytes stored;

  [[nodiscard]] bool is_frame() const noexcept { return (flags & kFlagFrame) != 0; }
};

// Both follow from the counts, which step 1 bounds: at most 18,304 and 18,816.
[[nodiscard]] constexpr size_t signatures_offset(const Header& header) noexcept {
  return align_up(header.signed_len);
}
[[nodiscard]] constexpr size_t sections_offset(const Header& header) noexcept {
  return signatures_offset(header) + header.signer_count * kSignatureBytes;
}

// Steps 1 and 2. `wanted` null: any kind. Afterwards everything up to the first section lies inside
// `file`, and so does the trailer.
Error open_header(Bytes file, const Kind* wanted, Header& header) noexcept;

// The one question that step 3 asks of libsodium, of 64 bytes and a key of the store. It is strict:
// S >= L, small-order and non-canonical keys and small-order R are refused, and R is compared as
// bytes.
[[nodiscard]] bool is_good_signature(Bytes signature, Bytes message, const PublicKey& key) noexcept;

// Step 3. Appends the ids of the trusted keys whose signatures were good.
Error verify_signatures(Bytes file, const Header& header, const TrustStore& trust,
                        std::vector<SignerId>& signers) noexcept;

// Step 4.
Error verify_trailer(Bytes file) noexcept;

// Step 5.
Error check_policy(const Header& header, const TrustStore& trust, const Request& request) noexcept;

// Step 6.
Error open_sections(Bytes file, const Header& header, const Limits& limits,
                    std::vector<SectionRecord>& records) noexcept;

// Steps 7 and 8. `contents` are those of the leading records: optional sections stay closed.
Error open_contents(const Header& header, std::span<const SectionRecord> records,
                    std::vector<SectionContent>& contents) noexcept;

// Step 7 for one frame, into exactly content.size() bytes. `index` is for the message.
Error decompress(Bytes frame, int32_t index, AlignedBuffer& content) noexcept;

}  // namespace plasma::packet
