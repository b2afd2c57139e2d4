"""Endpoints about what git holds, and about what is said of commits: branches, refs, commits, statuses, SARIF."""

import base64
import binascii
import gzip
import json
import re
import zlib

import events
import shapes
from answer import Answer, Problem, invalid, malformed, not_found
from api import route
from git import Missing
from world import node_id, now

SHA = re.compile(r"[0-9a-f]{40}")
STATES = ("error", "failure", "pending", "success")


def not_empty(call):
    if call.git.empty():
        raise Problem(409, "Git Repository is empty.")


def branch_shown(call, name, sha, full=False):
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}"
    rule = call.repo["protection"].get(name)
    checks = {"enforcement_level": "everyone" if rule and rule["contexts"] else "off",
              "contexts": rule["contexts"] if rule else [], "checks": []}
    found = {"name": name, "commit": {"sha": sha, "url": f"{api}/commits/{sha}"}, "protected": rule is not None,
             "protection": {"enabled": rule is not None, "required_status_checks": checks},
             "protection_url": f"{api}/branches/{name}/protection"}
    if full:
        page = f"{call.world.url}/{call.world.full_name(call.repo)}/tree/{name}"
        found.update(commit=shapes.commit(call.world, call.repo, sha), _links={"self": f"{api}/branches/{name}", "html": page})
    return found


@route("GET", "/repos/{owner}/{repo}/branches", "branches/branches#list-branches", needs="read", grant=("contents", "read"))
def branches(call):
    found = [(ref.removeprefix("refs/heads/"), sha) for ref, (sha, _) in call.git.refs("refs/heads/").items()]
    if call.query.get("protected") in ("true", "false"):
        wanted = call.query["protected"] == "true"
        found = [one for one in found if (one[0] in call.repo["protection"]) == wanted]
    return Answer(body=[branch_shown(call, *one) for one in call.page(found)])


@route("GET", "/repos/{owner}/{repo}/branches/{branch+}", "branches/branches#get-a-branch", needs="read",
       grant=("contents", "read"))
def branch(call):
    sha = call.git.branch(call.path["branch"])
    if not sha:
        raise Problem(404, "Branch not found")
    return Answer(body=branch_shown(call, call.path["branch"], sha, full=True))


@route("GET", "/repos/{owner}/{repo}/commits", "commits/commits#list-commits", needs="read", grant=("contents", "read"))
def commits(call):
    not_empty(call)
    start = call.git.commit_of(call.query.get("sha") or call.repo["default_branch"])
    if not start:
        raise not_found()
    return Answer(body=[shapes.commit(call.world, call.repo, sha) for sha in call.page(call.git.log(start, limit=1000))])


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/status", "commits/statuses#get-the-combined-status-for-a-specific-reference",
       needs="read", grant=("statuses", "read"))
def combined(call):
    sha = known(call)
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}"
    found = shapes.latest(call.repo, sha)
    return Answer(body={"state": shapes.combined_state(found), "total_count": len(found), "sha": sha,
                        "statuses": [shapes.status(call.world, call.repo, sha, one) for one in call.page(found)],
                        "repository": shapes.repository(call.world, call.repo, call.level),
                        "commit_url": f"{api}/commits/{sha}", "url": f"{api}/commits/{sha}/status"})


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/statuses", "commits/statuses#list-commit-statuses-for-a-reference",
       needs="read", grant=("statuses", "read"))
def statuses(call):
    sha = known(call)
    found = list(reversed(call.repo["statuses"].get(sha, [])))
    return Answer(body=[status_shown(call, sha, one) for one in call.page(found)])


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/pulls", "commits/commits#list-pull-requests-associated-with-a-commit",
       needs="read", grant=("pull_requests", "read"))
def pulls_of(call):
    sha = known(call)
    found = [one for one in call.repo["pulls"] if call.git.ancestor(sha, one["head_sha"])
             and not call.git.ancestor(sha, one["base_sha"])]
    return Answer(body=[shapes.pull(call.world, call.repo, one, call.level) for one in call.page(found)])


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}", "commits/commits#get-a-commit", needs="read", grant=("contents", "read"))
def commit(call):
    return Answer(body=shapes.commit(call.world, call.repo, known(call), full=True))


def known(call):
    """The commit that a path names."""
    not_empty(call)
    sha = call.git.commit_of(call.path["ref"])
    if not sha:
        raise Problem(422, f"No commit found for SHA: {call.path['ref']}")
    return sha


def status_shown(call, sha, one):
    return {**shapes.status(call.world, call.repo, sha, one), "creator": shapes.simple_user(call.world, one["creator"])}


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "commits/statuses#create-a-commit-status", needs="write",
       grant=("statuses", "write"), scopes="repo, repo:status")
def create_status(call):
    body = call.body(state=str, target_url=str, description=str, context=str)
    sha = call.path["sha"]
    if not SHA.fullmatch(sha) or call.git.resolve(sha) != sha:
        raise Problem(422, f"No commit found for SHA: {sha}")
    if body.get("state") not in STATES:
        raise invalid("Status", "state", "custom", "state is not included in the list")
    if len(body.get("description", "")) > 140:
        raise invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
    if body.get("target_url") and not re.match(r"https?://", body["target_url"]):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    context = body.get("context", "default")
    if len(context) > 255:
        raise invalid("Status", "context", "custom", "context is too long (maximum is 255 characters)")
    there = call.repo["statuses"].setdefault(sha, [])
    if sum(1 for one in there if one["context"] == context) >= 1000:
        raise invalid("Status", code="custom", message="This SHA and context has reached the maximum number of statuses.")
    one = {"id": call.world.new_id(), "state": body["state"], "description": body.get("description"),
           "target_url": body.get("target_url"), "context": context, "creator": call.actor.name, "created_at": now()}
    there.append(one)
    events.send(call.world, call.repo, "status", {"sha": sha, "state": one["state"], "context": context}, call.actor.name)
    return Answer(201, status_shown(call, sha, one))


@route("GET", "/repos/{owner}/{repo}/compare/{span+}", "commits/commits#compare-two-commits", needs="read",
       grant=("contents", "read"))
def compare(call):
    names = call.path["span"].split("...")
    ends = [call.git.commit_of(name.split(":")[-1]) for name in names]
    if len(ends) != 2 or None in ends:
        raise not_found()
    base = call.git.base(*ends)
    if base is None:
        raise Problem(404, f"No common ancestor between {names[0]} and {names[1]}.")
    ahead, behind = call.git.count(f"{ends[0]}..{ends[1]}"), call.git.count(f"{ends[1]}..{ends[0]}")
    state = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}.get((ahead > 0, behind > 0), "diverged")
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}/compare/{call.path['span']}"
    page = api.replace("/repos/", "/", 1)
    new = list(reversed(call.git.log(f"{ends[0]}..{ends[1]}")))
    return Answer(body={"url": api, "html_url": page, "permalink_url": page, "diff_url": f"{page}.diff",
                        "patch_url": f"{page}.patch", "base_commit": shapes.commit(call.world, call.repo, ends[0]),
                        "merge_base_commit": shapes.commit(call.world, call.repo, base), "status": state, "ahead_by": ahead,
                        "behind_by": behind, "total_commits": ahead,
                        "commits": [shapes.commit(call.world, call.repo, sha) for sha in new], "files": []})


# The Git database.

def ref_shown(call, ref, sha, kind):
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}/git"
    return {"ref": ref, "node_id": node_id("Ref", ref), "url": f"{api}/{ref}",
            "object": {"type": kind, "sha": sha, "url": f"{api}/{kind}s/{sha}"}}


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref+}", "git/refs#get-a-reference", needs="read", grant=("contents", "read"))
def ref(call):
    not_empty(call)
    name = "refs/" + call.path["ref"]
    found = call.git.refs(name).get(name)
    if found is None:
        raise not_found()
    return Answer(body=ref_shown(call, name, *found))


@route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref+}", "git/refs#list-matching-references", needs="read",
       grant=("contents", "read"))
def matching(call):
    not_empty(call)
    start = "refs/" + call.path["ref"]
    found = [(name, *of) for name, of in call.git.refs().items() if name.startswith(start)]
    return Answer(body=[ref_shown(call, *one) for one in call.page(found)])


@route("POST", "/repos/{owner}/{repo}/git/refs", "git/refs#create-a-reference", needs="write", grant=("contents", "write"),
       scopes="repo")
def create_ref(call):
    not_empty(call)
    body = call.body(required=("ref", "sha"), ref=str, sha=str)
    if not re.fullmatch(r"refs/[^/]+/.+", body["ref"]):
        raise Problem(422, "Reference name must start with 'refs' and have at least two slashes.")
    if not SHA.fullmatch(body["sha"]):
        raise Problem(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    try:
        kind = call.git.text("cat-file", "-t", body["sha"])
    except Missing:
        raise Problem(422, "Object does not exist") from None
    if body["ref"] in call.git.refs(body["ref"]):
        raise Problem(422, "Reference already exists")
    return move_ref(call, body["ref"], None, body["sha"], kind, 201)


def move_ref(call, name, old, new, kind, status=200):
    before = call.git.refs()
    try:
        call.git.set_ref(name, new, old)
    except Missing:
        raise Problem(422, "Reference update failed") from None
    events.pushed(call.world, call.repo, before, call.git.refs(), call.actor.name)
    return Answer(status, ref_shown(call, name, new, kind))


@route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref+}", "git/refs#update-a-reference", needs="write", grant=("contents", "write"),
       scopes="repo")
def update_ref(call):
    not_empty(call)
    body = call.body(required=("sha",), sha=str, force=bool)
    name = "refs/" + call.path["ref"]
    found = call.git.refs(name).get(name)
    if found is None:
        raise Problem(422, "Reference does not exist")
    new = call.git.resolve(body["sha"])
    if new is None:
        raise Problem(422, "Object does not exist")
    if name.removeprefix("refs/heads/") in call.repo["protection"]:
        raise Problem(422, "Changes must be made through a pull request.")
    if not body.get("force") and not call.git.ancestor(found[0], new):
        raise Problem(422, "Update is not a fast forward")
    return move_ref(call, name, found[0], new, "commit")


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref+}", "git/refs#delete-a-reference", needs="write",
       grant=("contents", "write"), scopes="repo")
def delete_ref(call):
    name = "refs/" + call.path["ref"]
    before = call.git.refs()
    if name not in before:
        raise Problem(422, "Reference does not exist")
    if name.removeprefix("refs/heads/") in call.repo["protection"]:
        raise Problem(422, "Cannot delete this branch")
    call.git.run("update-ref", "-d", name)
    events.pushed(call.world, call.repo, before, call.git.refs(), call.actor.name)
    return Answer(204)


@route("GET", "/repos/{owner}/{repo}/git/commits/{sha}", "git/commits#get-a-commit-object", needs="read",
       grant=("contents", "read"))
def git_commit(call):
    not_empty(call)
    if not SHA.fullmatch(call.path["sha"]) or call.git.resolve(call.path["sha"]) != call.path["sha"]:
        raise not_found()
    return Answer(body=shapes.git_commit(call.world, call.repo, call.path["sha"]))


# Code scanning.

@route("POST", "/repos/{owner}/{repo}/code-scanning/sarifs", "code-scanning/code-scanning#upload-an-analysis-as-sarif-data",
       needs="write", grant=("security_events", "write"), scopes="repo, security_events")
def upload(call):
    if call.repo["private"] and not call.repo["code_security"]:
        raise Problem(403, "Code Security must be enabled for this repository to use code scanning.")
    body = call.body(required=("commit_sha", "ref", "sarif"), commit_sha=str, ref=str, sarif=str, checkout_uri=str,
                     started_at=str, tool_name=str, validate=bool)
    if not SHA.fullmatch(body["commit_sha"]):
        raise malformed(f"For 'properties/commit_sha', {json.dumps(body['commit_sha'])} does not match /^[0-9a-fA-F]+$/.")
    if not re.match(r"refs/(heads|tags|pull)/.+", body["ref"]):
        raise malformed(f"For 'properties/ref', {json.dumps(body['ref'])} does not match /^refs\\/(heads|tags|pull)\\/.*$/.")
    if call.git.resolve(body["commit_sha"]) is None:
        raise Problem(404, "commit not found")
    try:
        text = gzip.decompress(base64.b64decode(body["sarif"], validate=True))
        runs = json.loads(text)["runs"]
    except (binascii.Error, OSError, zlib.error, EOFError, ValueError, KeyError, TypeError):
        raise Problem(400, "Invalid SARIF. The SARIF content is not a gzipped and base64-encoded SARIF document.") from None
    one = {"id": f"{call.world.new_id():08x}-6c1f-11f0-8000-5eb1ce5a21f0", "commit_sha": body["commit_sha"], "ref": body["ref"],
           "tools": [run["tool"]["driver"]["name"] for run in runs], "results": sum(len(run.get("results", ())) for run in runs),
           "created_at": now()}
    call.repo["sarifs"].append(one)
    return Answer(202, {"id": one["id"], "url": f"{call.world.url}/repos/{call.world.full_name(call.repo)}"
                                                f"/code-scanning/sarifs/{one['id']}"})


@route("GET", "/repos/{owner}/{repo}/code-scanning/sarifs/{id}", "code-scanning/code-scanning#get-information-about-a-sarif-upload",
       needs="write", grant=("security_events", "read"), scopes="repo, security_events")
def uploaded(call):
    if not any(one["id"] == call.path["id"] for one in call.repo["sarifs"]):
        raise not_found()
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}/code-scanning/analyses?sarif_id={call.path['id']}"
    return Answer(body={"processing_status": "complete", "analyses_url": api, "errors": None})
