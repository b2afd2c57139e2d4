"""The whole demo, G0 to G9, as a person starts it."""

import os
import time

from timing import Measure, in_turns, timed


def measure(context):
    measure = Measure("demo", "The demo, G0 to G9", "sluice demo, native")

    def demo(engine):
        def run_once(number):
            kept = os.path.join(context.work, f"demo-{engine}-{number}-{time.time_ns()}")
            took, _ = timed([context.sluice, "demo", "--engine", engine, "--keep", kept])
            return {f"sluice demo, {engine}": took}
        return run_once

    engines = ["native", "docker"] if context.docker else ["native"]
    measure.add(in_turns(context.demos, {engine: demo(engine) for engine in engines}))
    measure.note("Each run installs the dependencies from the registry, once, and keeps them for its later gates.")
    yield measure.finish()
