"""The listener: reads requests, lets faults happen, writes down what was asked, and hands on."""

import os
import re
import secrets
import shutil
import socket
import struct
import tempfile
import time
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import api
import control
import page
import smart
from answer import Answer

# Importing them fills the list of endpoints.
import apps, commits, hooks, owners, pulls, repositories  # noqa: E401, F401 isort: skip

LARGEST = 2 << 30
KEPT_BODY = 16 << 20
SHORT = 1 << 16
# First words of paths that no owner has.
API = ("user", "users", "orgs", "repos", "repositories", "app", "apps", "installation", "search", "graphql")


def for_people(world, method, path):
    """Whether it is a page, of an owner or below one. All else is the API, what it does not have too."""
    first = path.split("/")[1]
    return method in ("GET", "HEAD") and (path in ("/", "/favicon.ico") or (world.owner(first) is not None
                                                                            and first not in API))


class Request:
    """One request, with its body in a file."""

    def __init__(self, method, target, headers, upload, length):
        self.id = f"{secrets.token_hex(2)}:{secrets.token_hex(8)}".upper()
        self.method, self.headers, self.upload, self.length = method, headers, upload, length
        path, _, self.query = target.partition("?")
        self.path = urllib.parse.unquote(path) if "%2F" not in path.upper() else path
        # As a GitHub Enterprise Server has it.
        self.path = re.sub(r"^/api/v3(?=/)", "", self.path)

    @property
    def body(self):
        self.upload.seek(0)
        return self.upload.read()


class Broken(Exception):
    """The connection is not to be used any more."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "github.com", ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 300

    def log_message(self, *_):
        """The list of requests says more."""

    def handle_one(self):
        self.world, upload = self.server.world, tempfile.SpooledTemporaryFile(1 << 20)
        self.path = self.path if self.path.startswith("/") else "/" + self.path
        plain = self.path.partition("?")[0]
        ours = plain == "/_fake" or plain.startswith("/_fake/")
        fault = None
        # Git asks with an empty push whether it may, before it sends a large one.
        probe = plain.endswith("/git-receive-pack") and self.headers.get("content-length") == "4"
        if not ours and not probe:
            with self.world.lock:
                fault = self.server.faults.take(self.command, plain)
        noted = {"method": self.command, "path": self.path, "status": None, "fault": fault is not None, "at": time.time()}
        try:
            length = self.read_body(upload, fault if fault and fault["when"] == "before" and fault["close"] == "half" else None)
        except Broken:
            if not ours:
                self.note(noted, upload)
            if fault:
                # Once an answer has begun, clients do not quietly ask again over a new connection.
                self.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\n")
                self.wfile.flush()
            return self.drop(reset=False)
        request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, upload, length)
        if not ours:
            self.note(noted, upload)
        if fault and fault["delay_ms"]:
            time.sleep(fault["delay_ms"] / 1000)
        if fault and fault["when"] == "before":
            if fault["close"]:
                return self.drop()
            if fault["status"]:
                return self.send(self.faulty(fault), noted)
        found = self.dispatch(request)
        if fault and fault["when"] == "after":
            if fault["close"] == "now":
                return self.drop()
            if fault["status"]:
                found = self.faulty(fault)
            if fault["close"] == "half":
                return self.send(found, noted, half=True)
        self.send(found, noted)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_one

    def read_body(self, upload, broken):
        """Its length; with a fault, about half of it is read and no more."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self.read_chunks(upload, broken)
        length = int(self.headers.get("content-length") or 0)
        if not 0 <= length <= LARGEST:
            raise Broken
        # What is short is on its way at once; unread, it would take with it what is sent back.
        left = length // 2 if broken and length > SHORT else length
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise Broken
            upload.write(piece)
            left -= len(piece)
        if broken:
            raise Broken
        return length

    def read_chunks(self, upload, broken):
        length = 0
        while True:
            size = int(self.rfile.readline(64).split(b";")[0] or b"0", 16)
            if size == 0:
                while self.rfile.readline(8192).strip():
                    pass
                if broken:
                    raise Broken
                return length
            length += size
            if length > LARGEST:
                raise Broken
            upload.write(self.rfile.read(size))
            self.rfile.readline(8)
            if broken and length > SHORT:
                raise Broken

    def dispatch(self, request):
        host = (self.headers.get("host") or "").rpartition(":")[0] or self.headers.get("host")
        if host not in ("127.0.0.1", "localhost", "[::1]"):
            # A page of somebody else, whose name leads here.
            return Answer(421, {"message": "this fake GitHub is for this machine only"})
        try:
            if request.path == "/_fake" or request.path.startswith("/_fake/"):
                return control.answer(self.server, request)
            if smart.is_git(request):
                return smart.serve(self.world, request)
            with self.world.lock:
                if for_people(self.world, request.method, request.path):
                    return page.answer(self.world, request)
                found = api.answer(self.world, request)
                if request.method not in ("GET", "HEAD") and found.status < 500:
                    self.world.save()
                return found
        except Exception:
            # A fault of the fake itself: loud, and never taken for GitHub's.
            traceback.print_exc()
            return Answer(599, {"message": "the fake GitHub is broken: see what it wrote"})

    def faulty(self, fault):
        body, headers = fault["body"], dict(fault["headers"])
        if isinstance(body, str):
            return Answer(fault["status"], body, headers, kind=headers.get("Content-Type", "text/plain"))
        return Answer(fault["status"], body if body is not None else {"message": "a fault that was asked for"}, headers)

    def send(self, found, noted, half=False):
        noted["status"] = found.status
        size = os.fstat(found.file.fileno()).st_size - found.file.tell() if found.file else len(found.body)
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        if found.status not in (204, 304):
            self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command != "HEAD" and found.status not in (204, 304):
            if found.file and not half:
                shutil.copyfileobj(found.file, self.wfile)
            elif found.file:
                self.wfile.write(found.file.read(size // 2))
            else:
                self.wfile.write(found.body[:size // 2] if half else found.body)
        self.wfile.flush()
        if found.file:
            found.file.close()
        if half:
            self.drop(reset=False)

    def drop(self, reset=True):
        """Ends the connection as a broken one ends."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        # What the base class would still flush has nowhere to go.
        self.connection.close()
        self.wfile, self.rfile = open(os.devnull, "wb"), open(os.devnull, "rb")

    def note(self, noted, upload):
        """Writes the request down, with no token in it."""
        upload.seek(0)
        text = upload.read(KEPT_BODY)
        is_pack = "x-git" in (self.headers.get("content-type") or "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        scheme = headers.get("authorization", "").partition(" ")[0]
        if scheme:
            headers["authorization"] = f"{scheme} ***"
        with self.world.lock:
            # Where it must never be: in an address, a body, or another header.
            everything = " ".join((noted["path"], *headers.values())).encode() + text
            leaked = any(value.encode() in everything for value in self.world.state["tokens"])
            plain = noted["path"].partition("?")[0]
            kind = "git" if is_pack or smart.PATHS.fullmatch(plain) else "api"
            if kind == "api" and for_people(self.world, noted["method"], plain):
                kind = "page"
            body = {"pack_bytes": upload.seek(0, os.SEEK_END)} if is_pack else text.decode(errors="replace")
            noted.update(number=len(self.server.requests) + 1, headers=headers, body=body, leaked=leaked, kind=kind)
            self.server.requests.append(noted)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.world = self.faults = None
        self.requests = []

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are not worth a word."""
