"""False reds: checks of one green project that run at the same time, many times over."""

import os
import shutil
import time

from checks import BARE, LEFT, at_once, check
from projects import installed, small_project
from timing import Measure, say


def measure(context):
    """Counts reds in sandboxes, and beside it in one folder without, where they share what they write."""
    measure = Measure("races", f"False reds in {context.races} parallel runs of build, test and lint", "sluice, native")
    project = small_project(context)
    sources = os.path.join(context.work, "small-checked")
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(project, sources)
    bare = installed(context, project, "small-bare")
    _, report = check(context, "native", sources)
    commands = [(one["command"], bare) for one in report["checks"] if one["name"] in ("build", "test", "lint")]
    if len(commands) != 3 or report["verdict"] != "pass":
        raise SystemExit(f"three green checks were expected: {report}")
    engines = ["native", "docker"] if context.docker else ["native"]
    runs = {"native": context.races, "docker": context.races // 10}
    reds = {}
    for engine in engines:
        name = f"sluice, {engine}"
        reds[name] = 0
        for number in range(runs[engine]):
            with open(os.path.join(sources, "src", "round.ts"), "w", encoding="utf-8") as file:
                file.write(f'export const round = "{engine} {number} {time.time_ns()}";\n')
            took, report = check(context, engine, sources)
            if any(one["cached"] for one in report["checks"] if one["name"] != "install"):
                raise SystemExit("the checks were expected to run")
            measure.add({name: [took]})
            if report["verdict"] != "pass":
                reds[name] += 1
                for one in report["checks"]:
                    if one["verdict"] != "pass":
                        say(f"  {engine}, run {number}: {one['name']} is {one['verdict']}: {one['note']} {one['findings'][:2]}")
            if number % 20 == 19:
                say(f"  {engine}: {number + 1} runs, {reds[name]} red, load {os.getloadavg()[0]:.1f}")
    reds["no sandbox, one folder"] = 0
    for _ in range(context.races // 5):
        codes = []
        took = at_once(context, bare, commands, ok=codes)
        measure.add({"no sandbox, one folder": [took]})
        reds["no sandbox, one folder"] += any(codes[0])
    for name, count in reds.items():
        measure.note(f"- {name}: {count} red of {len(measure.times[name])}.")
    measure.figures["red"] = reds
    yield measure.finish()
