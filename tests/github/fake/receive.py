"""The hook that stands where GitHub's own rules for pushes stand (git's `proc-receive`).

It judges each ref for itself, in GitHub's words, and leaves the update of those that it accepts to git.
"""

import fnmatch
import json
import os
import subprocess
import sys

NONE = "0" * 40


def packets(stream):
    """The lines up to the next flush."""
    while True:
        length = int(stream.read(4) or b"0000", 16)
        if length == 0:
            return
        yield stream.read(length - 4)


def send(*lines):
    for line in lines:
        sys.stdout.buffer.write(b"%04x" % (len(line) + 4) + line)
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()


def git(*args):
    return subprocess.run(["git", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout.decode()


def forced(old, new):
    return subprocess.run(["git", "merge-base", "--is-ancestor", old, new], capture_output=True).returncode != 0


def workflow(old, new):
    """A workflow's file that the push brings in, if there is one."""
    if new == NONE:
        return None
    try:
        found = git("log", "-m", "--first-parent", "--format=", "--name-only", "-z", new, "--not", "--all", "--",
                    ".github/workflows")
    except subprocess.CalledProcessError:
        # No commit: it brings no workflow that would run.
        return None
    return next((name for name in found.replace("\n", "").split("\0") if name), None)


def objections(rule, old, new, rules):
    """What a protected branch has against an update."""
    if new == NONE:
        return [] if rule["allow_deletions"] else ["Cannot delete this branch"]
    found = []
    if not rule["allow_force_pushes"] and forced(old, new):
        found.append("Cannot force-push to this branch")
    if rule["pull_request"]:
        found.append("Changes must be made through a pull request.")
    missing = [context for context in rule["contexts"] if context not in rules["green"].get(new, ())]
    if len(missing) == 1:
        found.append(f'Required status check "{missing[0]}" is expected.')
    elif missing:
        found.append(f"{len(missing)} of {len(rule['contexts'])} required status checks are expected.")
    return found


def judge(ref, old, new, rules):
    """Why an update is refused, and the words for the person who pushes; None if it is not."""
    for refusal in rules["refusals"]:
        if fnmatch.fnmatchcase(ref, refusal["ref"]):
            return refusal["reason"], refusal["lines"]
    if rules["workflow"]:
        path = workflow(old, new)
        if path:
            who, what = rules["workflow"]
            return f"refusing to allow {who} to create or update workflow `{path}` without {what}", []
    for pattern, rule in rules["protection"].items():
        # A branch that is not there yet is made freely.
        if old == NONE or (rules["admin"] and not rule["enforce_admins"]):
            continue
        if fnmatch.fnmatchcase(ref, "refs/heads/" + pattern):
            found = objections(rule, old, new, rules)
            if found and rule["ruleset"]:
                words = [f"error: GH013: Repository rule violations found for {ref}.", ""]
                words += [word for one in found for word in (f"- {one}", "")]
                return "push declined due to repository rule violations", words
            if found:
                words = [f"error: GH006: Protected branch update failed for {ref}.", ""]
                return "protected branch hook declined", words + [f"- {one}" for one in found]
    return None


def main():
    rules = json.loads(os.environ["FAKE_GITHUB_RULES"])
    list(packets(sys.stdin.buffer))
    send(b"version=1\n")
    answers = []
    for line in list(packets(sys.stdin.buffer)):
        old, new, ref = line.decode(errors="surrogateescape").rstrip("\n").split(" ", 2)
        refused = judge(ref, old, new, rules)
        name = ref.encode(errors="surrogateescape")
        if refused:
            reason, words = refused
            for word in words:
                print(word, file=sys.stderr)
            answers.append(b"ng " + name + b" " + reason.encode())
        else:
            answers += [b"ok " + name, b"option fall-through"]
            if old == NONE and ref.startswith("refs/heads/") and ref != "refs/heads/" + rules["default_branch"]:
                branch = ref.removeprefix("refs/heads/")
                print(f"\nCreate a pull request for '{branch}' on GitHub by visiting:\n     {rules['url']}/pull/new/{branch}\n",
                      file=sys.stderr)
    sys.stderr.flush()
    send(*answers)


if __name__ == "__main__":
    main()
