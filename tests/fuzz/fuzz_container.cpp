// SPDX-License-Identifier: Apache-2.0
// fuzz_container.cpp -- any bytes, as a stranger may send them, up to the signature: neither
// reading a header nor verifying reports anything, and a packet is there exactly when nothing
// failed.
#include "packet_device.hpp"
#include "plasma_edge/runtime.hpp"
#include "tally.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plasma;
  static const packet::TrustStore trust = test::trusting({&test::kAlice});
  const Bytes file(data, size);
  packet::Header header;
  const Error unread = packet::read_header(file, header);
  for (const packet::Kind kind : {packet::Kind::Base, packet::Kind::Adapter}) {
    packet::Request request;
    request.kind = kind;
    request.runtime = runtime_version();
    std::unique_ptr<packet::VerifiedPacket> verified;
    const Error error = packet::Verifier::verify(file, trust, request, verified);
    test::require((verified == nullptr) == static_cast<bool>(error), "a packet or an error");
    test::require(error || (!unread && header.kind == kind), "what is verified has a header");
    if (unread || header.kind == kind) {
      test::tally.behind_signature += test::is_behind_signature(error);
      break;
    }
  }
  return 0;
}
