// SPDX-License-Identifier: Apache-2.0
// policy.cpp -- step 5: what a genuine packet is refused for.
//
// Running and installing are different questions. Times and release numbers are asked only of what
// is about to be installed: a robot that starts again after its packet expired still flies.
#include <algorithm>

#include "packet/steps.hpp"

namespace plasma::packet {
namespace {

// From `begin` on, and before `end`; 0: open.
struct Validity {
  const char* what;
  uint64_t begin, end;
};

// Without a synchronised clock only what is certain counts: that the end has passed already.
Error check_time(const Validity& validity, const Device& device, uint64_t time_floor) noexcept {
  const uint64_t now = std::max(device.now.value_or(0), time_floor);
  const bool states_times = validity.begin != 0 || validity.end != 0;
  if (!device.now.has_value() && device.strict_clock && states_times) {
    return fail(Status::NoClock, validity.what);
  }
  if (device.now.has_value() && now < validity.begin) {
    return fail_at_least(Status::NotYetValid, validity.what, now, validity.begin);
  }
  if (validity.end != 0 && now >= validity.end) {
    return fail_at_most(Status::Expired, validity.what, now, validity.end - 1);
  }
  return {};
}

Error check_times(const Header& header, const TrustStore& trust, const Device& device) noexcept {
  const uint64_t time_floor = std::max(device.time_floor, trust.issued_at());
  const Validity root = {"root", 0, trust.expires()};
  if (Error error = check_time(root, device, time_floor)) return error;
  return check_time({"packet", header.not_before, header.not_after}, device, time_floor);
}

// What the device confirmed last in this line of releases, unless the root says to forget it.
const Floor* find_floor(const Header& header, const TrustedChannel* channel,
                        const Device& device) noexcept {
  for (const Floor& floor : device.floors) {
    if (floor.kind != header.kind || floor.channel_id != header.channel_id) continue;
    const bool is_forgotten = channel != nullptr && floor.root_version < channel->reset;
    return is_forgotten ? nullptr : &floor;
  }
  return nullptr;
}

Error check_order(const Header& header, const TrustStore& trust, const Device& device) noexcept {
  const TrustedChannel* channel = trust.find_channel(header.channel_id);
  const Floor* confirmed = find_floor(header, channel, device);
  uint32_t rollback = channel == nullptr ? 0 : channel->rollback_floor;
  uint64_t sequence = channel == nullptr ? 0 : channel->sequence_floor;
  if (confirmed != nullptr) {
    rollback = std::max(rollback, confirmed->rollback_index);
    sequence = std::max(sequence, confirmed->sequence);
  }
  if (header.rollback_index < rollback) {
    return fail_at_least(Status::Rollback, "rollback_index", header.rollback_index, rollback);
  }
  if (header.sequence < sequence) {
    return fail_at_least(Status::StaleSequence, "sequence", header.sequence, sequence);
  }
  if (header.sequence - sequence > kMaxSequenceJump) {
    return fail_at_most(Status::SequenceJump, "sequence", header.sequence,
                        sequence + kMaxSequenceJump);
  }
  const bool is_same_release = confirmed != nullptr && confirmed->sequence == header.sequence;
  if (is_same_release && confirmed->content_digest != header.content_digest) {
    return fail(Status::StaleSequence, "another content with the same sequence");
  }
  return {};
}

Error check_memory(const Header& header, const Limits& limits) noexcept {
  if (header.arena_bytes > limits.arena_bytes) {
    return fail_at_most(Status::MemoryCap, "arena_bytes", header.arena_bytes, limits.arena_bytes);
  }
  if (header.state_bytes > limits.state_bytes) {
    return fail_at_most(Status::MemoryCap, "state_bytes", header.state_bytes, limits.state_bytes);
  }
  if (header.const_bytes > limits.const_bytes) {
    return fail_at_most(Status::MemoryCap, "const_bytes", header.const_bytes, limits.const_bytes);
  }
  return {};
}

Error check_base(const Header& header, const Request& request) noexcept {
  const bool names_base = header.base_digest != Digest{};
  if (names_base != (header.kind == Kind::Adapter)) return fail(Status::BaseField, "base_digest");
  if (names_base && request.base_digest != nullptr && header.base_digest != *request.base_digest) {
    return fail(Status::BaseMismatch, "base_digest");
  }
  return {};
}

}  // namespace

Error check_policy(const Header& header, const TrustStore& trust, const Request& request) noexcept {
  if (trust.is_revoked(header.content_digest)) return fail(Status::Revoked, "content_digest");
  if (request.channel != nullptr && header.channel_id != *request.channel) {
    return fail(Status::Channel, "channel_id");
  }
  if (request.device != nullptr) {
    if (Error error = check_times(header, trust, *request.device)) return error;
    if (Error error = check_order(header, trust, *request.device)) return error;
  }
  if (header.min_runtime > request.runtime) {
    return fail_at_most(Status::RuntimeTooOld, "min_runtime", header.min_runtime, request.runtime);
  }
  if (header.opset > request.opset) {
    return fail_at_most(Status::Opset, "opset", header.opset, request.opset);
  }
  if (header.audit_verdict < request.require_audit) {
    return fail_at_least(Status::Audit, "audit_verdict",
                         static_cast<uint64_t>(header.audit_verdict),
                         static_cast<uint64_t>(request.require_audit));
  }
  if (Error error = check_memory(header, request.limits)) return error;
  if (header.cost_units > request.limits.cost_units) {
    return fail_at_most(Status::Deadline, "cost_units", header.cost_units,
                        request.limits.cost_units);
  }
  return check_base(header, request);
}

}  // namespace plasma::packet
