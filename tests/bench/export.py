"""An export to a GitHub on this machine, beside `git push` of the same refs to the same server."""

import json
import os
import shutil
import subprocess
import time
import urllib.request

from daemon import Daemon
from timing import Measure, run, say

FILES, COMMITS = 10_000, 1_000
GATE = '[[documents]]\npath = "docs/G.md"\nkind = "markdown"\nsections = ["Goals"]\n'
REPLY = "```md:docs/G.md\n# G\n\n## Goals\n\nPeople measure an export, and see at once how long it took beside a push.\n```\n"
ENDED = ("done", "refused", "failed", "waiting")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class GitHub:
    """`scripts/fake-github` with an empty memory."""

    def __init__(self, context):
        root = os.path.join(context.work, "github")
        shutil.rmtree(root, ignore_errors=True)
        self.process = subprocess.Popen(
            [os.path.join(ROOT, "scripts", "fake-github"), "--json", "--until-eof", "--port", "0", "--root", root],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        self.url, self.token = said["url"], said["token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def control(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/_fake{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def calls(self):
        return [f"{one['method']} {one['path']}" for one in self.control("GET", "/requests") if one["kind"] == "api"]


def prepared(daemon):
    """A project of so many files and commits, with its first gate passed; the folder of its git data."""
    git = os.path.join(daemon.folder, "data", "git", "large.git")

    def count(*words):
        return int(run(["git", *words], cwd=git).stdout or 0)
    daemon.must("POST", "/projects", {"name": "large", "kind": "web", "template": "blank"})
    tree = os.path.join(daemon.folder, "data", "workspaces", "large")
    for number in range(FILES - COMMITS):
        folder = os.path.join(tree, "src", f"part{number // 100}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"file{number}.ts"), "w", encoding="utf-8") as file:
            file.write("".join(f"export const value{number}x{line} = {number * line};\n" for line in range(20)))

    def taken_in():
        found = run(["git", "ls-tree", "-r", "--name-only", "refs/heads/work"], cwd=git, ok=(0, 128)).stdout
        return found.count("\n") >= FILES - COMMITS
    daemon.until(taken_in, "the files are taken in", 0.5)
    say("  the files are there")
    for number in range(COMMITS):
        daemon.put("large", f"notes/n{number % 50}/note{number}.md", f"# Note {number}\n\nIt changes with each commit.\n" * 5)
    say("  the commits are there")
    anna = daemon.must("POST", "/tokens", {"name": "Anna", "role": "approver"})["token"]
    daemon.until(lambda: daemon.ask("POST", "/projects/large/replies", REPLY, Content_Type="text/markdown")[0] < 300,
                 "the reply is taken", 0.2)

    def view():
        return daemon.must("GET", "/projects/large/gates/g0")
    daemon.until(lambda: view()["state"] == "awaiting_approval", "the attempt is green", 0.2)
    daemon.must("POST", "/projects/large/gates/g0/approve", {"subject_digest": view()["subject_digest"], "comment": "fine"},
                Authorization=f"Bearer {anna}")
    daemon.until(lambda: view()["state"] == "approved", "the gate is passed", 0.2)
    found = count("rev-list", "--count", "refs/heads/main"), len(
        run(["git", "ls-tree", "-r", "--name-only", "refs/heads/main"], cwd=git).stdout.splitlines())
    if found[0] < COMMITS or found[1] < FILES:
        raise SystemExit(f"{COMMITS} commits and {FILES} files were expected: {found}")
    say(f"  {found[0]} commits, {found[1]} files, the first gate is passed")
    return git, found


def export(daemon, repo):
    """Milliseconds of an export from the request to its end."""
    start = time.monotonic()
    asked = daemon.must("POST", "/projects/large/exports/github", {
        "owner": "octo", "repo": repo, "create": True, "private": True})

    def ended():
        found = daemon.must("GET", f"/projects/large/exports/github/{asked['id']}")
        return found if found["state"] in ENDED else None
    found = daemon.until(ended, "the export ends", 0.01)
    took = (time.monotonic() - start) * 1e3
    if found["state"] != "done":
        raise SystemExit(f"the export ended otherwise: {found}")
    return took


def push(github, git, repo):
    """Milliseconds of `git push` of the same refs into a repository that is there."""
    github.control("POST", "/repos", {"owner": "octo", "name": repo, "private": True})
    to = f"{github.url.replace('://', f'://x-access-token:{github.token}@')}/octo/{repo}.git"
    env = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull, GIT_TERMINAL_PROMPT="0")
    start = time.monotonic()
    run(["git", "push", "--quiet", to, "refs/heads/main", "refs/tags/*:refs/tags/*", "refs/gates/*:refs/gates/*"], cwd=git,
        env=env)
    return (time.monotonic() - start) * 1e3


def measure(context):
    """Exports and pushes in turns, each into a repository of its own; then one more export with nothing new."""
    with GitHub(context) as github, Daemon(context, "export", demands=GATE, env={
            "SLUICE__GITHUB__API_URL": github.url, "SLUICE__GITHUB__TOKEN": github.token}.items()) as daemon:
        git, (commits, files) = prepared(daemon)
        # From here on, the most that it ever had is of exports.
        with open(f"/proc/{daemon.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        before = daemon.memory("VmRSS")
        ours, theirs = "`sluice export`, whole", "`git push` of the same refs"
        measure = Measure("export", f"Export of {files:,} files and {commits:,} commits", theirs)
        for number in range(context.rounds + 1):
            contenders = [lambda: (ours, export(daemon, f"export-{number}")),
                          lambda: (theirs, push(github, git, f"push-{number}"))]
            for contender in contenders[::-1] if number % 2 else contenders:
                name, took = contender()
                if number > 0:
                    measure.add({name: [took]})
            say(f"  round {number} of {context.rounds}, load {os.getloadavg()[0]:.1f}")
        peak = daemon.memory("VmHWM")
        github.control("DELETE", "/requests")
        again = export(daemon, "export-1")
        calls = github.calls()
        same = [{ref: sha for ref, sha in github.control("GET", f"/repos/octo/{repo}-1")["refs"].items()}
                for repo in ("export", "push")]
        if same[0] != same[1]:
            raise SystemExit("the export and the push left different refs")
        measure.note("The export makes the repository too and waits for its statuses; the push goes into one that is there.")
        measure.note(f"- Memory of the daemon: {before / 1024:.0f} MB before the first export, {peak / 1024:.0f} MB at most "
                     "(`VmHWM`); the goal is 150 MB.")
        measure.note(f"- A second export with nothing new: {len(calls)} API calls, {again:.0f} ms; the goal is 3 calls. "
                     + " ".join(f"`{call}`" for call in calls))
        measure.figures.update(peak_kib=peak, before_kib=before, calls_again=len(calls))
        yield measure.finish()
