"""onnxruntime, which computes what an ONNX model says without knowing anything of this library."""

from typing import Any

import numpy as np
import onnxruntime

Array = np.ndarray[Any, Any]


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Return a model, ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors alone
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(model: bytes, x: Array) -> Array:
    """Return what a model makes of a batch."""
    return np.asarray(session(model).run(["output"], {"input": x})[0])
