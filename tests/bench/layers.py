"""How long a layer of dependencies takes to be ready in a sandbox: a start with it, beside a start without."""

import json
import os
import shutil

from sandbox_start import IMAGE
from timing import Measure, run

SIZES = (10, 130, 500)
# About what a file of node_modules takes: 134 MB were 8,981 files.
FILE = 15_000


def measure(context):
    driver = os.path.join(context.release, "examples", "bench_start")
    folder = context.folder("start")
    with open(os.path.join(folder, "file"), "w", encoding="utf-8") as file:
        file.write("x\n")
    os.chmod(folder, 0o755)
    engines = {"native": {"native": [context.sluice, "sandbox-init"]}}
    if context.docker:
        engines["docker"] = {"docker": IMAGE}
    for engine, contender in engines.items():
        # Each engine has layers of its own, as it gives files to its own user.
        layers = {f"with {size} MB": layer(context, engine, size) for size in SIZES}
        names = ["without a layer", *layers]
        spec = {"rounds": context.rounds * (4 if engine == "native" else 1), "folder": folder, "argv": ["/usr/bin/true"],
                "contenders": {name: contender for name in names},
                "layers": {name: [path] for name, path in layers.items()}}
        measure = Measure(f"layer-{engine}", f"A layer of dependencies is ready, {engine}", "without a layer")
        times = json.loads(run([driver], input=json.dumps(spec)).stdout)
        measure.add({name: times[name] for name in names})
        measure.note("What a layer takes is the difference to the first line.")
        yield measure.finish()
    for engine in engines:
        shutil.rmtree(os.path.join(context.work, f"layers-{engine}"), ignore_errors=True)


def layer(context, engine, megabytes):
    """A folder like an installed node_modules, of this size."""
    to = os.path.join(context.work, f"layers-{engine}", str(megabytes))
    shutil.rmtree(to, ignore_errors=True)
    text = b"/* a file of a package */\n" * (FILE // 26)
    for number in range(megabytes * 1_000_000 // FILE):
        place = os.path.join(to, "node_modules", f"package-{number // 30}", "dist")
        if number % 30 == 0:
            os.makedirs(place)
        with open(os.path.join(place, f"{number % 30}.js"), "wb") as file:
            file.write(text)
    return to
