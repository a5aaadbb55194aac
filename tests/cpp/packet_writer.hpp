// SPDX-License-Identifier: Apache-2.0
// packet_writer.hpp -- builds and signs packets from a description, honest or hostile in any single
// field.
//
// Written from FORMAT.md and not from cpp/packet: offsets, digests and the signed message are
// spelled out again, so that a mistake in the one shows against the other.
#pragma once

#include <sodium.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace plasma::test {

using Blob = std::vector<uint8_t>;

inline void put(Blob& blob, size_t at, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i, value >>= 8) blob.at(at + i) = static_cast<uint8_t>(value);
}
inline void append(Blob& blob, uint64_t value, size_t count) {
  blob.resize(blob.size() + count);
  put(blob, blob.size() - count, value, count);
}
template <class Range>
void append(Blob& blob, const Range& bytes) {
  blob.insert(blob.end(), bytes.begin(), bytes.end());
}
inline void append(Blob& blob, const char* text) { append(blob, std::string(text)); }
inline Blob text(const char* letters) {
  Blob bytes;
  append(bytes, letters);
  return bytes;
}
inline void pad_to_64(Blob& blob) { blob.resize((blob.size() + 63) / 64 * 64); }

inline Blob sha512(const Blob& message, size_t count) {
  Blob digest(64);
  crypto_hash_sha512(digest.data(), message.data(), message.size());
  digest.resize(count);
  return digest;
}
inline Blob hash32(const Blob& message) { return sha512(message, 32); }

struct Key {
  std::array<uint8_t, 32> public_key{};
  std::array<uint8_t, 64> secret_key{};

  explicit Key(uint8_t seed_byte) {
    std::array<uint8_t, 32> seed;
    seed.fill(seed_byte);
    crypto_sign_ed25519_seed_keypair(public_key.data(), secret_key.data(), seed.data());
  }
  [[nodiscard]] Blob id() const {
    Blob message;
    append(message, "plasma-edge key v1");
    append(message, 0, 1);
    append(message, public_key);
    return sha512(message, 16);
  }
  [[nodiscard]] Blob sign(const Blob& message) const {
    Blob signature(64);
    crypto_sign_ed25519_detached(signature.data(), nullptr, message.data(), message.size(),
                                 secret_key.data());
    return signature;
  }
};

inline constexpr char kPacketType[] = "application/vnd.plasma-edge.packet.v1";
inline constexpr char kTrustType[] = "application/vnd.plasma-edge.trust.v1";

inline Blob dsse(const std::string& type, const Blob& region) {
  Blob message;
  append(message, "DSSEv1 " + std::to_string(type.size()) + " " + type + " " +
                      std::to_string(region.size()) + " ");
  append(message, region);
  return message;
}

inline Blob sign_packet(const Blob& region, const Key& key) {
  return key.sign(dsse(kPacketType, region));
}
inline Blob sign_trust(const Blob& region, const Key& key) {
  return key.sign(dsse(kTrustType, region));
}
inline Blob sign_absent(const Blob&, const Key&) { return Blob(64); }

inline Blob compress(const Blob& raw, int window_log = 20, int content_size = 1, int checksum = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, content_size);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
  Blob frame(ZSTD_compressBound(raw.size()));
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), raw.data(), raw.size()));
  ZSTD_freeCCtx(context);
  return frame;
}

struct SectionSpec {
  uint32_t type = 0;
  Blob raw;
  uint32_t flags = 0;
  Blob stored = {};  // empty: raw, compressed when flag bit 0 asks for it
};

struct SignerSpec {
  Key key;
  std::function<Blob(const Blob& region, const Key& key)> sign = sign_packet;
};

// Overwrites `count` bytes at `at` of the file.
struct Patch {
  size_t at;
  uint64_t value;
  size_t count;
};

struct PacketSpec {
  uint16_t kind = 1;
  uint32_t opset = 1;
  uint32_t max_adapters = 0;
  Blob base_digest = Blob(32);
  Blob manifest = {};
  std::vector<SignerSpec> signers = {};
  std::vector<SectionSpec> sections = {};
  std::vector<Patch> before_signing = {};  // inside the signed region
  std::vector<Patch> before_trailer = {};  // anywhere; the trailer will be right

  [[nodiscard]] size_t record_at(size_t section) const {
    return 256 + 16 * signers.size() + 96 * section;
  }
  [[nodiscard]] size_t signed_len() const { return record_at(sections.size()) + manifest.size(); }
  [[nodiscard]] size_t signatures_at() const { return (signed_len() + 63) / 64 * 64; }
  [[nodiscard]] size_t sections_at() const { return signatures_at() + 64 * signers.size(); }

  [[nodiscard]] static Blob stored(const SectionSpec& section) {
    if (!section.stored.empty()) return section.stored;
    return (section.flags & 1) != 0 ? compress(section.raw) : section.raw;
  }

  [[nodiscard]] Blob content_digest() const {
    Blob message;
    append(message, "plasma-edge content v1");
    append(message, 0, 1);
    append(message, kind, 2);
    append(message, 0, 2);
    append(message, opset, 4);
    append(message, base_digest);
    for (const SectionSpec& section : sections) {
      if (section.type == 10 || section.type == 12 || section.type >= 256) continue;
      append(message, section.type, 4);
      append(message, 0, 4);
      append(message, section.raw.size(), 8);
      append(message, hash32(section.raw));
    }
    return hash32(message);
  }

  [[nodiscard]] Blob header(size_t file_len) const {
    Blob bytes = {0x89, 'P', 'L', 'M', 'A', 0x0D, 0x0A, 0x1A};
    bytes.resize(256);
    put(bytes, 8, 1, 2);
    put(bytes, 12, kind, 2);
    put(bytes, 14, 256, 2);
    put(bytes, 20, signed_len(), 4);
    put(bytes, 24, sections.size(), 4);
    put(bytes, 28, manifest.size(), 4);
    put(bytes, 32, file_len, 8);
    const Blob content = content_digest();
    std::copy(content.begin(), content.end(), bytes.begin() + 88);
    std::copy(base_digest.begin(), base_digest.end(), bytes.begin() + 120);
    put(bytes, 160, opset, 4);
    put(bytes, 196, signers.size(), 4);
    put(bytes, 200, max_adapters, 4);
    return bytes;
  }

  // The section table, and the sections behind `start` with the pads between them.
  void lay_out(size_t start, Blob& table, Blob& body) const {
    for (const SectionSpec& section : sections) {
      pad_to_64(body);
      const Blob bytes = stored(section);
      append(table, section.type, 4);
      append(table, section.flags, 4);
      append(table, start + body.size(), 8);
      append(table, bytes.size(), 8);
      append(table, section.raw.size(), 8);
      append(table, hash32(bytes));
      append(table, hash32(section.raw));
      append(body, bytes);
    }
  }

  [[nodiscard]] Blob build() const {
    Blob table;
    Blob body;
    lay_out(sections_at(), table, body);
    Blob file = header(sections_at() + body.size() + 40);
    for (const SignerSpec& signer : signers) append(file, signer.key.id());
    append(file, table);
    append(file, manifest);
    for (const Patch& patch : before_signing) put(file, patch.at, patch.value, patch.count);
    const Blob region = file;
    pad_to_64(file);
    for (const SignerSpec& signer : signers) append(file, signer.sign(region, signer.key));
    append(file, body);
    for (const Patch& patch : before_trailer) put(file, patch.at, patch.value, patch.count);
    const Blob digest = hash32(file);
    append(file, "PLMAEND\n");
    append(file, digest);
    return file;
  }
};

// Makes the trailer right again after the bytes before it were changed.
inline void fix_trailer(Blob& file) {
  Blob body(file.begin(), file.end() - 40);
  const Blob digest = hash32(body);
  std::copy(digest.begin(), digest.end(), file.end() - 32);
}

inline Blob pattern(size_t count, uint8_t start = 1) {
  Blob bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(start + i * 7 / 5);
  return bytes;
}

}  // namespace plasma::test
