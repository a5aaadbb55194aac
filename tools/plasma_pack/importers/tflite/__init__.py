# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite in, an ONNX graph out."""
