// SPDX-License-Identifier: Apache-2.0
// packet.hpp -- from untrusted bytes to a VerifiedPacket: steps 1 to 8 of FORMAT.md, section 7.
//
// A VerifiedPacket is the only thing the runtime loads, and only verify() makes one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/byte_reader.hpp"
#include "plasma_edge/status.hpp"

namespace plasma::packet {

inline constexpr size_t kHeaderBytes = 256;
inline constexpr size_t kSignerIdBytes = 16;
inline constexpr size_t kSectionRecordBytes = 96;
inline constexpr size_t kSignatureBytes = 64;
inline constexpr size_t kTrailerBytes = 40;
inline constexpr uint32_t kMaxSections = 16;
inline constexpr uint32_t kMaxSigners = 8;
inline constexpr uint32_t kMaxManifestBytes = 16'384;
inline constexpr uint32_t kMaxAdapters = 16;
inline constexpr uint64_t kMaxZstdWindow = 1u << 20;
// A stolen key must not lock a channel by using its numbers up.
inline constexpr uint64_t kMaxSequenceJump = 1u << 20;
// Whatever a device's own caps say.
inline constexpr uint64_t kMaxFileBytes = 1u << 30;

using Digest = std::array<uint8_t, 32>;
using SignerId = std::array<uint8_t, kSignerIdBytes>;
using ChannelId = std::array<uint8_t, 16>;
using PublicKey = std::array<uint8_t, 32>;

enum class Kind : uint16_t { Base = 1, Adapter = 2, TrustRoot = 3 };

enum class Section : uint32_t {
  Prog = 1,
  Tens = 2,
  ConstI8 = 3,
  ConstF16 = 4,
  ConstF32 = 5,
  ConstI32 = 6,
  Io = 7,
  Slots = 8,
  Gold = 10,
  Safe = 11,
  Audit = 12,
  Lora = 16,
  LoraConst = 17,
  Trust = 32,
};

enum class Verdict : uint32_t { None = 0, Unverified = 1, Verified = 2 };

// Every field a device decides on, in the order of the file.
struct Header {
  Kind kind{};
  uint32_t signed_len = 0;
  uint32_t section_count = 0;
  uint32_t manifest_len = 0;
  uint64_t file_len = 0;
  uint64_t sequence = 0;
  uint32_t rollback_index = 0;
  Verdict audit_verdict{};
  uint64_t not_before = 0;
  uint64_t not_after = 0;
  ChannelId channel_id{};
  Digest content_digest{};
  Digest base_digest{};
  uint32_t opset = 0;
  uint32_t arena_bytes = 0;
  uint32_t state_bytes = 0;
  uint32_t const_bytes = 0;
  uint64_t macs = 0;
  uint64_t cost_units = 0;
  uint32_t min_runtime = 0;
  uint32_t signer_count = 0;
  uint32_t max_adapters = 0;
};

// H of FORMAT.md: SHA-512 cut to 32 bytes.
[[nodiscard]] Digest digest_of(Bytes bytes) noexcept;
[[nodiscard]] SignerId signer_id_of(const PublicKey& key) noexcept;
[[nodiscard]] ChannelId channel_id_of(Bytes name) noexcept;

struct Limits {
  uint64_t file_bytes = 256ull << 20;
  uint64_t const_bytes = 64ull << 20;
  uint64_t arena_bytes = 64ull << 20;
  uint64_t state_bytes = 16ull << 20;
  uint64_t cost_units = UINT64_MAX;
};

// What a device confirmed last in one line of releases: a channel and a kind.
struct Floor {
  ChannelId channel_id{};
  Kind kind{};
  uint64_t sequence = 0;
  uint32_t rollback_index = 0;
  uint32_t root_version = 0;  // of the root it was confirmed under; 0: a list of keys
  Digest content_digest{};
};

// What installing asks besides: section 9 of FORMAT.md. Times are Unix seconds.
struct Device {
  std::optional<uint64_t> now;  // of a synchronised clock
  uint64_t time_floor = 0;      // it is not earlier than this, whatever the clock says
  bool strict_clock = false;    // without a clock, refuse what states times
  std::span<const Floor> floors;
};

// `kind` is Base or Adapter: a trust root is opened by TrustStore::open_root.
struct Request {
  Kind kind = Kind::Base;
  const ChannelId* channel = nullptr;   // null: any channel
  const Digest* base_digest = nullptr;  // of the loaded base, when kind is Adapter; null: any base
  Verdict require_audit = Verdict::None;  // at least this
  uint32_t runtime = 0;                   // this runtime's version, as min_runtime
  uint32_t opset = 1;
  const Device* device = nullptr;  // null: to run, not to install
  Limits limits;
};

// Decompressed; starts 64-byte aligned.
struct SectionContent {
  Section type{};
  AlignedBuffer bytes;
};

class VerifiedPacket {
 public:
  VerifiedPacket(VerifiedPacket&&) noexcept = default;
  VerifiedPacket& operator=(VerifiedPacket&&) noexcept = default;

  [[nodiscard]] const Header& header() const noexcept { return header_; }
  // Decompressed and 64-byte aligned; empty when the packet has no such section.
  [[nodiscard]] Bytes section(Section type) const noexcept;
  [[nodiscard]] Bytes manifest() const noexcept { return manifest_.bytes(); }
  // Ids of the trusted keys whose signatures were good.
  [[nodiscard]] std::span<const SignerId> signers() const noexcept { return signers_; }

 private:
  friend class Verifier;
  VerifiedPacket() = default;

  Header header_;
  std::vector<SectionContent> contents_;
  AlignedBuffer manifest_;
  std::vector<SignerId> signers_;
};

class TrustStore;

// A class so that only it can make a VerifiedPacket.
class Verifier {
 public:
  // Pure: no globals, no files, no clock. `file` must not change during the call; nothing points
  // into it afterwards. On failure `packet` is left empty.
  static Error verify(Bytes file, const TrustStore& trust, const Request& request,
                      std::unique_ptr<VerifiedPacket>& packet) noexcept;
};

// Step 0: reads a regular file once into private memory. A last component that is a symbolic link
// is refused; `cap` is checked before anything is read. On failure `bytes` is unchanged.
Error read_file(const char* path, uint64_t cap, AlignedBuffer& bytes) noexcept;

// Steps 1 and 2 only, for tools that show what a packet says about itself. Proves nothing.
Error read_header(Bytes file, Header& header) noexcept;

}  // namespace plasma::packet
