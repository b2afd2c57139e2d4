"""Endpoints about repositories as such: made, found, changed, moved, deleted."""

import re

import events
import shapes
from answer import Answer, Problem, fields, invalid, malformed, not_found
from api import route
from owners import organization_of
from world import now

WRITTEN = dict(name=str, description=str, homepage=str, private=bool, visibility=str, has_issues=bool, has_projects=bool,
               has_wiki=bool, auto_init=bool, is_template=bool, gitignore_template=str, license_template=str, team_id=int,
               has_discussions=bool, has_downloads=bool, allow_squash_merge=bool, allow_merge_commit=bool,
               allow_rebase_merge=bool, allow_auto_merge=bool, delete_branch_on_merge=bool, archived=bool, default_branch=str)
KEPT = ("description", "homepage", "has_issues", "has_projects", "has_wiki")


def shown(call, repo, status=200, full=True):
    shape = shapes.full_repository if full else shapes.repository
    return Answer(status, shape(call.world, repo, call.actor.level(repo)))


def name_of(world, owner, name, itself=None):
    """The name as GitHub keeps it, if nothing else has it."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).removesuffix(".git")
    problem = None
    if not name or name in (".", ".."):
        problem = "name is invalid"
    elif len(name) > 100:
        problem = "name is too long (maximum is 100 characters)"
    taken = world.repo(owner["login"], name)
    if taken is not None and taken is not itself:
        problem = "name already exists on this account"
    if problem:
        what = "Repository creation failed." if itself is None else "Validation Failed"
        raise Problem(422, what, [{"resource": "Repository", "code": "custom", "field": "name", "message": problem}])
    return name


def create(call, owner):
    body = call.body(required=("name",), **WRITTEN)
    if len(body.get("description", "")) > 350 or any(ord(letter) < 32 for letter in body.get("description", "")):
        words = "description is too long (maximum is 350 characters)"
        if len(body["description"]) <= 350:
            words = "description control characters are not allowed"
        raise Problem(422, "Repository creation failed.",
                      [{"resource": "Repository", "code": "custom", "field": "description", "message": words}])
    private = body.get("private", body.get("visibility") in ("private", "internal"))
    if call.actor.bounded and not call.actor.granted("administration", "write"):
        raise call.actor.inaccessible()
    if call.actor.kind == "classic" and not call.actor.scope("repo", *([] if private else ["public_repo"])):
        if private and call.actor.scope("public_repo"):
            raise Problem(403, "You'll need a different OAuth scope to create a private repository. Please see the "
                               "documentation for full details.")
        raise not_found()
    name = name_of(call.world, owner, body["name"])
    repo = call.world.add_repo(owner, name, private=private, **{key: body[key] for key in KEPT if key in body})
    if body.get("auto_init"):
        text = f"# {name}\n" + (f"{repo['description']}\n" if repo["description"] else "")
        first = call.world.git(repo).write([], {"README.md": text}, "Initial commit", call.actor.name)
        call.world.git(repo).set_ref("refs/heads/main", first)
    events.send(call.world, repo, "repository", {"action": "created"}, call.actor.name)
    answer = shown(call, repo, 201)
    answer.headers["Location"] = f"{call.world.url}/repos/{call.world.full_name(repo)}"
    return answer


@route("POST", "/user/repos", "repos/repos#create-a-repository-for-the-authenticated-user", scopes="public_repo, repo", user=True,
       grant=("administration", "write"))
def create_mine(call):
    return create(call, call.world.owner(call.actor.login))


@route("POST", "/orgs/{org}/repos", "repos/repos#create-an-organization-repository", scopes="public_repo, repo",
       grant=("administration", "write"))
def create_in_organization(call):
    if call.actor.kind == "nobody":
        raise Problem(401, "Requires authentication")
    org = organization_of(call)
    role = call.world.role(org, call.actor.login)
    if call.actor.kind == "installation" and call.actor.token["owner"].lower() == org["login"].lower():
        role = "admin"
    if call.actor.kind == "fine-grained" and call.actor.token["owner"].lower() != org["login"].lower():
        raise call.actor.inaccessible()
    if not (role == "admin" or (role == "member" and org["members_can_create_repositories"])):
        raise Problem(403, "You need admin access to the organization before adding a repository to it.")
    return create(call, org)


def visible(call, repos):
    return [repo for repo in repos if call.actor.level(repo) != "none"]


def listed(call, repos):
    kind = call.query.get("type") or call.query.get("visibility") or "all"
    if kind in ("public", "private"):
        repos = [repo for repo in repos if repo["private"] == (kind == "private")]
    repos = sorted(visible(call, repos), key=lambda repo: call.world.full_name(repo).lower())
    return Answer(body=[shapes.repository(call.world, repo, call.actor.level(repo)) for repo in call.page(repos)])


@route("GET", "/user/repos", "repos/repos#list-repositories-for-the-authenticated-user", scopes="", user=True)
def list_mine(call):
    return listed(call, [repo for repo in call.world.state["repos"].values()
                         if call.world.level(repo, call.actor.login) not in ("none", "read")])


@route("GET", "/users/{user}/repos", "repos/repos#list-repositories-for-a-user")
def list_of_user(call):
    if call.world.owner(call.path["user"]) is None:
        raise not_found()
    return listed(call, [repo for repo in call.world.state["repos"].values()
                         if repo["owner"] == call.path["user"].lower() and not repo["private"]])


@route("GET", "/orgs/{org}/repos", "repos/repos#list-organization-repositories")
def list_of_organization(call):
    org = organization_of(call)
    return listed(call, [repo for repo in call.world.state["repos"].values() if repo["owner"] == org["login"].lower()])


@route("GET", "/repos/{owner}/{repo}", "repos/repos#get-a-repository", needs="read", grant=("metadata", "read"), scopes="repo")
def get(call):
    return shown(call, call.repo)


@route("PATCH", "/repos/{owner}/{repo}", "repos/repos#update-a-repository", needs="admin", grant=("administration", "write"),
       scopes="repo")
def change(call):
    repo, body = call.repo, call.body(**WRITTEN)
    if repo["archived"] and body.get("archived") is not False:
        raise Problem(403, "Repository was archived so is read-only.")
    branch = body.get("default_branch")
    if branch and not (call.git.branch(branch) or call.git.empty()):
        raise invalid("Repository", "default_branch", message=f"The branch {branch} was not found. Please push that ref first "
                                                              "or create it via the Git Data API.")
    if "name" in body:
        name = name_of(call.world, call.world.owner(repo["owner"]), body["name"], repo)
        if name != repo["name"]:
            old = repo["name"]
            call.world.move(repo, name=name)
            events.send(call.world, repo, "repository", {"action": "renamed", "changes": {"repository": {"name": {"from": old}}}},
                        call.actor.name)
    set_fields(call.world, repo, body)
    return shown(call, repo)


def set_fields(world, repo, body):
    """What may be changed in place."""
    if "visibility" in body:
        body.setdefault("private", body["visibility"] != "public")
    for key in (*KEPT, "private", "archived"):
        if key in body:
            repo[key] = body[key]
    if body.get("default_branch"):
        repo["default_branch"] = body["default_branch"]
        world.git(repo).run("symbolic-ref", "HEAD", f"refs/heads/{repo['default_branch']}")
    repo["updated_at"] = now()


@route("DELETE", "/repos/{owner}/{repo}", "repos/repos#delete-a-repository", needs="admin", grant=("administration", "write"),
       scopes="delete_repo")
def delete(call):
    if call.actor.kind == "classic" and not call.actor.scope("delete_repo"):
        raise Problem(403, "Must have admin rights to Repository.")
    call.world.delete_repo(call.repo)
    return Answer(204)


@route("GET", "/repos/{owner}/{repo}/topics", "repos/repos#get-all-repository-topics", needs="read", grant=("metadata", "read"))
def topics(call):
    return Answer(body={"names": call.repo["topics"]})


@route("PUT", "/repos/{owner}/{repo}/topics", "repos/repos#replace-all-repository-topics", needs="admin",
       grant=("administration", "write"), scopes="repo")
def replace_topics(call):
    names = call.body(required=("names",), names=list)["names"]
    for name in names:
        if not isinstance(name, str):
            raise malformed(f"For 'items', {name!r} is not a string.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name.lower()):
            raise Problem(422, "Validation Failed", ["Topics must start with a lowercase letter or number, consist of 50 "
                                                     "characters or less, and can include hyphens."])
    if len(set(names)) > 20:
        raise Problem(422, "Validation Failed", ["A repository cannot have more than 20 topics."])
    call.repo["topics"] = sorted({name.lower() for name in names})
    return Answer(body={"names": call.repo["topics"]})


@route("POST", "/repos/{owner}/{repo}/transfer", "repos/repos#transfer-a-repository", needs="admin",
       grant=("administration", "write"), scopes="repo")
def transfer(call):
    body = call.body(required=("new_owner",), new_owner=str, new_name=str, team_ids=list)
    owner = call.world.owner(body["new_owner"])
    if owner is None:
        raise invalid("Repository", "new_owner", message="new_owner does not exist")
    name = name_of(call.world, owner, body.get("new_name", call.repo["name"]), call.repo)
    call.world.move(call.repo, owner["login"], name)
    events.send(call.world, call.repo, "repository", {"action": "transferred"}, call.actor.name)
    return shown(call, call.repo, 202, full=False)


@route("GET", "/repos/{owner}/{repo}/collaborators/{user}/permission",
       "collaborators/collaborators#get-repository-permissions-for-a-user", needs="read", grant=("metadata", "read"))
def permission(call):
    person = call.world.owner(call.path["user"])
    if person is None:
        raise not_found()
    level = call.world.level(call.repo, person["login"])
    rough = {"triage": "read", "maintain": "write"}.get(level, level)
    user = {**shapes.simple_user(call.world, person["login"]), "role_name": level}
    return Answer(body={"permission": rough, "role_name": level, "user": user})


SWITCHES = ("allow_force_pushes", "allow_deletions", "block_creations", "required_linear_history", "lock_branch",
            "required_conversation_resolution", "allow_fork_syncing")


def protection(body):
    """What is kept of a protection that the API was given."""
    checks, reviews = body.get("required_status_checks"), body.get("required_pull_request_reviews")
    contexts = []
    if checks is not None:
        given = fields(checks, contexts=list, checks=list, strict=bool)
        contexts = given.get("contexts") or [one["context"] for one in given.get("checks", [])]
    return {"enforce_admins": bool(body.get("enforce_admins")), "contexts": contexts, "checks": checks is not None,
            "pull_request": reviews is not None, "reviews": (reviews or {}).get("required_approving_review_count", 1),
            "ruleset": False, **{name: bool(body.get(name)) for name in SWITCHES[:2]}}


def protection_shown(call, branch, rule):
    api = f"{call.world.url}/repos/{call.world.full_name(call.repo)}/branches/{branch}/protection"
    found = {"url": api, "enforce_admins": {"url": f"{api}/enforce_admins", "enabled": rule["enforce_admins"]},
             "required_signatures": {"url": f"{api}/required_signatures", "enabled": False},
             **{name: {"enabled": rule.get(name, False)} for name in SWITCHES}}
    if rule["checks"]:
        found["required_status_checks"] = {
            "url": f"{api}/required_status_checks", "strict": False, "contexts": rule["contexts"],
            "contexts_url": f"{api}/required_status_checks/contexts",
            "checks": [{"context": context, "app_id": None} for context in rule["contexts"]]}
    if rule["pull_request"]:
        found["required_pull_request_reviews"] = {
            "url": f"{api}/required_pull_request_reviews", "dismiss_stale_reviews": False, "require_code_owner_reviews": False,
            "require_last_push_approval": False, "required_approving_review_count": rule["reviews"]}
    return found


@route("GET", "/repos/{owner}/{repo}/branches/{branch}/protection", "branches/branch-protection#get-branch-protection",
       needs="admin", grant=("administration", "read"), scopes="repo")
def get_protection(call):
    affordable(call)
    branch = call.path["branch"]
    if not call.git.branch(branch):
        raise Problem(404, "Branch not found")
    rule = call.repo["protection"].get(branch)
    if rule is None or rule["ruleset"]:
        raise Problem(404, "Branch not protected")
    return Answer(body=protection_shown(call, branch, rule))


@route("PUT", "/repos/{owner}/{repo}/branches/{branch}/protection", "branches/branch-protection#update-branch-protection",
       needs="admin", grant=("administration", "write"), scopes="repo")
def put_protection(call):
    affordable(call)
    branch = call.path["branch"]
    if not call.git.branch(branch):
        raise Problem(404, "Branch not found")
    body = call.body(required_status_checks=dict, required_pull_request_reviews=dict, enforce_admins=bool, restrictions=dict,
                     **{name: bool for name in SWITCHES})
    call.repo["protection"][branch] = protection(body)
    return Answer(body=protection_shown(call, branch, call.repo["protection"][branch]))


@route("DELETE", "/repos/{owner}/{repo}/branches/{branch}/protection", "branches/branch-protection#delete-branch-protection",
       needs="admin", grant=("administration", "write"), scopes="repo")
def delete_protection(call):
    if call.repo["protection"].pop(call.path["branch"], None) is None:
        raise Problem(404, "Branch not protected")
    return Answer(204)


def affordable(call):
    if call.repo["private"] and call.world.owner(call.repo["owner"])["plan"] == "free":
        raise Problem(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")


@route("GET", "/repos/{owner}/{repo}/rules/branches/{branch+}", "repos/rules#get-rules-for-a-branch", needs="read",
       grant=("metadata", "read"))
def rules(call):
    rule = call.repo["protection"].get(call.path["branch"])
    found = []
    if rule and rule["ruleset"]:
        source = {"ruleset_source_type": "Repository", "ruleset_source": call.world.full_name(call.repo), "ruleset_id": 1}
        kinds = [("deletion", not rule["allow_deletions"], None), ("non_fast_forward", not rule["allow_force_pushes"], None),
                 ("pull_request", rule["pull_request"],
                  {"dismiss_stale_reviews_on_push": False, "require_code_owner_review": False,
                   "require_last_push_approval": False, "required_approving_review_count": rule["reviews"],
                   "required_review_thread_resolution": False}),
                 ("required_status_checks", rule["contexts"],
                  {"strict_required_status_checks_policy": False,
                   "required_status_checks": [{"context": context} for context in rule["contexts"]]})]
        found = [{"type": kind, **source, **({"parameters": more} if more else {})} for kind, there, more in kinds if there]
    return Answer(body=call.page(found))
