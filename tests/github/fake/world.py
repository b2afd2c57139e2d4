"""All that the fake remembers: owners, tokens, apps, repositories. One JSON file, beside one bare repository for each."""

import base64
import json
import os
import secrets
import shutil
import string
import subprocess
import threading
import time
from datetime import datetime, timezone

from git import Git

LEVELS = ("none", "read", "triage", "write", "maintain", "admin")
LETTERS = string.ascii_letters + string.digits
SCOPES = ("repo", "workflow", "admin:org", "admin:repo_hook", "delete_repo", "read:user")


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_in(seconds):
    """The time in so many seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def at_least(level, needed):
    return LEVELS.index(level) >= LEVELS.index(needed)


def node_id(kind, number):
    return base64.b64encode(f"{len(kind):03}:{kind}{number}".encode()).decode()


class World:
    """Everything is changed under `lock`, and `save` writes it down."""

    def __init__(self, root, url):
        self.root, self.url = root, url
        self.lock = threading.RLock()
        self.pushing = {}
        self.pushes = []
        self.limits = {}
        self.file = os.path.join(root, "state.json")
        os.makedirs(os.path.join(root, "git"), mode=0o700, exist_ok=True)
        if os.path.exists(self.file):
            with open(self.file, encoding="utf-8") as file:
                self.state = json.load(file)
        else:
            self.begin()

    def begin(self):
        """The world that people find at first: a user, her organisation and her token."""
        self.state = {"next_id": 1000, "owners": {}, "tokens": {}, "apps": {}, "repos": {}, "moved": {}, "deliveries": []}
        octo = self.add_owner("octo", "User", name="Mona Octo")
        self.add_owner("acme", "Organization", name="Acme", members={"octo": "admin"})
        self.state["first"] = self.add_token(user=octo["login"], scopes=list(SCOPES))
        self.save()

    def reset(self):
        for name in os.listdir(os.path.join(self.root, "git")):
            shutil.rmtree(os.path.join(self.root, "git", name), ignore_errors=True)
        self.pushes.clear()
        self.limits.clear()
        self.begin()

    def save(self):
        beside = self.file + ".new"
        with open(beside, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(self.state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.file)

    def new_id(self):
        self.state["next_id"] += 1
        return self.state["next_id"]

    # Owners.

    def add_owner(self, login, kind, **more):
        if login.lower() in self.state["owners"]:
            raise ValueError(f"{login} is there already")
        owner = {"id": self.new_id(), "login": login, "kind": kind, "name": None, "plan": "pro", "created_at": now(),
                 "members": {}, "members_can_create_repositories": True, "default_permission": "read"}
        unknown = set(more) - set(owner)
        if unknown:
            raise ValueError(f"an owner has no {', '.join(sorted(unknown))}")
        owner.update({name: value for name, value in more.items() if value is not None})
        owner["members"] = {name.lower(): role for name, role in owner["members"].items()}
        self.state["owners"][login.lower()] = owner
        return owner

    def owner(self, login):
        return self.state["owners"].get(str(login).lower())

    def role(self, org, login):
        """`admin`, `member` or None."""
        return org["members"].get(login.lower()) if login else None

    # Tokens.

    def add_token(self, kind="classic", value=None, **more):
        prefix = {"classic": "ghp_", "fine-grained": "github_pat_", "installation": "ghs_"}[kind]
        length = 82 if kind == "fine-grained" else 36
        value = value or prefix + "".join(secrets.choice(LETTERS) for _ in range(length))
        self.state["tokens"][value] = {"kind": kind, "scopes": [], "permissions": {}, "repositories": "all",
                                       "expires_at": None, **more}
        return value

    def add_app(self, owner, name):
        """A GitHub App with a key of its own, in the form that GitHub hands out."""
        folder = os.path.join(self.root, "key")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        path = os.path.join(folder, "pem")
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", path], check=True)
        with open(path, encoding="ascii") as file:
            pem = file.read()
        shutil.rmtree(folder)
        app = {"id": self.new_id(), "name": name, "slug": name.lower().replace(" ", "-"), "owner": owner, "pem": pem,
               "client_id": "Iv23li" + "".join(secrets.choice(LETTERS) for _ in range(14)), "installations": {},
               "created_at": now()}
        self.state["apps"][str(app["id"])] = app
        return app

    # Repositories.

    def git(self, repo):
        return Git(os.path.join(self.root, "git", f"{repo['id']}.git"))

    def add_repo(self, owner, name, **more):
        repo = {"id": self.new_id(), "owner": owner["login"].lower(), "name": name, "description": None, "homepage": None,
                "private": False, "archived": False, "topics": [], "default_branch": "main", "collaborators": {},
                "protection": {}, "rules": {}, "refusals": [], "code_security": False, "pulls": [], "comments": [],
                "statuses": {}, "hooks": [], "sarifs": [], "next_number": 1, "has_issues": True, "has_projects": True,
                "has_wiki": True, "created_at": now(), "updated_at": now(), "pushed_at": now()}
        unknown = set(more) - set(repo)
        if unknown:
            raise ValueError(f"a repository has no {', '.join(sorted(unknown))}")
        repo.update(more)
        self.git(repo).init(repo["default_branch"])
        self.state["repos"][str(repo["id"])] = repo
        self.state["moved"].pop(f"{owner['login']}/{name}".lower(), None)
        return repo

    def repo(self, owner, name):
        """The repository that is there under this name now."""
        for repo in self.state["repos"].values():
            if repo["owner"] == owner.lower() and repo["name"].lower() == name.lower():
                return repo
        return None

    def repo_moved(self, owner, name):
        """The repository that once was under this name."""
        return self.state["repos"].get(str(self.state["moved"].get(f"{owner}/{name}".lower())))

    def move(self, repo, owner=None, name=None):
        self.state["moved"][f"{repo['owner']}/{repo['name']}".lower()] = repo["id"]
        repo["owner"], repo["name"] = (owner or repo["owner"]).lower(), name or repo["name"]
        self.state["moved"].pop(f"{repo['owner']}/{repo['name']}".lower(), None)

    def delete_repo(self, repo):
        del self.state["repos"][str(repo["id"])]
        shutil.rmtree(self.git(repo).path, ignore_errors=True)

    def full_name(self, repo):
        return f"{self.owner(repo['owner'])['login']}/{repo['name']}"

    def level(self, repo, login):
        """What a person may do in a repository, whatever token she uses."""
        least = "none" if repo["private"] else "read"
        if not login:
            return least
        login, owner = login.lower(), self.owner(repo["owner"])
        if login == repo["owner"]:
            return "admin"
        levels = [least, repo["collaborators"].get(login, "none")]
        if owner["kind"] == "Organization":
            role = self.role(owner, login)
            levels.append({"admin": "admin", "member": owner["default_permission"]}.get(role, "none"))
        return max(levels, key=LEVELS.index)

    def rate(self, key, limit):
        """The counter of one caller; an hour after its start it begins again."""
        found = self.limits.get(key)
        if found is None or found["reset"] <= time.time():
            found = self.limits[key] = {"limit": limit, "remaining": limit, "used": 0, "reset": int(time.time()) + 3600}
        return found
