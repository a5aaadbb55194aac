# SPDX-License-Identifier: Apache-2.0
"""A worker whose trainer is quick_trainer.py: quick_worker.py DATA [KEY]."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from plasma_trainer.server.settings import ARTEFACTS, DATABASE, Settings
from plasma_trainer.server.worker import Worker

data, *key = [Path(each) for each in sys.argv[1:]]
trainer = (sys.executable, str(Path(__file__).with_name("quick_trainer.py")))
places = {"postgresql": os.environ.get(DATABASE), "artefacts": os.environ.get(ARTEFACTS)}
settings = Settings(data, key=key[0] if key else None, **places)
Worker(settings, trainer).run()
