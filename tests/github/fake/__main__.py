"""A GitHub for this machine: the parts of its API, its git and its webhooks that an export needs. docs/fake-github.md says more."""

import argparse
import fcntl
import json
import os
import signal
import sys
import threading

from events import Courier
from faults import Faults
from server import Server
from world import World


def main():
    options = argparse.ArgumentParser(prog="fake-github", description=__doc__)
    options.add_argument("--port", type=int, default=4080, help="the port on 127.0.0.1; 0 takes a free one (%(default)s)")
    options.add_argument("--root", default=os.path.join(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "sluice", "fake-github"),
                         help="the folder that it remembers everything in (%(default)s)")
    options.add_argument("--json", action="store_true", help="print one line of JSON, for programs")
    options.add_argument("--until-eof", action="store_true", help="end when standard input ends, for programs")
    options = options.parse_args()
    root = os.path.abspath(options.root)
    os.makedirs(root, mode=0o700, exist_ok=True)
    lock = open(os.path.join(root, "lock"), "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"fake-github: another one uses {root}; choose a folder with --root") from None
    try:
        server = Server(options.port)
    except OSError as error:
        raise SystemExit(f"fake-github: port {options.port} cannot be used ({error.strerror}); choose one with --port") from None
    url = f"http://127.0.0.1:{server.server_port}"
    server.world, server.faults = World(root, url), Faults()
    server.world.courier = Courier(server.world)
    token = server.world.state["first"]
    if options.json:
        print(json.dumps({"url": url, "token": token}), flush=True)
    else:
        print(f"""A fake GitHub listens on {url} and keeps its state in {root}.

  {url}/            shows repositories, branches and pull requests
  {url}/_fake       says how to make owners, tokens, repositories and faults

There is a user `octo`, who owns the organisation `acme`. Her token may do everything. For Sluice:

  export SLUICE__GITHUB__API_URL={url}
  export SLUICE__GITHUB__TOKEN={token}
""", flush=True)
    if options.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        # What matters is on disk; a thread that waits for a client need not be waited for.
        os._exit(0)


if __name__ == "__main__":
    main()
