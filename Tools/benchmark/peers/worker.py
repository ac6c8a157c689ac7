"""One peer at one row with some threads: worker.py PEER ROW THREADS.

It writes a line of JSON when it is ready, or why it cannot be, and answers lines of the standard input with lines of
JSON: `begin` warms up, `time SECONDS LEAST` gives the seconds of calls: the protocol of `sluice-bench run --serve`.
"""

import json
import os
import sys
import tempfile
import time

import images
import kernels
import small
import transformers

FAMILIES = (kernels, transformers, images, small)


class Missing(Exception):
    """A peer does not do a row."""


def made(value):
    if value is None:
        raise Missing("not written for this row")
    return value


def numpy_call(family, row, threads):
    import numpy

    if not hasattr(family, "numpy_call"):
        raise Missing("not written for this row")
    return made(family.numpy_call(row)), numpy.__version__


def torch_call(family, row, threads, tuned=False, compiles=False):
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)

    def wrap(function):
        return torch.compile(function) if compiles else function

    built = family.torch_module(row)
    if built is None:
        step = made(family.torch_step(row, tuned, wrap))
        return step, torch.__version__
    module, inputs = built
    module.eval()
    if tuned and family is images:
        module = module.to(memory_format=torch.channels_last)
        inputs = tuple(x.to(memory_format=torch.channels_last) for x in inputs)
    call = wrap(module)

    def run():
        with torch.inference_mode():
            return call(*inputs)

    return run, torch.__version__


def exported(family, row):
    """A module without gradients and its inputs."""
    built = made(family.torch_module(row))
    for parameter in built[0].parameters():
        parameter.requires_grad_(False)
    return built[0].eval(), built[1]


def onnxruntime_call(family, row, threads):
    import onnxruntime
    import torch

    module, inputs = exported(family, row)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(module, inputs, path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {port.name: value.numpy() for port, value in zip(session.get_inputs(), inputs)}
    return (lambda: session.run(None, feed)), onnxruntime.__version__


def openvino_call(family, row, threads):
    import openvino

    module, inputs = exported(family, row)
    model = openvino.convert_model(module, example_input=inputs, input=[tuple(x.shape) for x in inputs])
    # Where the processor has bf16, OpenVINO takes it without being asked.
    compiled = openvino.Core().compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    })
    request = compiled.create_infer_request()
    feed = {index: value.numpy() for index, value in enumerate(inputs)}
    return (lambda: request.infer(feed, share_inputs=True, share_outputs=True)), openvino.__version__


def jax_call(family, row, threads):
    # XLA has as many threads as it sees processors.
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(processors[:threads]))
    import jax

    jax.config.update("jax_platforms", "cpu")
    return made(family.jax_call(row)), jax.__version__


CALLS = {
    "numpy": numpy_call,
    "numpy-tuned": numpy_call,
    "torch": torch_call,
    "torch-tuned": lambda *all: torch_call(*all, tuned=True),
    "torch-compile": lambda *all: torch_call(*all, tuned=True, compiles=True),
    "onnxruntime": onnxruntime_call,
    "openvino": openvino_call,
    "jax": jax_call,
}


def sample(call, count):
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def serve(call, answer):
    count, is_warm = 1, False
    for line in sys.stdin:
        words = line.split()
        if words[0] == "begin":
            # As `Timing.begin`: at least one call, short ones for a tenth of a second.
            spent = 0.0
            while spent < 0.1 or not is_warm:
                seconds = sample(call, count)
                spent, is_warm = spent + seconds * count, True
                count = max(int(5e-5 / max(seconds, 1e-9)), 1)
            answer({})
        else:
            limit, least = float(words[1]), int(words[2])
            samples, spent = [], 0.0
            while len(samples) < least or spent < limit:
                samples.append(sample(call, count))
                spent += samples[-1] * count
            answer({"seconds": samples})


def main():
    peer, row, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # What libraries print is not an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        family = next((family for family in FAMILIES if row in family.ROWS), None)
        if family is None:
            raise Missing("no peer is written for this row")
        call, version = CALLS[peer](family, row, threads)
        call()
    except Missing as reason:
        return answer({"missing": str(reason)})
    answer({"version": version})
    serve(call, answer)


if __name__ == "__main__":
    main()
