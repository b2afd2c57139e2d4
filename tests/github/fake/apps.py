"""Endpoints about GitHub Apps, their installations and their tokens."""

import time

import shapes
from answer import Answer, Problem, not_found
from api import route
from world import node_id, stamp_in


def the_app(call):
    if call.actor.kind != "app":
        raise Problem(401, "A JSON web token could not be decoded")
    return call.actor.app


def installed(call, one, app=None):
    app = app or call.actor.app
    account = call.world.owner(one["account"])
    api = f"{call.world.url}/app/installations/{one['id']}"
    return {"id": one["id"], "account": shapes.simple_user(call.world, one["account"]), "app_id": app["id"],
            "app_slug": app["slug"], "client_id": app["client_id"], "target_id": account["id"], "target_type": account["kind"],
            "access_tokens_url": f"{api}/access_tokens", "repositories_url": f"{call.world.url}/installation/repositories",
            "html_url": f"{call.world.url}/settings/installations/{one['id']}", "permissions": one["permissions"],
            "events": [], "repository_selection": "all" if one["repositories"] == "all" else "selected",
            "created_at": app["created_at"], "updated_at": app["created_at"], "single_file_name": None,
            "has_multiple_single_files": False, "single_file_paths": [], "suspended_by": None, "suspended_at": None}


@route("GET", "/app", "apps/apps#get-the-authenticated-app")
def app(call):
    found = the_app(call)
    return Answer(body={"id": found["id"], "slug": found["slug"], "node_id": node_id("App", found["id"]),
                        "client_id": found["client_id"], "owner": shapes.simple_user(call.world, found["owner"]),
                        "name": found["name"], "description": None, "external_url": call.world.url,
                        "html_url": f"{call.world.url}/apps/{found['slug']}", "created_at": found["created_at"],
                        "updated_at": found["created_at"], "permissions": {"metadata": "read"}, "events": [],
                        "installations_count": len(found["installations"])})


@route("GET", "/app/installations", "apps/apps#list-installations-for-the-authenticated-app")
def installations(call):
    return Answer(body=[installed(call, one) for one in call.page(list(the_app(call)["installations"].values()))])


@route("GET", "/app/installations/{id}", "apps/apps#get-an-installation-for-the-authenticated-app")
def installation(call):
    found = the_app(call)["installations"].get(call.path["id"])
    if found is None:
        raise not_found()
    return Answer(body=installed(call, found))


def on_account(call, login):
    for one in the_app(call)["installations"].values():
        if one["account"].lower() == login.lower():
            return one
    raise not_found()


@route("GET", "/repos/{owner}/{repo}/installation", "apps/apps#get-a-repository-installation-for-the-authenticated-app")
def of_repository(call):
    one = on_account(call, call.path["owner"])
    repo = call.world.repo(call.path["owner"], call.path["repo"])
    if repo is None or not (one["repositories"] == "all" or repo["id"] in one["repositories"]):
        raise not_found()
    return Answer(body=installed(call, one))


@route("GET", "/orgs/{owner}/installation", "apps/apps#get-an-organization-installation-for-the-authenticated-app")
@route("GET", "/users/{owner}/installation", "apps/apps#get-a-user-installation-for-the-authenticated-app")
def of_owner(call):
    return Answer(body=installed(call, on_account(call, call.path["owner"])))


@route("POST", "/app/installations/{id}/access_tokens", "apps/apps#create-an-installation-access-token-for-an-app")
def access_token(call):
    app = the_app(call)
    one = app["installations"].get(call.path["id"])
    if one is None:
        raise not_found()
    body = call.body(repositories=list, repository_ids=list, permissions=dict)
    permissions = body.get("permissions", one["permissions"])
    beyond = [name for name, level in permissions.items()
              if level not in ("read", "write") or (one["permissions"].get(name) not in ("write", level))]
    if beyond:
        raise Problem(422, "The permissions requested are not granted to this installation.")
    chosen = one["repositories"]
    if "repositories" in body or "repository_ids" in body:
        found = [call.world.repo(one["account"], name) for name in body.get("repositories", ())]
        chosen = [repo["id"] for repo in found if repo] + list(body.get("repository_ids", ()))
        outside = [number for number in chosen if one["repositories"] != "all" and number not in one["repositories"]]
        if None in found or outside:
            raise Problem(422, "There is at least one repository that does not exist or is not accessible to the parent "
                               "installation.")
    value = call.world.add_token("installation", owner=one["account"], repositories=chosen, permissions=dict(permissions),
                                 expires_at=time.time() + 3600, app=app["id"])
    return Answer(201, {"token": value, "expires_at": stamp_in(3600), "permissions": {"metadata": "read", **permissions},
                        "repository_selection": "all" if chosen == "all" else "selected"})


@route("GET", "/installation/repositories", "apps/installations#list-repositories-accessible-to-the-app-installation")
def repositories(call):
    if call.actor.kind != "installation":
        raise Problem(403, "You must authenticate with an installation access token in order to list repositories for an "
                           "installation.")
    found = [repo for repo in call.world.state["repos"].values() if call.actor.chosen(repo)]
    return Answer(body={"total_count": len(found),
                        "repositories": [shapes.repository(call.world, repo, "admin") for repo in call.page(found)],
                        "repository_selection": "all" if call.actor.token["repositories"] == "all" else "selected"})
