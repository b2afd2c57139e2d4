"""Git's smart HTTP: `git http-backend` behind GitHub's words about who may fetch and push."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading

import access
import events
import shapes
from answer import Answer, Problem
from git import ENV
from world import at_least

PATHS = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack)")
CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}


def said(status, words, headers=None):
    return Answer(status, words.encode(), headers, kind="text/plain; charset=utf-8")


def is_git(request):
    return PATHS.fullmatch(request.path) is not None


def serve(world, request):
    """Answers a request of a git client."""
    owner, name, what = PATHS.fullmatch(request.path).groups()
    service = what[1:]
    if what == "/info/refs":
        service = dict(part.partition("=")[::2] for part in request.query.split("&")).get("service")
        if service not in ("git-upload-pack", "git-receive-pack"):
            return said(403, "Please upgrade your git client.\nGitHub.com no longer supports git over dumb-http: "
                             "https://github.com/blog/809-git-dumb-http-transport-to-be-turned-off-in-90-days")
    pushing = service == "git-receive-pack"
    with world.lock:
        refused, repo, actor = admit(world, request, owner, name, pushing)
        if refused:
            return refused
        turn = world.pushing.setdefault(repo["id"], threading.Lock())
        git = world.git(repo)
        rules = rules_of(world, repo, actor) if pushing else {}
    if not (pushing and request.method == "POST"):
        return backend(git, request, what, rules)
    # One push at a time, so that what it moved is known.
    with turn:
        before = git.refs()
        found = backend(git, request, what, rules)
        with world.lock:
            if events.pushed(world, repo, before, git.refs(), actor.name):
                world.save()
    return found


def admit(world, request, owner, name, pushing):
    """An answer that refuses, or the repository and who it is."""
    header = request.headers.get("authorization")
    try:
        actor = access.actor(world, header)
    except Problem:
        return said(401, "Invalid username or token. Password authentication is not supported for Git operations.",
                    CHALLENGE), None, None
    if actor.kind == "app":
        return said(401, "Invalid username or token.", CHALLENGE), None, None
    repo, moved = world.repo(owner, name), world.repo_moved(owner, name)
    if repo is None and moved is not None and actor.level(moved) != "none":
        rest = request.path.split("/", 3)[3]
        to = f"{world.url}/{world.full_name(moved)}.git/{rest}" + (f"?{request.query}" if request.query else "")
        return Answer(301, b"", {"Location": to}), None, None
    level = actor.level(repo) if repo else "none"
    if actor.kind == "nobody" and (level == "none" or pushing):
        return said(401, "No anonymous write access." if level != "none" else "Repository not found.", CHALLENGE), None, None
    if level == "none":
        return said(404, "Repository not found."), None, None
    contents = ("contents", "write" if pushing else "read")
    if actor.bounded and (repo["private"] or pushing) and not actor.granted(*contents):
        return said(403, "Write access to repository not granted."), None, None
    if pushing and not at_least(level, "write"):
        return said(403, f"Permission to {world.full_name(repo)}.git denied to {actor.name}."), None, None
    if pushing and repo["archived"]:
        return said(403, "This repository was archived so it is read-only."), None, None
    return None, repo, actor


def rules_of(world, repo, actor):
    """What the hook judges by."""
    if actor.kind == "classic":
        workflow = None if actor.scope("workflow") else ("a Personal Access Token", "`workflow` scope")
    else:
        who = "a GitHub App" if actor.kind == "installation" else "a Personal Access Token"
        workflow = None if actor.granted("workflows", "write") else (who, "`workflows` permission")
    # Only what a branch's rule asks for.
    green = {}
    if any(rule["contexts"] for rule in repo["protection"].values()):
        green = {sha: [one["context"] for one in shapes.latest(repo, sha) if one["state"] == "success"]
                 for sha in repo["statuses"]}
    return {"protection": repo["protection"], "refusals": repo["refusals"], "workflow": workflow, "green": green,
            "admin": actor.level(repo) == "admin", "default_branch": repo["default_branch"],
            "url": f"{world.url}/{world.full_name(repo)}"}


def backend(git, request, what, rules):
    """Runs `git http-backend` as a web server does."""
    env = {**ENV, "GIT_PROJECT_ROOT": os.path.dirname(git.path), "GIT_HTTP_EXPORT_ALL": "1",
           "PATH_INFO": f"/{os.path.basename(git.path)}{what}", "QUERY_STRING": request.query, "REQUEST_METHOD": request.method,
           "CONTENT_TYPE": request.headers.get("content-type", ""), "REMOTE_USER": "octo", "REMOTE_ADDR": "127.0.0.1",
           "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
           "GIT_PROTOCOL": request.headers.get("git-protocol", ""), "FAKE_GITHUB_PYTHON": sys.executable,
           "FAKE_GITHUB_RULES": json.dumps(rules)}
    if request.method == "POST":
        env["CONTENT_LENGTH"] = str(request.length)
    out = tempfile.TemporaryFile()
    request.upload.seek(0)
    done = subprocess.run(["git", "http-backend"], env=env, stdin=request.upload, stdout=out, stderr=subprocess.PIPE)
    out.seek(0)
    status, headers = 200, {}
    for line in iter(out.readline, b""):
        key, _, value = line.decode("latin-1").strip().partition(": ")
        if not key:
            break
        if key == "Status":
            status = int(value.split()[0])
        else:
            headers[key] = value
    if done.returncode != 0 and not headers:
        return said(500, done.stderr.decode(errors="replace"))
    return Answer(status, None, headers, file=out)
