"""The onnx package, at first need."""

from __future__ import annotations

from typing import Any

from ...errors import MissingExtraError, installing


def onnx_package() -> Any:
    """Return onnx, or say how to get it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.shape_inference
    except ImportError as error:
        raise MissingExtraError(f"ONNX files need onnx, which is not installed: {installing('onnx')}") from error
    return onnx
