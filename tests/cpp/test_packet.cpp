// SPDX-License-Identifier: Apache-2.0
// test_packet.cpp -- what is accepted, what a VerifiedPacket holds, and that no damaged packet is
// ever accepted.
#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <random>
#include <type_traits>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;
using packet::Section;
using packet::VerifiedPacket;
using packet::Verifier;

// verify() is the only way to one.
static_assert(!std::is_default_constructible_v<VerifiedPacket>);
static_assert(!std::is_copy_constructible_v<VerifiedPacket>);
static_assert(!std::is_copy_assignable_v<VerifiedPacket>);
static_assert(!std::is_aggregate_v<VerifiedPacket>);

namespace {

// Two sections are compressed; one of the two signers is unknown to the device.
PacketSpec small_base() {
  PacketSpec spec;
  spec.signers = {{kStranger}, {kAlice}};
  spec.sections = {{1, pattern(40)}, {2, Blob(90, 7), 1}, {7, pattern(33)}};
  spec.manifest = {0xA0};
  return spec;
}

bool is_typed(const std::string& verdict) { return verdict.starts_with("E_"); }

Blob bytes_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("accepts a base, an adapter and a trust root") {
  CHECK(verdict(base_spec()) == "OK");
  CHECK(device_for(Kind::Adapter).verdict(adapter_spec()) == "OK");
  CHECK(root_verdict(root_spec()) == "OK");
}

TEST_CASE("hands out what was packed: sections, manifest, signers") {
  Device device;
  const PacketSpec spec = base_spec();
  REQUIRE(device.verdict(spec) == "OK");
  const VerifiedPacket& packet = *device.packet;
  CHECK(bytes_of(packet.section(Section::Prog)) == spec.sections[0].raw);
  CHECK(bytes_of(packet.section(Section::Tens)) == spec.sections[1].raw);
  CHECK(bytes_of(packet.section(Section::ConstI8)) == spec.sections[2].raw);
  CHECK(bytes_of(packet.section(Section::Io)) == spec.sections[3].raw);
  CHECK(packet.section(Section::Safe).empty());
  CHECK(bytes_of(packet.manifest()) == spec.manifest);
  REQUIRE(packet.signers().size() == 1);
  CHECK(bytes_of(packet.signers()[0]) == kAlice.id());
  CHECK(std::bit_cast<uintptr_t>(packet.section(Section::Tens).data()) % kAlignment == 0);
}

TEST_CASE("the packet does not point into the bytes it was made from") {
  Device device;
  Blob file = base_spec().build();
  REQUIRE(device.verdict(file) == "OK");
  std::memset(file.data(), 0xEE, file.size());
  CHECK(bytes_of(device.packet->section(Section::Prog)) == base_spec().sections[0].raw);
  CHECK(bytes_of(device.packet->manifest()) == base_spec().manifest);
}

TEST_CASE("every header field arrives where FORMAT.md puts it") {
  PacketSpec spec = base_spec();
  spec.max_adapters = 3;
  spec.sections.push_back({12, {2, 0, 0, 0, 0xA0}});
  spec.before_signing = {{40, 0x0102030405060708, 8},
                         {48, 11, 4},
                         {52, 2, 4},
                         {56, 21, 8},
                         {64, 31, 8},
                         {72, 0xC1, 1},
                         {164, 41, 4},
                         {168, 51, 4},
                         {172, 61, 4},
                         {176, 71, 8},
                         {184, 81, 8},
                         {192, 0, 4}};
  Device device;
  REQUIRE(device.verdict(spec) == "OK");
  const packet::Header& header = device.packet->header();
  CHECK(header.kind == Kind::Base);
  CHECK(header.signed_len == spec.signed_len());
  CHECK(header.section_count == 5);
  CHECK(header.manifest_len == 1);
  CHECK(header.sequence == 0x0102030405060708);
  CHECK(header.rollback_index == 11);
  CHECK(header.audit_verdict == packet::Verdict::Verified);
  CHECK(header.not_before == 21);
  CHECK(header.not_after == 31);
  CHECK(header.channel_id[0] == 0xC1);
  CHECK(bytes_of(header.content_digest) == spec.content_digest());
  CHECK(header.base_digest == packet::Digest{});
  CHECK(header.opset == 1);
  CHECK(header.arena_bytes == 41);
  CHECK(header.state_bytes == 51);
  CHECK(header.const_bytes == 61);
  CHECK(header.macs == 71);
  CHECK(header.cost_units == 81);
  CHECK(header.signer_count == 1);
  CHECK(header.max_adapters == 3);
}

TEST_CASE("read_header shows any kind without trust, and leaves its result alone on failure") {
  packet::Header header;
  CHECK_FALSE(packet::read_header(adapter_spec().build(), header));
  CHECK(header.kind == Kind::Adapter);
  Blob file = base_spec().build();
  file.pop_back();
  CHECK(packet::read_header(file, header).status == Status::Truncated);
  CHECK(header.kind == Kind::Adapter);
}

TEST_CASE("a failed verify takes back the packet of an earlier one") {
  Device device;
  REQUIRE(device.verdict(base_spec()) == "OK");
  CHECK(device.verdict(Blob{}) == "E_MAGIC");
  CHECK(device.packet == nullptr);
}

TEST_CASE("refuses every single-bit flip") {
  const Blob good = small_base().build();
  Device device;
  REQUIRE(device.verdict(good) == "OK");
  Blob file = good;
  size_t accepted = 0;
  size_t untyped = 0;
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
    file[bit / 8] ^= mask;
    const std::string verdict = device.verdict(file);
    accepted += verdict == "OK";
    untyped += !is_typed(verdict);
    file[bit / 8] ^= mask;
  }
  CHECK(accepted == 0);
  CHECK(untyped == 0);
  CHECK(device.verdict(file) == "OK");
}

TEST_CASE("refuses every other value of every byte of header, ids and section table") {
  const PacketSpec spec = small_base();
  const Blob good = spec.build();
  Device device;
  Blob file = good;
  size_t accepted = 0;
  for (size_t at = 0; at < spec.signed_len(); ++at) {
    for (unsigned value = 1; value < 256; ++value) {
      file[at] = static_cast<uint8_t>(good[at] ^ value);
      fix_trailer(file);
      accepted += !is_typed(device.verdict(file));
    }
    file[at] = good[at];
  }
  CHECK(accepted == 0);
}

TEST_CASE("refuses every truncation") {
  const Blob good = small_base().build();
  Device device;
  for (size_t length = 0; length < good.size(); ++length) {
    const std::string verdict =
        device.verdict(Blob(good.begin(), good.begin() + static_cast<ptrdiff_t>(length)));
    CHECK(verdict == (length < 8 ? "E_MAGIC" : "E_TRUNCATED"));
  }
}

TEST_CASE("refuses every truncation that declares its own length") {
  const Blob good = small_base().build();
  Device device;
  size_t accepted = 0;
  for (size_t length = 256 + 40; length < good.size(); ++length) {
    Blob file(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
    put(file, 32, length, 8);
    fix_trailer(file);
    accepted += !is_typed(device.verdict(file));
  }
  CHECK(accepted == 0);
}

TEST_CASE("refuses an extension by 1 to 12 bytes, before and behind") {
  const Blob good = small_base().build();
  Device device;
  for (size_t count = 1; count <= 12; ++count) {
    for (const uint8_t fill : {uint8_t{0x00}, uint8_t{0x89}, uint8_t{0xFF}}) {
      Blob longer = good;
      longer.insert(longer.end(), count, fill);
      CHECK(device.verdict(longer) == "E_TRAILING");
      Blob shifted = good;
      shifted.insert(shifted.begin(), count, fill);
      CHECK(device.verdict(shifted) == "E_MAGIC");
    }
  }
}

// Whoever can change the file can mend the trailer, so only the signature and what it covers count.
TEST_CASE(
    "refuses random mutations with a mended trailer, but for the signature of an unknown signer") {
  const PacketSpec spec = small_base();
  const Blob good = spec.build();
  const size_t stranger_at = spec.signatures_at();
  Device device;
  std::mt19937 random(20'240'601);
  size_t accepted = 0;
  size_t untyped = 0;
  for (int round = 0; round < 20'000; ++round) {
    Blob file = good;
    bool matters = false;
    for (unsigned change = 0; change <= random() % 4; ++change) {
      const size_t at = random() % (good.size() - 40);
      const uint8_t value = static_cast<uint8_t>(random());
      file[at] = value;
    }
    for (size_t at = 0; at < good.size() - 40; ++at) {
      const bool by_stranger = at >= stranger_at && at < stranger_at + 64;
      matters = matters || (file[at] != good[at] && !by_stranger);
    }
    fix_trailer(file);
    const std::string verdict = device.verdict(file);
    accepted += matters && verdict == "OK";
    untyped += !is_typed(verdict) && verdict != "OK";
    if (!matters) CHECK(verdict == "OK");
  }
  CHECK(accepted == 0);
  CHECK(untyped == 0);
}
