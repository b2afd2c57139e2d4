"""Commits and exports in a tree of 10,000 files of 2 kB, and a history of 10,000 commits: Sluice, bare git2, and
git's own commands."""

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
    yield history_of(context, driver)


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


def history_of(context, driver):
    """Pages of a history, a file's history, and its lines."""
    folder = os.path.join(context.work, f"history-{time.time_ns()}.git")
    run(["git", "init", "--quiet", "--bare", "--initial-branch", "main", folder])
    parts, lines, path = [], [f"line {n}\n" for n in range(300)], "packages/p050/src/file.ts"
    for number in range(10_000):
        parts.append(f"commit refs/heads/main\ncommitter B <b@example.invalid> {1_700_000_000 + number * 60} +0000\n"
                     f"data 5\nwork\n")
        name, body = f"packages/p{number % 100:03}/src/other{number % 30}.ts", f"{number}\n"
        if number % 40 == 0:
            lines[number // 40 % 300] = f"line of {number}\n"
            name, body = path, "".join(lines)
        parts.append(f"M 100644 inline {name}\ndata {len(body)}\n{body}\n")
    run(["git", "fast-import", "--quiet"], cwd=folder, input="".join(parts))

    def sluice(_):
        _, done = timed([driver, "history", folder, "refs/heads/main", path])
        return {f"Sluice: {name}": took for name, took in json.loads(done.stdout).items()}

    def git(_):
        asked = {"git log -50": ["log", "-50"], "git log --skip 9000 -50": ["log", "--skip", "9000", "-50"],
                 "git log -50 -- FILE": ["log", "-50", "main", "--", path],
                 "git blame FILE": ["blame", "--line-porcelain", "main", "--", path]}
        return {name: timed(["git", *words], cwd=folder)[0] for name, words in asked.items()}

    measure = Measure("history", "A history of 10,000 commits, a file that every fortieth of them changed",
                      "git log --skip 9000 -50")
    measure.add(in_turns(context.rounds * 2, {"git": git, "sluice": sluice}))
    shutil.rmtree(folder)
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
