// SPDX-License-Identifier: Apache-2.0
// root.cpp -- turns root.plasma into the TrustStore it describes, or into the next one.
//
// A root is a packet of kind 3 whose only section is not compressed, so no decompressor is behind
// it. Its version, dates and predecessor stand in the header fields that packets have for such.
#include <algorithm>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

constexpr size_t kHeadBytes = 16;
constexpr size_t kKeyBytes = 64;
constexpr size_t kChannelBytes = 64;
constexpr size_t kDigestBytes = 32;
constexpr uint8_t kAllRoles = 7;

Error wrong(const char* where, int32_t index = -1) noexcept {
  return fail(Status::RootFormat, where, index);
}

// Text of N bytes: printable ASCII, then zeros.
template <size_t N, size_t M>
bool read_name(ByteReader& reader, std::array<char, M>& name) noexcept {
  static_assert(M == N + 1, "one for the terminating NUL");
  const Bytes text = reader.take(N);
  const auto end = std::find(text.begin(), text.end(), 0);
  if (!std::all_of(text.begin(), end, [](uint8_t c) { return c >= 0x20 && c < 0x7F; }))
    return false;
  if (!std::all_of(end, text.end(), [](uint8_t c) { return c == 0; })) return false;
  std::copy(text.begin(), end, name.begin());
  return true;
}

Error read_key(ByteReader& reader, TrustedKey& key, int32_t index) noexcept {
  key.key = reader.array<32>();
  key.roles = reader.u8();
  if (key.roles == 0 || key.roles > kAllRoles) return wrong("roles of key", index);
  if (!reader.zeros(1)) return wrong("reserved byte of key", index);
  if (!read_name<30>(reader, key.name)) return wrong("name of key", index);
  return {};
}

Error read_channel(ByteReader& reader, size_t key_count, TrustedChannel& channel,
                   int32_t index) noexcept {
  channel.sequence_floor = reader.u64();
  channel.rollback_floor = reader.u32();
  channel.reset = reader.u32();
  channel.keys = reader.u16();
  if (channel.keys >> key_count != 0) return wrong("keys of channel", index);
  if (!reader.zeros(2)) return wrong("reserved bytes of channel", index);
  if (!read_name<44>(reader, channel.name) || channel.name[0] == 0) {
    return wrong("name of channel", index);
  }
  const auto end = std::find(channel.name.begin(), channel.name.end(), 0);
  const std::vector<uint8_t> name(channel.name.begin(), end);
  channel.id = channel_id_of(name);
  return {};
}

// The fields that a root has no use for.
bool is_plain(const Header& header) noexcept {
  return header.rollback_index == 0 && header.channel_id == ChannelId{} &&
         header.arena_bytes == 0 && header.state_bytes == 0 && header.const_bytes == 0 &&
         header.macs == 0 && header.cost_units == 0 && header.min_runtime == 0 && header.opset == 1;
}

Error check_header(const Header& header, const TrustStore* predecessor) noexcept {
  if (!is_plain(header)) return wrong("header");
  if (header.sequence == 0 || header.sequence > UINT32_MAX) return wrong("version");
  if ((header.base_digest == Digest{}) != (header.sequence == 1)) {
    return fail(Status::RootChain, "base_digest");
  }
  if (predecessor == nullptr) return {};
  const uint64_t next = uint64_t{predecessor->version()} + 1;
  if (header.sequence != next) {
    return fail_equal(Status::RootVersion, "version", header.sequence, next);
  }
  if (header.base_digest != predecessor->content_digest()) {
    return fail(Status::RootChain, "base_digest");
  }
  return {};
}

}  // namespace

Error TrustStore::read(const Header& header, Bytes section) noexcept {
  ByteReader reader(section);
  const size_t key_count = reader.u8();
  const size_t channel_count = reader.u8();
  const size_t revoked_count = reader.u16();
  for (uint32_t& threshold : thresholds_) threshold = reader.u8();
  if (!reader.zeros(9)) return wrong("reserved bytes");
  if (key_count == 0 || key_count > kMaxRootKeys) return wrong("number of keys");
  if (channel_count > kMaxRootChannels) return wrong("number of channels");
  if (revoked_count > kMaxRevoked) return wrong("number of revocations");
  const size_t size = kHeadBytes + kKeyBytes * key_count + kChannelBytes * channel_count +
                      kDigestBytes * revoked_count;
  if (section.size() != size) return fail_equal(Status::RootFormat, "bytes", section.size(), size);

  for (size_t i = 0; i < key_count; ++i) {
    TrustedKey key;
    if (Error error = read_key(reader, key, static_cast<int32_t>(i))) return error;
    if (Error error = add_key(key)) return error;
  }
  for (size_t i = 0; i < channel_count; ++i) {
    TrustedChannel channel;
    const int32_t index = static_cast<int32_t>(i);
    if (Error error = read_channel(reader, key_count, channel, index)) return error;
    if (i > 0 && channels_.back().name >= channel.name) return wrong("order of channels", index);
    channels_.push_back(channel);
  }
  for (size_t i = 0; i < revoked_count; ++i) {
    const Digest digest = reader.array<kDigestBytes>();
    if (i > 0 && revoked_.back() >= digest) {
      return wrong("order of revocations", static_cast<int32_t>(i));
    }
    revoked_.push_back(digest);
  }
  version_ = static_cast<uint32_t>(header.sequence);
  issued_at_ = header.not_before;
  expires_ = header.not_after;
  content_digest_ = header.content_digest;
  return check_thresholds();
}

// A kind that no key may sign has the threshold 1, which nobody reaches.
Error TrustStore::check_thresholds() const noexcept {
  for (const Kind kind : {Kind::Base, Kind::Adapter, Kind::TrustRoot}) {
    const auto count = std::count_if(keys_.begin(), keys_.end(), [kind](const TrustedKey& key) {
      return (key.roles & role_of(kind)) != 0;
    });
    const size_t most = kind == Kind::TrustRoot ? static_cast<size_t>(count)
                                                : std::max<size_t>(static_cast<size_t>(count), 1);
    if (threshold(kind) == 0 || threshold(kind) > most) {
      return wrong("threshold of kind", static_cast<int32_t>(kind));
    }
  }
  return {};
}

Error TrustStore::open_root(Bytes file, const TrustStore* predecessor, TrustStore& root) noexcept {
  if (file.size() > kMaxRootFileBytes) {
    return fail_at_most(Status::TooLarge, "file", file.size(), kMaxRootFileBytes);
  }
  const Kind kind = Kind::TrustRoot;
  Header header;
  std::vector<SignerId> signers;
  if (Error error = open_header(file, &kind, header)) return error;
  if (predecessor != nullptr) {
    if (Error error = verify_signatures(file, header, *predecessor, signers)) return error;
  }
  if (Error error = verify_trailer(file)) return error;
  if (Error error = check_header(header, predecessor)) return error;

  std::vector<SectionRecord> records;
  std::vector<SectionContent> contents;
  if (Error error = open_sections(file, header, {}, records)) return error;
  if (Error error = open_contents(header, records, contents)) return error;
  TrustStore candidate;
  if (Error error = candidate.read(header, contents[0].bytes.bytes())) return error;
  signers.clear();
  if (Error error = verify_signatures(file, header, candidate, signers)) return error;
  root = std::move(candidate);
  return {};
}

}  // namespace plasma::packet
