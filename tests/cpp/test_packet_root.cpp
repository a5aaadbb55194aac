// SPDX-License-Identifier: Apache-2.0
// test_packet_root.cpp -- section 8: what a trust root says, who makes it, who follows it.
#include <doctest/doctest.h>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;
using packet::TrustStore;

namespace {

constexpr size_t kFirstKey = 16;
constexpr size_t kChannelBytes = 64;

std::string with_section_patch(size_t at, uint64_t value, size_t count = 1) {
  RootSpec root = root_of_alice_and_bob();
  root.in_section = {{at, value, count}};
  return root_verdict(root);
}

std::string with_header_patch(size_t at, uint64_t value, size_t count = 4) {
  RootSpec root = root_of_alice_and_bob();
  root.in_header = {{at, value, count}};
  return root_verdict(root);
}

std::string chain_verdict(const RootSpec& first, const RootSpec& second) {
  const TrustStore predecessor = opened(first);
  TrustStore next;
  return root_verdict(second.build(), next, &predecessor);
}

std::string verdict_under(const RootSpec& root, PacketSpec spec, const std::string& channel,
                          std::initializer_list<const Key*> signers) {
  Device device = device_for(Kind{spec.kind});
  device.trust = opened(root);
  spec.signers.clear();
  for (const Key* key : signers) spec.signers.push_back({*key});
  if (!channel.empty()) {
    const packet::ChannelId id = packet::channel_id_of(text(channel.c_str()));
    for (size_t i = 0; i < id.size(); ++i) spec.before_signing.push_back({72 + i, id[i], 1});
  }
  return device.verdict(spec);
}

}  // namespace

TEST_CASE("a root says who may sign what, where, and what is revoked") {
  RootSpec spec = root_of_alice_and_bob();
  spec.issued_at = 1000;
  spec.expires = 2000;
  spec.channels[0].sequence_floor = 7;
  spec.channels[0].rollback_floor = 3;
  spec.channels[0].reset = 1;
  spec.revoked = {Blob(32, 1), Blob(32, 2)};
  const TrustStore root = opened(spec);
  CHECK(root.version() == 1);
  CHECK(root.issued_at() == 1000);
  CHECK(root.expires() == 2000);
  REQUIRE(root.keys().size() == 2);
  CHECK(root.keys()[0].name.data() == std::string("alice"));
  CHECK(root.keys()[1].key == kBob.public_key);
  REQUIRE(root.channels().size() == 2);
  CHECK(root.channels()[0].name.data() == std::string("arm"));
  CHECK(root.channels()[0].sequence_floor == 7);
  CHECK(root.channels()[0].rollback_floor == 3);
  CHECK(root.channels()[0].reset == 1);
  CHECK(root.find_channel(packet::channel_id_of(text("leg"))) == &root.channels()[1]);
  CHECK(root.find_channel(packet::channel_id_of(text("head"))) == nullptr);
  CHECK(root.threshold(Kind::TrustRoot) == 1);
  packet::Digest digest;
  digest.fill(2);
  CHECK(root.is_revoked(digest));
  digest.fill(3);
  CHECK(!root.is_revoked(digest));
}

TEST_CASE("the largest root opens") {
  RootSpec root;
  for (uint8_t i = 1; i <= 16; ++i) root.keys.push_back({Key{i}, 7, std::string(30, 'k')});
  for (int i = 0; i < 64; ++i)
    root.channels.push_back({std::string(42, 'c') + std::to_string(10 + i)});
  for (int i = 0; i < 256; ++i) {
    root.revoked.emplace_back(32);
    root.revoked.back()[0] = static_cast<uint8_t>(i);
  }
  root.signers = {{kAlice, sign_trust}};
  CHECK(root.section().size() == 13'328);
  CHECK(root_verdict(root) == "OK");
}

TEST_CASE("a key signs what its roles and its channels allow, and nothing else") {
  const RootSpec root = root_of_alice_and_bob();
  CHECK(verdict_under(root, base_spec(), "arm", {&kAlice}) == "OK");
  CHECK(verdict_under(root, adapter_spec(), "arm", {&kBob}) == "OK");
  CHECK(verdict_under(root, base_spec(), "arm", {&kBob}) == "E_SIG_ROLE");
  CHECK(verdict_under(root, adapter_spec(), "arm", {&kAlice}) == "E_SIG_ROLE");
  CHECK(verdict_under(root, adapter_spec(), "leg", {&kBob}) == "E_SIG_ROLE");
  CHECK(verdict_under(root, base_spec(), "head", {&kAlice}) == "E_SIG_ROLE");
  CHECK(verdict_under(root, base_spec(), "", {&kAlice}) == "E_SIG_ROLE");
  CHECK(verdict_under(root, base_spec(), "arm", {&kStranger}) == "E_SIG_UNKNOWN_KEY");
  CHECK(verdict_under(root, base_spec(), "arm", {&kBob, &kAlice, &kStranger}) == "OK");
}

TEST_CASE("a root without channels trusts its keys in all of them") {
  RootSpec root = root_of_alice_and_bob();
  root.channels.clear();
  for (const char* channel : {"", "arm", "head"}) {
    CHECK(verdict_under(root, base_spec(), channel, {&kAlice}) == "OK");
    CHECK(verdict_under(root, base_spec(), channel, {&kBob}) == "E_SIG_ROLE");
  }
}

TEST_CASE("each kind has its own threshold") {
  RootSpec root;
  root.keys = {{kAlice}, {kBob, kSignsBases}};
  root.base_threshold = 2;
  CHECK(verdict_under(root, base_spec(), "", {&kAlice, &kBob}) == "OK");
  CHECK(verdict_under(root, base_spec(), "", {&kAlice}) == "E_SIG_THRESHOLD");
  CHECK(verdict_under(root, base_spec(), "", {&kAlice, &kStranger}) == "E_SIG_THRESHOLD");
  CHECK(verdict_under(root, adapter_spec(), "", {&kAlice}) == "OK");
  CHECK(verdict_under(root, adapter_spec(), "", {&kBob}) == "E_SIG_ROLE");
}

TEST_CASE("a wrong signature by a key of the root is fatal, whatever the key may sign") {
  PacketSpec spec = base_spec();
  spec.signers = {{kAlice}, {kBob, sign_trust}};
  Device device;
  RootSpec root = root_of_alice_and_bob();
  root.channels.clear();
  device.trust = opened(root);
  CHECK(device.verdict(spec) == "E_SIG_BAD");
  spec.signers[1].sign = sign_absent;
  CHECK(device.verdict(spec) == "OK");
}

TEST_CASE("nobody may sign a kind that no key has the role for") {
  RootSpec root;
  root.keys = {{kAlice, kSignsBases | kSignsRoots}};
  CHECK(verdict_under(root, adapter_spec(), "", {&kAlice}) == "E_SIG_ROLE");
  root.adapter_threshold = 2;
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
}

TEST_CASE("revoked content is refused, to run as well") {
  PacketSpec spec = base_spec();
  RootSpec root;
  root.keys = {{kAlice}};
  root.revoked = {spec.content_digest()};
  CHECK(verdict_under(root, spec, "", {&kAlice}) == "E_REVOKED");
  spec.sections[0].raw[0] ^= 1;
  CHECK(verdict_under(root, spec, "", {&kAlice}) == "OK");
}

TEST_CASE("refuses thresholds of none and of more than there are") {
  for (const size_t threshold : {4u, 5u, 6u}) {
    CHECK(with_section_patch(threshold, 0) == "E_ROOT_FORMAT");
    CHECK(with_section_patch(threshold, 2) == "E_ROOT_FORMAT");
    CHECK(with_section_patch(threshold, 1) == "OK");
  }
  RootSpec root = root_of_alice_and_bob();
  root.keys[0].roles = kSignsBases;
  root.signers = {{kAlice, sign_trust}};
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");  // nobody could make the next one
}

TEST_CASE("refuses counts outside their limits, and another length than they make") {
  CHECK(with_section_patch(0, 0) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(0, 17) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(0, 1) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(1, 65) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(1, 1) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(2, 257, 2) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(2, 1, 2) == "E_ROOT_FORMAT");
  PacketSpec spec = root_of_alice_and_bob().packet();
  spec.sections[0].raw.push_back(0);
  CHECK(root_verdict(spec) == "E_ROOT_FORMAT");
  spec.sections[0].raw = Blob(15, 1);
  CHECK(root_verdict(spec) == "E_ROOT_FORMAT");
}

TEST_CASE("refuses one key, one channel and one revocation too many, though all bytes are there") {
  RootSpec root;
  for (uint8_t i = 1; i <= 17; ++i) root.keys.push_back({Key{i}});
  root.signers = {{kAlice, sign_trust}};
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.keys.pop_back();
  CHECK(root_verdict(root) == "OK");
  for (int i = 0; i < 65; ++i) root.channels.push_back({"c" + std::to_string(10 + i)});
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.channels.clear();
  for (int i = 0; i < 257; ++i) {
    root.revoked.emplace_back(32);
    put(root.revoked.back(), 0, static_cast<uint64_t>(i / 256), 1);
    put(root.revoked.back(), 1, static_cast<uint64_t>(i % 256), 1);
  }
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.revoked.pop_back();
  CHECK(root_verdict(root) == "OK");
}

TEST_CASE("a root without keys is refused as that, and a channel without a name") {
  RootSpec root;
  root.signers = {{kAlice, sign_trust}};
  TrustStore store;
  const Error error = TrustStore::open_root(root.build(), nullptr, store);
  CHECK(error.status == Status::RootFormat);
  CHECK(std::string(error.where) == "number of keys");
  root.keys = {{kAlice}};
  root.channels = {{""}, {"arm"}};
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.channels = {{"a"}, {"arm"}};
  CHECK(root_verdict(root) == "OK");
}

TEST_CASE("refuses every reserved byte that is set") {
  for (size_t at = 7; at < 16; ++at) CHECK(with_section_patch(at, 1) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(kFirstKey + 33, 1) == "E_ROOT_FORMAT");
  const size_t channel = kFirstKey + 2 * 64;
  CHECK(with_section_patch(channel + 18, 1) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(channel + 19, 1) == "E_ROOT_FORMAT");
}

TEST_CASE("refuses roles and channel keys that do not exist") {
  CHECK(with_section_patch(kFirstKey + 64 + 32, 0) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(kFirstKey + 64 + 32, 8) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(kFirstKey + 2 * 64 + 16, 4, 2) == "E_ROOT_FORMAT");
  CHECK(with_section_patch(kFirstKey + 2 * 64 + 16, 0, 2) == "OK");
}

TEST_CASE("names are printable ASCII to their end") {
  const size_t key_name = kFirstKey + 34;
  const size_t channel_name = kFirstKey + 2 * 64 + 20;
  for (const uint64_t letter : {0x1Bu, 0x0Au, 0x7Fu, 0x80u, 0xFFu}) {
    CHECK(with_section_patch(key_name, letter) == "E_ROOT_FORMAT");
    CHECK(with_section_patch(channel_name, letter) == "E_ROOT_FORMAT");
  }
  CHECK(with_section_patch(key_name, ' ') == "OK");
  CHECK(with_section_patch(key_name, '~') == "OK");
  CHECK(with_section_patch(key_name + 29, 'x') == "E_ROOT_FORMAT");  // behind the end
  CHECK(with_section_patch(channel_name, 0) == "E_ROOT_FORMAT");
}

TEST_CASE("channels and revocations stand in order, each once") {
  RootSpec root = root_of_alice_and_bob();
  root.channels[1].name = "arm";
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.channels[1].name = "am";
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.channels[1].name = "arm2";
  CHECK(root_verdict(root) == "OK");
  root.revoked = {Blob(32, 2), Blob(32, 2)};
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.revoked = {Blob(32, 2), Blob(32, 1)};
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
}

TEST_CASE("refuses a key that stands twice, and a weak one") {
  RootSpec root = root_of_alice_and_bob();
  root.keys[1].key = kAlice;
  CHECK(root_verdict(root) == "E_KEY_DUPLICATE");
  root.keys[1].key.public_key.fill(0);
  CHECK(root_verdict(root) == "E_KEY_INVALID");
}

TEST_CASE("the content of a root has the digest that its successor will name") {
  CHECK(with_header_patch(88, 1) == "E_CONTENT_DIGEST");
  PacketSpec spec = root_of_alice_and_bob().packet();
  spec.before_signing.push_back({spec.record_at(0) + 64, 1, 8});
  CHECK(root_verdict(spec) == "E_RAW_DIGEST");
}

TEST_CASE("refuses header fields that a root has no use for") {
  for (const size_t at : {48u, 72u, 84u, 164u, 168u, 172u, 176u, 180u, 184u, 188u, 192u})
    CHECK(with_header_patch(at, 1) == "E_ROOT_FORMAT");
  RootSpec root = root_of_alice_and_bob();
  PacketSpec spec = root.packet();
  spec.opset = 2;
  CHECK(root_verdict(spec) == "E_ROOT_FORMAT");
  root.version = 0;
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.version = uint64_t{1} << 32;
  CHECK(root_verdict(root) == "E_ROOT_FORMAT");
  root.version = UINT32_MAX;
  root.previous = Blob(32, 1);
  CHECK(root_verdict(root) == "OK");
}

TEST_CASE("a root is not compressed and not larger than 65,536 bytes") {
  PacketSpec spec = root_spec();
  spec.sections[0].flags = 1;
  CHECK(root_verdict(spec) == "E_RESERVED");
  TrustStore root;
  CHECK(root_verdict(Blob(65'536), root) == "E_MAGIC");
  CHECK(root_verdict(Blob(65'537), root) == "E_TOO_LARGE");
}

TEST_CASE("a root is signed by its own root keys") {
  RootSpec root = root_of_alice_and_bob();
  root.signers = {{kStranger, sign_trust}};
  CHECK(root_verdict(root) == "E_SIG_UNKNOWN_KEY");
  root.signers = {{kBob, sign_trust}};
  CHECK(root_verdict(root) == "E_SIG_ROLE");
  root.signers = {{kAlice, sign_packet}};
  CHECK(root_verdict(root) == "E_SIG_BAD");
  root.keys[1].roles |= kSignsRoots;
  root.root_threshold = 2;
  root.signers = {{kAlice, sign_trust}};
  CHECK(root_verdict(root) == "E_SIG_THRESHOLD");
  root.signers.push_back({kBob, sign_trust});
  CHECK(root_verdict(root) == "OK");
}

TEST_CASE("only the next version follows a root, and names it") {
  const RootSpec first = root_of_alice_and_bob();
  const RootSpec second = first.successor();
  CHECK(root_verdict(second) == "OK");
  CHECK(chain_verdict(first, second) == "OK");
  CHECK(chain_verdict(second, second.successor()) == "OK");
  CHECK(chain_verdict(first, first) == "E_ROOT_VERSION");
  CHECK(chain_verdict(first, second.successor()) == "E_ROOT_VERSION");
  RootSpec other = first;
  other.expires = 9;
  CHECK(chain_verdict(other, second) == "OK");  // the same content: dates are not part of it
  other.keys[1].name = "rob";
  CHECK(chain_verdict(other, second) == "E_ROOT_CHAIN");
  RootSpec orphan = second;
  orphan.previous = Blob(32);
  CHECK(root_verdict(orphan) == "E_ROOT_CHAIN");
  RootSpec founder = first;
  founder.previous = Blob(32, 1);
  CHECK(root_verdict(founder) == "E_ROOT_CHAIN");
}

TEST_CASE("a new root needs the thresholds of the old one and of itself") {
  const RootSpec first = root_of_alice_and_bob();
  RootSpec second = first.successor();
  second.keys[0].key = kStranger;  // Alice hands over
  second.signers = {{kStranger, sign_trust}};
  CHECK(chain_verdict(first, second) == "E_SIG_UNKNOWN_KEY");
  second.signers = {{kAlice, sign_trust}};
  CHECK(chain_verdict(first, second) == "E_SIG_UNKNOWN_KEY");
  second.signers = {{kAlice, sign_trust}, {kStranger, sign_trust}};
  CHECK(chain_verdict(first, second) == "OK");
  second.signers = {{kBob, sign_trust}, {kStranger, sign_trust}};
  CHECK(chain_verdict(first, second) == "E_SIG_ROLE");
  second.signers = {{kAlice, sign_trust}, {kStranger, sign_absent}};
  CHECK(chain_verdict(first, second) == "E_SIG_THRESHOLD");
}

TEST_CASE("a root is opened as one, and never verified as a packet") {
  Device device = device_for(Kind::TrustRoot);
  CHECK(device.verdict(root_of_alice_and_bob().packet()) == "E_ARGUMENT");
  device.trust = opened(root_of_alice_and_bob());
  CHECK(device.verdict(root_of_alice_and_bob().packet()) == "E_ARGUMENT");
}

TEST_CASE("what fails leaves the root that was there") {
  TrustStore root = opened(root_of_alice_and_bob());
  CHECK(root_verdict(Blob(10), root) == "E_MAGIC");
  CHECK(root.version() == 1);
}

TEST_CASE("refuses every flipped bit, every truncation and every extension of a root") {
  const Blob file = root_of_alice_and_bob().build();
  TrustStore root;
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    Blob flipped = file;
    flipped[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    REQUIRE(root_verdict(flipped, root) != "OK");
  }
  for (size_t size = 0; size < file.size(); ++size)
    REQUIRE(root_verdict(Blob(file.begin(), file.begin() + static_cast<long>(size)), root) != "OK");
  Blob longer = file;
  longer.push_back(0);
  CHECK(root_verdict(longer, root) == "E_TRAILING");
}
