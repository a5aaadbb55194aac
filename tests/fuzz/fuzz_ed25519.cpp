// SPDX-License-Identifier: Apache-2.0
// fuzz_ed25519.cpp -- honest signatures and keys, changed as forgers change them: libsodium as
// cpp/packet calls it against OpenSSL. What libsodium accepts, OpenSSL accepts; what only OpenSSL
// accepts has a point of small order, or one that is not written canonically.
#include <openssl/evp.h>
#include <sodium.h>

#include <array>
#include <memory>

#include "choices.hpp"
#include "packet_writer.hpp"
#include "tally.hpp"

namespace plasma::test {
namespace {

using Point = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

// L, the order of the base point, little-endian.
constexpr Point kOrder = {0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7,
                          0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0,    0,    0,    0,    0,    0,
                          0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
// The y of points of small order: 0, 1, -1, and the two of order 8 (RFC 7748 writes them likewise).
constexpr Point kSmall[] = {
    {},
    {1},
    {0xEC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F},
    {0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4,
     0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6,
     0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05},
    {0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B,
     0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39,
     0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A},
};

struct Case {
  Point key{};
  Signature signature{};
  Blob message;
};

// Adds L to S: the same number modulo L, written otherwise.
void add_order(uint8_t* s) {
  unsigned carry = 0;
  for (size_t i = 0; i < kOrder.size(); ++i) {
    carry += s[i] + kOrder[i];
    s[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
}

// y + p where y < 19, else y; now and then the sign of x turned.
Point rewritten(Point point, Choices& choices) {
  const bool is_small =
      std::all_of(point.begin() + 1, point.begin() + 31, [](uint8_t b) { return b == 0; });
  if (is_small && point[0] < 19 && choices.coin()) {
    const uint8_t y = point[0];
    point.fill(0xFF);
    point[0] = static_cast<uint8_t>(0xED + y);
    point[31] = 0x7F;
  }
  if (choices.coin()) point[31] ^= 0x80;
  return point;
}

void forge(Case& c, Choices& choices) {
  const auto at = [&](int most) { return static_cast<size_t>(choices.within(0, most)); };
  switch (choices.within(0, 7)) {
    case 0: c.signature[at(63)] ^= static_cast<uint8_t>(1u << at(7)); break;
    case 1: c.key[at(31)] ^= static_cast<uint8_t>(1u << at(7)); break;
    case 2: add_order(c.signature.data() + 32); break;
    case 3: {
      const Point r = rewritten(choices.one_of(kSmall), choices);
      std::copy(r.begin(), r.end(), c.signature.begin());
      break;
    }
    case 4: c.key = rewritten(choices.one_of(kSmall), choices); break;
    case 5: std::fill(c.signature.begin() + 32, c.signature.end(), 0); break;
    case 6: c.message.push_back(static_cast<uint8_t>(choices.word())); break;
    default: break;  // as honest as it was
  }
}

bool openssl_accepts(const Case& c) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, c.key.data(), c.key.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  return key != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), c.signature.data(), c.signature.size(), c.message.data(),
                          c.message.size()) == 1;
}

// Of small order or not canonical, whatever the sign of x: by the list, not by libsodium.
bool is_documented(const uint8_t* point) {
  Point y;
  std::copy_n(point, y.size(), y.begin());
  y[31] &= 0x7F;
  const bool is_large =
      y[31] == 0x7F && y[0] >= 0xED &&
      std::all_of(y.begin() + 1, y.begin() + 31, [](uint8_t b) { return b == 0xFF; });
  return is_large || std::find(std::begin(kSmall), std::end(kSmall), y) != std::end(kSmall);
}

void try_case(Choices& choices) {
  static const std::vector<Key> keys{Key(1), Key(2), Key(3)};
  const Key& key = choices.one_of(keys);
  Case c{.key = key.public_key, .message = Blob(static_cast<size_t>(choices.within(0, 80)))};
  for (uint8_t& byte : c.message) byte = static_cast<uint8_t>(choices.word());
  const Blob honest = key.sign(c.message);
  std::copy(honest.begin(), honest.end(), c.signature.begin());
  for (int forgeries = choices.within(0, 3); forgeries > 0; --forgeries) forge(c, choices);

  const bool ours = crypto_sign_ed25519_verify_detached(c.signature.data(), c.message.data(),
                                                        c.message.size(), c.key.data()) == 0;
  const bool theirs = openssl_accepts(c);
  const bool may_differ = is_documented(c.key.data()) || is_documented(c.signature.data());
  require(!ours || theirs, "OpenSSL accepts what libsodium accepts");
  require(ours || !theirs || may_differ, "libsodium refuses more only where that is documented");
  tally.accepted += ours;
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plasma::test::Choices choices(data, size);
  plasma::test::try_case(choices);
  return 0;
}
