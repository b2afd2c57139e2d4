"""Endpoints about pull requests and what is said in them."""

import events
import shapes
from answer import Answer, Problem, invalid, malformed, not_found
from api import route
from world import node_id, now

LIMIT = 65536


def checked_text(body):
    if len(body.get("body") or "") > LIMIT:
        raise invalid("PullRequest", "body", "custom", f"body is too long (maximum is {LIMIT} characters)")
    if len(body.get("title") or "") > 256:
        raise invalid("PullRequest", "title", "custom", "title is too long (maximum is 256 characters)")


def shown(call, one, status=200, full=True):
    return Answer(status, shapes.pull(call.world, call.repo, one, call.level, full))


@route("POST", "/repos/{owner}/{repo}/pulls", "pulls/pulls#create-a-pull-request", needs="read", grant=("pull_requests", "write"),
       scopes="repo")
def create(call):
    if call.actor.kind == "nobody":
        raise Problem(401, "Requires authentication")
    if call.actor.bounded and not call.actor.granted("pull_requests", "write"):
        raise call.actor.inaccessible()
    body = call.body(required=("head", "base"), title=str, head=str, head_repo=str, base=str, body=str, draft=bool,
                     maintainer_can_modify=bool, issue=int)
    if not (body.get("title") or "").strip():
        raise invalid("PullRequest", "title", "missing_field")
    checked_text(body)
    owner, _, name = body["head"].rpartition(":")
    git = call.git
    base_sha, head_sha = git.branch(body["base"]), git.branch(name)
    if owner and owner.lower() != call.repo["owner"]:
        head_sha = None
    problems = [{"resource": "PullRequest", "field": field, "code": "invalid"}
                for field, sha in (("head", head_sha), ("base", base_sha)) if not sha]
    if problems:
        raise Problem(422, "Validation Failed", problems)
    login = call.world.owner(call.repo["owner"])["login"]
    words = None
    if any(one["state"] == "open" and (one["head"], one["base"]) == (name, body["base"]) for one in call.repo["pulls"]):
        words = f"A pull request already exists for {login}:{name}."
    elif not git.base(base_sha, head_sha):
        words = f"The {name} branch has no history in common with {body['base']}"
    elif git.ancestor(head_sha, base_sha):
        words = f"No commits between {body['base']} and {name}"
    if words:
        raise invalid("PullRequest", code="custom", message=words)
    number = call.repo["next_number"]
    call.repo["next_number"] += 1
    one = {"id": call.world.new_id(), "number": number, "state": "open", "title": body["title"], "body": body.get("body"),
           "user": call.actor.name, "head": name, "base": body["base"], "head_sha": head_sha, "base_sha": base_sha,
           "draft": body.get("draft", False), "created_at": now(), "updated_at": now(), "closed_at": None, "merged_at": None,
           "merged_by": None, "merge_sha": None}
    call.repo["pulls"].append(one)
    git.set_ref(f"refs/pull/{number}/head", head_sha)
    events.about_pull(call.world, call.repo, one, "opened", call.actor.name)
    return shown(call, one, 201)


@route("GET", "/repos/{owner}/{repo}/pulls", "pulls/pulls#list-pull-requests", needs="read", grant=("pull_requests", "read"))
def pulls(call):
    state = call.query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise Problem(422, "Validation Failed", [{"resource": "PullRequest", "field": "state", "code": "invalid"}])
    found = [one for one in call.repo["pulls"] if state in ("all", one["state"])]
    head = call.query.get("head", "")
    # Without an owner before it, GitHub does not look at it.
    if ":" in head:
        login, _, name = head.partition(":")
        found = [one for one in found if login.lower() == call.repo["owner"] and one["head"] == name]
    if call.query.get("base"):
        found = [one for one in found if one["base"] == call.query["base"]]
    ascending = call.query.get("direction") == "asc"
    found = sorted(found, key=lambda one: one["number"], reverse=not ascending)
    return Answer(body=[shapes.pull(call.world, call.repo, one, call.level) for one in call.page(found)])


def numbered(call):
    found = next((one for one in call.repo["pulls"] if str(one["number"]) == call.path["number"]), None)
    if found is None:
        raise not_found()
    return found


@route("GET", "/repos/{owner}/{repo}/pulls/{number}", "pulls/pulls#get-a-pull-request", needs="read",
       grant=("pull_requests", "read"))
def get(call):
    return shown(call, numbered(call))


@route("PATCH", "/repos/{owner}/{repo}/pulls/{number}", "pulls/pulls#update-a-pull-request", needs="write",
       grant=("pull_requests", "write"), scopes="repo")
def change(call):
    one, body = numbered(call), call.body(title=str, body=str, state=str, base=str, maintainer_can_modify=bool)
    checked_text(body)
    if body.get("state", "open") not in ("open", "closed"):
        raise malformed(f"For 'properties/state', \"{body['state']}\" is not one of open, closed.")
    if body.get("base"):
        base = call.git.branch(body["base"])
        if not base:
            raise invalid("PullRequest", "base")
        one["base"], one["base_sha"] = body["base"], base
    if body.get("state") == "open" and one["state"] == "closed" and (one["merged_at"] or not call.git.branch(one["head"])):
        raise invalid("PullRequest", "state", message="state cannot be changed. The branch was deleted or merged.")
    if "state" in body and body["state"] != one["state"]:
        one["state"], one["closed_at"] = body["state"], now() if body["state"] == "closed" else None
        events.about_pull(call.world, call.repo, one, "closed" if one["closed_at"] else "reopened", call.actor.name)
    elif "title" in body or "body" in body:
        events.about_pull(call.world, call.repo, one, "edited", call.actor.name)
    one.update({key: body[key] for key in ("title", "body") if key in body}, updated_at=now())
    return shown(call, one)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/commits", "pulls/pulls#list-commits-on-a-pull-request", needs="read",
       grant=("pull_requests", "read"))
def commits(call):
    one = numbered(call)
    found = list(reversed(call.git.log(f"{one['base_sha']}..{one['head_sha']}")))
    return Answer(body=[shapes.commit(call.world, call.repo, sha) for sha in call.page(found)])


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/merge", "pulls/pulls#check-if-a-pull-request-has-been-merged", needs="read",
       grant=("pull_requests", "read"))
def merged(call):
    if not numbered(call)["merged_at"]:
        raise not_found()
    return Answer(204)


@route("PUT", "/repos/{owner}/{repo}/pulls/{number}/merge", "pulls/pulls#merge-a-pull-request", needs="write",
       grant=("contents", "write"), scopes="repo")
def merge(call):
    one = numbered(call)
    body = call.body(commit_title=str, commit_message=str, sha=str, merge_method=str)
    how = body.get("merge_method", "merge")
    if how not in ("merge", "squash"):
        raise Problem(405, "Rebase merges are not allowed on this repository.")
    if one["state"] != "open" or one["draft"]:
        raise Problem(405, "Pull Request is still a draft" if one["draft"] else "Pull Request is not mergeable")
    if body.get("sha", one["head_sha"]) != one["head_sha"]:
        raise Problem(409, "Head branch was modified. Review and try the merge again.")
    git, before = call.git, call.git.refs()
    base = git.branch(one["base"])
    rule = call.repo["protection"].get(one["base"])
    green = {status["context"] for status in shapes.latest(call.repo, one["head_sha"]) if status["state"] == "success"}
    missing = [context for context in (rule or {}).get("contexts", ()) if context not in green]
    if missing:
        raise Problem(405, f'Required status check "{missing[0]}" is expected.')
    tree = git.merged_tree(base, one["head_sha"])
    if tree is None:
        raise Problem(405, "Pull Request is not mergeable")
    login = call.world.owner(call.repo["owner"])["login"]
    title = body.get("commit_title") or (f"Merge pull request #{one['number']} from {login}/{one['head']}" if how == "merge"
                                         else f"{one['title']} (#{one['number']})")
    message = f"{title}\n\n{body.get('commit_message') or one['title']}\n"
    made = git.record(tree, [base, one["head_sha"]] if how == "merge" else [base], message, call.actor.name)
    git.set_ref(f"refs/heads/{one['base']}", made, base)
    events.merged(call.world, call.repo, one, made, call.actor.name)
    events.pushed(call.world, call.repo, before, git.refs(), call.actor.name)
    return Answer(body={"sha": made, "merged": True, "message": "Pull Request successfully merged"})


def comment_shown(call, one):
    full = call.world.full_name(call.repo)
    api = f"{call.world.url}/repos/{full}/issues"
    return {"id": one["id"], "node_id": node_id("IssueComment", one["id"]), "url": f"{api}/comments/{one['id']}",
            "html_url": f"{call.world.url}/{full}/pull/{one['number']}#issuecomment-{one['id']}", "body": one["body"],
            "user": shapes.simple_user(call.world, one["user"]), "created_at": one["created_at"],
            "updated_at": one["created_at"], "issue_url": f"{api}/{one['number']}", "author_association": "OWNER"}


@route("GET", "/repos/{owner}/{repo}/issues/{number}/comments", "issues/comments#list-issue-comments", needs="read",
       grant=("pull_requests", "read"))
def comments(call):
    number = numbered(call)["number"]
    found = [one for one in call.repo["comments"] if one["number"] == number]
    return Answer(body=[comment_shown(call, one) for one in call.page(found)])


@route("POST", "/repos/{owner}/{repo}/issues/{number}/comments", "issues/comments#create-an-issue-comment", needs="read",
       grant=("pull_requests", "write"), scopes="repo")
def comment(call):
    number = numbered(call)["number"]
    body = call.body(required=("body",), body=str)["body"]
    if len(body) > LIMIT:
        raise invalid("IssueComment", "data", "unprocessable", f"Body is too long (maximum is {LIMIT} characters)")
    one = {"id": call.world.new_id(), "number": number, "body": body, "user": call.actor.name, "created_at": now()}
    call.repo["comments"].append(one)
    return Answer(201, comment_shown(call, one))
