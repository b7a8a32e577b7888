"""What `runtime_speed.py` compares: each competitor lives in a process of its own and answers when it is told.

A line of JSON on standard input says which network, how many rows and for how many seconds; a line on standard output
gives the 50th and the 99th percentile of a call's microseconds, and how far the answers are from a float64 reference.
All have the same weights (`weights(sizes)`), ReLU between the layers and softmax at the end, and take float32 rows.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Network = list[tuple[np.ndarray, np.ndarray]]  # of each layer the weight (n_out, n_in) and the bias, float32
Answer = Callable[[np.ndarray], Any]


def weights(sizes: list[int]) -> Network:
    """Return the network that all competitors have, random as at the start of a training."""
    rng = np.random.default_rng(sum(sizes))
    return [
        ((rng.normal(size=(b, a)) * np.sqrt(2 / a)).astype(np.float32), rng.normal(0, 0.1, b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]


def inputs(sizes: list[int], rows: int) -> np.ndarray:
    """Return rows as an image gives them: four numbers of five are 0."""
    rng = np.random.default_rng(rows)
    return (rng.random((rows, sizes[0])) * (rng.random((rows, sizes[0])) < 0.2)).astype(np.float32)


def reference(network: Network, x: np.ndarray) -> np.ndarray:
    """Return the exact answers, in float64."""
    a = x.astype(float)
    for at, (weight, bias) in enumerate(network):
        z = a @ weight.T.astype(float) + bias
        a = np.maximum(z, 0) if at + 1 < len(network) else np.exp(z - z.max(axis=1, keepdims=True))
    return a / a.sum(axis=1, keepdims=True)


def ours(network: Network, rows: int, threads: int) -> Answer:
    """Answer through the public way: a file, `load`, `model.forward`."""
    import mlp_runtime

    del threads
    model = mlp_runtime.load(as_file(network))
    return (lambda x: model.forward(x[0])[None]) if rows == 1 else model.forward


def as_file(network: Network) -> bytes:
    """Return a model file of vectors with this network, as mlp-train writes it."""
    from mlp_runtime.inputs import VectorInput
    from mlp_train.export import to_bytes

    layers = [
        (weight.T, bias, "softmax" if at + 1 == len(network) else "relu", {})
        for at, (weight, bias) in enumerate(network)
    ]
    classes = [str(n) for n in range(len(network[-1][1]))]
    return to_bytes(VectorInput(network[0][0].shape[1]), layers, {"kind": "classes", "classes": classes})


def numpy(network: Network, rows: int, threads: int) -> Answer:
    """Answer as one writes it down in NumPy without a second thought."""
    del rows, threads
    pairs = [(np.ascontiguousarray(weight.T), bias) for weight, bias in network]

    def answer(x: np.ndarray) -> np.ndarray:
        for weight, bias in pairs[:-1]:
            x = np.maximum(x @ weight + bias, 0)
        z = x @ pairs[-1][0] + pairs[-1][1]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return answer


def onnxruntime(network: Network, rows: int, threads: int) -> Answer:
    """Answer through onnxruntime's `run`."""
    import onnxruntime as ort

    del rows
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(onnx_bytes(network), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def onnx_bytes(network: Network) -> bytes:
    """Return the network as an ONNX graph of Gemm, Relu and Softmax nodes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "x"
    for at, (weight, bias) in enumerate(network):
        constants += [numpy_helper.from_array(weight, f"w{at}"), numpy_helper.from_array(bias, f"b{at}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{at}", f"b{at}"], [f"z{at}"], transB=1))
        kind = "Softmax" if at + 1 == len(network) else "Relu"
        nodes.append(helper.make_node(kind, [f"z{at}"], [name := f"a{at}"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", network[0][0].shape[1]])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", len(network[-1][1])])
    graph = helper.make_graph(nodes, "mlp", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def litert(network: Network, rows: int, threads: int) -> Answer:
    """Answer through LiteRT: set the input, invoke, get the output."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tflite(network, rows), num_threads=threads)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def answer(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken, x)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return answer


def tflite(network: Network, rows: int) -> bytes:
    """Return the network as a TensorFlow Lite flatbuffer: fully connected layers with ReLU, and a softmax."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version, model.description = 3, "mlp"
    model.buffers, graph = [schema.BufferT()], schema.SubGraphT()
    graph.tensors, graph.operators = [], []

    def tensor(name: str, shape: tuple[int, ...], content: np.ndarray | None = None) -> int:
        each = schema.TensorT()
        each.name, each.shape, each.type, each.buffer = name, list(shape), schema.TensorType.FLOAT32, 0
        if content is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(content.tobytes(), np.uint8)
            each.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(each)
        return len(graph.tensors) - 1

    def operator(code: int, taken: list[int], given: int, kind: int, options: Any) -> None:
        each = schema.OperatorT()
        each.opcodeIndex, each.inputs, each.outputs = code, taken, [given]
        each.builtinOptionsType, each.builtinOptions = kind, options
        graph.operators.append(each)

    before = first = tensor("x", (rows, network[0][0].shape[1]))
    for at, (weight, bias) in enumerate(network):
        options = schema.FullyConnectedOptionsT()
        last = at + 1 == len(network)
        options.fusedActivationFunction = (
            schema.ActivationFunctionType.NONE if last else schema.ActivationFunctionType.RELU
        )
        taken = [before, tensor(f"w{at}", weight.shape, weight), tensor(f"b{at}", bias.shape, bias)]
        before = tensor(f"a{at}", (rows, len(bias)))
        operator(0, taken, before, schema.BuiltinOptions.FullyConnectedOptions, options)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    after = tensor("y", (rows, len(network[-1][1])))
    operator(1, [before], after, schema.BuiltinOptions.SoftmaxOptions, options)
    graph.inputs, graph.outputs, graph.name = [first], [after], "main"
    model.subgraphs, model.operatorCodes = [graph], []
    for builtin in (schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.SOFTMAX):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def pytorch(network: Network, rows: int, threads: int) -> Answer:
    """Answer through a traced and frozen module in inference mode."""
    import torch

    torch.set_num_threads(threads)
    modules: list[Any] = []
    for weight, bias in network:
        linear = torch.nn.Linear(weight.shape[1], len(bias))
        linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        modules += [linear, torch.nn.ReLU()]
    modules[-1] = torch.nn.Softmax(1)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing is said to be deprecated, and is still the fastest
        example = torch.zeros(rows, network[0][0].shape[1])
        traced = torch.jit.freeze(torch.jit.trace(torch.nn.Sequential(*modules).eval(), example))

    def answer(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return traced(torch.from_numpy(x)).numpy()

    return answer


def sklearn(network: Network, rows: int, threads: int) -> Answer:
    """Answer through MLPClassifier.predict_proba."""
    from sklearn.neural_network import MLPClassifier

    del rows, threads
    hidden = [len(bias) for _, bias in network[:-1]]
    model = MLPClassifier(hidden, max_iter=1, batch_size=2)
    classes = len(network[-1][1])
    if classes == 2:
        network = [*network[:-1], (network[-1][0][1:] - network[-1][0][:1], network[-1][1][1:] - network[-1][1][:1])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = np.arange(classes)
        model.partial_fit(np.zeros((classes, network[0][0].shape[1]), np.float32), labels, classes=labels)
    model.coefs_ = [np.ascontiguousarray(weight.T) for weight, _ in network]
    model.intercepts_ = [bias for _, bias in network]
    return model.predict_proba


KINDS = {f.__name__: f for f in (ours, numpy, onnxruntime, litert, pytorch, sklearn)}


def measure(answer: Answer, x: np.ndarray, seconds: float) -> tuple[float, float]:
    """Return the 50th and 99th percentile of a call's microseconds."""
    clock, taken = time.perf_counter_ns, []
    for _ in range(5):
        answer(x)
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        begun = clock()
        answer(x)
        taken.append(clock() - begun)
    half, most = np.percentile(taken, (50, 99)) / 1e3
    return float(half), float(most)


def main() -> None:
    """Answer until nobody asks."""
    kind, threads = sys.argv[1], int(sys.argv[2])
    key, answer, x, wrong = None, None, np.empty(0), 0.0
    for line in sys.stdin:
        told = json.loads(line)
        if key != (told["sizes"], told["rows"]):
            key = told["sizes"], told["rows"]
            network, x = weights(told["sizes"]), inputs(told["sizes"], told["rows"])
            answer = KINDS[kind](network, told["rows"], threads)
            wrong = float(np.abs(np.asarray(answer(x)) - reference(network, x)).max())
        assert answer is not None
        half, most = measure(answer, x, told["seconds"])
        print(json.dumps({"p50": half, "p99": most, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
