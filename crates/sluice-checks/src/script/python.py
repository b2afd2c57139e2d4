"""Installs and compiles a Python project inside a sandbox; only the standard library of Python 3.8 is used."""

import ast
import importlib.machinery
import json
import os
import re
import shutil
import subprocess
import sys

VENV = ".venv"
OUT = "/sluice/out/build.json"
MOST = 400
FOREIGN = {"node_modules", "site-packages", "__pycache__", ".venv", "venv", "build", "dist"}


def say(text):
    print(text, flush=True)


def run(argv, **env):
    say("$ " + " ".join(argv if len(argv) < 24 else argv[:24] + ["..."]))
    try:
        return subprocess.run(argv, env={**os.environ, **env}).returncode
    except FileNotFoundError:
        say("sluice: the program %s is not there" % argv[0])
        return 127


def packages(venv):
    lib = os.path.join(venv, "lib")
    for name in sorted(os.listdir(lib)):
        folder = os.path.join(lib, name, "site-packages")
        if os.path.isdir(folder):
            return folder
    return None


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def poetry():
    """What poetry.lock names, as pip's requirements with digests; poetry itself is not needed."""
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    try:
        with open("poetry.lock", "rb") as file:
            lock = tomllib.load(file)
        packages = lock.get("package", [])
        locked = {plain(package["name"]) for package in packages}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        say("sluice: poetry.lock cannot be read: %s" % error)
        return None
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    tool = project.get("tool", {}).get("poetry", {})
    wanted = [tool.get("dependencies", {}), tool.get("dev-dependencies", {})]
    wanted += [group.get("dependencies", {}) for group in tool.get("group", {}).values() if not group.get("optional")]
    names = [name for table in wanted for name, value in table.items()]
    names += [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in project.get("project", {}).get("dependencies", [])]
    missing = sorted(name for name in names if plain(name) != "python" and plain(name) not in locked)
    if missing:
        say("sluice: poetry.lock does not name %s" % ", ".join(missing))
        return None
    lines = []
    for package in packages:
        if package.get("optional"):
            continue
        name = package["name"]
        digests = [file.get("hash", "") for file in package.get("files", [])]
        digests = [digest for digest in digests if re.fullmatch(r"sha(256|384|512):[0-9a-f]+", digest)]
        if package.get("source", {}).get("type", "legacy") != "legacy" or not digests:
            say("sluice: %s would have to be built: poetry.lock has no digest of a file of it" % name)
            return None
        line = "%s==%s" % (name, package["version"])
        if isinstance(package.get("markers"), str):
            line += " ; " + package["markers"]
        lines.append(" ".join([line] + ["--hash=" + digest for digest in digests]))
    path = "/tmp/sluice-poetry.txt"
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return ["--no-deps", "--require-hashes", "-r", path] if lines else []


def is_elsewhere():
    """Whether uv.lock was made with another index than the one that this machine is set to."""
    here = os.environ.get("UV_DEFAULT_INDEX", "").rstrip("/")
    with open("uv.lock", encoding="utf-8", errors="replace") as file:
        named = set(re.findall(r'source = \{ registry = "([^"]*)"', file.read()))
    return bool(here and named) and here not in {url.rstrip("/") for url in named}


def exported(words, settings):
    """The locked versions with their digests, for pip: uv itself would ask the index that the lockfile names.
    Without the network it only looks whether lockfile and manifest agree."""
    path = "/tmp/sluice-uv.txt"
    settings = dict(settings, UV_OFFLINE="1", UV_DEFAULT_INDEX="")
    command = ["uv", "export", "--quiet", "--locked", "--no-emit-workspace", "--no-header", "--output-file", path]
    if run(command + words, **settings) != 0:
        say("sluice: uv.lock does not fit pyproject.toml")
        return None
    return ["--no-deps", "--require-hashes", "-r", path]


def install(how, words):
    """HOW is `uv`, `poetry` or `pip`; WORDS are pip's requirements and files."""
    python = sys.executable
    venv = os.path.abspath(VENV)
    if how == "poetry":
        words = poetry()
        if words is None:
            return 1
    if how == "uv":
        if shutil.which("uv") is None:
            say("sluice: uv.lock needs uv, which is not there; install it (pip install uv)")
            return 127
        settings = {
            "UV_PROJECT_ENVIRONMENT": venv,
            "UV_PYTHON": python,
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_CACHE_DIR": "/tmp/uv",
            "UV_LINK_MODE": "copy",
            "UV_COMPILE_BYTECODE": "1",
            "UV_NO_PROGRESS": "1",
        }
        if is_elsewhere():
            words = exported(words, settings)
            if words is None:
                return 1
            how = "pip"
        else:
            code = run(["uv", "sync", "--locked", "--no-build", "--no-install-workspace"] + words, **settings)
    if how != "uv":
        has_pip = subprocess.run([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL).returncode == 0
        code = run([python, "-m", "venv"] + (["--without-pip"] if has_pip else []) + [VENV])
        if code == 0 and words:
            # One start of pip on an empty environment: what a package puts there never runs with the network.
            pip = [python, "-m", "pip", "--python", venv] if has_pip else [os.path.join(venv, "bin", "python"), "-m", "pip"]
            code = run(pip + ["install", "--only-binary", ":all:", "--no-input", "--progress-bar", "off"] + words)
    if code != 0:
        return code
    folder = packages(VENV)
    if folder is None:
        say("sluice: the virtual environment has no site-packages")
        return 1
    # The project itself is not built: its folders are put on the path instead.
    here = os.getcwd()
    with open(os.path.join(folder, "sluice-project.pth"), "w", encoding="utf-8") as out:
        out.write("%s\n%s\n" % (here, os.path.join(here, "src")))
    names = sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
    with open(os.path.join(VENV, "sluice-installed.txt"), "w", encoding="utf-8") as out:
        out.write("\n".join([sys.version] + names) + "\n")
    return 0


def audit():
    """Asks for known vulnerabilities of what is installed, with the project's pip-audit or the machine's."""
    folder = packages(VENV)
    own = os.path.abspath(os.path.join(VENV, "bin", "pip-audit"))
    program = own if os.path.exists(own) else shutil.which("pip-audit")
    if program is None:
        say("sluice: pip-audit is not there")
        return 127
    return run([program, "--format=json", "--progress-spinner=off", "--cache-dir=/tmp/pip-audit", "--path", folder])


def sources():
    for folder, names, files in os.walk("."):
        names[:] = sorted(n for n in names if n not in FOREIGN and not n.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.normpath(os.path.join(folder, name))


def is_there(name, folder, own):
    if name in own or name in sys.builtin_module_names or name in getattr(sys, "stdlib_module_names", ()):
        return True
    try:
        return importlib.machinery.PathFinder.find_spec(name, [folder] + sys.path) is not None
    except (ImportError, ValueError, AttributeError):
        return True


def imports(tree):
    """Modules that are imported whenever the file is, and not as a try."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], node


def build():
    """Compiles every file, and looks whether what it imports is installed. Nothing of the project runs."""
    findings = []
    trees = []
    own = set()

    def found(rule, message, path, line, column):
        if len(findings) < MOST:
            findings.append({"rule": rule, "message": message, "path": path, "line": line or 0, "column": column or 0})
        say("%s:%s:%s: %s: %s" % (path, line or 0, column or 0, rule, message))

    count = 0
    for path in sources():
        count += 1
        parts = path[:-3].split(os.sep)
        own.update(parts[:-1])
        own.add(parts[-1])
        try:
            with open(path, "rb") as file:
                text = file.read()
            tree = ast.parse(text, path)
            compile(tree, path, "exec", dont_inherit=True)
            trees.append((path, tree))
        except SyntaxError as error:
            found("syntax", error.msg or "it cannot be parsed", path, error.lineno, error.offset)
        except (ValueError, RecursionError, MemoryError, OSError) as error:
            found("syntax", str(error) or type(error).__name__, path, 0, 0)
    for path, tree in trees:
        for name, node in imports(tree):
            if not is_there(name, os.path.dirname(path) or ".", own):
                message = "no module named %r is installed; add the package that brings it to the dependencies" % name
                found("import", message, path, node.lineno, node.col_offset + 1)
    with open(OUT, "w", encoding="utf-8") as out:
        json.dump({"files": count, "findings": findings}, out)
    say("%d files compiled, %d findings" % (count, len(findings)))
    return 1 if findings else 0


def main(words):
    if words[:1] == ["install"]:
        return install(words[1], words[2:])
    if words == ["audit"]:
        return audit()
    if words == ["build"]:
        return build()
    say("usage: python.py install pip|poetry|uv [WORD...] | audit | build")
    return 2


sys.exit(main(sys.argv[1:]))
