"""Commits and exports in a tree of 10,000 files of 2 kB: Sluice, bare git2, and git's own commands."""

import json
import os
import shutil
import time

from timing import Measure, in_turns, run, timed

FOLDERS, PER_FOLDER = 100, 100
WHO = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "gc.auto=0"]
DURABLE = ["-c", "core.fsync=all", "-c", "core.fsyncMethod=batch"]


def measure(context):
    origin = make_origin(context)
    driver = os.path.join(context.release, "examples", "bench_commit")
    for changed in (20, 1_000, 10_000):
        step = FOLDERS * PER_FOLDER // changed
        # Spread over the folders: the worst case for the trees.
        names = [name_of((n * step + n // 100 % step) % (FOLDERS * PER_FOLDER)) for n in range(changed)]
        yield commit_of(context, origin, driver, names)
    yield export_of(context, origin, driver)


def commit_of(context, origin, driver, names):
    stamp, changed = time.time_ns(), len(names)
    folder = {name: os.path.join(context.work, f"commit-{name}-{stamp}") for name in ("ours", "bare", "git", "sync")}
    for name, path in folder.items():
        run(["git", "clone", "--quiet", *(["--bare"] if name in ("ours", "bare") else []), origin, path])

    def library(how, where, label):
        def run_once(number):
            _, done = timed([driver, how, where, "refs/heads/main", str(number), *names])
            parts = json.loads(done.stdout)
            return {f"{label}: tree, commit, ref": parts["all"], f"{label}: without the ref": parts["objects"],
                    f"{label}: the tree, unknown": parts["tree"], f"{label}: the tree, known": parts["again"]}
        return run_once

    def git(label, where, options):
        def run_once(number):
            for path in names:
                with open(os.path.join(where, path), "w", encoding="utf-8") as file:
                    file.write(text(number, path))
            added, _ = timed(["git", *WHO, *options, "add", "--all"], cwd=where)
            committed, _ = timed(["git", *WHO, *options, "commit", "--quiet", "-m", f"round {number}"], cwd=where)
            return {label: added + committed}
        return run_once

    rounds = context.rounds * 4 if changed < 1_000 else context.rounds
    measure = Measure(f"commit-{changed}", f"A commit of {changed} changed files in a tree of 10,000",
                      "git add -A && git commit")
    measure.add(in_turns(rounds, {
        "git": git("git add -A && git commit", folder["git"], []),
        "sync": git("the same, core.fsync=all in batches", folder["sync"], DURABLE),
        "bare": library("bare", folder["bare"], "git2"),
        "ours": library("sluice", folder["ours"], "Sluice"),
    }))
    run(["git", "fsck", "--strict"], cwd=folder["ours"])
    for path in folder.values():
        shutil.rmtree(path)
    return measure.finish()


def export_of(context, origin, driver):
    """An export after a commit of 20 files."""
    stamp = time.time_ns()
    ours = os.path.join(context.work, f"export-{stamp}.git")
    run(["git", "clone", "--quiet", "--bare", origin, ours])
    names = [name_of(n * 500 + n) for n in range(20)]
    run([driver, "sluice", ours, "refs/heads/main", "1", *names])
    old = os.path.join(context.work, f"export-{stamp}-old")
    dest = os.path.join(context.work, f"export-{stamp}-new")

    def sluice(_):
        _, done = timed([driver, "export", ours, "refs/heads/main", dest, old])
        shutil.rmtree(dest)
        return {f"Sluice: {name}": took for name, took in json.loads(done.stdout).items()}

    def git(_):
        os.makedirs(dest)
        took, _ = timed(["git", "--work-tree", dest, "-c", "core.bare=false", "checkout", "--force", "main", "--", "."],
                        cwd=ours, env={**os.environ, "GIT_INDEX_FILE": dest + ".index"})
        os.remove(dest + ".index")
        shutil.rmtree(dest)
        return {"git checkout into an empty folder": took}

    measure = Measure("export", "An export of a tree of 10,000 of which 20 files changed",
                      "git checkout into an empty folder")
    measure.add(in_turns(context.rounds, {"git": git, "sluice": sluice}))
    shutil.rmtree(ours)
    return measure.finish()


def make_origin(context):
    origin = context.folder("commit-origin-2k")
    if not os.path.isdir(os.path.join(origin, ".git", "refs", "heads")) or not os.listdir(
            os.path.join(origin, ".git", "refs", "heads")):
        for number in range(FOLDERS * PER_FOLDER):
            path = os.path.join(origin, name_of(number))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text("none", name_of(number)))
        run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=origin)
        run(["git", "add", "--all"], cwd=origin)
        run(["git", *WHO, "commit", "--quiet", "-m", "all"], cwd=origin)
        # One pack, as a clone over the network would have.
        run(["git", "repack", "-adq"], cwd=origin)
    return origin


def text(round_, path):
    """As `text` in bench_commit.rs."""
    line = f"// round {round_}\nexport const file = {json.dumps(path)};\n"
    return line * -(-2_000 // len(line))


def name_of(number):
    return f"packages/p{number // PER_FOLDER:03}/src/file{number % PER_FOLDER:03}.ts"
