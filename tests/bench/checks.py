"""Build, test and lint at once: without a sandbox in one folder, and as `sluice check` runs them."""

import functools
import json
import os
import shutil
import subprocess
import time

from projects import FILES, demo_project, installed, larger_project
from timing import Measure, in_turns, run, timed

ONLY = "build,test,lint"
# What the commands leave in the working folder, where there is no sandbox.
LEFT = ("dist", "node_modules/.vite", "node_modules/.vite-temp")
# A second package without dependencies: its build is the fourth check. The first file is another one each time.
TOOLS = (
    ("tools/build.js", 'import { createHash } from "node:crypto";\nlet sum = "";\n'
                       'for (let n = 0; n < 50000; n++) sum = createHash("sha256").update(sum + n).digest("hex");\n'
                       'console.log(sum);\n'),
    ("eslint.config.js", FILES["eslint.config.js"].replace('"dist",', '"dist", "tools",')),
    ("tools/package.json", '{"name": "tools", "version": "0.1.0", "private": true, "type": "module", '
                           '"scripts": {"build": "node build.js"}}\n'),
)
GROUPS = "no sandbox, each command in a CPU group of its own"
# As crates/sluice-checks/src/checker/job.rs sets it in the sandbox.
BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "CI": "true",
        "NO_COLOR": "1", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}


def check(context, engine, project, *more, ok=(0,)):
    """`sluice check` as a whole process: its milliseconds and its report. Never the audit: it needs a registry."""
    env = dict(os.environ, XDG_CACHE_HOME=os.path.join(context.work, "cache"))
    took, done = timed([context.sluice, "check", "--json", "--only", ONLY, "--engine", engine, *more, project], env=env, ok=ok)
    return took, json.loads(done.stdout)


def measure(context):
    """One table for each project. The dependencies are there already, on both sides."""
    yield one(context, "demo", "the demo's project", demo_project(context))
    if context.larger:
        yield one(context, "larger", "React, vite, vitest with jsdom, typed eslint", larger_project(context))


def measure_four(context):
    """The goal of the issue: four checks at once on the larger project, in sandboxes and without."""
    yield one(context, "four", "Four checks at once: React, vite, vitest with jsdom, typed eslint, and a second package",
              larger_project(context), TOOLS)


def one(context, name, title, project, more=()):
    measure = Measure(f"checks-{name}", f"Build, test and lint at once: {title}" if not more else title, "no sandbox")
    sources = os.path.join(context.work, f"{name}-checked")
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(project, sources)
    bare = installed(context, project, f"{name}-bare")
    for folder in (sources, bare):
        for path, text in dict(more).items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    # The second package has no tests and no lint, which is no pass.
    ok = (0, 1) if more else (0,)
    _, report = check(context, "native", sources, ok=ok)
    checks = [one for one in report["checks"] if one["name"].split(":")[0] in ONLY.split(",") and one["end"] != "skipped"]
    # The second package's checks start in its folder.
    commands = [(one["command"], os.path.join(bare, "tools") if one["name"].endswith(":tools") else bare) for one in checks]
    if len(commands) != (4 if more else 3) or any(one["verdict"] != "pass" for one in checks):
        raise SystemExit(f"other checks were expected: {[(one['name'], one['verdict'], one['end']) for one in report['checks']]}")
    names = [one["name"] for one in checks]

    def sandboxed(engine):
        def run_once(number):
            # Another source each time, with the same dependencies: the checks run, the installation does not.
            with open(os.path.join(sources, "src", "round.ts"), "w", encoding="utf-8") as file:
                file.write(f'export const round = "{engine} {number} {time.time_ns()}";\n')
            if more:
                with open(os.path.join(sources, more[0][0]), "w", encoding="utf-8") as file:
                    file.write(more[0][1] + f"// {time.time_ns()}\n")
            took, report = check(context, engine, sources, ok=ok)
            by_name = {one["name"]: one for one in report["checks"]}
            if number > 0 and not by_name["install"]["cached"]:
                raise SystemExit("the installation was expected to be cached")
            if any(by_name[name]["cached"] for name in names):
                raise SystemExit("the checks were expected to run")
            if any(by_name[name]["verdict"] != "pass" for name in names):
                raise SystemExit(f"{engine}: {[(name, by_name[name]['verdict']) for name in names]}")
            return {f"sluice {engine}: checks": report["wall_ms"], f"sluice {engine}: whole process": took}
        return run_once

    def plain(name, groups=()):
        def run_once(_):
            if more:
                # What is checked differs each time on this side too.
                with open(os.path.join(bare, more[0][0]), "w", encoding="utf-8") as file:
                    file.write(more[0][1] + f"// {time.time_ns()}\n")
            return {name: at_once(context, bare, commands, groups)}
        return run_once

    contenders = {"bare": plain("no sandbox"), "native": sandboxed("native")}
    groups = cpu_groups(len(commands))
    if groups:
        contenders["groups"] = plain(GROUPS, groups)
        measure.base = GROUPS
    if context.docker:
        contenders["docker"] = sandboxed("docker")
    try:
        measure.add(in_turns(context.rounds, contenders))
    finally:
        for group in groups:
            os.rmdir(group)
    measure.note("Commands: " + "; ".join(" ".join(command) for command, _ in commands) + ".")
    return measure.finish()


def cpu_groups(count):
    """Control groups like those that sandboxes get. The kernel shares a busy machine between groups and not between
    processes, so that without them a sandbox gets more of it than a command without one. None where not allowed."""
    for root in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup"):
        try:
            if root == "/sys/fs/cgroup":
                with open(f"{root}/cgroup.subtree_control", encoding="utf-8") as file:
                    if "cpu" not in file.read().split():
                        return []
            groups = [f"{root}/sluice-bench-{os.getpid()}-{number}" for number in range(count)]
            for group in groups:
                os.mkdir(group)
            return groups
        except OSError:
            continue
    return []


def join(group):
    with open(f"{group}/cgroup.procs", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))


def at_once(context, folder, commands, groups=(), ok=None):
    """Milliseconds until the last of the commands has ended. With `ok`, a list, the exit codes go there."""
    for left in LEFT:
        shutil.rmtree(os.path.join(folder, left), ignore_errors=True)
    out = context.folder("bare-out")
    env = dict(BARE, HOME=context.folder("bare-home"))
    start = time.monotonic()
    running = []
    for number, (command, place) in enumerate(commands):
        joins = functools.partial(join, groups[number]) if groups else None
        command = [word.replace("/sluice/out", out).replace("/workspace", folder) for word in command]
        running.append(subprocess.Popen(command, cwd=place, env=env, stdin=subprocess.DEVNULL, preexec_fn=joins,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    codes = [process.wait() for process in running]
    took = (time.monotonic() - start) * 1e3
    if ok is not None:
        ok.append(codes)
    elif any(codes):
        raise SystemExit(f"without a sandbox: {codes} from {commands}")
    return took


def measure_cached(context):
    """Nothing changed since the last run: `sluice check` beside turborepo."""
    project = larger_project(context)
    measure = Measure("cached", "Nothing changed: all answers from the cache", "turbo, its own binary")
    tools = context.folder("tools")
    run(["npm", "install", "--no-audit", "--no-fund", "--prefix", tools, "turbo@2.11.11"], cwd=tools)
    turbo_project = installed(context, project, "turbo-larger")
    prepare_turbo(turbo_project)
    env = dict(os.environ, TURBO_TELEMETRY_DISABLED="1", DO_NOT_TRACK="1", TURBO_NO_UPDATE_NOTIFIER="1", CI="1")
    wrapper = os.path.join(tools, "node_modules/.bin/turbo")
    binaries = [os.path.join(folder, "turbo") for folder, _, files in os.walk(os.path.join(tools, "node_modules"))
                if "turbo" in files and folder.endswith("/bin") and "linux" in folder]
    words = ["run", "build", "test", "lint", "--cwd", turbo_project]

    def turbo(name, program):
        def run_once(number):
            took, done = timed([program, *words], env=env)
            if number > 0 and "3 cached, 3 total" not in done.stdout:
                raise SystemExit(f"turbo was expected to have everything cached:\n{done.stdout[-800:]}")
            return {name: took}
        return run_once

    def ours(engine):
        def run_once(number):
            took, report = check(context, engine, project)
            if number > 0 and not all(one["cached"] for one in report["checks"]):
                raise SystemExit("everything was expected to be cached")
            return {f"sluice check, {engine}": took, f"of it the checks, {engine}": report["wall_ms"]}
        return run_once

    contenders = {"native": ours("native"), "turbo": turbo("turbo, its own binary", binaries[0]),
                  "wrapper": turbo("turbo, by node_modules/.bin", wrapper)}
    if context.docker:
        contenders["docker"] = ours("docker")
    measure.add(in_turns(context.rounds * 2, contenders))
    yield measure.finish()
    yield one_change(context, project)


def one_change(context, project):
    """What runs again after one change, and what does not."""
    measure = Measure("changed", "One file changed: what runs again", "nothing")
    sources = os.path.join(context.work, "larger-changed")
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(project, sources)

    def changed(name, path, text, runs):
        def run_once(number):
            if path:
                os.makedirs(os.path.dirname(os.path.join(sources, path)), exist_ok=True)
                with open(os.path.join(sources, path), "w", encoding="utf-8") as file:
                    file.write(text.format(time.time_ns()))
            took, report = check(context, "native", sources)
            ran = sorted(one["name"] for one in report["checks"] if not one["cached"])
            if number > 0 and ran != runs:
                raise SystemExit(f"{name}: {ran} ran")
            return {name: took}
        return run_once

    measure.add(in_turns(context.rounds, {
        "nothing": changed("nothing", None, "", []),
        "document": changed("a document below docs", "docs/guide.md", "# {}\n", []),
        "style": changed("a style sheet: not lint", "src/style.css", "/* {} */\n", ["build", "test"]),
        "source": changed("a source: build, test, lint", "src/round.ts", 'export const round = "{}";\n',
                          ["build", "lint", "test"]),
    }))
    return measure.finish()


def prepare_turbo(project):
    path = os.path.join(project, "package.json")
    with open(path, encoding="utf-8") as file:
        package = json.load(file)
    package["packageManager"] = "npm@" + run(["npm", "--version"]).stdout.strip()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(package, file, indent=2)
    with open(os.path.join(project, "turbo.json"), "w", encoding="utf-8") as file:
        json.dump({"tasks": {"build": {"outputs": ["dist/**"]}, "test": {}, "lint": {}}}, file)
    with open(os.path.join(project, ".gitignore"), "a", encoding="utf-8") as file:
        file.write("\nnode_modules\ndist\n.turbo\n")
    run(["git", "add", "--all"], cwd=project)
    run(["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "commit", "--quiet",
         "--allow-empty", "-m", "turbo"], cwd=project)
