"""A daemon as it runs, driven over REST: what unchanged checks, a healing attempt and a long queue cost."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from projects import larger_project
from timing import Measure, millis, say

TOKEN = "a-benchmark-s-secret"
CHECKS = ("build", "test", "lint")
PATIENCE = 900


class Daemon:
    """`sluice serve` on a folder of its own; its gates run all checks, where they are not given."""

    def __init__(self, context, name, engine="native", demands='checks = ["install", "build", "test", "lint"]\n', env=()):
        self.folder = os.path.join(context.work, f"daemon-{name}")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "gates"))
        for number in range(10):
            with open(os.path.join(self.folder, "gates", f"g{number}.toml"), "w", encoding="utf-8") as file:
                file.write(f'name = "Gate {number}"\npurpose = "A benchmark."\nworker = "backend"\n{demands}')
        with open(os.path.join(self.folder, "sluice.toml"), "w", encoding="utf-8") as file:
            file.write(f'[gates]\ndir = "gates"\n[engine]\ndefault = "{engine}"\n')
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [context.sluice, "serve", "--data", "data", "--listen", f"127.0.0.1:{self.port}"], cwd=self.folder,
            env=dict(os.environ, SLUICE__ADMIN_TOKEN=TOKEN, **dict(env)), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.until(self.is_up, "the daemon answers")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def is_up(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the daemon ended: see {self.folder}/log")
        try:
            return self.ask("GET", "/readyz", root="")[0] == 200
        except OSError:
            self.connection.close()
            return False

    def ask(self, method, path, body=None, root="/api/v1", **headers):
        """The status, and the answer as JSON where it is that."""
        head = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if isinstance(body, (dict, list)):
            body, head["Content-Type"] = json.dumps(body), "application/json"
        self.connection.request(method, root + path, body=body, headers=head)
        response = self.connection.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def must(self, method, path, body=None, **headers):
        status, answer = self.ask(method, path, body, **headers)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer}")
        return answer

    def until(self, holds, what, pause=0.05):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(pause)
        raise SystemExit(f"this did not happen: {what}")

    def project(self, name, files=()):
        self.must("POST", "/projects", {"name": name, "kind": "web", "template": "blank"})
        for path, text in dict(files).items():
            self.put(name, path, text)

    def put(self, project, path, text):
        status, _ = self.ask("PUT", f"/projects/{project}/files/{path}", text.encode(), If_None_Match="*")
        if status == 412:
            self.connection.request("GET", f"/api/v1/projects/{project}/files/{path}",
                                    headers={"Authorization": f"Bearer {TOKEN}"})
            response = self.connection.getresponse()
            response.read()
            self.must("PUT", f"/projects/{project}/files/{path}", text.encode(), If_Match=response.headers["ETag"])
        elif status >= 300:
            raise SystemExit(f"PUT {path}: {status}")

    def checks(self, project, only):
        """Asks for checks and waits for their end."""
        asked = self.must("POST", f"/projects/{project}/checks", {"only": list(only)})
        return self.until(lambda: self.ended(asked["id"]), "the checks end", pause=0.0005)

    def ended(self, check):
        found = self.must("GET", f"/checks/{check}")
        if found["state"] == "failed":
            raise SystemExit(f"the checks could not be run: {found['fault']}")
        return found if found["ended_at"] else None

    def memory(self, field):
        """Kilobytes of the daemon's memory, such as `VmHWM`, the most it ever had."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def files_of(project):
    """The text files of a project that git knows."""
    named = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout.split("\n")
    files = {}
    for path in filter(None, named):
        with open(os.path.join(project, path), encoding="utf-8") as file:
            files[path] = file.read()
    return files


def measure(context):
    """Nothing changed, asked of a daemon; and a healing attempt in the same one."""
    with Daemon(context, "unchanged") as daemon:
        say("  the project is laid down and checked once")
        daemon.project("larger", files_of(larger_project(context)))
        first = daemon.checks("larger", ("install", *CHECKS))
        if first["report"]["verdict"] != "pass":
            raise SystemExit(f"a green project was expected: {first['report']}")
        measure = Measure("daemon", "Nothing changed, in the daemon", "from the request to the answer")
        for number in range(context.rounds * 10 + 1):
            start = time.monotonic()
            found = daemon.checks("larger", CHECKS)
            took = (time.monotonic() - start) * 1e3
            if not all(one["cached"] for one in found["report"]["checks"]):
                raise SystemExit("everything was expected to be cached")
            if number > 0:
                measure.add({"from the request to the answer": [took],
                             "of it the checks (`wall_ms`)": [max(found["report"]["wall_ms"], 0.5)]})
        measure.note("Asked by POST, and for the end by GET every half millisecond, over one connection. `wall_ms` is in whole "
                     "milliseconds, 0 is shown as 0.5.")
        yield measure.finish()
        yield heal(daemon)


def heal(daemon):
    """A red attempt at a gate, and the one that heals it by changing one source."""
    measure = Measure("heal", "A healing attempt that changes one source file: what ran", "checks")
    reply = "```ts:src/round.ts\nexport const round: {} = {};\n```\n"
    for number, (kind, value) in enumerate((("number", '"not a number"'), ("number", "7"))):
        start = time.monotonic()
        daemon.until(lambda: daemon.ask("POST", "/projects/larger/replies", reply.format(kind, value),
                                        Content_Type="text/markdown")[0] < 300, "the reply is taken", 0.2)

        def evaluated():
            status, attempt = daemon.ask("GET", f"/projects/larger/gates/g0/attempts/{number}")
            return attempt if status == 200 and attempt["evaluation"] else None
        attempt = daemon.until(evaluated, f"attempt {number} is evaluated")
        measure.add({f"attempt {number}: {attempt['evaluation']['verdict']}": [(time.monotonic() - start) * 1e3]})
        checks = attempt["evaluation"]["checks"]["checks"]
        words = [f"{one['name']} ({'remembered' if one['cached'] else millis(one['wall_ms'])}, {one['verdict']})"
                 for one in checks]
        measure.note(f"- Attempt {number}: " + ", ".join(words) + ".")
        if next(one for one in checks if one["name"] == "install")["cached"] is not True:
            raise SystemExit("the installation was expected to be remembered")
    measure.base = next(iter(measure.times))
    return measure.finish()


def measure_queue(context):
    """200 checks of 20 projects at once: all end, and what the daemon's memory was."""
    projects, each = 20, 10
    with Daemon(context, "queue") as daemon:
        asked = []
        for project in range(projects):
            name = f"project-{project}"
            daemon.project(name, {
                "package.json": '{"name": "x", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}\n',
                "test/a.test.js": 'import test from "node:test";\ntest("holds", () => {});\n'})
        say(f"  {projects} projects are there")
        measure = Measure("queue", f"{projects * each} queued checks of {projects} projects", "all of them")
        before = daemon.memory("VmRSS")
        start = time.monotonic()
        for number in range(each):
            for project in range(projects):
                name = f"project-{project}"
                # Another tree each time, so that nothing is remembered.
                daemon.put(name, "src/a.js", f"export const number = {number};\n// {name} {time.time_ns()}\n")
                asked.append(daemon.must("POST", f"/projects/{name}/checks", {"only": ["test"]})["id"])
        say("  all are asked for")

        def all_ended():
            while asked:
                ended = daemon.ended(asked[0])
                if not ended:
                    break
                asked.pop(0)
                tests = [one for one in ended["report"]["checks"] if one["name"] == "test"]
                verdicts.append((tests[0]["verdict"], tests[0]["cached"]))
            return not asked
        verdicts = []
        daemon.until(all_ended, "all checks end", 0.1)
        measure.add({"all of them": [(time.monotonic() - start) * 1e3]})
        passed = sum(verdict == "pass" for verdict, _ in verdicts)
        fresh = sum(not cached for _, cached in verdicts)
        measure.note(f"- {len(verdicts)} of {projects * each} ended: {passed} passed, {fresh} ran and were not remembered.")
        measure.note(f"- Memory of the daemon: {before / 1024:.0f} MB before, {daemon.memory('VmHWM') / 1024:.0f} MB at most "
                     "(`VmHWM`); the goal is 80 MB.")
        measure.figures.update(ended=len(verdicts), passed=passed, peak_kib=daemon.memory("VmHWM"))
        yield measure.finish()
