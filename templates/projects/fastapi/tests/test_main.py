import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_told_to_stop_and_leaves_cleanly(number: signal.Signals) -> None:
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "app"], env=environment, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        address = None
        for line in server.stderr:
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
            if address:
                break
        assert address is not None
        assert httpx2.get(f"{address[0]}/health", trust_env=False).json() == {"status": "ok"}
        server.send_signal(number)
        server.stderr.read()
        assert server.wait(timeout=20) == 0


def test_says_what_is_wrong_with_its_environment() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "app"],
        env={**os.environ, "PORT": "http"},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "PORT is 'http'" in ran.stderr
