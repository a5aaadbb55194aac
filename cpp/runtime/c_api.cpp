// SPDX-License-Identifier: Apache-2.0
// c_api.cpp -- plasma_edge.h over runtime.hpp: converts arguments and errors, decides nothing.
#include <algorithm>
#include <cstring>

#include "plasma_edge/plasma_edge.h"
#include "plasma_edge/runtime.hpp"

struct pe_policy {
  std::unique_ptr<plasma::Policy> policy;
};

namespace {

int32_t report(const plasma::Error& error, pe_error* out) noexcept {
  const auto code = static_cast<int32_t>(error.status);
  if (error && out != nullptr) {
    out->code = code;
    plasma::format_error(error, out->message, sizeof out->message);
  }
  return code;
}

// An array of nothing may be null.
bool is_missing(const void* array, size_t count) noexcept { return array == nullptr && count > 0; }

bool is_whole(const pe_trust* trust) noexcept {
  return trust != nullptr && !is_missing(trust->keys, trust->key_count) &&
         !is_missing(trust->root, trust->root_bytes);
}

plasma::Trust trust_of(const pe_trust& trust) {
  plasma::Trust result;
  result.threshold = trust.threshold;
  for (size_t i = 0; i < trust.key_count; ++i) {
    plasma::PublicKeyBytes key;
    std::memcpy(key.data(), trust.keys + i * PE_PUBLIC_KEY_BYTES, key.size());
    result.keys.push_back(key);
  }
  result.root.assign(trust.root, trust.root + trust.root_bytes);
  return result;
}

plasma::DeviceState device_of(const pe_device& device) {
  plasma::DeviceState result;
  if (device.now != nullptr) result.now = *device.now;
  result.time_floor = device.time_floor;
  result.strict_clock = device.strict_clock != 0;
  for (size_t i = 0; i < device.floor_count; ++i) {
    const pe_floor& row = device.floors[i];
    plasma::Floor& floor = result.floors.emplace_back();
    std::copy_n(row.channel_id, PE_CHANNEL_BYTES, floor.channel_id.begin());
    floor.kind = static_cast<uint16_t>(row.kind);
    floor.sequence = row.sequence;
    floor.rollback_index = row.rollback_index;
    floor.root_version = row.root_version;
    std::copy_n(row.content_digest, PE_DIGEST_BYTES, floor.content_digest.begin());
  }
  return result;
}

pe_floor floor_of(const plasma::PacketInfo& info, uint32_t root_version) noexcept {
  pe_floor floor = {};
  std::copy(info.channel_id.begin(), info.channel_id.end(), floor.channel_id);
  floor.kind = info.kind;
  floor.sequence = info.sequence;
  floor.rollback_index = info.rollback_index;
  floor.root_version = root_version;
  std::copy(info.content_digest.begin(), info.content_digest.end(), floor.content_digest);
  return floor;
}

plasma::LoadOptions options_of(const pe_options* options) {
  plasma::LoadOptions result;
  if (options == nullptr) return result;
  if (options->channel != nullptr) result.channel = options->channel;
  result.require_audit = static_cast<plasma::Audit>(options->require_audit);
  result.deadline_ns = options->deadline_ns;
  result.kernels = options->kernels;
  result.lock_memory = options->lock_memory != 0;
  result.seed = options->seed;
  if (options->max_memory_bytes != 0) result.max_memory_bytes = options->max_memory_bytes;
  if (options->max_cost_units != 0) result.max_cost_units = options->max_cost_units;
  return result;
}

pe_io describe(const plasma::IoInfo& io) noexcept {
  return {.name = io.name.c_str(),
          .unit = io.unit.c_str(),
          .type = static_cast<pe_element>(io.type),
          .elements = io.elements,
          .is_actuator = io.is_actuator};
}

plasma::Error null_pointer() noexcept {
  return plasma::fail(plasma::Status::Argument, "null pointer");
}

}  // namespace

int32_t pe_policy_load_bytes(const uint8_t* packet, size_t packet_bytes, const pe_trust* trust,
                             const pe_options* options, pe_policy** policy, pe_error* error) {
  if (policy == nullptr || is_missing(packet, packet_bytes) || !is_whole(trust))
    return report(null_pointer(), error);
  std::unique_ptr<plasma::Policy> loaded;
  const plasma::Error result =
      plasma::Policy::load({packet, packet_bytes}, trust_of(*trust), options_of(options), loaded);
  if (!result) *policy = new pe_policy{std::move(loaded)};
  return report(result, error);
}

int32_t pe_policy_load(const char* path, const pe_trust* trust, const pe_options* options,
                       pe_policy** policy, pe_error* error) {
  std::vector<uint8_t> packet;
  const plasma::LoadOptions limits = options_of(options);
  if (plasma::Error result = plasma::read_packet_file(path, limits.max_file_bytes, packet))
    return report(result, error);
  return pe_policy_load_bytes(packet.data(), packet.size(), trust, options, policy, error);
}

void pe_policy_free(pe_policy* policy) { delete policy; }

size_t pe_policy_input_count(const pe_policy* policy) { return policy->policy->inputs().size(); }
size_t pe_policy_output_count(const pe_policy* policy) { return policy->policy->outputs().size(); }
pe_io pe_policy_input(const pe_policy* policy, size_t index) {
  return describe(policy->policy->inputs()[index]);
}
pe_io pe_policy_output(const pe_policy* policy, size_t index) {
  return describe(policy->policy->outputs()[index]);
}

void pe_policy_digest(const pe_policy* policy, uint8_t digest[PE_DIGEST_BYTES]) {
  const plasma::DigestBytes& bytes = policy->policy->info().content_digest;
  std::copy(bytes.begin(), bytes.end(), digest);
}

pe_step_result pe_policy_step(pe_policy* policy, const float* const* inputs, void* const* outputs) {
  return static_cast<pe_step_result>(policy->policy->step(inputs, outputs));
}

pe_step_result pe_policy_reset(pe_policy* policy) {
  return policy->policy->reset() ? PE_STEP_OK : PE_STEP_BUSY;
}

pe_step_result pe_policy_reset_to(pe_policy* policy, uint64_t seed) {
  return policy->policy->reset(seed) ? PE_STEP_OK : PE_STEP_BUSY;
}

int32_t pe_policy_attach_bytes(pe_policy* policy, const uint8_t* packet, size_t packet_bytes,
                               const char* name, float gain, pe_error* error) {
  if (policy == nullptr || name == nullptr || is_missing(packet, packet_bytes)) {
    return report(null_pointer(), error);
  }
  return report(policy->policy->attach({packet, packet_bytes}, name, gain), error);
}

int32_t pe_policy_attach(pe_policy* policy, const char* path, const char* name, float gain,
                         pe_error* error) {
  std::vector<uint8_t> packet;
  if (plasma::Error result =
          plasma::read_packet_file(path, plasma::LoadOptions{}.max_file_bytes, packet)) {
    return report(result, error);
  }
  return pe_policy_attach_bytes(policy, packet.data(), packet.size(), name, gain, error);
}

int32_t pe_policy_detach(pe_policy* policy, const char* name, pe_error* error) {
  if (policy == nullptr || name == nullptr) return report(null_pointer(), error);
  return report(policy->policy->detach(name), error);
}

int32_t pe_policy_set_gains(pe_policy* policy, const char* const* names, const float* gains,
                            size_t count, pe_error* error) {
  if (policy == nullptr || is_missing(names, count) || is_missing(gains, count)) {
    return report(null_pointer(), error);
  }
  std::vector<plasma::NamedGain> named;
  for (size_t i = 0; i < count; ++i) named.push_back({names[i], gains[i]});
  return report(policy->policy->set_gains(named), error);
}

pe_stats pe_policy_stats(const pe_policy* policy) {
  const plasma::Stats stats = policy->policy->stats();
  return {.steps = stats.steps,
          .faults = stats.faults,
          .deadline_misses = stats.deadline_misses,
          .p50_us = stats.p50_us,
          .p99_us = stats.p99_us,
          .p999_us = stats.p999_us,
          .max_us = stats.max_us};
}

int32_t pe_packet_verify(const uint8_t* packet, size_t packet_bytes, const pe_trust* trust,
                         const pe_options* options, const pe_device* device, pe_floor* floor,
                         pe_error* error) {
  if (is_missing(packet, packet_bytes) || !is_whole(trust) ||
      (device != nullptr && is_missing(device->floors, device->floor_count))) {
    return report(null_pointer(), error);
  }
  const plasma::Trust believed = trust_of(*trust);
  plasma::RootInfo root;
  if (!believed.root.empty()) {
    if (plasma::Error result = plasma::verify_root(believed.root, {}, root))
      return report(result, error);
  }
  const plasma::DeviceState state = device == nullptr ? plasma::DeviceState{} : device_of(*device);
  plasma::PacketInfo info;
  const plasma::Error result =
      plasma::verify_packet({packet, packet_bytes}, believed, options_of(options),
                            device == nullptr ? nullptr : &state, info);
  if (!result && floor != nullptr) *floor = floor_of(info, root.version);
  return report(result, error);
}

int32_t pe_root_verify(const uint8_t* root, size_t root_bytes, const uint8_t* previous,
                       size_t previous_bytes, uint32_t* version, pe_error* error) {
  if (is_missing(root, root_bytes) || is_missing(previous, previous_bytes) || version == nullptr)
    return report(null_pointer(), error);
  plasma::RootInfo info;
  const plasma::Error result =
      plasma::verify_root({root, root_bytes}, {previous, previous_bytes}, info);
  if (!result) *version = info.version;
  return report(result, error);
}

const char* pe_status_code(int32_t code) {
  return plasma::status_code(static_cast<plasma::Status>(code));
}
