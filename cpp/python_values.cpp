// SPDX-License-Identifier: Apache-2.0
// python_values.cpp -- arguments of Python calls as the core takes them, and records as Python
// shows them (plasma_edge._types).
#include "python_values.hpp"

#include <pybind11/stl.h>

#include <cstdlib>

namespace py = pybind11;

namespace plasma::python {
namespace {

constexpr double kMaxDeadlineUs = 1e12;  // eleven days

py::object record(const char* name, const py::dict& fields) {
  return py::module_::import("plasma_edge._types").attr(name)(**fields);
}

constexpr const char* kWorkNames[kWorkClasses] = {"linear_i8", "linear_f32", "conv2d", "pool",
                                                  "other"};

// This board's, where it was calibrated; that takes reading a file, so only when there is a
// deadline.
std::optional<Board> find_board(const char* kernels) {
  const py::object rates = py::module_::import("plasma_edge._board").attr("rates")(kernels);
  if (rates.is_none()) return std::nullopt;
  return read_board(rates);
}

Audit read_audit(const py::object& require_audit) {
  if (require_audit.is_none()) return Audit::None;
  const py::object level =
      py::module_::import("plasma_edge._trust").attr("audit_level")(require_audit);
  return static_cast<Audit>(level.cast<uint32_t>());
}

}  // namespace

Source read_source(const py::object& packet, uint64_t cap) {
  if (PyObject_CheckBuffer(packet.ptr()) != 0) {
    const auto copy = py::reinterpret_steal<py::object>(PyBytes_FromObject(packet.ptr()));
    if (!copy) throw py::error_already_set();
    const auto bytes = copy.cast<std::string>();
    return {std::vector<uint8_t>(bytes.begin(), bytes.end()), {}};
  }
  const py::module_ os = py::module_::import("os");
  const auto path = os.attr("fsencode")(packet).cast<std::string>();
  // A name of bytes that are no text opens all the same, and stands in messages written out.
  const py::object text = os.attr("fsdecode")(packet).attr("encode")("utf-8", "backslashreplace");
  const auto name = text.cast<std::string>();
  if (path.find('\0') != std::string::npos) raise(fail(Status::Argument, "path"), "holds a zero");
  std::vector<uint8_t> bytes;
  if (Error error = read_packet_file(path.c_str(), cap, bytes)) raise(error, name);
  return {std::move(bytes), name};
}

PublicKeyBytes read_key(const std::string& raw) {
  PublicKeyBytes key;
  if (raw.size() != key.size())
    raise(fail_equal(Status::KeyInvalid, "key bytes", raw.size(), key.size()));
  std::copy(raw.begin(), raw.end(), key.begin());
  return key;
}

Trust read_trust(const py::object& trust) {
  const py::object store =
      py::module_::import("plasma_edge._trust").attr("TrustStore").attr("of")(trust);
  Trust result;
  if (!store.attr("root").is_none()) {
    const auto root = store.attr("root").cast<std::string>();
    result.root.assign(root.begin(), root.end());
    return result;
  }
  result.threshold = store.attr("threshold").cast<uint32_t>();
  for (const py::handle key : store.attr("keys")) {
    result.keys.push_back(read_key(key.attr("raw").cast<std::string>()));
  }
  return result;
}

std::optional<DeviceState> read_device(const py::object& device) {
  if (device.is_none()) return std::nullopt;
  DeviceState state;
  if (!device.attr("now").is_none()) state.now = device.attr("now").cast<uint64_t>();
  state.time_floor = device.attr("time_floor").cast<uint64_t>();
  state.strict_clock = device.attr("strict_clock").cast<bool>();
  for (const py::handle row : device.attr("floors")) {
    Floor& floor = state.floors.emplace_back();
    const auto channel = row.attr("channel_id").cast<std::string>();
    std::copy_n(channel.begin(), floor.channel_id.size(), floor.channel_id.begin());
    floor.kind = row.attr("kind").cast<std::string>() == "base" ? 1 : 2;
    floor.sequence = row.attr("sequence").cast<uint64_t>();
    floor.rollback_index = row.attr("rollback_index").cast<uint32_t>();
    floor.root_version = row.attr("root_version").cast<uint32_t>();
    floor.content_digest = read_key(row.attr("content_digest").cast<std::string>());
  }
  return state;
}

LoadOptions read_options(const py::object& channel, double deadline_us,
                         const py::object& require_audit, const py::object& kernels,
                         bool lock_memory, const py::object& max_memory_bytes,
                         const py::object& max_cost_units, std::string& kernels_name) {
  LoadOptions options;
  if (!channel.is_none()) options.channel = channel.cast<std::string>();
  if (!(deadline_us >= 0 && deadline_us <= kMaxDeadlineUs))
    raise(fail(Status::Argument, "deadline_us"), "must be 0 (none) or some microseconds");
  options.deadline_ns = static_cast<uint64_t>(deadline_us * 1e3);
  options.require_audit = read_audit(require_audit);
  if (!kernels.is_none()) {
    kernels_name = kernels.cast<std::string>();
  } else if (const char* forced = std::getenv("PLASMA_KERNELS")) {
    kernels_name = forced;
  }
  options.kernels = kernels_name.empty() ? nullptr : kernels_name.c_str();
  if (options.deadline_ns > 0)
    options.board = find_board(options.kernels ? options.kernels : kernel_tables().back());
  options.lock_memory = lock_memory;
  if (!max_memory_bytes.is_none()) options.max_memory_bytes = max_memory_bytes.cast<uint64_t>();
  if (!max_cost_units.is_none()) options.max_cost_units = max_cost_units.cast<uint64_t>();
  return options;
}

py::dict to_python(const char* kernels, const Board& board,
                   const std::vector<CostSample>& samples) {
  using namespace py::literals;
  py::dict rates("us_per_step"_a = board.us_per_step);
  for (size_t i = 0; i < kWorkClasses; ++i)
    rates[kWorkNames[i]] = py::make_tuple(board.rates[i].us_per_op, board.rates[i].us_per_unit);
  py::list rows;
  for (const CostSample& sample : samples) {
    rows.append(py::dict("op"_a = sample.op,
                         "class"_a = kWorkNames[static_cast<size_t>(sample.work)],
                         "cost_units"_a = sample.cost_units, "us"_a = sample.us));
  }
  return py::dict("kernels"_a = kernels, "rates"_a = rates, "samples"_a = rows);
}

Board read_board(const py::dict& rates) {
  Board board;
  try {
    board.us_per_step = rates["us_per_step"].cast<double>();
    for (size_t i = 0; i < kWorkClasses; ++i) {
      const auto pair = rates[kWorkNames[i]].cast<std::pair<double, double>>();
      board.rates[i] = {pair.first, pair.second};
    }
  } catch (const std::exception& error) {
    raise(fail(Status::Argument, "calibration"), error.what());
  }
  return board;
}

py::object to_python(const PacketInfo& info) {
  const py::object kinds = py::module_::import("plasma_edge._types").attr("KINDS");
  const py::object levels = py::module_::import("plasma_edge._trust").attr("AUDIT_LEVELS");
  py::list signers;
  for (const auto& signer : info.signers) signers.append(bytes_of(signer));
  using namespace py::literals;
  return record("PacketInfo",
                py::dict("kind"_a = kinds[py::int_(info.kind)],
                         "content_digest"_a = bytes_of(info.content_digest),
                         "base_digest"_a = bytes_of(info.base_digest),
                         "audit"_a = levels[py::int_(static_cast<uint32_t>(info.audit))],
                         "channel_id"_a = bytes_of(info.channel_id), "sequence"_a = info.sequence,
                         "rollback_index"_a = info.rollback_index, "not_before"_a = info.not_before,
                         "not_after"_a = info.not_after, "arena_bytes"_a = info.arena_bytes,
                         "state_bytes"_a = info.state_bytes, "const_bytes"_a = info.const_bytes,
                         "macs"_a = info.macs, "cost_units"_a = info.cost_units,
                         "max_adapters"_a = info.max_adapters, "file_bytes"_a = info.file_bytes,
                         "signers"_a = py::tuple(signers)));
}

py::object to_python(const RootInfo& info) {
  using namespace py::literals;
  py::list keys, channels, revoked;
  for (const RootKey& key : info.keys) {
    py::list roles;
    if (key.signs_bases) roles.append("base");
    if (key.signs_adapters) roles.append("adapter");
    if (key.signs_roots) roles.append("root");
    keys.append(record("RootKey", py::dict("name"_a = key.name, "raw"_a = bytes_of(key.key),
                                           "roles"_a = py::tuple(roles))));
  }
  for (const RootChannel& channel : info.channels) {
    channels.append(
        record("RootChannel",
               py::dict("name"_a = channel.name, "keys"_a = py::tuple(py::cast(channel.keys)),
                        "sequence_floor"_a = channel.sequence_floor,
                        "rollback_floor"_a = channel.rollback_floor, "reset"_a = channel.reset)));
  }
  for (const DigestBytes& digest : info.revoked) revoked.append(bytes_of(digest));
  return record("RootInfo", py::dict("version"_a = info.version, "issued_at"_a = info.issued_at,
                                     "expires"_a = info.expires,
                                     "content_digest"_a = bytes_of(info.content_digest),
                                     "thresholds"_a = py::dict("base"_a = info.base_threshold,
                                                               "adapter"_a = info.adapter_threshold,
                                                               "root"_a = info.root_threshold),
                                     "keys"_a = py::tuple(keys), "channels"_a = py::tuple(channels),
                                     "revoked"_a = py::tuple(revoked)));
}

py::tuple to_python(std::span<const IoInfo> ports) {
  py::list list;
  for (const IoInfo& port : ports) {
    using namespace py::literals;
    list.append(
        record("IoInfo", py::dict("name"_a = port.name, "unit"_a = port.unit,
                                  "dtype"_a = port.type == ElementType::F32 ? "float32" : "int32",
                                  "shape"_a = py::tuple(py::cast(port.shape)), "low"_a = port.low,
                                  "high"_a = port.high, "is_actuator"_a = port.is_actuator)));
  }
  return py::tuple(list);
}

py::object to_python(const Stats& stats) {
  using namespace py::literals;
  return record("Stats", py::dict("steps"_a = stats.steps, "faults"_a = stats.faults,
                                  "deadline_misses"_a = stats.deadline_misses,
                                  "p50_us"_a = stats.p50_us, "p99_us"_a = stats.p99_us,
                                  "p999_us"_a = stats.p999_us, "max_us"_a = stats.max_us));
}

py::tuple to_python(const std::vector<AdapterInfo>& adapters) {
  py::list list;
  for (const AdapterInfo& adapter : adapters) {
    using namespace py::literals;
    list.append(
        record("AdapterInfo", py::dict("name"_a = adapter.name, "gain"_a = adapter.gain,
                                       "content_digest"_a = bytes_of(adapter.content_digest))));
  }
  return py::tuple(list);
}

py::tuple to_python(const std::vector<OpTime>& times) {
  py::list list;
  for (const OpTime& time : times) {
    using namespace py::literals;
    list.append(record(
        "OpTime", py::dict("op"_a = time.op, "cost_units"_a = time.cost_units, "us"_a = time.us)));
  }
  return py::tuple(list);
}

py::dict to_python(const vm::Certificate& certificate) {
  using namespace py::literals;
  return py::dict("arena_bytes"_a = certificate.arena_bytes,
                  "state_bytes"_a = certificate.state_bytes,
                  "const_bytes"_a = certificate.const_bytes, "macs"_a = certificate.macs,
                  "cost_units"_a = certificate.cost_units);
}

}  // namespace plasma::python
