// SPDX-License-Identifier: Apache-2.0
// signature.cpp -- steps 3 and 4: turns a sound header into one that enough trusted keys signed.
//
// Unknown signers are skipped, so that keys can be rotated; a trusted key with a wrong signature is
// fatal, whatever it may sign. Ids are distinct in the packet and in the store, so each good one
// counts for another key.
#include <sodium.h>

#include <algorithm>
#include <cstdio>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

constexpr std::array<uint8_t, 8> kTrailerMagic = {'P', 'L', 'M', 'A', 'E', 'N', 'D', 0x0A};
constexpr char kPacketType[] = "application/vnd.plasma-edge.packet.v1";
constexpr char kTrustType[] = "application/vnd.plasma-edge.trust.v1";

struct SignerIds {
  std::array<SignerId, kMaxSigners> ids{};
  uint32_t count = 0;
};

SignerIds read_signers(Bytes file, const Header& header) noexcept {
  ByteReader reader(file.subspan(kHeaderBytes));
  SignerIds signers;
  signers.count = header.signer_count;  // step 1: at most kMaxSigners
  for (uint32_t i = 0; i < signers.count; ++i) signers.ids[i] = reader.array<kSignerIdBytes>();
  return signers;
}

Error check_distinct(const SignerIds& signers) noexcept {
  for (uint32_t i = 1; i < signers.count; ++i) {
    const auto end = signers.ids.begin() + i;
    if (std::find(signers.ids.begin(), end, signers.ids[i]) != end) {
      return fail(Status::DupSigner, "signer", static_cast<int32_t>(i));
    }
  }
  return {};
}

// DSSE's pre-authentication encoding. One contiguous copy (at most 18,304 bytes and the prefix),
// since Ed25519 hashes the message behind two other values and libsodium takes it whole.
bool encode(Bytes region, Kind kind, AlignedBuffer& message) noexcept {
  const char* type = kind == Kind::TrustRoot ? kTrustType : kPacketType;
  const size_t type_len = (kind == Kind::TrustRoot ? sizeof kTrustType : sizeof kPacketType) - 1;
  char prefix[96];
  const int written =
      std::snprintf(prefix, sizeof prefix, "DSSEv1 %zu %s %zu ", type_len, type, region.size());
  if (written < 0) return false;
  const size_t prefix_len = static_cast<size_t>(written);
  if (!message.allocate(prefix_len + region.size())) return false;
  std::memcpy(message.data(), prefix, prefix_len);
  std::memcpy(message.data() + prefix_len, region.data(), region.size());
  return true;
}

}  // namespace

bool is_good_signature(Bytes signature, Bytes message, const PublicKey& key) noexcept {
  return crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(),
                                             key.data()) == 0;
}

Error verify_signatures(Bytes file, const Header& header, const TrustStore& trust,
                        std::vector<SignerId>& signers) noexcept {
  const SignerIds named = read_signers(file, header);
  if (Error error = check_distinct(named)) return error;
  AlignedBuffer message;
  if (!encode(file.first(header.signed_len), header.kind, message)) {
    return fail(Status::OutOfMemory, "signed region");
  }
  ByteReader signatures(file.subspan(signatures_offset(header)));
  uint32_t known = 0;
  bool is_out_of_role = false;
  for (uint32_t i = 0; i < named.count; ++i) {
    const Bytes signature = signatures.take(kSignatureBytes);
    const TrustedKey* key = trust.find(named.ids[i]);
    if (key == nullptr) continue;
    ++known;
    if (ByteReader(signature).zeros(kSignatureBytes)) continue;
    if (!is_good_signature(signature, message.bytes(), key->key)) {
      return fail(Status::SigBad, "signature", static_cast<int32_t>(i));
    }
    if (trust.may_sign(*key, header.kind, header.channel_id)) {
      signers.push_back(named.ids[i]);
    } else {
      is_out_of_role = true;
    }
  }
  if (known == 0) return fail(Status::SigUnknownKey, "");
  const uint32_t least = trust.threshold(header.kind);
  if (signers.size() >= least) return {};
  return fail_at_least(is_out_of_role ? Status::SigRole : Status::SigThreshold, "signatures",
                       signers.size(), least);
}

Error verify_trailer(Bytes file) noexcept {
  const Bytes body = file.first(file.size() - kTrailerBytes);
  ByteReader trailer(file.last(kTrailerBytes));
  if (trailer.array<kTrailerMagic.size()>() != kTrailerMagic) {
    return fail(Status::Transport, "trailer");
  }
  if (trailer.array<32>() != digest_of(body)) return fail(Status::Transport, "trailer");
  return {};
}

}  // namespace plasma::packet
