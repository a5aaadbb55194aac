# SPDX-License-Identifier: Apache-2.0
"""python -m plasma_trainer"""

from plasma_trainer.cli import main

main()
