#!/usr/bin/env python3
"""Measures Sluice beside what people use instead, on the machine that it runs on. docs/performance.md says more.

Every contender is run in turns with the others, so that ratios survive a busy machine; times do not.
"""

import argparse
import json
import os
import shutil
import sys

# The repository stays as it is.
sys.dont_write_bytecode = True

import checks
import commits
import daemon
import demos
import export
import layers
import races
import replies
import sandbox_start
from timing import machine, run, say

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEASURES = {
    "start": sandbox_start.measure,
    "checks": checks.measure,
    "four": checks.measure_four,
    "cached": checks.measure_cached,
    "daemon": daemon.measure,
    "layer": layers.measure,
    "queue": daemon.measure_queue,
    "races": races.measure,
    "commit": commits.measure,
    "parse": replies.measure,
    "demo": demos.measure,
    "export": export.measure,
}
# The goals of docs/performance.md that are about checks, the quick ones first.
GROUPS = {"issue4": ("start", "layer", "cached", "daemon", "queue", "four", "races")}
COMMITS = ["-p", "sluice-workspace", "--example", "bench_commit"]
BUILDS = (["-p", "sluice"], ["-p", "sluice-sandbox", "--example", "bench_start"], COMMITS)


class Context:
    """What all measures share."""

    def __init__(self, options):
        self.rounds, self.demos, self.larger = options.rounds, options.demos, not options.skip_larger
        self.races = options.races
        self.project = options.project and os.path.abspath(options.project)
        self.work = os.path.abspath(options.work)
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
        self.release = os.path.join(target, "release")
        self.sluice = os.path.join(self.release, "sluice")
        self.docker = not options.skip_docker and shutil.which("docker") is not None
        self.elsewhere = []
        os.makedirs(self.work, exist_ok=True)

    def bench(self, package, name):
        """A benchmark's program, which cargo builds if it must."""
        built = run(["cargo", "bench", "-p", package, "--bench", name, "--no-run", "--message-format=json"], cwd=ROOT)
        lines = [json.loads(line) for line in built.stdout.splitlines()]
        return next(line["executable"] for line in lines if line.get("target", {}).get("name") == name and line["executable"])

    def folder(self, name, below=None):
        path = os.path.join(below or self.work, name if below is None else f"sluice-bench-{os.getpid()}-{name}")
        if below is not None:
            self.elsewhere.append(path)
        os.makedirs(path, exist_ok=True)
        return path


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("measures", nargs="*", metavar="MEASURE",
                         help=f"some of {', '.join(MEASURES)}; or issue4 for {', '.join(GROUPS['issue4'])}; all by default")
    options.add_argument("--work", default="/var/tmp/sluice-bench", help="a folder for what is made; kept for the next run")
    options.add_argument("--rounds", type=int, default=5, help="rounds of the slow measures (%(default)s)")
    options.add_argument("--races", type=int, default=200, help="parallel runs in which reds are counted (%(default)s)")
    options.add_argument("--demos", type=int, default=1, help="demos that count, after one that does not (%(default)s)")
    options.add_argument("--project", help="the demo's project as a git repository, instead of running the demo for it")
    options.add_argument("--skip-docker", action="store_true")
    options.add_argument("--skip-larger", action="store_true", help="only the demo's project for checks")
    options.add_argument("--skip-build", action="store_true", help="the release programs are there already")
    options = options.parse_args()
    options.measures = [name for given in options.measures for name in GROUPS.get(given, (given,))]
    unknown = [name for name in options.measures if name not in MEASURES]
    if unknown:
        raise SystemExit(f"no such measure: {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    context = Context(options)
    if not options.skip_build:
        wanted = {"parse": (), "commit": (COMMITS,)}.get(" ".join(options.measures), BUILDS)
        for words in wanted:
            say("cargo build --release " + " ".join(words))
            run(["cargo", "build", "--release", *words], cwd=ROOT)
    print(f"Machine: {machine()}\n")
    try:
        for name in options.measures or MEASURES:
            say(f"{name}:")
            for measure in MEASURES[name](context):
                measure.keep(os.path.join(context.work, "results"))
                print(measure.table() + "\n", flush=True)
    finally:
        for path in context.elsewhere:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
