# SPDX-License-Identifier: Apache-2.0
"""ONNX in, program out."""
