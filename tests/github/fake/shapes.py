"""GitHub's JSON: what its description (`@octokit/openapi`) requires of each thing."""

from datetime import datetime, timezone

from world import at_least, node_id

USER_LINKS = {"followers_url": "followers", "following_url": "following{/other_user}", "gists_url": "gists{/gist_id}",
              "starred_url": "starred{/owner}{/repo}", "subscriptions_url": "subscriptions", "organizations_url": "orgs",
              "repos_url": "repos", "events_url": "events{/privacy}", "received_events_url": "received_events"}
REPO_LINKS = {
    "archive_url": "{archive_format}{/ref}", "assignees_url": "assignees{/user}", "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}", "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}", "commits_url": "commits{/sha}", "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}", "contributors_url": "contributors", "deployments_url": "deployments",
    "downloads_url": "downloads", "events_url": "events", "forks_url": "forks", "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}", "git_tags_url": "git/tags{/sha}", "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}", "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}", "keys_url": "keys{/key_id}", "labels_url": "labels{/name}",
    "languages_url": "languages", "merges_url": "merges", "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}", "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}", "stargazers_url": "stargazers", "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers", "subscription_url": "subscription", "tags_url": "tags", "teams_url": "teams",
    "trees_url": "git/trees{/sha}"}


def simple_user(world, login):
    owner = world.owner(login) or {"id": 1, "login": login, "kind": "User"}
    api, page = f"{world.url}/users/{owner['login']}", f"{world.url}/{owner['login']}"
    return {"login": owner["login"], "id": owner["id"], "node_id": node_id(owner["kind"], owner["id"]),
            "avatar_url": f"{page}.png", "gravatar_id": "", "url": api, "html_url": page,
            **{name: f"{api}/{path}" for name, path in USER_LINKS.items()},
            "type": owner["kind"], "user_view_type": "public", "site_admin": False}


def public_user(world, owner):
    count = sum(1 for repo in world.state["repos"].values() if repo["owner"] == owner["login"].lower() and not repo["private"])
    return {**simple_user(world, owner["login"]), "name": owner["name"], "company": None, "blog": "", "location": None,
            "email": None, "hireable": None, "bio": None, "twitter_username": None, "public_repos": count, "public_gists": 0,
            "followers": 0, "following": 0, "created_at": owner["created_at"], "updated_at": owner["created_at"]}


def private_user(world, owner):
    count = sum(1 for repo in world.state["repos"].values() if repo["owner"] == owner["login"].lower() and repo["private"])
    return {**public_user(world, owner), "private_gists": 0, "total_private_repos": count, "owned_private_repos": count,
            "disk_usage": 0, "collaborators": 0, "two_factor_authentication": True,
            "plan": {"name": owner["plan"], "space": 976562499, "collaborators": 0, "private_repos": 9999}}


def simple_organization(world, owner):
    api = f"{world.url}/orgs/{owner['login']}"
    return {"login": owner["login"], "id": owner["id"], "node_id": node_id("Organization", owner["id"]), "url": api,
            "repos_url": f"{api}/repos", "events_url": f"{api}/events", "hooks_url": f"{api}/hooks",
            "issues_url": f"{api}/issues", "members_url": f"{api}/members{{/member}}",
            "public_members_url": f"{api}/public_members{{/member}}", "avatar_url": f"{world.url}/{owner['login']}.png",
            "description": None}


def organization(world, owner, member):
    found = {**simple_organization(world, owner), "name": owner["name"], "html_url": f"{world.url}/{owner['login']}",
             "type": "Organization", "has_organization_projects": True, "has_repository_projects": True, "public_gists": 0,
             "public_repos": public_user(world, owner)["public_repos"], "followers": 0, "following": 0, "is_verified": False,
             "created_at": owner["created_at"], "updated_at": owner["created_at"], "archived_at": None}
    if member:
        creates = owner["members_can_create_repositories"]
        found.update(default_repository_permission=owner["default_permission"], members_can_create_repositories=creates,
                     members_can_create_public_repositories=creates, members_can_create_private_repositories=creates,
                     two_factor_requirement_enabled=False)
    return found


def membership(world, org, login):
    api = f"{world.url}/orgs/{org['login']}"
    return {"url": f"{api}/memberships/{login}", "state": "active", "role": world.role(org, login),
            "organization_url": api, "organization": simple_organization(world, org), "user": simple_user(world, login)}


def repository(world, repo, level):
    """What lists show; `level` is what the caller may do."""
    full = world.full_name(repo)
    api, page = f"{world.url}/repos/{full}", f"{world.url}/{full}"
    archive = f"{api}/{{archive_format}}{{/ref}}"
    pulls = sum(1 for pull in repo["pulls"] if pull["state"] == "open")
    return {
        "id": repo["id"], "node_id": node_id("Repository", repo["id"]), "name": repo["name"], "full_name": full,
        "private": repo["private"], "owner": simple_user(world, repo["owner"]), "html_url": page,
        "description": repo["description"], "fork": False, "url": api,
        **{name: f"{api}/{path}" for name, path in REPO_LINKS.items()}, "archive_url": archive,
        "created_at": repo["created_at"], "updated_at": repo["updated_at"], "pushed_at": repo["pushed_at"],
        "git_url": f"{page.replace('http', 'git', 1)}.git", "ssh_url": f"ssh://git@{page.split('://')[1]}.git",
        "clone_url": f"{page}.git", "svn_url": page, "mirror_url": None, "homepage": repo["homepage"], "size": 0,
        "stargazers_count": 0, "watchers_count": 0, "language": None, "has_issues": repo["has_issues"],
        "has_projects": repo["has_projects"], "has_downloads": True, "has_wiki": repo["has_wiki"], "has_pages": False,
        "has_discussions": False, "forks_count": 0, "archived": repo["archived"], "disabled": False,
        "open_issues_count": pulls, "license": None, "allow_forking": True, "is_template": False,
        "web_commit_signoff_required": False, "topics": repo["topics"],
        "visibility": "private" if repo["private"] else "public", "forks": 0, "open_issues": pulls, "watchers": 0,
        "default_branch": repo["default_branch"],
        "permissions": {name: at_least(level, of) for name, of in
                        (("admin", "admin"), ("maintain", "maintain"), ("push", "write"), ("triage", "triage"), ("pull", "read"))}}


def full_repository(world, repo, level):
    found = repository(world, repo, level)
    owner = world.owner(repo["owner"])
    found.update(network_count=0, subscribers_count=0, temp_clone_token="", allow_squash_merge=True, allow_merge_commit=True,
                 allow_rebase_merge=False, allow_auto_merge=False, delete_branch_on_merge=False, allow_update_branch=False,
                 use_squash_pr_title_as_default=False, squash_merge_commit_message="COMMIT_MESSAGES",
                 squash_merge_commit_title="COMMIT_OR_PR_TITLE", merge_commit_message="PR_TITLE",
                 merge_commit_title="MERGE_MESSAGE", custom_properties={})
    if owner["kind"] == "Organization":
        found["organization"] = simple_user(world, repo["owner"])
    if level == "admin":
        found["security_and_analysis"] = {"secret_scanning": {"status": "disabled"}}
    return found


def git_person(name, email, date):
    moment = datetime.fromisoformat(date).astimezone(timezone.utc)
    return {"name": name, "email": email, "date": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(world, repo, sha):
    """What the Git database shows of a commit."""
    found = world.git(repo).commit(sha)
    full = world.full_name(repo)
    api, page = f"{world.url}/repos/{full}", f"{world.url}/{full}"
    return {"sha": found["sha"], "node_id": node_id("Commit", found["sha"]), "url": f"{api}/git/commits/{found['sha']}",
            "html_url": f"{page}/commit/{found['sha']}",
            "author": git_person(found["author"], found["author_email"], found["authored"]),
            "committer": git_person(found["committer"], found["committer_email"], found["committed"]),
            "message": found["message"], "tree": {"sha": found["tree"], "url": f"{api}/git/trees/{found['tree']}"},
            "parents": [{"sha": one, "url": f"{api}/git/commits/{one}", "html_url": f"{page}/commit/{one}"}
                        for one in found["parents"]], "verification": UNSIGNED}


def commit(world, repo, sha, full=False):
    inner = git_commit(world, repo, sha)
    name = world.full_name(repo)
    api = f"{world.url}/repos/{name}"
    found = {"sha": inner["sha"], "node_id": inner["node_id"],
             "commit": {"author": inner["author"], "committer": inner["committer"], "message": inner["message"],
                        "tree": inner["tree"], "url": inner["url"], "comment_count": 0, "verification": UNSIGNED},
             "url": f"{api}/commits/{sha}", "html_url": inner["html_url"], "comments_url": f"{api}/commits/{sha}/comments",
             "author": None, "committer": None,
             "parents": [{**one, "url": one["url"].replace("/git/commits/", "/commits/")} for one in inner["parents"]]}
    if full:
        git = world.git(repo)
        _, added, removed = git.stat([inner["parents"][0]["sha"] if inner["parents"] else
                                      git.text("hash-object", "-t", "tree", "--stdin", data=b""), sha])
        found.update(stats={"additions": added, "deletions": removed, "total": added + removed}, files=[])
    return found


def pull(world, repo, one, actor_level, full=False):
    name = world.full_name(repo)
    api, page = f"{world.url}/repos/{name}", f"{world.url}/{name}"
    number = one["number"]
    me, issue = f"{api}/pulls/{number}", f"{api}/issues/{number}"
    shown = repository(world, repo, actor_level)
    git = world.git(repo)

    def end(branch, sha):
        login = shown["owner"]["login"]
        return {"label": f"{login}:{branch}", "ref": branch, "sha": sha, "user": shown["owner"], "repo": shown}
    links = {"self": me, "html": f"{page}/pull/{number}", "issue": issue, "comments": f"{issue}/comments",
             "review_comments": f"{me}/comments", "review_comment": f"{api}/pulls/comments{{/number}}",
             "commits": f"{me}/commits", "statuses": f"{api}/statuses/{one['head_sha']}"}
    found = {
        "url": me, "id": one["id"], "node_id": node_id("PullRequest", one["id"]), "html_url": f"{page}/pull/{number}",
        "diff_url": f"{page}/pull/{number}.diff", "patch_url": f"{page}/pull/{number}.patch", "issue_url": issue,
        "number": number, "state": one["state"], "locked": False, "title": one["title"],
        "user": simple_user(world, one["user"]), "body": one["body"], "created_at": one["created_at"],
        "updated_at": one["updated_at"], "closed_at": one["closed_at"], "merged_at": one["merged_at"],
        "merge_commit_sha": one["merge_sha"], "assignee": None, "assignees": [], "requested_reviewers": [],
        "requested_teams": [], "labels": [], "milestone": None, "draft": one["draft"], "commits_url": f"{me}/commits",
        "review_comments_url": f"{me}/comments", "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments", "statuses_url": f"{api}/statuses/{one['head_sha']}",
        "head": end(one["head"], one["head_sha"]), "base": end(one["base"], one["base_sha"]),
        "_links": {key: {"href": value} for key, value in links.items()}, "author_association": "OWNER", "auto_merge": None,
        "active_lock_reason": None}
    if full:
        base = git.base(one["base_sha"], one["head_sha"])
        files, added, removed = git.stat([base or one["base_sha"], one["head_sha"]])
        opened = one["state"] == "open"
        clean = opened and git.merged_tree(one["base_sha"], one["head_sha"]) is not None
        found.update(
            merged=one["merged_at"] is not None, mergeable=clean if opened else None, rebaseable=False if opened else None,
            mergeable_state=("clean" if clean else "dirty") if opened else "unknown",
            merged_by=simple_user(world, one["merged_by"]) if one["merged_by"] else None,
            comments=sum(1 for comment in repo["comments"] if comment["number"] == number), review_comments=0,
            maintainer_can_modify=False, commits=git.count(f"{base}..{one['head_sha']}" if base else one["head_sha"]),
            additions=added, deletions=removed, changed_files=files)
    return found


def status(world, repo, sha, one):
    return {"url": f"{world.url}/repos/{world.full_name(repo)}/statuses/{sha}",
            "avatar_url": f"{world.url}/{one['creator']}.png", "id": one["id"], "node_id": node_id("StatusContext", one["id"]),
            "state": one["state"], "description": one["description"], "target_url": one["target_url"],
            "context": one["context"], "created_at": one["created_at"], "updated_at": one["created_at"]}


def latest(repo, sha):
    """The newest status of each context."""
    found = {}
    for one in repo["statuses"].get(sha, ()):
        found[one["context"]] = one
    return list(found.values())


def combined_state(statuses):
    states = {one["state"] for one in statuses}
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def hook(world, repo, one):
    api = f"{world.url}/repos/{world.full_name(repo)}/hooks/{one['id']}"
    config = {name: "********" if name == "secret" else value for name, value in one["config"].items()}
    return {"type": "Repository", "id": one["id"], "name": "web", "active": one["active"], "events": one["events"],
            "config": config, "updated_at": one["updated_at"], "created_at": one["created_at"], "url": api,
            "test_url": f"{api}/tests", "ping_url": f"{api}/pings", "deliveries_url": f"{api}/deliveries",
            "last_response": one["last_response"]}
