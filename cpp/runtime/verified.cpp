// SPDX-License-Identifier: Apache-2.0
// verified.cpp -- turns a VerifiedPacket into a Program whose certificate is the signed one.
#include "runtime/verified.hpp"

#include "kernels/kernels.hpp"

namespace plasma {
namespace runtime {
namespace {

using packet::Section;

Error compare(const vm::Certificate& found, const packet::Header& header) noexcept {
  const struct {
    const char* name;
    uint64_t needed, declared;
  } fields[] = {
      {"arena_bytes", found.arena_bytes, header.arena_bytes},
      {"state_bytes", found.state_bytes, header.state_bytes},
      {"const_bytes", found.const_bytes, header.const_bytes},
      {"macs", found.macs, header.macs},
      {"cost_units", found.cost_units, header.cost_units},
  };
  for (const auto& field : fields) {
    if (field.needed != field.declared) {
      return fail_equal(Status::CertMismatch, field.name, field.declared, field.needed);
    }
  }
  return {};
}

}  // namespace

packet::Request request_of(packet::Kind kind, const LoadOptions& options) {
  packet::Request request;
  request.kind = kind;
  request.require_audit = static_cast<packet::Verdict>(options.require_audit);
  request.runtime = runtime_version();
  request.opset = vm::kOpset;
  request.limits = {.file_bytes = options.max_file_bytes,
                    .const_bytes = options.max_memory_bytes,
                    .arena_bytes = options.max_memory_bytes,
                    .state_bytes = options.max_memory_bytes,
                    .cost_units = options.max_cost_units};
  return request;
}

Error verify(Bytes file, const packet::TrustStore& trust, const LoadOptions& options,
             packet::Request request, std::unique_ptr<packet::VerifiedPacket>& verified) noexcept {
  const std::string& name = options.channel;
  const packet::ChannelId channel =
      packet::channel_id_of({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
  if (!name.empty()) request.channel = &channel;
  return packet::Verifier::verify(file, trust, request, verified);
}

Error validate_base(const packet::VerifiedPacket& verified, vm::Program& program) noexcept {
  const vm::Image image{.prog = verified.section(Section::Prog),
                        .tens = verified.section(Section::Tens),
                        .const_i8 = verified.section(Section::ConstI8),
                        .const_f16 = verified.section(Section::ConstF16),
                        .const_f32 = verified.section(Section::ConstF32),
                        .const_i32 = verified.section(Section::ConstI32),
                        .io = verified.section(Section::Io),
                        .slots = verified.section(Section::Slots),
                        .safe = verified.section(Section::Safe)};
  if (Error error = vm::validate(image, program)) return error;
  return compare(program.certificate, verified.header());
}

Error validate_adapter(const vm::Program& base, const packet::VerifiedPacket& verified,
                       vm::AdapterProgram& adapter) noexcept {
  const vm::AdapterImage image{.patches = verified.section(Section::Lora),
                               .constants = verified.section(Section::LoraConst)};
  if (Error error = vm::validate_adapter(base, image, adapter)) return error;
  return compare(adapter.certificate, verified.header());
}

PacketInfo info_of(const packet::VerifiedPacket& verified) {
  const packet::Header& header = verified.header();
  PacketInfo info;
  info.kind = static_cast<uint16_t>(header.kind);
  info.content_digest = header.content_digest;
  info.base_digest = header.base_digest;
  info.audit = static_cast<Audit>(header.audit_verdict);
  info.channel_id = header.channel_id;
  info.sequence = header.sequence;
  info.rollback_index = header.rollback_index;
  info.not_before = header.not_before;
  info.not_after = header.not_after;
  info.arena_bytes = header.arena_bytes;
  info.state_bytes = header.state_bytes;
  info.const_bytes = header.const_bytes;
  info.macs = header.macs;
  info.cost_units = header.cost_units;
  info.max_adapters = header.max_adapters;
  info.file_bytes = header.file_len;
  info.signers.assign(verified.signers().begin(), verified.signers().end());
  return info;
}

void describe_io(const vm::Program& program, std::vector<IoInfo>& inputs,
                 std::vector<IoInfo>& outputs) {
  for (const vm::Io& io : program.io) {
    IoInfo info;
    info.name = io.name.data();
    info.unit = io.unit.data();
    info.type = static_cast<ElementType>(io.dtype);
    info.shape.assign(io.dims.begin(), io.dims.begin() + io.rank);
    info.low = io.low;
    info.high = io.high;
    info.is_actuator = io.is_actuator;
    info.elements = program.tensors[io.tensor].elements();
    (io.is_output ? outputs : inputs).push_back(std::move(info));
  }
}

}  // namespace runtime

Error verify_packet(std::span<const uint8_t> file, const Trust& trust, const LoadOptions& options,
                    const DeviceState* device, PacketInfo& info) noexcept {
  packet::TrustStore store;
  if (Error error = runtime::make_trust(trust, store)) return error;
  packet::Header header;
  if (Error error = packet::read_header(file, header)) return error;
  const bool is_base = header.kind == packet::Kind::Base;
  packet::Request request =
      runtime::request_of(is_base ? packet::Kind::Base : packet::Kind::Adapter, options);
  std::vector<packet::Floor> floors;
  packet::Device state;
  if (device != nullptr) {
    runtime::read_device(*device, floors, state);
    request.device = &state;
  }
  std::unique_ptr<packet::VerifiedPacket> verified;
  if (Error error = runtime::verify(file, store, options, request, verified)) return error;
  if (is_base) {
    std::unique_ptr<Policy> policy;
    if (Error error = Policy::load(file, trust, options, policy)) return error;
  }
  info = runtime::info_of(*verified);
  return {};
}

Error read_packet_file(const char* path, uint64_t cap, std::vector<uint8_t>& bytes) noexcept {
  AlignedBuffer buffer;
  if (Error error = packet::read_file(path, cap, buffer)) return error;
  bytes.assign(buffer.bytes().begin(), buffer.bytes().end());
  return {};
}

std::vector<const char*> kernel_tables() {
  const kernels::KernelTable* tables[16];
  std::vector<const char*> names;
  for (size_t i = 0, count = kernels::available(tables, 16); i < count; ++i)
    names.push_back(tables[i]->name);
  return names;
}

uint32_t runtime_version() noexcept {
  return uint32_t{PLASMA_VERSION_MAJOR} << 20 | uint32_t{PLASMA_VERSION_MINOR} << 10 |
         uint32_t{PLASMA_VERSION_PATCH};
}

}  // namespace plasma
