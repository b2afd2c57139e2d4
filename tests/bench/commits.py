"""A commit of 20 changed files in a tree of 10,000, without a working tree and with git's own commands."""

import json
import os
import time

from timing import Measure, in_turns, run, timed

FOLDERS, PER_FOLDER, CHANGED = 100, 100, 20
WHO = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "gc.auto=0"]


def measure(context):
    origin = context.folder("commit-origin")
    if not os.path.isdir(os.path.join(origin, ".git")):
        for number in range(FOLDERS * PER_FOLDER):
            path = os.path.join(origin, name_of(number))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"export const file = {number};\n" * 20)
        run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=origin)
        run(["git", "add", "--all"], cwd=origin)
        run(["git", *WHO, "commit", "--quiet", "-m", "all"], cwd=origin)
    stamp = time.time_ns()
    ours, plain, durable = (os.path.join(context.work, f"commit-{name}-{stamp}") for name in ("ours", "git", "sync"))
    run(["git", "clone", "--quiet", "--bare", origin, ours])
    run(["git", "clone", "--quiet", origin, plain])
    run(["git", "clone", "--quiet", origin, durable])
    driver = os.path.join(context.release, "examples", "bench_commit")
    names = [name_of(n * (FOLDERS * PER_FOLDER // CHANGED) + n) for n in range(CHANGED)]

    def sluice(number):
        took, done = timed([driver, ours, "refs/heads/main", str(number), *names])
        parts = json.loads(done.stdout)
        return {"sluice: tree, commit, ref": parts["all"], "sluice: without the ref": parts["objects"],
                "sluice: as a process of its own": took}

    def git(name, folder, options):
        def run_once(number):
            for path in names:
                with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                    file.write(f"// round {number}\nexport const file = {json.dumps(path)};\n" * 20)
            added, _ = timed(["git", *WHO, *options, "add", "--all"], cwd=folder)
            committed, _ = timed(["git", *WHO, *options, "commit", "--quiet", "-m", f"round {number}"], cwd=folder)
            return {name: added + committed}
        return run_once

    measure = Measure("commit", "A commit of 20 changed files in a tree of 10,000", "git add -A && git commit")
    measure.add(in_turns(context.rounds * 4, {
        "sluice": sluice,
        "git": git("git add -A && git commit", plain, []),
        "sync": git("the same, core.fsync=all in batches", durable,
                    ["-c", "core.fsync=all", "-c", "core.fsyncMethod=batch"]),
    }))
    run(["git", "fsck", "--strict"], cwd=ours)
    yield measure.finish()


def name_of(number):
    return f"packages/p{number // PER_FOLDER:03}/src/file{number % PER_FOLDER:03}.ts"
