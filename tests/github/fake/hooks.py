"""Endpoints about webhooks and their deliveries."""

import json

import events
import shapes
from answer import Answer, Problem, invalid, not_found
from api import route
from world import now

KNOWN = ("*", "push", "pull_request", "create", "delete", "status", "repository", "ping", "check_run", "check_suite",
         "issue_comment", "release", "branch_protection_rule", "workflow_run")
DOCS = "repos/webhooks#"
READ = dict(needs="admin", grant=("repository_hooks", "read"), scopes="admin:repo_hook, read:repo_hook, repo")
WRITE = dict(needs="admin", grant=("repository_hooks", "write"), scopes="admin:repo_hook, repo")
PATH = "/repos/{owner}/{repo}/hooks"


def checked(config):
    """The configuration of a hook, if the fake may deliver there."""
    url = config.get("url")
    if not isinstance(url, str) or not url:
        raise invalid("Hook", "url", "missing_field")
    if not events.reachable(url):
        raise invalid("Hook", "url", "custom", f"url is not supported: this is a fake GitHub, which delivers on this machine only "
                                               f"({url})")
    known = {name: config[name] for name in ("url", "content_type", "secret", "insecure_ssl") if config.get(name) is not None}
    return {"content_type": "form", "insecure_ssl": "0", **{name: str(value) for name, value in known.items()}}


def wanted(names):
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        raise Problem(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "field": "events",
                                                  "message": f"events contains unknown event {unknown[0]}"}])
    return names or ["push"]


def one_of(call):
    for found in call.repo["hooks"]:
        if str(found["id"]) == call.path["id"]:
            return found
    raise not_found()


@route("GET", PATH, DOCS + "list-repository-webhooks", **READ)
def hooks(call):
    return Answer(body=[shapes.hook(call.world, call.repo, one) for one in call.page(call.repo["hooks"])])


@route("POST", PATH, DOCS + "create-a-repository-webhook", **WRITE)
def create(call):
    body = call.body(name=str, config=dict, events=list, active=bool)
    if body.get("name", "web") != "web":
        raise invalid("Hook", "name", "custom", "name must be web")
    config, names = checked(body.get("config", {})), wanted(body.get("events", ["push"]))
    if any(one["config"]["url"] == config["url"] and set(one["events"]) & set(names) for one in call.repo["hooks"]):
        raise invalid("Hook", code="custom", message="Hook already exists on this repository")
    if len(call.repo["hooks"]) >= 20:
        raise invalid("Hook", code="custom", message="The \"push\" event cannot have more than 20 hooks")
    one = {"id": call.world.new_id(), "config": config, "events": names, "active": body.get("active", True),
           "created_at": now(), "updated_at": now(), "last_response": {"code": None, "status": "unused", "message": None}}
    call.repo["hooks"].append(one)
    ping(call, one)
    return Answer(201, shapes.hook(call.world, call.repo, one))


def ping(call, one):
    payload = {"zen": "Keep it logically awesome.", "hook_id": one["id"], "hook": shapes.hook(call.world, call.repo, one)}
    events.send(call.world, call.repo, "ping", payload, call.actor.name, only=one)


@route("GET", PATH + "/{id}", DOCS + "get-a-repository-webhook", **READ)
def get(call):
    return Answer(body=shapes.hook(call.world, call.repo, one_of(call)))


@route("PATCH", PATH + "/{id}", DOCS + "update-a-repository-webhook", **WRITE)
def change(call):
    one, body = one_of(call), call.body(config=dict, events=list, add_events=list, remove_events=list, active=bool)
    if "config" in body:
        one["config"] = checked({**one["config"], **body["config"]})
    names = [*body.get("events", one["events"]), *body.get("add_events", [])]
    one["events"] = wanted([name for name in dict.fromkeys(names) if name not in body.get("remove_events", [])])
    one["active"], one["updated_at"] = body.get("active", one["active"]), now()
    return Answer(body=shapes.hook(call.world, call.repo, one))


@route("DELETE", PATH + "/{id}", DOCS + "delete-a-repository-webhook", **WRITE)
def delete(call):
    call.repo["hooks"].remove(one_of(call))
    return Answer(204)


@route("POST", PATH + "/{id}/pings", DOCS + "ping-a-repository-webhook", **READ)
def pings(call):
    ping(call, one_of(call))
    return Answer(204)


def shown(one, full=False):
    found = {"id": one["id"], "guid": one["guid"], "delivered_at": one["delivered_at"], "redelivery": one["redelivery"],
             "duration": one["duration"], "status": one["status"], "status_code": one["status_code"], "event": one["event"],
             "action": one["action"], "installation_id": None, "repository_id": one["repo"], "throttled_at": None}
    if full:
        found.update(url=one["url"], request={"headers": one["headers"], "payload": json.loads(one["payload"])},
                     response={"headers": {}, "payload": one["answer"]})
    return found


def delivered(call):
    one_of(call)
    return [one for one in reversed(call.world.state["deliveries"]) if str(one["hook"]) == call.path["id"]]


def one_delivery(call):
    for one in delivered(call):
        if str(one["id"]) == call.path["delivery"]:
            return one
    raise not_found()


@route("GET", PATH + "/{id}/deliveries", DOCS + "list-deliveries-for-a-repository-webhook", **READ)
def deliveries(call):
    return Answer(body=[shown(one) for one in call.page(delivered(call))])


@route("GET", PATH + "/{id}/deliveries/{delivery}", DOCS + "get-a-delivery-for-a-repository-webhook", **READ)
def delivery(call):
    return Answer(body=shown(one_delivery(call), full=True))


@route("POST", PATH + "/{id}/deliveries/{delivery}/attempts", DOCS + "redeliver-a-delivery-for-a-repository-webhook", **WRITE)
def redeliver(call):
    one = one_delivery(call)
    events.enqueue(call.world, call.repo, one_of(call), one["event"], one["guid"], one["payload"], True)
    return Answer(202, {})
