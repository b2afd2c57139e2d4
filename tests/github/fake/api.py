"""The REST API: which request is whose, what stands around every answer, and lists in pages."""

import hashlib
import json
import re
import time
import urllib.parse

import access
from answer import Answer, Problem, fields, not_found

VERSIONS = ("2022-11-28", "2026-03-10")
ROUTES = []


class Call:
    """One request, as its endpoint sees it."""

    def __init__(self, world, request, actor):
        self.world, self.request, self.actor = world, request, actor
        self.query = {name: values[-1] for name, values in urllib.parse.parse_qs(request.query, keep_blank_values=True).items()}
        self.repo, self.path, self.links = None, {}, None

    @property
    def git(self):
        return self.world.git(self.repo)

    @property
    def level(self):
        return self.actor.level(self.repo)

    def body(self, required=(), **kinds):
        """The fields of the body."""
        text = self.request.body or b"{}"
        try:
            body = json.loads(text)
        except ValueError:
            raise Problem(400, "Problems parsing JSON") from None
        return fields(body, required, **kinds)

    def page(self, items):
        """A part of a list, with links to the others."""
        def number(name, default):
            value = self.query.get(name, "")
            return max(int(value), 1) if value.isdigit() else default
        each, page = min(number("per_page", 30), 100), number("page", 1)
        last = max((len(items) + each - 1) // each, 1)
        to = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page == 1:
            to.pop("prev"), to.pop("first")
        if page >= last:
            to.pop("next"), to.pop("last")
        path = self.request.path
        if self.repo:
            path = re.sub(r"^/repos/[^/]+/[^/]+", f"/repositories/{self.repo['id']}", path)
        links = [f'<{self.world.url}{path}?{urllib.parse.urlencode({**self.query, "page": at})}>; rel="{name}"'
                 for name, at in to.items()]
        self.links = ", ".join(links)
        return items[(page - 1) * each:page * each]


def route(method, path, docs, needs=None, grant=None, scopes="", user=False):
    """An endpoint. `needs` is a level in the repository, `grant` a permission and how much of it, `user` a person."""
    pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def keep(handler):
        ROUTES.append((method, re.compile(pattern), handler, docs, needs, grant, scopes, user))
        return handler
    return keep


def find(method, path):
    if "%00" in path or "\0" in path:
        raise Problem(400, "Bad Request")
    for entry in ROUTES:
        match = entry[1].fullmatch(path) if entry[0] == method else None
        if match:
            return entry, {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
    raise not_found()


def answer(world, request):
    """What GitHub would answer."""
    docs, actor, call, scopes, grant = None, None, None, "", None
    try:
        if not request.headers.get("user-agent"):
            raise Problem(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent "
                               "header (https://docs.github.com/rest/overview/resources-in-the-rest-api#user-agent-required).")
        version = request.headers.get("x-github-api-version")
        if version and version not in VERSIONS:
            raise Problem(400, f"'{version}' is not a supported version. Supported versions: {', '.join(VERSIONS)}.")
        actor = access.actor(world, request.headers.get("authorization"))
        spend(world, actor, request)
        call = Call(world, request, actor)
        entry, call.path = find(request.method, plain_path(world, request))
        _, _, handler, docs, needs, grant, scopes, user = entry
        if needs:
            reach(call, needs, grant)
        if user and actor.kind == "nobody":
            raise Problem(401, "Requires authentication")
        if user and actor.login is None:
            raise actor.inaccessible() if actor.kind == "installation" else not_found()
        found = handler(call)
    except Problem as problem:
        found = problem.answer(docs and f"https://docs.github.com/rest/{docs}")
    if call and call.links:
        found.headers["Link"] = call.links
    around(world, request, actor, found, scopes, grant)
    return found


def plain_path(world, request):
    """The path with a repository's number replaced by its name."""
    match = re.fullmatch(r"/repositories/(\d+)(/.*)?", request.path)
    repo = match and world.state["repos"].get(match[1])
    return f"/repos/{repo['owner']}/{repo['name']}{match[2] or ''}" if repo else request.path


def reach(call, needs, grant):
    """Finds the repository, and whether the caller may do in it what it asks for."""
    owner, name = call.path["owner"], call.path["repo"]
    call.repo = call.world.repo(owner, name)
    if call.repo is None:
        moved = call.world.repo_moved(owner, name)
        if moved is None or call.actor.may(moved, "read"):
            raise not_found()
        rest = re.sub(r"^/repos/[^/]+/[^/]+", "", call.request.path)
        to = f"{call.world.url}/repositories/{moved['id']}{rest}" + (f"?{call.request.query}" if call.request.query else "")
        raise Moved(301 if call.request.method in ("GET", "HEAD") else 307, to)
    problem = call.actor.may(call.repo, needs, grant)
    if problem:
        raise problem
    # The repository itself can still be changed back, or deleted.
    itself = re.fullmatch(r"/(repos/[^/]+/[^/]+|repositories/\d+)", call.request.path)
    if call.repo["archived"] and call.request.method != "GET" and not itself:
        raise Problem(403, "Repository was archived so is read-only.")


class Moved(Problem):
    """A repository that has another name now."""

    def __init__(self, status, to):
        super().__init__(status, "Moved Permanently", headers={"Location": to})
        self.to = to

    def answer(self, docs):
        return Answer(self.status, {
            "message": self.message, "url": self.to,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"},
            self.headers)


def rate_of(world, actor):
    key = actor.value or (actor.app and f"app-{actor.app['id']}") or "nobody"
    return world.rate(key, 60 if actor.kind == "nobody" else 5000)


def spend(world, actor, request):
    rate = rate_of(world, actor)
    if request.path == "/rate_limit":
        return
    if rate["remaining"] == 0:
        who = f"user ID {world.owner(actor.login)['id']}" if actor.login else actor.name
        raise Problem(403, f"API rate limit exceeded for {who}. If you reach out to GitHub Support for help, please include the "
                           f"request ID {request.id} and timestamp {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())}.",
                      docs="https://docs.github.com/rest/overview/rate-limits-for-the-rest-api")
    rate["remaining"], rate["used"] = rate["remaining"] - 1, rate["used"] + 1


def around(world, request, actor, found, scopes, grant):
    """The headers that every answer has, and 304 for what the caller knows already."""
    found.headers.update({"X-GitHub-Request-Id": request.id, "X-GitHub-Media-Type": "github.v3; format=json",
                          "X-GitHub-Api-Version-Selected": request.headers.get("x-github-api-version") or VERSIONS[0],
                          "Access-Control-Allow-Origin": "*", "Vary": "Accept, Authorization, Accept-Encoding"})
    if actor is None:
        return
    rate = rate_of(world, actor)
    if actor.kind == "classic":
        found.headers["X-OAuth-Scopes"] = ", ".join(sorted(actor.token["scopes"]))
        found.headers["X-Accepted-OAuth-Scopes"] = scopes
    if actor.bounded and grant:
        found.headers["X-Accepted-GitHub-Permissions"] = "=".join(grant)
    if actor.token.get("expires_at"):
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(actor.token["expires_at"]))
        found.headers["GitHub-Authentication-Token-Expiration"] = moment
    if request.method == "GET" and found.status == 200:
        tag = 'W/"' + hashlib.sha256(found.body).hexdigest() + '"'
        found.headers.update({"ETag": tag, "Cache-Control": "private, max-age=60, s-maxage=60"})
        known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
        if tag in known or tag[2:] in known:
            found.status, found.body = 304, b""
            found.headers.pop("Content-Type", None)
            # What has not changed costs nothing.
            rate["remaining"], rate["used"] = rate["remaining"] + 1, rate["used"] - 1
    found.headers.update({"X-RateLimit-Limit": str(rate["limit"]), "X-RateLimit-Remaining": str(rate["remaining"]),
                          "X-RateLimit-Used": str(rate["used"]), "X-RateLimit-Reset": str(rate["reset"]),
                          "X-RateLimit-Resource": "core"})


@route("GET", "/rate_limit", "rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user")
def rate_limit(call):
    rate = rate_of(call.world, call.actor)
    search = {"limit": 30, "remaining": 30, "reset": rate["reset"], "used": 0}
    return Answer(body={"resources": {"core": rate, "search": search}, "rate": rate})
