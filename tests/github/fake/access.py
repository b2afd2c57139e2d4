"""Who asks: tokens of people, fine-grained tokens, GitHub Apps and their installations; and what each may do."""

import base64
import binascii
import hashlib
import json
import re
import time

from answer import Problem, not_found
from world import at_least

# The beginning of what is signed, for SHA-256 (RFC 8017, section 9.2).
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


class Actor:
    """Whoever sent the request: nobody, a person through a token, an installation, or an app itself."""

    def __init__(self, world, kind="nobody", token=None, value=None, app=None):
        self.world, self.kind, self.token, self.value, self.app = world, kind, token or {}, value, app
        self.login = self.token.get("user")

    @property
    def bounded(self):
        """Whether permissions for each repository bound it."""
        return self.kind in ("fine-grained", "installation")

    @property
    def name(self):
        """The one that things are done by."""
        return self.login or (self.app["slug"] + "[bot]" if self.app else "nobody")

    def scope(self, *names):
        return any(name in self.token.get("scopes", ()) for name in names)

    def chosen(self, repo):
        """Whether the token is for this repository at all."""
        chosen = self.token["repositories"]
        return self.token["owner"].lower() == repo["owner"] and (chosen == "all" or repo["id"] in chosen)

    def level(self, repo):
        """What it may do at most, before permissions."""
        public = "none" if repo["private"] else "read"
        if self.kind == "installation":
            return "admin" if self.chosen(repo) else public
        if self.kind == "nobody" or self.kind == "app":
            return public
        level = self.world.level(repo, self.login)
        if self.kind == "fine-grained":
            return level if self.chosen(repo) else public
        enough = self.scope("repo") or (not repo["private"] and self.scope("public_repo"))
        return level if enough else public

    def granted(self, name, wanted):
        have = "read" if name == "metadata" else self.token["permissions"].get(name, "none")
        return at_least(have, wanted)

    def may(self, repo, level, grant=None):
        """None, or the problem with it; `grant` is a permission and how much of it."""
        have = self.level(repo)
        if have == "none":
            return not_found()
        if self.kind == "nobody" and level != "read":
            return Problem(401, "Requires authentication")
        if self.bounded:
            open_to_all = level == "read" and not repo["private"]
            if not open_to_all and (not at_least(have, level) or (grant and not self.granted(*grant))):
                return self.inaccessible()
            return None
        if at_least(have, level):
            return None
        return Problem(403, "Must have admin rights to Repository.") if level == "admin" else not_found()

    def inaccessible(self):
        of = "integration" if self.kind == "installation" else "personal access token"
        return Problem(403, f"Resource not accessible by {of}")


def secret_of(header):
    """The secret in an `Authorization` header; of a pair, GitHub takes the password, or the name where it is empty."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() in ("token", "bearer"):
        return value.strip()
    if scheme.lower() == "basic":
        try:
            name, _, word = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return name if word in ("", "x-oauth-basic") else word
    return ""


def actor(world, header):
    """Who an `Authorization` header speaks for."""
    if header is None:
        return Actor(world)
    secret = secret_of(header)
    if secret.count(".") == 2:
        return Actor(world, "app", app=app_of(world, secret))
    token = world.state["tokens"].get(secret)
    if token is None or (token["expires_at"] or time.time() + 1) < time.time():
        raise Problem(401, "Bad credentials")
    return Actor(world, token["kind"], token, secret, world.state["apps"].get(str(token.get("app"))))


def unpadded(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def app_of(world, jwt):
    """The app that signed a JSON web token, with GitHub's bounds on its times."""
    undecodable = Problem(401, "A JSON web token could not be decoded")
    try:
        head, claims, signature = jwt.split(".")
        signed = f"{head}.{claims}".encode()
        head, claims, signature = json.loads(unpadded(head)), json.loads(unpadded(claims)), unpadded(signature)
    except ValueError:
        raise undecodable from None
    issuer = str(claims.get("iss"))
    app = next((app for app in world.state["apps"].values() if issuer in (str(app["id"]), app["client_id"])), None)
    if head.get("alg") != "RS256" or app is None:
        raise undecodable
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > time.time() + 60:
        raise Problem(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    if not isinstance(expires, int) or expires <= time.time():
        raise Problem(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which "
                           "the assertion expires")
    if expires > time.time() + 660:
        raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
    if not signed_by(app["pem"], signed, signature):
        raise undecodable
    return app


def signed_by(pem, signed, signature):
    """RSASSA-PKCS1-v1_5 with SHA-256, checked with the numbers of a PKCS #1 key."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))
    modulus, exponent = integers(der)[1:3]
    size = (modulus.bit_length() + 7) // 8
    wanted = SHA256 + hashlib.sha256(signed).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(wanted) - 3) + b"\x00" + wanted
    return len(signature) == size and pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == wanted


def integers(der):
    """The integers of a DER sequence."""
    def length(at):
        first = der[at]
        if first < 0x80:
            return first, at + 1
        size = first & 0x7F
        return int.from_bytes(der[at + 1:at + 1 + size], "big"), at + 1 + size
    _, at = length(1)
    found = []
    while at < len(der):
        size, start = length(at + 1)
        found.append(int.from_bytes(der[start:start + size], "big"))
        at = start + size
    return found
