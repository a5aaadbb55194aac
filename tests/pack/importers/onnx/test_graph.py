"""What surrounds the operators: inputs that are whole numbers, branches, constants, several inputs
and outputs, random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper, numpy_helper

import plasma_edge as pe
from plasma_pack import SourceError, build
from plasma_pack.importers.onnx.convert import import_onnx

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, tuple[int, Sequence[int]]],
    outputs: Sequence[str] = ("action",),
    **constants: np.ndarray,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, *of) for name, of in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, ["m", "n"]) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


def load(
    source: onnx.ModelProto, key: Ed25519PrivateKey, trust: bytes, **options: object
) -> pe.Policy:
    packet = build(source, key=key, weights="f32", actuators=[], **options)  # type: ignore[arg-type]
    return pe.Policy.load(packet.data, trust=trust)


def test_a_whole_number_as_an_input_picks_a_row(key: Ed25519PrivateKey, trust: bytes) -> None:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    nodes = [
        helper.make_node("Gather", ["table", "skill"], ["row"]),
        helper.make_node("Add", ["row", "obs"], ["action"]),
    ]
    inputs = {"skill": (INT64, [1]), "obs": (FLOAT, [1, 3])}
    golden = {"skill": np.array([[2.0]]), "obs": np.ones((1, 3))}
    policy = load(model(nodes, inputs, table=table), key, trust, golden=golden)
    for skill in range(4):
        obs = {"skill": np.array([skill], np.float32), "obs": np.ones(3, np.float32)}
        np.testing.assert_array_equal(policy(obs), table[skill] + 1)


def test_a_condition_as_an_input_chooses(key: Ed25519PrivateKey, trust: bytes) -> None:
    nodes = [
        helper.make_node("Neg", ["obs"], ["other"]),
        helper.make_node("Where", ["stop", "other", "obs"], ["action"]),
    ]
    inputs = {"stop": (BOOL, [1, 1]), "obs": (FLOAT, [1, 3])}
    policy = load(model(nodes, inputs), key, trust)
    obs = np.array([1, 2, 3], np.float32)
    for stop, sign in ((0, 1), (1, -1)):
        found = policy({"stop": np.array([stop], np.float32), "obs": obs})
        np.testing.assert_array_equal(found, sign * obs)


def test_several_inputs_have_several_outputs(key: Ed25519PrivateKey, trust: bytes) -> None:
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Mul", ["a", "b"], ["product"]),
        helper.make_node("Identity", ["sum"], ["again"]),
    ]
    inputs = {"a": (FLOAT, [1, 2]), "b": (FLOAT, [1, 2])}
    policy = load(model(nodes, inputs, ("sum", "product", "again")), key, trust)
    found = policy({"a": np.array([2, 3], np.float32), "b": np.array([4, 5], np.float32)})
    assert {name: value.tolist() for name, value in found.items()} == {
        "sum": [6, 8],
        "product": [8, 15],
        "again": [6, 8],
    }


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_of_a_constant_condition_is_taken(
    key: Ed25519PrivateKey, trust: bytes, taken: bool
) -> None:
    def branch(name: str, factor: float) -> onnx.GraphProto:
        node = helper.make_node("Mul", ["half", f"{name}/k"], [name])
        value = numpy_helper.from_array(np.array([factor], np.float32), f"{name}/k")
        return helper.make_graph([node], name, [], [onnx.ValueInfoProto(name=name)], [value])

    nodes = [
        helper.make_node("Mul", ["obs", "scale"], ["half"]),
        helper.make_node(
            "If", ["yes"], ["action"], then_branch=branch("t", 2), else_branch=branch("e", -2)
        ),
    ]
    source = model(
        nodes,
        {"obs": (FLOAT, [1, 2])},
        yes=np.array(taken),
        scale=np.array([0.5], np.float32),
    )
    obs = np.array([3, 4], np.float32)
    np.testing.assert_array_equal(load(source, key, trust)(obs), obs if taken else -obs)


def test_a_branch_that_depends_on_data_is_refused() -> None:
    graph = helper.make_graph(
        [helper.make_node("Tanh", ["obs"], ["t"])], "t", [], [onnx.ValueInfoProto(name="t")]
    )
    other = helper.make_graph(
        [helper.make_node("Relu", ["obs"], ["e"])], "e", [], [onnx.ValueInfoProto(name="e")]
    )
    nodes = [
        helper.make_node("ReduceMax", ["obs"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["yes"]),
        helper.make_node("If", ["yes"], ["action"], then_branch=graph, else_branch=other),
    ]
    with pytest.raises(SourceError, match="depends on data; compute both and choose with Where"):
        import_onnx(model(nodes, {"obs": (FLOAT, [1, 2])}, zero=np.array(0, np.float32)))


CONSTANTS = {
    "value_float": 3.0,
    "value_floats": [3.0],
    "value": numpy_helper.from_array(np.array([3], np.float32)),
}


@pytest.mark.parametrize("form", CONSTANTS)
def test_a_constant_has_many_forms(key: Ed25519PrivateKey, trust: bytes, form: str) -> None:
    nodes = [
        helper.make_node("Constant", [], ["three"], **{form: CONSTANTS[form]}),
        helper.make_node("Mul", ["obs", "three"], ["action"]),
    ]
    policy = load(model(nodes, {"obs": (FLOAT, [1, 2])}), key, trust)
    np.testing.assert_array_equal(policy([1, 2]), [3, 6])


def test_shapes_are_known_at_import(key: Ed25519PrivateKey, trust: bytes) -> None:
    nodes = [
        helper.make_node("Shape", ["obs"], ["last"], start=-1),
        helper.make_node("Size", ["obs"], ["all"]),
        helper.make_node("Add", ["last", "all"], ["both"]),
        helper.make_node("Cast", ["both"], ["eight"], to=FLOAT),
        helper.make_node("Mul", ["obs", "eight"], ["action"]),
    ]
    policy = load(model(nodes, {"obs": (FLOAT, [1, 4])}), key, trust)
    np.testing.assert_array_equal(policy([1, 2, 3, 4]), [8, 16, 24, 32])


@pytest.mark.parametrize(
    ("op", "given", "mean", "deviation"),
    [
        ("RandomNormalLike", {"mean": 2.0, "scale": 0.5}, 2.0, 0.5),
        ("RandomUniformLike", {"low": -1.0, "high": 3.0}, 1.0, 4 / 12**0.5),
        ("RandomNormal", {"shape": [1, 4]}, 0.0, 1.0),
    ],
)
def test_random_numbers_are_new_every_tick(
    key: Ed25519PrivateKey,
    trust: bytes,
    op: str,
    given: dict[str, object],
    mean: float,
    deviation: float,
) -> None:
    nodes = [
        helper.make_node(op, ["obs"] if op.endswith("Like") else [], ["noise"], **given),
        helper.make_node("Add", ["obs", "noise"], ["action"]),
    ]
    policy = load(model(nodes, {"obs": (FLOAT, [1, 4])}), key, trust)
    drawn = np.stack([np.array(policy(np.zeros(4, np.float32))) for _ in range(2000)])
    assert abs(drawn.mean() - mean) < 0.05 * max(1, deviation)
    assert abs(drawn.std() - deviation) < 0.05 * deviation


def test_an_infinite_constant_hides_what_a_softmax_weighs(
    key: Ed25519PrivateKey, trust: bytes
) -> None:
    nodes = [
        helper.make_node("Greater", ["obs", "zero"], ["seen"]),
        helper.make_node("Where", ["seen", "obs", "hidden"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["action"], axis=-1),
    ]
    source = model(
        nodes,
        {"obs": (FLOAT, [1, 3])},
        zero=np.array(0, np.float32),
        hidden=np.array(-np.inf, np.float32),
    )
    golden = np.array([[1, 1, -1]], np.float32)
    np.testing.assert_allclose(load(source, key, trust, golden=golden)([1, 1, -1]), [0.5, 0.5, 0])
