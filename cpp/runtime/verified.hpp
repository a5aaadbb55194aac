// SPDX-License-Identifier: Apache-2.0
// verified.hpp -- between a packet and the machine: which
// bytes are which section, and do the certificates hold.
#pragma once

#include <memory>

#include "packet/trust.hpp"
#include "plasma_edge/runtime.hpp"
#include "vm/program.hpp"

namespace plasma::runtime {

// A root is verified by its own keys.
Error make_trust(const Trust& trust, packet::TrustStore& store) noexcept;

// What a device with these options asks of a packet of this kind.
packet::Request request_of(packet::Kind kind, const LoadOptions& options);

// Steps 1 to 8 of FORMAT.md, section 7, and the channel of the options.
Error verify(Bytes file, const packet::TrustStore& trust, const LoadOptions& options,
             packet::Request request, std::unique_ptr<packet::VerifiedPacket>& verified) noexcept;

// Steps 9 and 10. The program's image points into `verified`.
Error validate_base(const packet::VerifiedPacket& verified, vm::Program& program) noexcept;
Error validate_adapter(const vm::Program& base, const packet::VerifiedPacket& verified,
                       vm::AdapterProgram& adapter) noexcept;

PacketInfo info_of(const packet::VerifiedPacket& verified);
RootInfo info_of(const packet::TrustStore& root);
// `state` points into `floors`.
void read_device(const DeviceState& device, std::vector<packet::Floor>& floors,
                 packet::Device& state);
void describe_io(const vm::Program& program, std::vector<IoInfo>& inputs,
                 std::vector<IoInfo>& outputs);

}  // namespace plasma::runtime
