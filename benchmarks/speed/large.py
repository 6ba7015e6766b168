"""A large plan, in a process of its own: prints seconds of the processor, peak megabytes and cells."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.grid import plan, presets
from benchmarks.running.machine import peak_resident_mb

METHODS, LEVELS = 56, 6

cache, number = Path(sys.argv[1]), int(sys.argv[2])
seeds = list(range(-(-number // (METHODS * LEVELS))))
preset = presets.load("default", ["datasets=['textures']", "ratios=[1,5,10,20,40,80]", f"seeds={seeds}"])
start = time.process_time()
cells = plan.build(preset, ["textures"], cache=cache).cells
seconds = time.process_time() - start
sys.stdout.write(json.dumps([seconds, peak_resident_mb(), len(cells)]))
