// SPDX-License-Identifier: Apache-2.0
// bindings.cpp -- the one door between Python and the
// core: converts arguments, results and errors. No logic.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <optional>

#include "packet/trust.hpp"
#include "plasma_edge/runtime.hpp"
#include "policy_type.hpp"
#include "python_batch.hpp"
#include "python_values.hpp"
#include "vm/program.hpp"

namespace py = pybind11;

namespace plasma::python {
namespace {

const char* class_of(Family family) {
  switch (family) {
    case Family::Signature: return "SignatureError";
    case Family::Packet: return "PacketError";
    case Family::Program: return "ProgramError";
    case Family::Policy: return "PolicyRefusal";
    case Family::Usage: return "UsageError";
    case Family::None: break;
  }
  return "PlasmaError";
}

Bytes view_of(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// The call may take long, or wait for one that does; the control thread must not wait with it.
template <typename Call>
auto without_gil(Call call) {
  const py::gil_scoped_release released;
  return call();
}

py::object load(const py::object& type, const py::object& packet, const py::object& trust,
                const py::object& channel, double deadline_us, const py::object& require_audit,
                const py::object& kernels, bool lock_memory, const py::object& max_memory_bytes,
                const py::object& max_cost_units, uint64_t seed) {
  std::string kernels_name;
  LoadOptions options = read_options(channel, deadline_us, require_audit, kernels, lock_memory,
                                     max_memory_bytes, max_cost_units, kernels_name);
  options.seed = seed;
  const Trust store = read_trust(trust);
  const Source source = read_source(packet, options.max_file_bytes);
  std::unique_ptr<Policy> policy;
  const Error error =
      without_gil([&] { return Policy::load(source.bytes, store, options, policy); });
  if (error) raise(error, error.status == Status::KernelTable ? kernels_name : source.label);
  return wrap_policy(type, std::move(policy));
}

void attach(const py::object& self, const py::object& packet, const py::object& name, float gain) {
  Policy& policy = policy_of(self);
  const Source source = read_source(packet, LoadOptions{}.max_file_bytes);
  const std::string label = name.is_none() ? source.label : name.cast<std::string>();
  const Error error = without_gil([&] { return policy.attach(source.bytes, label, gain); });
  if (error) raise(error, source.label.empty() ? label : source.label);
}

void detach(const py::object& self, const std::string& name) {
  Policy& policy = policy_of(self);
  if (Error error = without_gil([&] { return policy.detach(name); })) raise(error, name);
}

void reset(const py::object& self, std::optional<uint64_t> seed) {
  if (!policy_of(self).reset(seed)) raise(fail(Status::Busy, "reset"));
}

py::object verify(const py::object& packet, const py::object& trust, const py::object& base,
                  const py::object& channel, const py::object& require_audit,
                  const py::object& device) {
  std::string kernels_name;
  const LoadOptions options = read_options(channel, 0, require_audit, py::none(), false, py::none(),
                                           py::none(), kernels_name);
  const Trust store = read_trust(trust);
  const Source source = read_source(packet, options.max_file_bytes);
  const std::optional<DeviceState> state = read_device(device);
  PacketInfo info;
  Error error = without_gil(
      [&] { return verify_packet(source.bytes, store, options, state ? &*state : nullptr, info); });
  if (error) raise(error, source.label);
  if (base.is_none()) return to_python(info);

  const Source base_source = read_source(base, options.max_file_bytes);
  std::unique_ptr<Policy> policy;
  error = without_gil([&] { return Policy::load(base_source.bytes, store, options, policy); });
  if (error) raise(error, base_source.label);
  error = without_gil([&] { return policy->attach(source.bytes, "verify", 1.0f); });
  if (error) raise(error, source.label);
  return to_python(info);
}

py::object verify_root(const py::object& root, const py::object& previous) {
  constexpr uint64_t kCap = packet::kMaxRootFileBytes;
  const Source source = read_source(root, kCap);
  const Source before = previous.is_none() ? Source{} : read_source(previous, kCap);
  RootInfo info;
  if (Error error = plasma::verify_root(source.bytes, before.bytes, info))
    raise(error, source.label);
  return to_python(info);
}

// (name, 32 bytes) of every key of a root: all that loading needs to know in Python.
py::list root_keys(const std::string& root) {
  RootInfo info;
  const std::vector<uint8_t> bytes(root.begin(), root.end());
  if (Error error = plasma::verify_root(bytes, {}, info)) raise(error);
  py::list keys;
  for (const RootKey& key : info.keys) keys.append(py::make_tuple(key.name, bytes_of(key.key)));
  return keys;
}

using Sections = std::map<uint32_t, std::string>;

Bytes section(const Sections& sections, packet::Section type) {
  const auto found = sections.find(static_cast<uint32_t>(type));
  return found == sections.end() ? Bytes{} : view_of(found->second);
}

vm::Program validated(const Sections& sections) {
  using packet::Section;
  const vm::Image image{.prog = section(sections, Section::Prog),
                        .tens = section(sections, Section::Tens),
                        .const_i8 = section(sections, Section::ConstI8),
                        .const_f16 = section(sections, Section::ConstF16),
                        .const_f32 = section(sections, Section::ConstF32),
                        .const_i32 = section(sections, Section::ConstI32),
                        .io = section(sections, Section::Io),
                        .slots = section(sections, Section::Slots),
                        .safe = section(sections, Section::Safe)};
  vm::Program program;
  if (Error error = vm::validate(image, program)) raise(error);
  return program;
}

py::dict certify(const Sections& sections) { return to_python(validated(sections).certificate); }

py::dict certify_adapter(const Sections& base_sections, const Sections& adapter_sections) {
  const vm::Program base = validated(base_sections);
  const vm::AdapterImage image{.patches = section(adapter_sections, packet::Section::Lora),
                               .constants = section(adapter_sections, packet::Section::LoraConst)};
  vm::AdapterProgram adapter;
  if (Error error = vm::validate_adapter(base, image, adapter)) raise(error);
  return to_python(adapter.certificate);
}

void check_public_key(const std::string& raw) {
  packet::TrustStore store;
  if (Error error = store.add(read_key(raw))) raise(error);
}

py::bytes signer_id(const std::string& raw) {
  return bytes_of(packet::signer_id_of(read_key(raw)));
}

py::dict measure_board(const py::object& kernels) {
  const std::string name = kernels.is_none() ? kernel_tables().back() : kernels.cast<std::string>();
  Board board;
  std::vector<CostSample> samples;
  if (Error error =
          without_gil([&] { return plasma::measure_board(name.c_str(), board, samples); })) {
    raise(error, name);
  }
  return to_python(name.c_str(), board, samples);
}

py::list opcodes() {
  py::list rows;
  for (const vm::OpcodeRow& row : vm::opcode_rows()) {
    using namespace py::literals;
    rows.append(py::dict("code"_a = static_cast<uint16_t>(row.opcode), "name"_a = row.name,
                         "mnemonic"_a = row.mnemonic, "required"_a = row.required,
                         "optional"_a = row.optional, "immediates"_a = row.immediates,
                         "cost"_a = row.cost, "in_place"_a = row.in_place));
  }
  return rows;
}

py::list statuses() {
  constexpr struct {
    int number;
    const char *name, *code, *family, *text;
  } kRows[] = {
#define PLASMA_STATUS(number, name, text, family, sentence) \
  {number, #name, text, #family, sentence},
#include "plasma_edge/status.def"
#undef PLASMA_STATUS
  };
  py::list rows;
  for (const auto& row : kRows) {
    using namespace py::literals;
    rows.append(py::dict("number"_a = row.number, "name"_a = row.name, "code"_a = row.code,
                         "family"_a = row.family, "text"_a = row.text));
  }
  return rows;
}

// Adds a method or property to the Policy type.
template <typename Function, typename... Extra>
void add_method(py::object& type, const char* name, Function function, const Extra&... extra) {
  type.attr(name) = py::cpp_function(function, py::name(name), py::is_method(type), extra...);
}

template <typename Function>
void add_property(py::object& type, const char* name, Function function, const char* doc) {
  const py::object property = py::module_::import("builtins").attr("property");
  type.attr(name) =
      property(py::cpp_function(function, py::is_method(type)), py::none(), py::none(), doc);
}

void add_policy(py::module_& module) {
  using namespace py::literals;
  py::object type = make_policy_type();
  const py::object static_method = py::module_::import("builtins").attr("staticmethod");
  type.attr("load") = static_method(py::cpp_function(
      [type](const py::object& packet, const py::object& trust, const py::object& channel,
             double deadline_us, const py::object& require_audit, const py::object& kernels,
             bool lock_memory, const py::object& max_memory_bytes, const py::object& max_cost_units,
             uint64_t seed) {
        return load(type, packet, trust, channel, deadline_us, require_audit, kernels, lock_memory,
                    max_memory_bytes, max_cost_units, seed);
      },
      py::name("load"), "packet"_a, py::kw_only(), "trust"_a, "channel"_a = py::none(),
      "deadline_us"_a = 0.0, "require_audit"_a = py::none(), "kernels"_a = py::none(),
      "lock_memory"_a = false, "max_memory_bytes"_a = py::none(), "max_cost_units"_a = py::none(),
      "seed"_a = 0,
      "Verifies, decompresses, validates and self-tests a base packet, given as a path or as "
      "bytes.\n\n"
      "trust: whom to believe, see TrustStore.of. channel: refuse packets for another one. "
      "deadline_us: longer steps\n"
      "are counted in stats; on a board that `plasma-edge calibrate` measured, packets that may "
      "take longer are refused. require_audit: 'unverified' or 'verified', for the base and every "
      "adapter. kernels: a name\n"
      "from kernel_tables(); default the PLASMA_KERNELS environment variable, else the fastest. "
      "lock_memory: keep what\n"
      "a step reads and writes in RAM; it is touched at load in any case. max_memory_bytes, "
      "max_cost_units: refuse packets that\nneed more. seed: of the random numbers "
      "that a policy draws, if it does.\n\n"
      "Raises SignatureError, PacketError, ProgramError, PolicyRefusal or UsageError; see their "
      "`.code`."));
  add_method(
      type, "attach", attach, "packet"_a, py::kw_only(), "name"_a = py::none(), "gain"_a = 1.0f,
      "Verifies, validates and self-tests an adapter of this base; it is on from the next step.\n\n"
      "packet: path or bytes. name: how to address it later, default the path. gain: 0 to 1.");
  add_method(type, "detach", detach, "name"_a,
             "Takes an adapter out; it is off from the next step.");
  add_method(type, "reset", reset, "seed"_a = py::none(),
             "Zeroes recurrent state and forgets the previous action: start of an episode.\n\n"
             "Random numbers begin again: those of `seed`, or the same as before without one.");
  add_method(
      type, "step_batch", step_batch, "obs"_a, py::kw_only(), "starts"_a = py::none(),
      "One tick of many robots, each with a state of its own: for simulation and evaluation.\n\n"
      "obs: [rows, ...], or a dict of such. starts: bool [rows], which rows begin an episode now; "
      "default none. States\n"
      "stay from call to call; another number of rows begins them all anew. Row r draws from "
      "seed + r. Gives actions [rows, "
      "...], or [rows] for an\n"
      "index, with the bits of single steps. Not counted in stats; a row with a non-finite "
      "observation gets the safe action.\n"
      "Raises UsageError when shapes differ from the packet's.");
  add_method(type, "profile", profile, "obs"_a,
             "Where the time of a step goes: an OpTime for every instruction of the base.\n\n"
             "obs: [rows, ...], or a dict of such; every row is evaluated once, on memory of its "
             "own, with the adapters that\n"
             "are on. A look at the clock between two instructions costs some 10 ns, so the sum is "
             "more than a step takes.");
  add_property(
      type, "stats", [](const py::object& self) { return to_python(policy_of(self).stats()); },
      "Stats: steps, faults, deadline misses, p50/p99/p99.9/max in microseconds.");
  add_property(
      type, "bound_us",
      [](const py::object& self) {
        const Policy& policy = policy_of(self);
        return without_gil([&] { return policy.bound_us(); });
      },
      "How long a step may take with all that is attached, by this board's calibration; None where "
      "there is none or no\ndeadline was given. It holds while nothing interrupts the step.");
  add_property(
      type, "info", [](const py::object& self) { return to_python(policy_of(self).info()); },
      "PacketInfo of the base packet.");
  add_property(
      type, "adapters",
      [](const py::object& self) {
        const Policy& policy = policy_of(self);
        return to_python(without_gil([&] { return policy.adapters(); }));
      },
      "Resident adapters, in the order in which they are added up.");
  add_property(
      type, "inputs", [](const py::object& self) { return to_python(policy_of(self).inputs()); },
      "IoInfo of every input, in order.");
  add_property(
      type, "outputs", [](const py::object& self) { return to_python(policy_of(self).outputs()); },
      "IoInfo of every output, in order.");
  add_property(
      type, "kernels", [](const py::object& self) { return policy_of(self).kernels(); },
      "Name of the kernel table in use.");
  module.attr("Policy") = type;
}

}  // namespace

void raise(const Error& error, const std::string& context) {
  char text[256];
  format_error(error, text, sizeof text);
  std::string message = text;
  if (!context.empty()) message += " [" + context + "]";
  const py::object type =
      py::module_::import("plasma_edge._errors").attr(class_of(status_family(error.status)));
  const py::object exception = type(message);
  exception.attr("code") = status_code(error.status);
  PyErr_SetObject(type.ptr(), exception.ptr());
  throw py::error_already_set();
}

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  using namespace py::literals;
  module.doc() = "The C++ core of plasma_edge. Use plasma_edge; this module is private.";
  add_policy(module);
  module.def("verify", verify, "packet"_a, py::kw_only(), "trust"_a, "base"_a = py::none(),
             "channel"_a = py::none(), "require_audit"_a = py::none(), "device"_a = py::none(),
             "Verifies a packet without running it, and returns its PacketInfo.\n\n"
             "A base is verified, validated and self-tested. An adapter's signature and content "
             "are verified; its program\n"
             "too when `base` is given. Raises what Policy.load raises. With a `device` the "
             "question is whether it may\n"
             "install the packet: dates, release number and rollback index count as well.");
  module.def("verify_root", verify_root, "root"_a, "previous"_a = py::none(),
             "Verifies a trust root, by its own keys or as the successor of `previous`, and "
             "returns its RootInfo.");
  module.def("root_keys", root_keys, "root"_a);
  module.def("certify", certify, "sections"_a,
             "Validates the sections of a base (type -> bytes) and returns its certificate.");
  module.def(
      "certify_adapter", certify_adapter, "base_sections"_a, "adapter_sections"_a,
      "Validates the sections of an adapter against its base's and returns its certificate.");
  module.def("check_public_key", check_public_key, "raw"_a);
  module.def("signer_id", signer_id, "raw"_a);
  module.def(
      "kernel_tables", [] { return py::tuple(py::cast(kernel_tables())); },
      "Names of the kernel tables this CPU can run, slowest first.");
  module.def("measure_board", measure_board, "kernels"_a,
             "Times single instructions with cold caches: {kernels, rates, samples}.");
  module.def("opcodes", opcodes, "The rows of opcodes.def.");
  module.def("statuses", statuses, "The rows of status.def.");
  module.attr("VERSION") = py::make_tuple(runtime_version() >> 20, runtime_version() >> 10 & 1023,
                                          runtime_version() & 1023);
}

}  // namespace plasma::python
