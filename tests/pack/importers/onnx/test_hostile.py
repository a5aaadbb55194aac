"""ONNX files that somebody made to hurt: refused with a SourceError, in little time and memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from plasma_pack import SourceError
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack.importers.onnx import backend

INT64 = TensorProto.INT64
OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]


def graph_of(
    nodes: list[onnx.NodeProto], name: str = "test", **constants: np.ndarray
) -> onnx.GraphProto:
    return helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["m", "n"])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )


def model_of(
    nodes: list[onnx.NodeProto],
    functions: list[onnx.FunctionProto] | None = None,
    **constants: np.ndarray,
) -> onnx.ModelProto:
    return helper.make_model(
        graph_of(nodes, **constants), opset_imports=OPSETS, functions=functions or []
    )


def function(name: str, *called: str) -> onnx.FunctionProto:
    """y = the last of these, each of the result before."""
    names = ["x", *(f"t{i}" for i in range(len(called) - 1)), "y"]
    nodes = [
        helper.make_node(op, [before], [after], domain="local" if op.startswith("f") else "")
        for op, before, after in zip(called, names, names[1:], strict=False)
    ]
    return helper.make_function("local", name, ["x"], ["y"], nodes, OPSETS)


def calls(name: str) -> onnx.NodeProto:
    return helper.make_node(name, ["obs"], ["action"], domain="local")


def nested_if(depth: int) -> onnx.NodeProto:
    inner = helper.make_node("Tanh", ["obs"], [f"r{depth}"])
    for level in reversed(range(depth)):
        results = [onnx.ValueInfoProto(name=f"r{level + 1}")]
        taken = helper.make_graph([inner], f"b{level}", [], results)
        other = helper.make_graph(
            [helper.make_node("Relu", ["obs"], [f"o{level}"])],
            f"c{level}",
            [],
            [onnx.ValueInfoProto(name=f"o{level}")],
        )
        result = f"r{level}" if level else "action"
        inner = helper.make_node("If", ["yes"], [result], then_branch=taken, else_branch=other)
    return inner


def endless_loop() -> onnx.NodeProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )
    return helper.make_node("Loop", ["many", "yes"], [], body=body)


HUGE = np.array([1 << 20, 1 << 20])
YES = np.array(True)
ATTACKS: dict[str, tuple[onnx.ModelProto, str]] = {
    "a function that calls itself": (
        model_of([calls("f")], [function("f", "Tanh", "f")]),
        "",
    ),
    "functions that call each other": (
        model_of([calls("f")], [function("f", "fg"), function("fg", "f")]),
        "",
    ),
    "functions that double": (
        model_of(
            [calls("f0")],
            [function(f"f{i}", f"f{i + 1}", f"f{i + 1}") for i in range(40)]
            + [function("f40", "Tanh")],
        ),
        "nodes, expected at most",
    ),
    "a constant of 2^40 elements": (
        model_of(
            [
                helper.make_node("ConstantOfShape", ["huge"], ["c"]),
                helper.make_node("Add", ["obs", "c"], ["action"]),
            ],
            huge=HUGE,
        ),
        "at most 16777216 elements",
    ),
    "a range of 2^60 elements": (
        model_of(
            [
                helper.make_node("Range", ["zero", "many", "one"], ["r"]),
                helper.make_node("Cast", ["r"], ["c"], to=TensorProto.FLOAT),
                helper.make_node("Add", ["obs", "c"], ["action"]),
            ],
            zero=np.array(0),
            many=np.array(1 << 60),
            one=np.array(1),
        ),
        "at most 16777216 elements",
    ),
    "constants that are spread": (
        model_of(
            [
                helper.make_node("Add", ["row", "column"], ["c"]),
                helper.make_node("Add", ["obs", "c"], ["action"]),
            ],
            row=np.zeros((1, 1 << 14), np.float32),
            column=np.zeros((1 << 14, 1), np.float32),
        ),
        "at most 16777216 elements",
    ),
    "an input that is spread": (
        model_of(
            [helper.make_node("Expand", ["obs", "huge"], ["action"])], huge=np.array([1 << 40, 4])
        ),
        "at most 16777216 elements",
    ),
    "an input that is spread and does not fit": (
        model_of([helper.make_node("Expand", ["obs", "huge"], ["action"])], huge=HUGE),
        "at most 16777216 elements",
    ),
    "a loop that does not end": (
        model_of(
            [endless_loop(), helper.make_node("Tanh", ["obs"], ["action"])],
            many=np.array(1 << 60),
            yes=YES,
        ),
        "",
    ),
    "a one-hot of 2^40 classes": (
        model_of(
            [
                helper.make_node("ArgMax", ["obs"], ["i"], axis=-1, keepdims=0),
                helper.make_node("OneHot", ["i", "many", "values"], ["action"]),
            ],
            many=np.array(1 << 40),
            values=np.array([0, 1], np.float32),
        ),
        "at most 16777216 elements",
    ),
    "a cycle": (
        model_of(
            [
                helper.make_node("Add", ["obs", "b"], ["a"]),
                helper.make_node("Tanh", ["a"], ["b"]),
                helper.make_node("Tanh", ["a"], ["action"]),
            ]
        ),
        "not sound ONNX",
    ),
    "two values of one name": (
        model_of(
            [
                helper.make_node("Tanh", ["obs"], ["action"]),
                helper.make_node("Relu", ["obs"], ["action"]),
            ]
        ),
        "not sound ONNX",
    ),
}


@pytest.mark.parametrize("content", [b"", b'{"graph": 1}', b"\x89PNG\r\n\x1a\n", b"a policy"])
@pytest.mark.parametrize("name", ["policy.onnx", "policy.json", "policy.txtpb"])
def test_what_is_no_onnx_is_refused_whatever_its_name(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{name} is no ONNX file"):
        import_onnx(tmp_path / name)


def test_onnx_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(model_of([helper.make_node("Tanh", ["obs"], ["action"])]).SerializeToString())
    assert import_onnx(path).program.ios


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(name: str) -> None:
    model, words = ATTACKS[name]
    if not words:
        with contextlib.suppress(SourceError):
            import_onnx(model.SerializeToString())
        return
    with pytest.raises(SourceError, match=words):
        import_onnx(model.SerializeToString())


def test_branches_within_branches_end() -> None:
    """Deeper ones protobuf does not read."""
    assert import_onnx(model_of([nested_if(30)], yes=YES)).program.instructions[0].op == "tanh"


def with_weights_at(location: str, path: Path) -> Path:
    weights = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    model = model_of([helper.make_node("MatMul", ["obs", "w"], ["action"])])
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("length", "32")):
        weights.external_data.add(key=key, value=value)
    model.graph.initializer.append(weights)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones((4, 2), np.float32).tobytes())
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "link.bin").symlink_to(secret)
    (folder / "good.bin").write_bytes(secret.read_bytes())
    assert import_onnx(with_weights_at("good.bin", folder / "net.onnx")).program.instructions
    for location in ("../secret.bin", str(secret), "link.bin", "a/../../secret.bin"):
        with pytest.raises(SourceError):
            import_onnx(with_weights_at(location, folder / "net.onnx"))


def test_a_constant_in_bytes_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.bin").write_bytes(np.ones(4, np.float32).tobytes())
    value = TensorProto(data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    value.external_data.add(key="location", value="secret.bin")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=value),
        helper.make_node("Add", ["obs", "c"], ["action"]),
    ]
    with pytest.raises(SourceError, match="a file of their own"):
        import_onnx(model_of(nodes).SerializeToString())


def test_an_initializer_that_says_more_than_it_holds_is_refused() -> None:
    model = model_of([helper.make_node("Add", ["obs", "c"], ["action"])])
    model.graph.initializer.append(
        TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b"1234")
    )
    with pytest.raises(SourceError):
        import_onnx(model.SerializeToString())


SEEDS = [
    "test_gemm_all_attributes",
    "test_attention_4d_softcap",
    "test_layer_normalization_3d_axis1_epsilon",
    "test_conv_with_strides_padding",
    "test_resize_upsample_scales_linear",
    "test_top_k",
    "test_reflect_pad",
    "test_where_example",
    "test_einsum_batch_matmul",
    "test_split_variable_parts_2d_opset18",
    "test_slice",
    "test_range_int32_type_negative_delta",
    "test_gelu_tanh_1_expanded",
    "test_scatternd",
    "test_onehot_with_axis",
]


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    return [backend.network(name).SerializeToString() for name in SEEDS]


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, list[tuple[float, int]], float]:
    """Which seed; (where, what byte) of each change; how much is left of it."""
    changes = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))
    cut = draw(st.sampled_from([1.0, 1.0, 1.0, draw(st.floats(0, 1))]))
    return draw(st.integers(0, len(SEEDS) - 1)), draw(st.lists(changes, max_size=4)), cut


@settings(max_examples=300, deadline=5000)
@given(damage=damages())
def test_a_damaged_file_ends_in_a_source_error_or_in_a_program(
    seeds: list[bytes], damage: tuple[int, list[tuple[float, int]], float]
) -> None:
    which, changes, cut = damage
    data = bytearray(seeds[which])
    for where, value in changes:
        data[int(where * len(data))] = value
    with contextlib.suppress(SourceError):
        import_onnx(bytes(data[: int(cut * len(data))]))


def values_in(graph: onnx.GraphProto) -> Iterator[onnx.AttributeProto | TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from node.attribute


NUMBERS = st.sampled_from([0, -1, 1, 2, 3, 1 << 16, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63)])


@settings(max_examples=300, deadline=5000)
@given(st.data())
def test_absurd_numbers_and_names_end_in_a_source_error_or_in_a_program(
    seeds: list[bytes], data: st.DataObject
) -> None:
    model = onnx.load_from_string(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 3))):
        change(model.graph, data)
    with contextlib.suppress(SourceError):
        import_onnx(model.SerializeToString())


def change(graph: onnx.GraphProto, data: st.DataObject) -> None:
    """One number, name or operator becomes another."""
    what = data.draw(st.sampled_from(["number", "name", "operator", "shape"]))
    node = data.draw(st.sampled_from(list(graph.node)))
    if what == "name" and node.input:
        names = sorted({*(n for other in graph.node for n in (*other.input, *other.output))})
        node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(
            st.sampled_from(names)
        )
    elif what == "operator":
        node.op_type = data.draw(st.sampled_from([other.op_type for other in graph.node]))
    elif what == "shape":
        dims = data.draw(st.sampled_from(list(graph.input))).type.tensor_type.shape.dim
        data.draw(st.sampled_from(list(dims))).dim_value = data.draw(NUMBERS)
    else:
        change_number(data.draw(st.sampled_from(list(values_in(graph)))), data)


def change_number(value: onnx.AttributeProto | TensorProto, data: st.DataObject) -> None:
    number = data.draw(NUMBERS)
    if isinstance(value, onnx.AttributeProto):
        if value.ints:
            value.ints[data.draw(st.integers(0, len(value.ints) - 1))] = number
        value.i = number
    elif value.data_type == INT64:
        array = numpy_helper.to_array(value).copy()
        if array.size:
            array.reshape(-1)[data.draw(st.integers(0, array.size - 1))] = number
            value.CopyFrom(numpy_helper.from_array(array, value.name))
    elif value.dims:
        value.dims[data.draw(st.integers(0, len(value.dims) - 1))] = number
