// SPDX-License-Identifier: Apache-2.0
// ed25519_verdicts.cpp -- what the verifier says to signatures that other people published: reads
// "<key> <message> <signature>" in hexadecimal, '-' for nothing, and answers good, bad or no_key.
#include <sodium.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "packet/steps.hpp"

using namespace plasma;

namespace {

std::vector<uint8_t> bytes_of(const std::string& text) {
  std::vector<uint8_t> bytes(text.size() / 2);
  if (text == "-") return bytes;
  if (sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, nullptr,
                     nullptr) != 0) {
    std::abort();
  }
  return bytes;
}

const char* verdict(const std::string& key_text, Bytes message, Bytes signature) {
  packet::PublicKey key{};
  const std::vector<uint8_t> key_bytes = bytes_of(key_text);
  if (key_bytes.size() != key.size() || signature.size() != packet::kSignatureBytes) std::abort();
  std::copy(key_bytes.begin(), key_bytes.end(), key.begin());
  packet::TrustStore store;
  if (store.add(key)) return "no_key";
  return packet::is_good_signature(signature, message, key) ? "good" : "bad";
}

}  // namespace

int main() {
  std::string key, message, signature;
  while (std::cin >> key >> message >> signature)
    std::cout << verdict(key, bytes_of(message), bytes_of(signature)) << '\n';
}
