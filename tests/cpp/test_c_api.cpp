// SPDX-License-Identifier: Apache-2.0
// test_c_api.cpp -- plasma_edge.h as a robot without Python uses it.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "plasma_edge/plasma_edge.h"
#include "reference_rules.hpp"
#include "robot_packets.hpp"
#include "root_writer.hpp"

namespace plasma::test {
namespace {

const Floats kObs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};

// A file that is gone when the test is over.
struct TemporaryFile {
  std::filesystem::path path;

  explicit TemporaryFile(const Blob& bytes)
      : path(std::filesystem::temp_directory_path() /
             ("plasma_test_" + std::to_string(reinterpret_cast<uintptr_t>(this)))) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

const pe_trust kTrust = {kMaker.public_key.data(), 1, 1, nullptr, 0};

struct CPolicy {
  pe_policy* policy = nullptr;
  pe_error error = {};
  int32_t code = 0;

  explicit CPolicy(const Blob& packet, const pe_trust* trust = &kTrust,
                   const pe_options* options = nullptr) {
    code = pe_policy_load_bytes(packet.data(), packet.size(), trust, options, &policy, &error);
  }
  ~CPolicy() { pe_policy_free(policy); }
  CPolicy(const CPolicy&) = delete;
  CPolicy& operator=(const CPolicy&) = delete;
};

Blob base() { return base_packet(sample::program()).build(); }
Blob skill() { return adapter_packet(sample::program(), sample::adapter()).build(); }

std::string code_of(int32_t code) { return pe_status_code(code); }

}  // namespace

TEST_CASE("a C program loads a file, steps it and swaps an adapter") {
  const TemporaryFile base_file(base()), skill_file(skill());
  pe_policy* policy = nullptr;
  pe_error error = {};
  REQUIRE(pe_policy_load(base_file.path.c_str(), &kTrust, nullptr, &policy, &error) == 0);
  REQUIRE(pe_policy_input_count(policy) == 2);
  REQUIRE(pe_policy_output_count(policy) == 2);
  CHECK(std::string(pe_policy_input(policy, 1).name) == "cmd");
  CHECK(pe_policy_output(policy, 0).elements == 4);
  CHECK(pe_policy_output(policy, 0).type == PE_F32);
  CHECK(pe_policy_output(policy, 1).type == PE_I32);
  CHECK(pe_policy_output(policy, 1).is_actuator == 1);

  Rig rig(sample::program());
  const float* inputs[] = {kObs.data(), kObs.data() + 6};
  Blob answer(20);
  void* outputs[] = {answer.data(), answer.data() + 16};
  CHECK(pe_policy_step(policy, inputs, outputs) == PE_STEP_OK);
  CHECK(answer == rig.tick(kObs));

  rig.attach({{sample::adapter(), 0.5f}});
  CHECK(pe_policy_attach(policy, skill_file.path.c_str(), "icy", 1, &error) == 0);
  const char* name = "icy";
  const float gain = 0.5f;
  CHECK(pe_policy_set_gains(policy, &name, &gain, 1, &error) == 0);
  CHECK(pe_policy_reset(policy) == PE_STEP_OK);
  rig.frame.reset();
  CHECK(pe_policy_step(policy, inputs, outputs) == PE_STEP_OK);
  CHECK(answer == rig.tick(kObs));
  CHECK(pe_policy_detach(policy, "icy", &error) == 0);

  const Floats bad(6, INFINITY);
  inputs[0] = bad.data();
  CHECK(pe_policy_step(policy, inputs, outputs) == PE_STEP_FAULT);
  CHECK(answer == words(Ints{0, 0, 0, 0, 1}));
  const pe_stats stats = pe_policy_stats(policy);
  CHECK(stats.steps == 3);
  CHECK(stats.faults == 1);
  CHECK(stats.max_us > 0);
  pe_policy_free(policy);
}

TEST_CASE("an error has a code and a sentence, and nothing else changes") {
  Blob forged = base();
  forged[300] ^= 1;
  const CPolicy policy(forged);
  CHECK(policy.policy == nullptr);
  CHECK(code_of(policy.code) == "E_SIG_BAD");
  CHECK(policy.error.code == policy.code);
  CHECK(std::string(policy.error.message).rfind("E_SIG_BAD: ", 0) == 0);

  pe_policy* none = nullptr;
  CHECK(code_of(pe_policy_load("/nowhere/at.all", &kTrust, nullptr, &none, nullptr)) == "E_IO");
  CHECK(none == nullptr);
  CHECK(code_of(0) == "OK");
}

TEST_CASE("an empty file is no packet, and not a null pointer") {
  const TemporaryFile empty{Blob()};
  pe_policy* none = nullptr;
  CHECK(code_of(pe_policy_load(empty.path.c_str(), &kTrust, nullptr, &none, nullptr)) == "E_MAGIC");
  const CPolicy policy(base());
  CHECK(code_of(pe_policy_attach(policy.policy, empty.path.c_str(), "a", 1, nullptr)) == "E_MAGIC");
}

TEST_CASE("a root takes the place of the keys") {
  RootSpec spec;
  spec.keys = {{kMaker}};
  const Blob root = spec.build();
  const pe_trust by_root = {nullptr, 0, 0, root.data(), root.size()};
  CHECK(CPolicy(base(), &by_root).code == 0);
  const pe_trust both = {kMaker.public_key.data(), 1, 1, root.data(), root.size()};
  CHECK(code_of(CPolicy(base(), &both).code) == "E_ARGUMENT");
  spec.keys = {{kStranger}};
  const Blob other = spec.build();
  const pe_trust by_other = {nullptr, 0, 0, other.data(), other.size()};
  CHECK(code_of(CPolicy(base(), &by_other).code) == "E_SIG_UNKNOWN_KEY");
}

TEST_CASE("a C updater asks before it installs, and keeps the floor once it is confirmed") {
  RootSpec spec;
  spec.keys = {{kMaker}};
  const Blob root = spec.build(), next = spec.successor().build();
  const pe_trust trust = {nullptr, 0, 0, root.data(), root.size()};
  PacketSpec packet = base_packet(sample::program());
  packet.before_signing.push_back({40, 7, 8});
  packet.before_signing.push_back({64, 100, 8});
  const Blob release = packet.build();
  pe_device device = {};
  pe_floor floor = {};
  const auto verdict = [&](pe_floor* out) {
    return code_of(
        pe_packet_verify(release.data(), release.size(), &trust, nullptr, &device, out, nullptr));
  };
  CHECK(verdict(&floor) == "OK");
  CHECK((floor.kind == 1 && floor.sequence == 7 && floor.root_version == 1));
  CHECK(Blob(floor.content_digest, floor.content_digest + 32) == packet.content_digest());
  device.floors = &floor;
  device.floor_count = 1;
  CHECK(verdict(nullptr) == "OK");
  floor.sequence = 8;
  CHECK(verdict(nullptr) == "E_STALE_SEQ");
  floor.channel_id[15] = 1;
  CHECK(verdict(nullptr) == "OK");
  const uint64_t now = 100;
  device.now = &now;
  CHECK(verdict(nullptr) == "E_EXPIRED");
  CHECK(code_of(pe_packet_verify(release.data(), release.size(), &trust, nullptr, nullptr, nullptr,
                                 nullptr)) == "OK");
  device.floors = nullptr;
  CHECK(verdict(nullptr) == "E_ARGUMENT");

  uint32_t version = 0;
  CHECK(code_of(pe_root_verify(next.data(), next.size(), root.data(), root.size(), &version,
                               nullptr)) == "OK");
  CHECK(version == 2);
  CHECK(code_of(pe_root_verify(root.data(), root.size(), root.data(), root.size(), &version,
                               nullptr)) == "E_ROOT_VERSION");
  CHECK(code_of(pe_root_verify(root.data(), root.size(), nullptr, 0, &version, nullptr)) == "OK");
  CHECK(version == 1);
  CHECK(code_of(pe_root_verify(nullptr, 1, nullptr, 0, &version, nullptr)) == "E_ARGUMENT");
}

TEST_CASE("null arguments are an error and not a crash") {
  const Blob packet = base();
  const pe_trust no_keys = {nullptr, 1, 1, nullptr, 0};
  const pe_trust no_root = {nullptr, 0, 1, nullptr, 1};
  pe_policy* none = nullptr;
  const auto verdict = [&](const uint8_t* bytes, const pe_trust* trust, pe_policy** policy) {
    return code_of(pe_policy_load_bytes(bytes, packet.size(), trust, nullptr, policy, nullptr));
  };
  CHECK(verdict(nullptr, &kTrust, &none) == "E_ARGUMENT");
  CHECK(verdict(packet.data(), nullptr, &none) == "E_ARGUMENT");
  CHECK(verdict(packet.data(), &kTrust, nullptr) == "E_ARGUMENT");
  CHECK(verdict(packet.data(), &no_keys, &none) == "E_ARGUMENT");
  CHECK(verdict(packet.data(), &no_root, &none) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_load(nullptr, &kTrust, nullptr, &none, nullptr)) == "E_ARGUMENT");

  const CPolicy loaded(packet);
  REQUIRE(loaded.code == 0);
  pe_policy* policy = loaded.policy;
  const char* name = "a";
  const float gain = 1;
  CHECK(code_of(pe_policy_attach(policy, nullptr, "a", 1, nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_attach_bytes(policy, nullptr, 1, "a", 1, nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_attach_bytes(policy, packet.data(), 1, nullptr, 1, nullptr)) ==
        "E_ARGUMENT");
  CHECK(code_of(pe_policy_attach_bytes(nullptr, packet.data(), 1, "a", 1, nullptr)) ==
        "E_ARGUMENT");
  CHECK(code_of(pe_policy_detach(policy, nullptr, nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_detach(nullptr, "a", nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_set_gains(policy, nullptr, &gain, 1, nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_set_gains(policy, &name, nullptr, 1, nullptr)) == "E_ARGUMENT");
  CHECK(code_of(pe_policy_set_gains(policy, &name, &gain, 1, nullptr)) == "E_UNKNOWN_NAME");
  CHECK(pe_policy_set_gains(policy, nullptr, nullptr, 0, nullptr) == 0);
  pe_policy_free(nullptr);
}

TEST_CASE("the seed is the one of the options, then the one of a reset") {
  ProgramBuilder p;
  const uint16_t x = p.input("x", 1);
  p.op(Opcode::Uniform, p.output("y", 1), {});
  p.op(Opcode::Copy, p.output("echo", 1), {x});
  const Blob packet = base_packet(p).build();
  pe_options options = {};
  options.seed = 7;
  CPolicy c(packet, &kTrust, &options);
  const auto draw = [&] {
    const float in = 0;
    float y = 0, echo = 1;
    const float* inputs[] = {&in};
    void* outputs[] = {&y, &echo};
    CHECK(pe_policy_step(c.policy, inputs, outputs) == PE_STEP_OK);
    return y;
  };
  CHECK(draw() == rules::uniform(7, 0, 0, 0));
  CHECK(draw() == rules::uniform(7, 1, 0, 0));
  CHECK(pe_policy_reset(c.policy) == PE_STEP_OK);
  CHECK(draw() == rules::uniform(7, 0, 0, 0));
  CHECK(pe_policy_reset_to(c.policy, 8) == PE_STEP_OK);
  CHECK(draw() == rules::uniform(8, 0, 0, 0));
}

TEST_CASE("options of zero are the defaults, others are what they say") {
  const pe_options defaults = {};
  CHECK(CPolicy(base(), &kTrust, &defaults).code == 0);
  const auto verdict = [](const auto& set) {
    pe_options options = {};
    set(options);
    return code_of(CPolicy(base(), &kTrust, &options).code);
  };
  CHECK(verdict([](pe_options& options) { options.kernels = "scalar"; }) == "OK");
  CHECK(verdict([](pe_options& options) { options.kernels = "abacus"; }) == "E_KERNEL_TABLE");
  CHECK(verdict([](pe_options& options) { options.channel = "stable"; }) == "E_CHANNEL");
  CHECK(verdict([](pe_options& options) { options.require_audit = 1; }) == "E_AUDIT");
  CHECK(verdict([](pe_options& options) { options.max_memory_bytes = 100; }) == "E_MEMORY_CAP");
  CHECK(verdict([](pe_options& options) { options.max_cost_units = 100; }) == "E_DEADLINE");
}

}  // namespace plasma::test
