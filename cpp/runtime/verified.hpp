// SPDX-License-Identifier: Apache-2.0
// verified.hpp -- between a packet and the machine: which
// bytes are which section, and do the certificates hold.
#pragma once

#include <memory>

#include "packet/packet.hpp"
#include "plasma_edge/runtime.hpp"
#include "vm/program.hpp"

namespace plasma::runtime {

// Steps 1 to 8 of FORMAT.md, section 7. `base` is the digest an adapter must name; null: any.
Error verify(Bytes file, const Trust& trust, const LoadOptions& options, packet::Kind kind,
             const DigestBytes* base, std::unique_ptr<packet::VerifiedPacket>& verified) noexcept;

// Steps 9 and 10. The program's image points into `verified`.
Error validate_base(const packet::VerifiedPacket& verified, vm::Program& program) noexcept;
Error validate_adapter(const vm::Program& base, const packet::VerifiedPacket& verified,
                       vm::AdapterProgram& adapter) noexcept;

PacketInfo info_of(const packet::VerifiedPacket& verified);
void describe_io(const vm::Program& program, std::vector<IoInfo>& inputs,
                 std::vector<IoInfo>& outputs);

}  // namespace plasma::runtime
