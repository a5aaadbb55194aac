# SPDX-License-Identifier: Apache-2.0
"""What torch saves, read without torch: weights by name, and the layers they are."""
