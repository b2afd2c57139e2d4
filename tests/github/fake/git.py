"""Git below the fake: bare repositories, and the plain git program."""

import os
import subprocess

NONE = "0" * 40
HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "receive.py")
ENV = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
       "GIT_TERMINAL_PROMPT": "0"}


class Missing(Exception):
    """Git does not find, or does not do, what was asked."""


class Git:
    """One bare repository."""

    def __init__(self, path):
        self.path = path

    def run(self, *args, data=None, env=None):
        done = subprocess.run(["git", *args], cwd=self.path, env={**ENV, **(env or {})}, input=data,
                              stdin=subprocess.DEVNULL if data is None else None, capture_output=True)
        if done.returncode != 0:
            raise Missing(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def text(self, *args, **more):
        return self.run(*args, **more).decode(errors="replace").strip()

    def init(self, branch):
        os.makedirs(self.path, exist_ok=True)
        self.run("init", "--quiet", "--bare", f"--initial-branch={branch}")
        for key, value in {"http.receivepack": "true", "receive.procReceiveRefs": "refs", "uploadpack.allowFilter": "true",
                           "receive.hideRefs": "refs/pull", "receive.advertiseAtomic": "true", "gc.auto": "0",
                           "uploadpack.allowAnySHA1InWant": "true"}.items():
            self.run("config", key, value)
        hook = os.path.join(self.path, "hooks", "proc-receive")
        os.makedirs(os.path.dirname(hook), exist_ok=True)
        with open(hook, "w", encoding="utf-8") as file:
            # The Python that runs the fake, whatever `python3` is elsewhere.
            file.write(f'#!/bin/sh\nexec "$FAKE_GITHUB_PYTHON" -B {HOOK!r}\n')
        os.chmod(hook, 0o755)

    def refs(self, prefix="refs/"):
        """Each ref with its object, which may be a tag's."""
        lines = self.text("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", prefix).splitlines()
        return {name: (sha, kind) for name, sha, kind in (line.rsplit(" ", 2) for line in lines)}

    def empty(self):
        return not self.text("for-each-ref", "--count=1")

    def branch(self, name):
        """The commit of a branch, or None."""
        return self.resolve(f"refs/heads/{name}")

    def resolve(self, what):
        """A commit's full name, or None."""
        if not what or what.startswith("-"):
            return None
        try:
            return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", what + "^{commit}")
        except Missing:
            return None

    def commit_of(self, ref):
        """What GitHub takes for a ref in a path: a branch, a tag, a full ref or a (shortened) commit."""
        for form in ("refs/heads/{}", "refs/tags/{}", "refs/{}", "{}"):
            found = self.resolve(form.format(ref))
            if found:
                return found
        return None

    def set_ref(self, ref, new, old=None):
        self.run("update-ref", ref, new, *([old] if old is not None else []))

    def ancestor(self, old, new):
        try:
            self.run("merge-base", "--is-ancestor", old, new)
            return True
        except Missing:
            return False

    def base(self, one, other):
        try:
            return self.text("merge-base", one, other).splitlines()[0]
        except Missing:
            return None

    def count(self, span):
        return int(self.text("rev-list", "--count", span))

    def commit(self, sha):
        """The parts of one commit."""
        form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
        parts = self.run("show", "-s", f"--format={form}", "--no-notes", sha).decode(errors="replace").split("\0")
        names = ("sha", "tree", "parents", "author", "author_email", "authored", "committer", "committer_email", "committed")
        found = dict(zip(names, parts))
        found["parents"], found["message"] = found["parents"].split(), parts[9].rstrip("\n")
        return found

    def log(self, *span, limit=250):
        return self.text("rev-list", f"--max-count={limit}", *span).split()

    def stat(self, span):
        """Changed files, added and removed lines."""
        files = added = removed = 0
        for line in self.text("diff", "--numstat", "--no-renames", *span).splitlines():
            more, less, _ = line.split("\t", 2)
            files += 1
            added, removed = added + (int(more) if more != "-" else 0), removed + (int(less) if less != "-" else 0)
        return files, added, removed

    def write(self, parents, changes, message, who, tree_of=None):
        """A commit that changes files: a text for each path, None to delete it."""
        index = {"GIT_INDEX_FILE": os.path.join(self.path, "fake-index")}
        base = tree_of or (parents[0] if parents else None)
        self.run("read-tree", *([base] if base else ["--empty"]), env=index)
        for path, text in changes.items():
            if text is None:
                self.run("update-index", "--force-remove", "--", path, env=index)
            else:
                blob = self.text("hash-object", "-w", "--stdin", data=text.encode())
                self.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        return self.record(self.text("write-tree", env=index), parents, message, who)

    def record(self, tree, parents, message, who):
        name = {f"GIT_{part}_{what}": value for part in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", who), ("EMAIL", f"{who}@users.noreply.example"))}
        words = [word for parent in parents for word in ("-p", parent)]
        return self.text("commit-tree", tree, *words, data=message.encode(), env=name)

    def merged_tree(self, base, head):
        """The tree of a merge, or None where it conflicts."""
        try:
            return self.text("merge-tree", "--write-tree", base, head).splitlines()[0]
        except Missing:
            return None
