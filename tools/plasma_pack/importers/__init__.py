# SPDX-License-Identifier: Apache-2.0
"""Other people's files in, programs out. Each needs its own format's library only when used."""
