"""What is sent back: an answer, or a problem in the form that GitHub's errors have."""

import json

DOCS = "https://docs.github.com/rest"


class Answer:
    """A status, headers and a body: JSON, bytes, or an open file."""

    def __init__(self, status=200, body=None, headers=None, kind=None, file=None):
        self.status, self.headers, self.file = status, dict(headers or {}), file
        if file is not None or body is None or isinstance(body, bytes):
            self.body = body or b""
            if kind:
                self.headers["Content-Type"] = kind
        elif kind:
            self.body = body.encode()
            self.headers["Content-Type"] = kind
        else:
            self.body = json.dumps(body, ensure_ascii=False).encode()
            self.headers["Content-Type"] = "application/json; charset=utf-8"


class Problem(Exception):
    """An error as GitHub words it."""

    def __init__(self, status, message, errors=None, headers=None, docs=None):
        super().__init__(message)
        self.status, self.message, self.errors, self.headers, self.docs = status, message, errors, headers or {}, docs

    def answer(self, docs):
        body = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        body["documentation_url"] = self.docs or docs or DOCS
        body["status"] = str(self.status)
        return Answer(self.status, body, self.headers)


def not_found():
    return Problem(404, "Not Found")


def invalid(resource, field=None, code="invalid", message=None, **more):
    """422 with one entry under `errors`."""
    error = {"resource": resource, "code": code}
    if field is not None:
        error["field"] = field
    if message is not None:
        error["message"] = message
    return Problem(422, "Validation Failed", [{**error, **more}])


def malformed(words):
    """422 as GitHub's schema check words it, before anything looks at what the values mean."""
    return Problem(422, f"Invalid request.\n\n{words}")


WORDS = {str: "a string", bool: "a boolean", int: "an integer", list: "an array", dict: "an object"}


def fields(body, required=(), /, **kinds):
    """The named fields of a request's body, each of its kind; what is not there is absent."""
    if not isinstance(body, dict):
        raise Problem(400, "Body should be a JSON object")
    missing = [f'"{name}" wasn\'t supplied.' for name in required if body.get(name) is None]
    if missing:
        raise malformed("\n".join(missing))
    found = {}
    for name, kind in kinds.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise malformed(f"For 'properties/{name}', {json.dumps(value)} is not {WORDS[kind]}.")
        found[name] = value
    return found
