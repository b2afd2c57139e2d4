"""Pages for people: repositories, their branches and refs, pull requests with what was said of their commits."""

import html
import re

import shapes
from answer import Answer

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }}
pre {{ background: #f6f8fa; border: 1px solid #d1d9e0; border-radius: .4rem; padding: 1rem; overflow-x: auto;
      white-space: pre-wrap; overflow-wrap: anywhere; }}
code {{ font-size: .9em; }} td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top; }}
a {{ color: #0550ae; }} .note {{ color: #59636e; }}
</style></head><body><p class="note"><a href="/">A fake GitHub on this machine</a></p>
<h1>{title}</h1>{body}</body></html>
"""


def e(text):
    return html.escape(str(text), quote=True)


def framed(title, body, status=200):
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
               "X-Content-Type-Options": "nosniff"}
    return Answer(status, FRAME.format(title=e(title), body=body), headers, kind="text/html; charset=utf-8")


def table(head, rows):
    if not rows:
        return "<p>None.</p>"
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{e(one)}</th>" for one in head) + f"</tr>{cells}</table>"


def link(to, text):
    return f'<a href="{e(to)}">{e(text)}</a>'


def answer(world, request):
    """The page of a path."""
    path = request.path.rstrip("/")
    if not path:
        return front(world)
    match = re.fullmatch(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(pull|commit|tree)/(.+))?", path)
    owner = world.owner(path[1:])
    if owner:
        return front(world, owner)
    repo = match and (world.repo(match[1], match[2]) or world.repo_moved(match[1], match[2]))
    if not repo:
        return framed("Not found", "<p>There is no such page.</p>", 404)
    if match[3] == "pull":
        pull = next((one for one in repo["pulls"] if str(one["number"]) == match[4]), None)
        return pull_page(world, repo, pull) if pull else framed("Not found", "<p>There is no such pull request.</p>", 404)
    if match[3] == "commit":
        return commit_page(world, repo, match[4])
    return repo_page(world, repo)


def front(world, owner=None):
    rows = []
    for repo in world.state["repos"].values():
        if owner is None or repo["owner"] == owner["login"].lower():
            name = world.full_name(repo)
            opened = sum(1 for one in repo["pulls"] if one["state"] == "open")
            rows.append((link("/" + name, name), "private" if repo["private"] else "public",
                         "archived" if repo["archived"] else "", f"{opened} open pull requests", e(repo["description"] or "")))
    control = link("/_fake", "how to change this world")
    return framed(owner["login"] if owner else "Repositories",
                  table(("Repository", "", "", "", "Description"), rows) + f"<p>{control}</p>")


def repo_page(world, repo):
    name, git = world.full_name(repo), world.git(repo)
    branches, others = [], []
    for ref, (sha, _) in git.refs().items():
        row = link(f"/{name}/commit/{sha}", sha[:10])
        if ref.startswith("refs/heads/"):
            branch = ref.removeprefix("refs/heads/")
            marks = ["default"] * (branch == repo["default_branch"]) + ["protected"] * (branch in repo["protection"])
            state = shapes.latest(repo, sha)
            branches.append((e(branch), row, e(", ".join(marks)), e(shapes.combined_state(state)) if state else ""))
        elif not ref.startswith("refs/pull/"):
            others.append((e(ref), row))
    pulls = [(link(f"/{name}/pull/{one['number']}", f"#{one['number']} {one['title']}"), e("merged" if one["merged_at"] else
              one["state"]), f"<code>{e(one['head'])}</code> into <code>{e(one['base'])}</code>")
             for one in reversed(repo["pulls"])]
    sarifs = [(e(", ".join(one["tools"])), e(one["results"]), e(one["ref"]), e(one["commit_sha"][:10])) for one in repo["sarifs"]]
    words = e(repo["description"] or "") + " " + " ".join(f"<code>{e(topic)}</code>" for topic in repo["topics"])
    return framed(name, f"<p>{words}</p><p class='note'>{'private' if repo['private'] else 'public'}"
                        f"{', archived' if repo['archived'] else ''}; <code>git clone {e(world.url)}/{e(name)}.git</code></p>"
                        "<h2>Pull requests</h2>" + table(("Title", "State", "Branches"), pulls)
                        + "<h2>Branches</h2>" + table(("Name", "Commit", "", "Statuses"), branches)
                        + "<h2>Other refs</h2>" + table(("Name", "Object"), others)
                        + "<h2>Code scanning</h2>" + table(("Tool", "Results", "Ref", "Commit"), sarifs))


def statuses(repo, sha):
    rows = []
    for one in shapes.latest(repo, sha):
        # A link only where it is one: a scheme that runs something is text.
        target = one["target_url"] or ""
        shown = link(target, "details") if re.match(r"https?://", target) else e(target)
        rows.append((e(one["context"]), e(one["state"]), e(one["description"] or ""), shown))
    return table(("Context", "State", "Description", ""), rows)


def pull_page(world, repo, pull):
    name = world.full_name(repo)
    comments = "".join(f"<p class='note'>{e(one['user'])}, {e(one['created_at'])}</p><pre>{e(one['body'])}</pre>"
                       for one in repo["comments"] if one["number"] == pull["number"])
    state = "merged" if pull["merged_at"] else ("draft, " if pull["draft"] else "") + pull["state"]
    return framed(f"{pull['title']} #{pull['number']}",
                  f"<p class='note'>{link('/' + name, name)}, {e(state)}: {e(pull['user'])} wants to merge "
                  f"<code>{e(pull['head'])}</code> ({link(f'/{name}/commit/' + pull['head_sha'], pull['head_sha'][:10])}) into "
                  f"<code>{e(pull['base'])}</code></p><pre>{e(pull['body'] or '')}</pre><h2>Statuses</h2>"
                  + statuses(repo, pull["head_sha"]) + ("<h2>Comments</h2>" + comments if comments else ""))


def commit_page(world, repo, name):
    git = world.git(repo)
    sha = git.commit_of(name)
    if not sha:
        return framed("Not found", "<p>There is no such commit.</p>", 404)
    found = git.commit(sha)
    changed = git.text("show", "--format=", "--name-status", "--no-renames", sha)
    return framed(found["message"].split("\n")[0] or sha, f"<p class='note'>{link('/' + world.full_name(repo), world.full_name(repo))}"
                  f", <code>{e(sha)}</code> by {e(found['author'])}, {e(found['authored'])}</p><pre>{e(found['message'])}</pre>"
                  "<h2>Statuses</h2>" + statuses(repo, sha) + f"<h2>Files</h2><pre>{e(changed[:100000])}</pre>")
