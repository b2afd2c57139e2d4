"""What happened in a repository, and the webhooks that tell of it."""

import hmac
import http.client
import ipaddress
import json
import queue
import threading
import time
import urllib.parse
import uuid

import shapes
from git import NONE
from world import now

KEPT = 1000
PATIENCE = 10


class Courier:
    """Delivers one after another, in the background; each once, as GitHub does."""

    def __init__(self, world):
        self.world, self.waiting = world, queue.Queue()
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            one = self.waiting.get()
            try:
                self.deliver(one)
            finally:
                self.waiting.task_done()

    def deliver(self, one):
        body = one["body"].encode()
        start = time.monotonic()
        status, answer, words = 0, "", "failed to connect to host"
        try:
            status, answer = post(one["url"], body, one["headers"])
            words = "OK" if status < 300 else f"Invalid HTTP Response: {status}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            answer = str(error)
        with self.world.lock:
            one.update(status_code=status, status=words, duration=round(time.monotonic() - start, 2), answer=answer)
            for repo in self.world.state["repos"].values():
                for hook in repo["hooks"]:
                    if hook["id"] == one["hook"]:
                        hook["last_response"] = {"code": status or None, "status": "active" if status else "unused",
                                                 "message": words}
            self.world.state["deliveries"] = (self.world.state["deliveries"] + [one])[-KEPT:]
            self.world.save()


def post(url, body, headers):
    """Straight to the listener: no proxy of the machine, and no redirect."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=PATIENCE)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        response = connection.getresponse()
        return response.status, response.read(65536).decode(errors="replace")
    finally:
        connection.close()


def reachable(url):
    """Whether it is a listener on this machine: the fake speaks to nobody else."""
    parts = urllib.parse.urlsplit(url)
    try:
        return parts.scheme in ("http", "https") and (parts.hostname == "localhost"
                                                      or ipaddress.ip_address(parts.hostname).is_loopback)
    except ValueError:
        return False


def send(world, repo, event, payload, sender, only=None):
    """Hands an event to every hook that asked for it."""
    if not repo["hooks"]:
        return
    payload = {**payload, "repository": shapes.full_repository(world, repo, "read"),
               "sender": shapes.simple_user(world, sender)}
    owner = world.owner(repo["owner"])
    if owner["kind"] == "Organization":
        payload["organization"] = shapes.simple_organization(world, owner)
    for hook in repo["hooks"]:
        wanted = hook is only or (only is None and hook["active"] and ("*" in hook["events"] or event in hook["events"]))
        if wanted:
            enqueue(world, repo, hook, event, str(uuid.uuid4()), json.dumps(payload, ensure_ascii=False), False)


def enqueue(world, repo, hook, event, guid, payload, again):
    config = hook["config"]
    form = config.get("content_type", "form") != "json"
    body = urllib.parse.urlencode({"payload": payload}) if form else payload
    headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
               "User-Agent": "GitHub-Hookshot/5ab1ce5", "Accept": "*/*", "X-GitHub-Event": event, "X-GitHub-Delivery": guid,
               "X-GitHub-Hook-ID": str(hook["id"]), "X-GitHub-Hook-Installation-Target-ID": str(repo["id"]),
               "X-GitHub-Hook-Installation-Target-Type": "repository"}
    if config.get("secret"):
        for name, kind in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")):
            headers[name] = f"{kind}=" + hmac.new(config["secret"].encode(), body.encode(), kind).hexdigest()
    world.courier.waiting.put({
        "id": world.new_id(), "hook": hook["id"], "repo": repo["id"], "guid": guid, "event": event,
        "action": json.loads(payload).get("action"), "delivered_at": now(), "redelivery": again, "url": config["url"],
        "headers": headers, "body": body, "payload": payload})


def about_pull(world, repo, pull, action, sender):
    send(world, repo, "pull_request", {"action": action, "number": pull["number"],
                                       "pull_request": shapes.pull(world, repo, pull, "read", full=True)}, sender)


def merged(world, repo, pull, sha, sender):
    pull.update(state="closed", merged_at=now(), closed_at=now(), updated_at=now(), merged_by=sender, merge_sha=sha)
    about_pull(world, repo, pull, "closed", sender)


def listed(found):
    commit = {"id": found["sha"], "tree_id": found["tree"], "distinct": True, "message": found["message"],
              "timestamp": found["committed"]}
    return {**commit, "author": {"name": found["author"], "email": found["author_email"]},
            "committer": {"name": found["committer"], "email": found["committer_email"]}, "added": [], "removed": [],
            "modified": []}


def pushed(world, repo, before, after, sender):
    """Refs moved: what becomes of pull requests, and who is told."""
    git = world.git(repo)
    moved = [(ref, before.get(ref, (NONE,))[0], after.get(ref, (NONE,))[0]) for ref in sorted({*before, *after})
             if before.get(ref) != after.get(ref) and not ref.startswith("refs/pull/")]
    if not moved:
        return moved
    repo["pushed_at"] = repo["updated_at"] = now()
    heads = [ref.removeprefix("refs/heads/") for ref, _, new in moved if ref.startswith("refs/heads/") and new != NONE]
    if heads and not git.branch(repo["default_branch"]):
        repo["default_branch"] = heads[0]
        git.run("symbolic-ref", "HEAD", f"refs/heads/{heads[0]}")
    for ref, old, new in moved:
        world.pushes.append({"repository": world.full_name(repo), "ref": ref, "old": old, "new": new, "by": sender, "at": now(),
                             "forced": NONE not in (old, new) and not git.ancestor(old, new)})
        tell(world, repo, git, ref, old, new, sender)
    for pull in repo["pulls"]:
        follow(world, repo, git, pull, sender)
    return moved


def tell(world, repo, git, ref, old, new, sender):
    """The event `push`, and `create` or `delete`; GitHub tells of branches and tags only."""
    kind = "branch" if ref.startswith("refs/heads/") else "tag" if ref.startswith("refs/tags/") else None
    if kind is None or not repo["hooks"]:
        return
    full = world.full_name(repo)
    head = git.resolve(new) if new != NONE else None
    shown = []
    if head:
        shown = [listed(git.commit(sha)) for sha in reversed(git.log(head, *([f"^{old}"] if old != NONE else []), limit=20))]
    send(world, repo, "push", {
        "ref": ref, "before": old, "after": new, "created": old == NONE, "deleted": new == NONE,
        "forced": NONE not in (old, new) and not git.ancestor(old, new), "base_ref": None,
        "compare": f"{world.url}/{full}/compare/{old[:12]}...{new[:12]}", "commits": shown,
        "head_commit": listed(git.commit(head)) if head else None,
        "pusher": {"name": sender, "email": f"{sender}@users.noreply.example"}}, sender)
    if NONE in (old, new):
        send(world, repo, "create" if old == NONE else "delete",
             {"ref": ref.split("/", 2)[2], "ref_type": kind, "master_branch": repo["default_branch"], "description": None,
              "pusher_type": "user"}, sender)


def follow(world, repo, git, pull, sender):
    """An open pull request follows its branches: new commits, merged by a push, closed with its branch."""
    if pull["state"] != "open":
        return
    head, base = git.branch(pull["head"]), git.branch(pull["base"])
    if head and head != pull["head_sha"]:
        pull.update(head_sha=head, updated_at=now())
        git.set_ref(f"refs/pull/{pull['number']}/head", head)
        about_pull(world, repo, pull, "synchronize", sender)
    if base and base != pull["base_sha"]:
        pull["base_sha"] = base
        if git.ancestor(pull["head_sha"], base):
            merged(world, repo, pull, base, sender)
            return
    if not head or not base:
        pull.update(state="closed", closed_at=now(), updated_at=now())
        about_pull(world, repo, pull, "closed", sender)
