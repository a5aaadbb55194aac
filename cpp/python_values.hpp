// SPDX-License-Identifier: Apache-2.0
// python_values.hpp -- between Python objects and the records of the core. What does not convert is
// raised as UsageError or its kin.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "plasma_edge/runtime.hpp"
#include "policy_type.hpp"
#include "vm/program.hpp"

namespace plasma::python {

// A packet argument: a buffer, or the path of a file
// that is read once. `label` leads error messages.
struct Source {
  std::vector<uint8_t> bytes;
  std::string label;
};
Source read_source(const pybind11::object& packet, uint64_t cap);

PublicKeyBytes read_key(const std::string& raw);
Trust read_trust(const pybind11::object& trust);
std::optional<DeviceState> read_device(const pybind11::object& device);

// `kernels_name` holds what options.kernels points to.
LoadOptions read_options(const pybind11::object& channel, double deadline_us,
                         const pybind11::object& require_audit, const pybind11::object& kernels,
                         bool lock_memory, const pybind11::object& max_memory_bytes,
                         const pybind11::object& max_cost_units, std::string& kernels_name);

template <size_t N>
pybind11::bytes bytes_of(const std::array<uint8_t, N>& array) {
  return pybind11::bytes(reinterpret_cast<const char*>(array.data()), array.size());
}

// {"kernels", "samples", "rates"}: what plasma_edge._board keeps of them, it gives back for a
// Board.
pybind11::dict to_python(const char* kernels, const Board& board,
                         const std::vector<CostSample>& samples);
Board read_board(const pybind11::dict& rates);

pybind11::object to_python(const PacketInfo& info);
pybind11::object to_python(const RootInfo& info);
pybind11::tuple to_python(std::span<const IoInfo> ports);
pybind11::object to_python(const Stats& stats);
pybind11::tuple to_python(const std::vector<AdapterInfo>& adapters);
pybind11::tuple to_python(const std::vector<OpTime>& times);
pybind11::dict to_python(const vm::Certificate& certificate);

}  // namespace plasma::python
