// SPDX-License-Identifier: Apache-2.0
// test_packet_sections.cpp -- steps 6 to 8: the section table, zstd frames, digests and the audit
// verdict.
#include <doctest/doctest.h>

#include <algorithm>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;
using packet::Section;

namespace {

// Offsets inside a section record.
constexpr size_t kType = 0;
constexpr size_t kFlags = 4;
constexpr size_t kOffset = 8;
constexpr size_t kStoredLen = 16;
constexpr size_t kRawLen = 24;
constexpr size_t kStoredDigest = 32;
constexpr size_t kRawDigest = 64;

// One field of one record of base_spec() written over before it is signed.
std::string verdict_of(size_t section, size_t field, uint64_t value, size_t count = 8) {
  return verdict_with(base_spec().record_at(section) + field, value, count);
}

uint64_t offset_of(const PacketSpec& spec, size_t section) {
  const Blob file = spec.build();
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) value = value << 8 | file[spec.record_at(section) + kOffset + i];
  return value;
}

PacketSpec with_section(uint32_t type, Blob raw, uint32_t flags = 0) {
  PacketSpec spec = base_spec();
  spec.sections.push_back({type, std::move(raw), flags});
  std::sort(spec.sections.begin(), spec.sections.end(),
            [](const SectionSpec& a, const SectionSpec& b) { return a.type < b.type; });
  return spec;
}

PacketSpec without(PacketSpec spec, uint32_t type) {
  std::erase_if(spec.sections, [&](const SectionSpec& section) { return section.type == type; });
  return spec;
}

}  // namespace

TEST_CASE("section types strictly increase") {
  CHECK(verdict_of(0, kType, 0, 4) == "E_SECTION_ORDER");
  CHECK(verdict_of(1, kType, 1, 4) == "E_SECTION_ORDER");
  CHECK(verdict_of(2, kType, 1, 4) == "E_SECTION_ORDER");
  PacketSpec swapped = base_spec();
  std::swap(swapped.sections[0], swapped.sections[1]);
  CHECK(verdict(swapped) == "E_SECTION_ORDER");
}

TEST_CASE("refuses section types that nobody defined") {
  for (const uint32_t type : {9u, 13u, 15u, 18u, 31u, 33u, 255u}) {
    CHECK(verdict(with_section(type, {1})) == "E_SECTION_UNKNOWN");
    CHECK(verdict(with_section(type, {1}, 2)) == "E_SECTION_UNKNOWN");
  }
}

TEST_CASE("refuses sections that belong to another kind") {
  for (const uint32_t type : {16u, 17u, 32u}) {
    CHECK(verdict(with_section(type, {1})) == "E_SECTION_UNKNOWN");
  }
  for (const uint32_t type : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 11u}) {
    PacketSpec adapter = adapter_spec();
    adapter.sections.insert(adapter.sections.begin(), {type, {1}});
    CHECK(device_for(Kind::Adapter).verdict(adapter) == "E_SECTION_UNKNOWN");
  }
  for (const uint32_t type : {1u, 10u, 12u, 17u}) {
    PacketSpec root = root_spec();
    root.sections.insert(root.sections.begin(), {type, {1}});
    CHECK(root_verdict(root) == "E_SECTION_UNKNOWN");
  }
  PacketSpec root = root_spec();
  root.sections.push_back({256, {1}, 2});
  CHECK(root_verdict(root) == "E_SECTION_UNKNOWN");
}

TEST_CASE("accepts every section that a kind may have") {
  for (const uint32_t type : {4u, 5u, 6u, 8u, 10u, 11u}) {
    CHECK(verdict(with_section(type, pattern(70))) == "OK");
    CHECK(verdict(with_section(type, pattern(70), 1)) == "OK");
  }
  PacketSpec adapter = adapter_spec();
  adapter.sections.insert(adapter.sections.begin(), {10, pattern(70)});
  CHECK(device_for(Kind::Adapter).verdict(adapter) == "OK");
}

TEST_CASE("refuses a packet without a section that its kind needs") {
  for (const uint32_t type : {1u, 2u, 7u}) {
    CHECK(verdict(without(base_spec(), type)) == "E_SECTION_MISSING");
  }
  for (const uint32_t type : {16u, 17u}) {
    CHECK(device_for(Kind::Adapter).verdict(without(adapter_spec(), type)) == "E_SECTION_MISSING");
  }
}

TEST_CASE("an optional section says so, is covered by its digest, and stays closed") {
  CHECK(verdict(with_section(256, pattern(9))) == "E_SECTION_UNKNOWN");
  CHECK(verdict(with_section(256, pattern(9), 1)) == "E_SECTION_UNKNOWN");
  CHECK(verdict(with_section(256, pattern(9), 2)) == "OK");
  CHECK(verdict(with_section(UINT32_MAX, pattern(9), 3)) == "OK");
  Device device;
  PacketSpec spec = with_section(300, pattern(9), 2);
  REQUIRE(device.verdict(spec) == "OK");
  CHECK(device.packet->section(Section{300}).empty());
  spec.before_trailer = {{offset_of(spec, 4), 0, 1}};
  CHECK(device.verdict(spec) == "E_STORED_DIGEST");
  spec = with_section(300, pattern(9), 3);
  spec.sections.back().stored = pattern(5);
  CHECK(device.verdict(spec) == "OK");
}

TEST_CASE("refuses unknown section flags, and bit 1 on a section that may not be ignored") {
  for (size_t bit = 1; bit < 32; ++bit)
    CHECK(verdict_of(0, kFlags, uint64_t{1} << bit, 4) == "E_RESERVED");
  PacketSpec spec = with_section(256, pattern(9), 2);
  for (size_t bit = 2; bit < 32; ++bit) {
    spec.before_signing = {{spec.record_at(4) + kFlags, 2 | uint64_t{1} << bit, 4}};
    CHECK(verdict(spec) == "E_RESERVED");
  }
}

TEST_CASE("a section is exactly where the one before it ends") {
  const PacketSpec spec = base_spec();
  for (size_t section = 0; section < spec.sections.size(); ++section) {
    const uint64_t right = offset_of(spec, section);
    for (const uint64_t wrong : {right - 64, right + 64, right - 1, right + 1, uint64_t{0},
                                 uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 63}) {
      CHECK(verdict_of(section, kOffset, wrong) == "E_SECTION_LAYOUT");
    }
  }
}

TEST_CASE("a section ends inside the file, and the last one at the trailer") {
  const PacketSpec spec = base_spec();
  const size_t last = spec.sections.size() - 1;
  const uint64_t len = spec.sections[last].raw.size();
  PacketSpec longer = spec;
  for (const uint64_t wrong : {len - 1, len + 1, len + 40, len + 65'536}) {
    longer.before_signing = {{spec.record_at(last) + kStoredLen, wrong, 8},
                             {spec.record_at(last) + kRawLen, std::min<uint64_t>(wrong, 6'144), 8}};
    CHECK(verdict(longer) == "E_SECTION_LAYOUT");
  }
  // Compressed, so that nothing else binds its length.
  for (const uint64_t wrong :
       {uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 1'000}) {
    CHECK(verdict_of(1, kStoredLen, wrong) == "E_SECTION_LAYOUT");
  }
}

TEST_CASE("refuses bytes between the last section and the trailer") {
  const PacketSpec spec = base_spec();
  const Blob good = spec.build();
  for (const size_t extra : {size_t{1}, size_t{64}}) {
    PacketSpec longer = spec;
    longer.before_signing = {{32, good.size() + extra, 8}};
    Blob file = longer.build();
    file.insert(file.end() - 40, extra, 0);
    fix_trailer(file);
    CHECK(verdict(file) == "E_SECTION_LAYOUT");
  }
}

TEST_CASE("a section past the end of the file is refused without being read") {
  // The first section declares the rest of the file, so the second would have to begin behind it.
  PacketSpec spec = base_spec();
  const uint64_t first = offset_of(spec, 0);
  const uint64_t rest = spec.build().size() - 40 - first;
  const size_t record = spec.record_at(0);
  spec.before_signing = {{record + kStoredLen, rest, 8},
                         {record + kRawLen, rest, 8},
                         {spec.record_at(1) + kOffset, (first + rest + 63) / 64 * 64, 8}};
  CHECK(verdict(spec) == "E_SECTION_LAYOUT");
}

TEST_CASE("refuses every byte of the pads between sections that is not zero") {
  const PacketSpec good = base_spec();
  size_t pads = 0;
  for (size_t section = 0; section + 1 < good.sections.size(); ++section) {
    const size_t end = offset_of(good, section) + PacketSpec::stored(good.sections[section]).size();
    for (size_t at = end; at < offset_of(good, section + 1); ++at, ++pads) {
      PacketSpec spec = good;
      spec.before_trailer = {{at, 0x80, 1}};
      CHECK(verdict(spec) == "E_PADDING");
    }
  }
  CHECK(pads > 60);
}

TEST_CASE("refuses a section without bytes") {
  CHECK(verdict_of(0, kStoredLen, 0) == "E_SECTION_LAYOUT");
  CHECK(verdict_of(1, kStoredLen, 0) == "E_SECTION_LAYOUT");
  CHECK(verdict_of(1, kRawLen, 0) == "E_SECTION_LAYOUT");
  // A frame of no bytes where no byte is missing, in a section that nobody opens.
  PacketSpec spec = with_section(300, {}, 2);
  spec.before_signing = {{spec.record_at(4) + kFlags, 3, 4}, {spec.record_at(4) + kRawLen, 9, 8}};
  CHECK(verdict(spec) == "E_SECTION_LAYOUT");
}

TEST_CASE("a section that is not compressed is stored as it is") {
  CHECK(verdict_of(0, kRawLen, 129) == "E_SECTION_LAYOUT");
  CHECK(verdict_of(0, kRawLen, 131) == "E_SECTION_LAYOUT");
}

TEST_CASE("raw lengths may reach the limit of their section, and not go beyond") {
  struct Row {
    uint32_t type;
    size_t most;
  };
  for (const Row& row :
       {Row{1, 262'144}, {2, 262'144}, {7, 6'144}, {8, 16'384}, {10, 262'144}, {11, 65'536}}) {
    for (const size_t over : {size_t{0}, size_t{1}}) {
      const PacketSpec spec = [&] {
        PacketSpec bare = without(base_spec(), row.type);
        bare.sections.push_back({row.type, Blob(row.most + over, 3), 1});
        std::sort(bare.sections.begin(), bare.sections.end(),
                  [](const SectionSpec& a, const SectionSpec& b) { return a.type < b.type; });
        return bare;
      }();
      CHECK(verdict(spec) == (over == 0 ? "OK" : "E_LIMIT"));
    }
  }
  PacketSpec optional = with_section(300, pattern(9), 3);
  for (const uint64_t over : {0u, 1u}) {
    optional.before_signing = {{optional.record_at(4) + kRawLen, (uint64_t{1} << 30) + over, 8}};
    CHECK(verdict(optional) == (over == 0 ? "OK" : "E_LIMIT"));
  }
  CHECK(verdict_of(1, kRawLen, UINT64_MAX) == "E_LIMIT");
  CHECK(verdict_of(2, kRawLen, UINT64_MAX) == "E_LIMIT");
}

TEST_CASE("audit, patches and trust root have their limits too") {
  for (const size_t over : {size_t{0}, size_t{1}}) {
    const char* expected = over == 0 ? "OK" : "E_LIMIT";
    CHECK(verdict(with_section(12, Blob(16'384 + over), 1)) == expected);
    PacketSpec adapter = adapter_spec();
    adapter.sections[0] = {16, Blob(32'768 + over, 1), 1};
    CHECK(device_for(Kind::Adapter).verdict(adapter) == expected);
    PacketSpec root = root_spec();
    root.sections[0] = {32, Blob(13'328 + over, 1)};
    CHECK(root_verdict(root) == (over == 0 ? "E_ROOT_FORMAT" : "E_LIMIT"));
  }
}

TEST_CASE("the device's cap holds for all constants together") {
  PacketSpec spec = with_section(5, Blob(200, 1), 1);
  Device device;
  for (const auto& [cap, expected] :
       {std::pair{501, "OK"}, {500, "OK"}, {499, "E_LIMIT"}, {0, "E_LIMIT"}}) {
    device.request.limits.const_bytes = static_cast<uint64_t>(cap);
    CHECK(device.verdict(spec) == expected);
  }
  device.request.limits.const_bytes = UINT64_MAX;
  spec.before_signing = {{spec.record_at(3) + kRawLen, (uint64_t{1} << 30) - 299, 8}};
  CHECK(device.verdict(spec) == "E_LIMIT");
}

TEST_CASE("refuses stored bytes that are not the signed ones, before anything opens them") {
  const PacketSpec good = base_spec();
  for (size_t section = 0; section < good.sections.size(); ++section) {
    PacketSpec spec = good;
    spec.before_trailer = {{offset_of(good, section), 0xEE, 1}};
    CHECK(verdict(spec) == "E_STORED_DIGEST");
    CHECK(verdict_of(section, kStoredDigest + 31, 0x77, 1) == "E_STORED_DIGEST");
  }
}

TEST_CASE("refuses content that does not match its raw digest, compressed or not") {
  for (size_t section = 0; section < base_spec().sections.size(); ++section) {
    CHECK(verdict_of(section, kRawDigest, 0x1122334455667788) == "E_RAW_DIGEST");
  }
}

TEST_CASE("refuses a content digest that is not that of the content") {
  CHECK(verdict_with(88, 0x1122334455667788, 8) == "E_CONTENT_DIGEST");
  CHECK(verdict_with(119, 0x77, 1) == "E_CONTENT_DIGEST");
}

TEST_CASE("the content digest is bound to kind, opset, base and every executed section") {
  const PacketSpec spec = base_spec();
  Device newer;
  newer.request.opset = 2;
  PacketSpec other = spec;
  other.opset = 2;
  CHECK(newer.verdict(other) == "OK");
  PacketSpec relabelled = spec;
  relabelled.before_signing = {{160, 2, 4}};
  CHECK(newer.verdict(relabelled) == "E_CONTENT_DIGEST");
  CHECK(verdict_with(160, 0, 4) == "E_LIMIT");
  PacketSpec adapter = adapter_spec();
  adapter.before_signing = {{120, 0x43, 1}};
  CHECK(device_for(Kind::Adapter).verdict(adapter) == "E_CONTENT_DIGEST");
  for (const uint32_t type : {4u, 5u, 6u, 8u, 11u}) {
    CHECK(with_section(type, {1}).content_digest() != spec.content_digest());
    PacketSpec hidden = with_section(type, {1});
    const Blob digest = spec.content_digest();
    for (size_t i = 0; i < 32; ++i) hidden.before_signing.push_back({88 + i, digest[i], 1});
    CHECK(verdict(hidden) == "E_CONTENT_DIGEST");
  }
  for (const uint32_t type : {10u, 12u}) {
    CHECK(with_section(type, {0, 0, 0, 0}).content_digest() == spec.content_digest());
    CHECK(verdict(with_section(type, {0, 0, 0, 0})) == "OK");
  }
}

TEST_CASE("the verdict in the header is the audit section's") {
  PacketSpec spec = base_spec();
  spec.before_signing = {{52, 2, 4}};
  CHECK(verdict(spec) == "E_AUDIT_FORMAT");
  for (uint8_t in_header = 0; in_header <= 2; ++in_header) {
    for (uint8_t in_section = 0; in_section <= 3; ++in_section) {
      spec = with_section(12, {in_section, 0, 0, 0, 0xA0});
      spec.before_signing = {{52, in_header, 4}};
      CHECK(verdict(spec) == (in_header == in_section ? "OK" : "E_AUDIT_FORMAT"));
    }
  }
  CHECK(verdict(with_section(12, {0, 0, 0})) == "E_AUDIT_FORMAT");
  CHECK(verdict(with_section(12, {0, 0, 0, 1})) == "E_AUDIT_FORMAT");
}
