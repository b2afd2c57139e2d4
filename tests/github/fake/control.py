"""`/_fake/…`: how people and tests change the world and look at what happened. Bodies and answers are JSON."""

import json
import re
import time

import events
import faults
import repositories
from answer import Answer, Problem
from world import LEVELS, now

HELP = """The control of this fake GitHub. Bodies are JSON, with Content-Type: application/json.

POST   /_fake/users                      {login, name?, plan?: "free"|"pro"}
POST   /_fake/orgs                       {login, name?, plan?, members?: {login: "admin"|"member"},
                                          members_can_create_repositories?, default_permission?: "read"|"none"|"write"}
PUT    /_fake/orgs/ORG/members/LOGIN     {role: "admin"|"member"}            DELETE takes the person out
POST   /_fake/tokens                     {user, scopes: ["repo", "workflow"]}                        a classic token
                                         {user, kind: "fine-grained", owner, repositories: "all"|[names],
                                          permissions: {contents: "write", ...}}; also expires_in (seconds)
DELETE /_fake/tokens                     {token}: it is revoked
POST   /_fake/apps                       {owner, name, installations: [{account, repositories: "all"|[names], permissions}]}
POST   /_fake/repos                      {owner, name, private?, auto_init?, description?, code_security?, collaborators?}
PATCH  /_fake/repos/OWNER/REPO           {name, owner, private, archived, default_branch, description, code_security,
                                          collaborators: {login: level}}; name and owner rename and transfer
DELETE /_fake/repos/OWNER/REPO
GET    /_fake/repos/OWNER/REPO           everything that is kept of it, its refs too
PUT    /_fake/repos/OWNER/REPO/protection/BRANCH
                                         {pull_request?: true, contexts?: [], enforce_admins?: true, ruleset?: false,
                                          allow_force_pushes?, allow_deletions?, reviews?}; BRANCH may be a pattern
DELETE /_fake/repos/OWNER/REPO/protection/BRANCH
POST   /_fake/repos/OWNER/REPO/commits   {branch, files: {path: text or null}, message?, by?, orphan?}: somebody's commit
POST   /_fake/repos/OWNER/REPO/refusals  {ref: "refs/heads/*", reason, lines?}: pushes to it are refused in these words
DELETE /_fake/repos/OWNER/REPO/refusals
POST   /_fake/faults                     {method?, path?, times?, skip?, when?: "before"|"after", status?, headers?, body?,
                                          delay_ms?, close?: "now"|"half", preset?, retry_after?}
                                         path is a pattern such as /repos/*/pulls; "after" lets the effect happen first;
                                         close "half" stops in the middle of the upload (before) or of the answer (after);
                                         presets: secondary_limit, bad_gateway, unavailable
GET    /_fake/faults                     those that are still to come                  DELETE forgets them
GET    /_fake/requests                   all that was asked, without tokens            DELETE forgets them
GET    /_fake/pushes                     each ref that moved, and whether it was forced
POST   /_fake/limits                     {token, remaining, reset_in?}: the ordinary rate limit
POST   /_fake/wait                       answers when every webhook is delivered
POST   /_fake/reset                      begins anew; the first token is in the answer
"""


def answer(server, request):
    """Does what was asked, or says in words why not."""
    world = server.world
    if request.path in ("/_fake", "/_fake/"):
        return Answer(200, HELP, kind="text/plain; charset=utf-8")
    # Before the lock: deliveries need it.
    if (request.method, request.path) == ("POST", "/_fake/wait"):
        world.courier.waiting.join()
        return Answer(200, {})
    try:
        body = {}
        if request.method != "GET" and request.length:
            if not request.headers.get("content-type", "").startswith("application/json"):
                # Nothing that a page in a browser may send without asking first.
                raise ValueError("the body must be application/json")
            body = json.loads(request.body)
            if not isinstance(body, dict):
                raise ValueError("the body must be an object")
        with world.lock:
            for method, path, act in ACTS:
                match = re.fullmatch(path, request.path)
                if match and method == request.method:
                    found = act(server, body, *match.groups())
                    if method != "GET":
                        world.save()
                    return Answer(200, found if found is not None else {})
        raise LookupError(f"no {request.method} {request.path}; GET /_fake says what there is")
    except (ValueError, TypeError, AttributeError, KeyError, LookupError, Problem) as error:
        words = f"{error} is missing" if type(error) is KeyError else str(error)
        return Answer(404 if type(error) is LookupError else 400, {"message": words})


def the_repo(server, owner, name):
    found = server.world.repo(owner, name)
    if found is None:
        raise LookupError(f"no repository {owner}/{name}")
    return found


def the_owner(server, login):
    found = server.world.owner(login)
    if found is None:
        raise LookupError(f"no owner {login}")
    return found


def add_user(server, body):
    return server.world.add_owner(body.pop("login"), "User", **body)


def add_org(server, body):
    return server.world.add_owner(body.pop("login"), "Organization", **body)


def put_member(server, body, org, login):
    the_owner(server, login)
    the_owner(server, org)["members"][login.lower()] = body["role"]


def drop_member(server, _, org, login):
    the_owner(server, org)["members"].pop(login.lower(), None)


def chosen(server, owner, names):
    """The numbers of an owner's repositories, by name."""
    return names if names == "all" else [the_repo(server, owner, name)["id"] for name in names]


def add_token(server, body):
    kind, seconds = body.pop("kind", "classic"), body.pop("expires_in", None)
    user = the_owner(server, body.pop("user"))["login"]
    if kind == "classic":
        more = {"scopes": body.pop("scopes", ["repo", "workflow"])}
    elif kind == "fine-grained":
        owner = body.pop("owner", user)
        more = {"owner": owner, "repositories": chosen(server, owner, body.pop("repositories", "all")),
                "permissions": body.pop("permissions")}
    else:
        raise ValueError("kind is classic or fine-grained; POST /_fake/apps makes apps")
    value = body.pop("value", None)
    if body:
        raise ValueError(f"a {kind} token has no {', '.join(body)}")
    expires = time.time() + seconds if seconds is not None else None
    return {"token": server.world.add_token(kind, value, user=user, expires_at=expires, **more)}


def drop_token(server, body):
    if server.world.state["tokens"].pop(body["token"], None) is None:
        raise LookupError("no such token")


def add_app(server, body):
    app = server.world.add_app(the_owner(server, body["owner"])["login"], body["name"])
    for one in body.get("installations", ()):
        account = the_owner(server, one["account"])["login"]
        number = server.world.new_id()
        app["installations"][str(number)] = {
            "id": number, "account": account, "permissions": one["permissions"],
            "repositories": chosen(server, account, one.get("repositories", "all"))}
    return {"id": app["id"], "client_id": app["client_id"], "slug": app["slug"], "private_key": app["pem"],
            "installations": [{"id": one["id"], "account": one["account"]} for one in app["installations"].values()]}


def add_repo(server, body):
    owner, auto = the_owner(server, body.pop("owner")), body.pop("auto_init", False)
    name = repositories.name_of(server.world, owner, body.pop("name"))
    repo = server.world.add_repo(owner, name, **body)
    if auto:
        git = server.world.git(repo)
        git.set_ref(f"refs/heads/{repo['default_branch']}",
                    git.write([], {"README.md": f"# {repo['name']}\n"}, "Initial commit", "octo"))
    return get_repo(server, {}, repo["owner"], repo["name"])


def get_repo(server, _, owner, name):
    repo = the_repo(server, owner, name)
    refs = {ref: sha for ref, (sha, _) in server.world.git(repo).refs().items()}
    return {**repo, "full_name": server.world.full_name(repo), "refs": refs}


def change_repo(server, body, owner, name):
    repo, world = the_repo(server, owner, name), server.world
    new_owner, new_name = body.pop("owner", None), body.pop("name", None)
    for key in ("code_security", "collaborators"):
        if key in body:
            repo[key] = body.pop(key)
    repo["collaborators"] = {login.lower(): level for login, level in repo["collaborators"].items()}
    if not set(repo["collaborators"].values()) <= set(LEVELS):
        raise ValueError(f"levels are {', '.join(LEVELS)}")
    unknown = set(body) - {"private", "archived", "default_branch", "description", "homepage"}
    if unknown:
        raise ValueError(f"a repository has no {', '.join(sorted(unknown))}")
    repositories.set_fields(world, repo, body)
    if new_owner or new_name:
        to = the_owner(server, new_owner) if new_owner else world.owner(repo["owner"])
        new_name = repositories.name_of(world, to, new_name or repo["name"], repo)
        world.move(repo, to["login"], new_name)
        action = "transferred" if new_owner else "renamed"
        events.send(world, repo, "repository", {"action": action}, to["login"])
    return get_repo(server, {}, repo["owner"], repo["name"])


def drop_repo(server, _, owner, name):
    server.world.delete_repo(the_repo(server, owner, name))


def protect(server, body, owner, name, branch):
    rule = {"pull_request": True, "contexts": [], "enforce_admins": True, "ruleset": False, "allow_force_pushes": False,
            "allow_deletions": False, "reviews": 1}
    unknown = set(body) - set(rule)
    if unknown:
        raise ValueError(f"a protection has no {', '.join(sorted(unknown))}")
    rule.update(body)
    the_repo(server, owner, name)["protection"][branch] = {**rule, "checks": bool(rule["contexts"])}


def unprotect(server, _, owner, name, branch):
    the_repo(server, owner, name)["protection"].pop(branch, None)


def add_commit(server, body, owner, name):
    repo = the_repo(server, owner, name)
    git, branch, who = server.world.git(repo), body.get("branch", repo["default_branch"]), body.get("by", "octo")
    old, before = git.branch(branch), git.refs()
    parents = [old] if old and not body.get("orphan") else []
    made = git.write(parents, body["files"], body.get("message", "Change files") + "\n", who)
    git.set_ref(f"refs/heads/{branch}", made)
    events.pushed(server.world, repo, before, git.refs(), who)
    return {"sha": made, "before": old}


def refuse(server, body, owner, name):
    refusal = {"ref": body.pop("ref"), "reason": body.pop("reason"), "lines": body.pop("lines", [])}
    if body:
        raise ValueError(f"a refusal has no {', '.join(body)}")
    the_repo(server, owner, name)["refusals"].append(refusal)


def accept(server, _, owner, name):
    the_repo(server, owner, name)["refusals"].clear()


def add_fault(server, body):
    server.faults.waiting.append(faults.made(body))


def set_limit(server, body):
    rate = server.world.rate(body["token"], 5000)
    rate.update(remaining=body["remaining"], used=rate["limit"] - body["remaining"])
    if "reset_in" in body:
        rate["reset"] = int(time.time()) + body["reset_in"]


def reset(server, _):
    server.world.reset()
    server.requests.clear()
    server.faults.waiting.clear()
    return {"token": server.world.state["first"], "at": now()}


REPO = r"/_fake/repos/([^/]+)/([^/]+)"
ACTS = (
    ("POST", "/_fake/users", add_user), ("POST", "/_fake/orgs", add_org),
    ("PUT", "/_fake/orgs/([^/]+)/members/([^/]+)", put_member), ("DELETE", "/_fake/orgs/([^/]+)/members/([^/]+)", drop_member),
    ("POST", "/_fake/tokens", add_token), ("DELETE", "/_fake/tokens", drop_token), ("POST", "/_fake/apps", add_app),
    ("POST", "/_fake/repos", add_repo), ("GET", REPO, get_repo), ("PATCH", REPO, change_repo), ("DELETE", REPO, drop_repo),
    ("PUT", REPO + "/protection/(.+)", protect), ("DELETE", REPO + "/protection/(.+)", unprotect),
    ("POST", REPO + "/commits", add_commit), ("POST", REPO + "/refusals", refuse), ("DELETE", REPO + "/refusals", accept),
    ("POST", "/_fake/faults", add_fault), ("GET", "/_fake/faults", lambda server, _: server.faults.waiting),
    ("DELETE", "/_fake/faults", lambda server, _: server.faults.waiting.clear()),
    ("GET", "/_fake/requests", lambda server, _: server.requests),
    ("DELETE", "/_fake/requests", lambda server, _: server.requests.clear()),
    ("GET", "/_fake/pushes", lambda server, _: server.world.pushes), ("POST", "/_fake/limits", set_limit),
    ("POST", "/_fake/reset", reset),
)
