"""Runs a function or a program of Python on cases, each in a process of its own, and writes what came of each."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile

OUT = "/sluice/out/code.json"
MOST = 1 << 20
SPEC = json.loads(os.environ["SLUICE_CODE"])


def call(args):
    path = os.path.abspath(SPEC["file"])
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("code_under_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["code_under_test"] = module
    try:
        spec.loader.exec_module(module)
        function = getattr(module, SPEC["function"])
    except BaseException as error:
        return {"load": "%s: %s" % (type(error).__name__, error)}
    try:
        value = function(*args)
    except BaseException as error:
        names = [one.__name__ for one in type(error).__mro__ if one is not object]
        return {"error": names, "message": str(error)}
    try:
        json.dumps(value, allow_nan=False)
        return {"value": value}
    except (TypeError, ValueError, RecursionError) as error:
        return {"load": "the value is no JSON: %s" % error}


def one(index, case):
    seconds = SPEC["timeout_seconds"]
    with tempfile.TemporaryDirectory() as folder:
        said, wrong, result = (os.path.join(folder, name) for name in ("out", "err", "result"))
        argv = [sys.executable, SPEC["file"]] if SPEC["function"] is None else [sys.executable, __file__, str(index)]
        text = case.get("stdin") or ""
        with open(os.path.join(folder, "in"), "w+", encoding="utf-8") as given, open(said, "wb") as out, open(wrong, "wb") as err:
            given.write(text)
            given.seek(0)
            child = subprocess.Popen(
                argv, stdin=given, stdout=out, stderr=err, start_new_session=True, env={**os.environ, "SLUICE_CODE_RESULT": result}
            )
            try:
                code = child.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                code = None
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()

        def read(path):
            try:
                with open(path, "rb") as file:
                    return file.read(MOST).decode("utf-8", "replace")
            except OSError:
                return ""

        seen = {"timed_out": code is None, "exit_code": code, "stdout": read(said), "stderr": read(wrong)[-4000:]}
        try:
            seen["answer"] = json.loads(read(result))
        except ValueError:
            seen["answer"] = None
        return seen


if len(sys.argv) > 1:
    answer = call(SPEC["cases"][int(sys.argv[1])].get("args") or [])
    with open(os.environ["SLUICE_CODE_RESULT"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
else:
    seen = [one(index, case) for index, case in enumerate(SPEC["cases"])]
    with open(OUT, "w", encoding="utf-8") as file:
        json.dump({"cases": seen}, file)
    print("%d cases were run" % len(seen))
