// SPDX-License-Identifier: Apache-2.0
// policy_type.cpp -- policy(obs): numpy in, numpy out, through a plain vectorcall type.
//
// The call is written against CPython and numpy's C interface because it is
// the hot path: argument conversion through generated wrappers costs more than
// a small network. Everything that is not a step goes through bindings.cpp.
#include "policy_type.hpp"

#include <pybind11/numpy.h>
#include <structmember.h>

#include <array>
#include <vector>

#include "python_gains.hpp"

namespace py = pybind11;

namespace plasma::python {
namespace {

using NumpyApi = py::detail::npy_api;

constexpr int kReadable = NumpyApi::NPY_ARRAY_C_CONTIGUOUS_ | NumpyApi::NPY_ARRAY_ALIGNED_;
constexpr int kWritable = kReadable | NumpyApi::NPY_ARRAY_WRITEABLE_;

// One input or output as numpy sees it.
struct Port {
  py::object name;
  py::object dtype;
  std::vector<Py_intptr_t> shape;
  bool is_int = false;  // a single i32: leaves as a Python int
  // The last two arrays handed out: in a control loop, that of two steps ago is free again.
  std::array<py::object, 2> lent;
  size_t oldest = 0;
};

struct State {
  std::unique_ptr<Policy> policy;
  std::vector<Port> inputs, outputs;
  const NumpyApi* numpy = nullptr;
};

struct PolicyObject {
  PyObject ob_base;
  vectorcallfunc call;
  State* state;
};

State& state_of(PyObject* self) { return *reinterpret_cast<PolicyObject*>(self)->state; }

std::string text_of(const std::vector<Py_intptr_t>& shape) {
  std::string text = "(";
  for (Py_intptr_t dim : shape) text += std::to_string(dim) + ",";
  return text + ")";
}

[[noreturn]] void raise_wrong(const Port& port, const char* what, const std::string& found) {
  const std::string expected = std::string(py::str(port.dtype)) + text_of(port.shape);
  raise(fail(Status::WrongObs, what),
        std::string(py::str(port.name)) + ": found " + found + ", expected " + expected);
}

bool has_shape(PyObject* array, const Port& port) {
  const auto* proxy = py::detail::array_proxy(array);
  if (static_cast<size_t>(proxy->nd) != port.shape.size()) return false;
  for (size_t i = 0; i < port.shape.size(); ++i) {
    if (proxy->dimensions[i] != port.shape[i]) return false;
  }
  return true;
}

bool is_exact(const NumpyApi& numpy, PyObject* object, const Port& port, int flags) {
  if (!PyObject_TypeCheck(object, numpy.PyArray_Type_)) return false;
  const auto* proxy = py::detail::array_proxy(object);
  return proxy->descr == port.dtype.ptr() && (proxy->flags & flags) == flags &&
         has_shape(object, port);
}

// Any real numeric array-like of the right shape, as C-contiguous float32.
py::object convert(const Port& port, PyObject* obs) {
  const py::array array = py::array::ensure(py::reinterpret_borrow<py::object>(obs));
  if (!array || !holds_numbers(array)) {
    PyErr_Clear();
    raise_wrong(port, "observation", std::string(py::str(py::type::handle_of(obs))));
  }
  if (!has_shape(array.ptr(), port)) {
    const std::vector<Py_intptr_t> shape(array.shape(), array.shape() + array.ndim());
    raise_wrong(port, "observation", "shape " + text_of(shape));
  }
  return py::array_t<float, py::array::c_style | py::array::forcecast>(array);
}

const float* read(const State& state, const Port& port, PyObject* obs, py::object& keep) {
  if (!is_exact(*state.numpy, obs, port, kReadable)) {
    keep = convert(port, obs);
    obs = keep.ptr();
  }
  return static_cast<const float*>(static_cast<const void*>(py::detail::array_proxy(obs)->data));
}

#ifdef Py_GIL_DISABLED
bool is_ours_alone(const py::object&) { return false; }  // another thread may be taking it now
#else
bool is_ours_alone(const py::object& object) { return object && Py_REFCNT(object.ptr()) == 1; }
#endif

py::object new_array(const State& state, const Port& port) {
  PyObject* array = state.numpy->PyArray_NewFromDescr_(
      state.numpy->PyArray_Type_, port.dtype.inc_ref().ptr(), static_cast<int>(port.shape.size()),
      port.shape.data(), nullptr, nullptr, 0, nullptr);
  if (array == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(array);
}

// A new array, to all who can tell: one that nobody else has kept is handed out again.
py::object array_for(const State& state, Port& port) {
  py::object& array = port.lent[port.oldest];
  port.oldest = 1 - port.oldest;
  if (!is_ours_alone(array) || !is_exact(*state.numpy, array.ptr(), port, kWritable))
    array = new_array(state, port);
  return array;
}

void run(State& state, const float* const* inputs, void* const* outputs) {
  if (state.policy->step(inputs, outputs) == StepResult::Busy) raise(fail(Status::Busy, "step"));
}

// One input, one output: the common case, without a container in sight.
py::object step_one(State& state, PyObject* obs, PyObject* out) {
  py::object keep;
  const float* input = read(state, state.inputs[0], obs, keep);
  Port& port = state.outputs[0];
  if (out != nullptr) {
    if (!is_exact(*state.numpy, out, port, kWritable)) {
      raise_wrong(port, "out must be a writable C-contiguous array",
                  std::string(py::str(py::type::handle_of(out))));
    }
    void* output = py::detail::array_proxy(out)->data;
    run(state, &input, &output);
    return py::reinterpret_borrow<py::object>(out);
  }
  if (port.is_int) {
    int32_t index = 0;
    void* output = &index;
    run(state, &input, &output);
    return py::int_(index);
  }
  py::object action = array_for(state, port);
  void* output = py::detail::array_proxy(action.ptr())->data;
  run(state, &input, &output);
  return action;
}

std::vector<const float*> read_all(const State& state, PyObject* obs,
                                   std::vector<py::object>& keep) {
  std::vector<const float*> inputs;
  if (state.inputs.size() == 1 && !PyDict_Check(obs))
    return {read(state, state.inputs[0], obs, keep[0])};
  if (!PyDict_Check(obs) || static_cast<size_t>(PyDict_Size(obs)) != state.inputs.size()) {
    std::string names;
    for (const Port& port : state.inputs) names.append(" ").append(std::string(py::str(port.name)));
    raise(fail(Status::WrongObs, "observation"),
          "expected a dict with exactly these keys:" + names);
  }
  for (size_t i = 0; i < state.inputs.size(); ++i) {
    const Port& port = state.inputs[i];
    PyObject* part = PyDict_GetItemWithError(obs, port.name.ptr());
    if (part == nullptr)
      raise(fail(Status::WrongObs, "observation"),
            "missing key " + std::string(py::str(port.name)));
    keep[i] = py::reinterpret_borrow<py::object>(part);  // converting another may change the dict
    inputs.push_back(read(state, port, part, keep[i]));
  }
  return inputs;
}

py::object step_many(State& state, PyObject* obs, PyObject* out) {
  if (out != nullptr)
    raise(fail(Status::Argument, "out"), "out is for policies with one input and one output");
  std::vector<py::object> keep(state.inputs.size());
  const std::vector<const float*> inputs = read_all(state, obs, keep);
  std::vector<py::object> arrays;
  std::vector<void*> outputs;
  for (Port& port : state.outputs) {
    arrays.push_back(array_for(state, port));
    outputs.push_back(py::detail::array_proxy(arrays.back().ptr())->data);
  }
  run(state, inputs.data(), outputs.data());
  py::dict actions;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const bool is_int = state.outputs[i].is_int;
    actions[state.outputs[i].name] =
        is_int ? py::object(py::int_(*static_cast<int32_t*>(outputs[i]))) : arrays[i];
  }
  return state.outputs.size() == 1 ? py::object(actions[state.outputs[0].name])
                                   : py::object(actions);
}

PyObject* step(PyObject* self, PyObject* obs, PyObject* out) noexcept {
  return guarded([&] {
    State& state = state_of(self);
    const bool is_simple =
        state.inputs.size() == 1 && state.outputs.size() == 1 && !PyDict_Check(obs);
    return is_simple ? step_one(state, obs, out) : step_many(state, obs, out);
  });
}

PyObject* vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != nullptr) {
    PyErr_SetString(PyExc_TypeError,
                    "policy(obs) takes one observation; policy.step(obs, out=...) takes more");
    return nullptr;
  }
  return step(self, args[0], nullptr);
}

PyObject* step_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Py_ssize_t keywords = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
  PyObject* out = nullptr;
  bool is_right = nargs >= 1 && nargs + keywords <= 2;
  if (is_right && nargs == 2) out = args[1];
  if (is_right && keywords == 1) {
    static PyObject* const kOut = PyUnicode_InternFromString("out");  // as a caller's code holds it
    PyObject* const name = PyTuple_GET_ITEM(kwnames, 0);
    is_right = name == kOut || PyUnicode_CompareWithASCIIString(name, "out") == 0;
    out = args[1];
  }
  if (!is_right) {
    PyErr_SetString(PyExc_TypeError, "step(obs, out=None)");
    return nullptr;
  }
  return step(self, args[0], out == Py_None ? nullptr : out);
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<PolicyObject*>(self)->state;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "a Policy is made by Policy.load(packet, trust=...)");
  return nullptr;
}

constexpr const char* kDoc =
    "A loaded packet: give it an observation, get an action.\n\n"
    ">>> policy = Policy.load(\"hover.plasma\", trust=\"release.pub\")\n"
    ">>> action = policy(obs)\n\n"
    "Inputs and outputs have the shapes that `policy.inputs` and `policy.outputs` state. One input "
    "is an array, several\n"
    "are a dict by name; outputs likewise, and a discrete output is an int. One policy serves one "
    "control loop: one\n"
    "thread steps it; attach, detach, set_gains and stats may come from any thread and never make "
    "a step wait.";

constexpr const char* kStepDoc =
    "step(obs, out=None)\n--\n\n"
    "One tick. With `out`, a C-contiguous array of the output's shape and dtype, nothing is "
    "allocated and `out` is\n"
    "returned. A non-finite observation gives the safe action and is counted in `stats.faults`.\n"
    "Raises UsageError when shape or type differ from the packet's.";

constexpr const char* kGainsDoc =
    "set_gains(gains)\n--\n\n"
    "Changes the gains of the named adapters, all at one tick. 0: resident, but skipped.\n\n"
    "gains: {name: 0 to 1}; adapters not named keep theirs. Takes less than a step, allocates "
    "nothing. Raises UsageError.";

PyMethodDef kMethods[] = {
    {"step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(step_method)),
     METH_FASTCALL | METH_KEYWORDS, kStepDoc},
    {"set_gains", set_gains, METH_O, kGainsDoc},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PolicyObject, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

std::vector<Port> ports_of(std::span<const IoInfo> infos) {
  std::vector<Port> ports;
  for (const IoInfo& info : infos) {
    Port port;
    port.name = py::str(info.name);
    port.dtype = info.type == ElementType::F32 ? py::dtype::of<float>() : py::dtype::of<int32_t>();
    port.shape.assign(info.shape.begin(), info.shape.end());
    port.is_int = info.is_index();
    ports.push_back(std::move(port));
  }
  return ports;
}

}  // namespace

py::object make_policy_type() {
  static PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>(kDoc)},
      {Py_tp_new, reinterpret_cast<void*>(refuse_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
      {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
      {Py_tp_methods, kMethods},
      {Py_tp_members, kMembers},
      {0, nullptr},
  };
  static PyType_Spec spec = {"plasma_edge.Policy", sizeof(PolicyObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(type);
}

py::object wrap_policy(const py::object& type, std::unique_ptr<Policy> policy) {
  auto* type_object = reinterpret_cast<PyTypeObject*>(type.ptr());
  const auto self = py::reinterpret_steal<py::object>(type_object->tp_alloc(type_object, 0));
  if (!self) throw py::error_already_set();
  auto state = std::make_unique<State>();
  state->inputs = ports_of(policy->inputs());
  state->outputs = ports_of(policy->outputs());
  state->policy = std::move(policy);
  state->numpy = &NumpyApi::get();
  auto* object = reinterpret_cast<PolicyObject*>(self.ptr());
  object->call = vectorcall;
  object->state = state.release();
  return self;
}

Policy& policy_of(const py::handle& self) {
  if (Py_TYPE(self.ptr())->tp_dealloc != destroy) throw py::type_error("not a Policy");
  return *state_of(self.ptr()).policy;
}

bool holds_numbers(const py::array& array) {
  return std::string_view("biuf").find(array.dtype().kind()) != std::string_view::npos;
}

}  // namespace plasma::python
