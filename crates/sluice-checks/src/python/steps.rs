//! Chooses the commands of a Python project's checks.

use std::collections::{BTreeMap, BTreeSet};

use sluice_sandbox::{Network, OUT, WORKSPACE};

use super::manifest::Manifest;
use super::requirements::{Requirements, specifier};
use super::start::start;
use crate::find::{is_below, is_foreign, join};
use crate::plan::{COVERAGE_LCOV, TEST_XML, step_name, words};
use crate::script::{self, PYTHON};
use crate::smoke::serve;
use crate::toolchain::VENV;
use crate::{Action, Advisories, Command, Kind, Report, Step, Toolchain, Tree, Verdict};

/// Files of requirements for checks, beside `requirements.txt`.
const FOR_CHECKS: [&str; 12] = [
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements-lint.txt",
    "requirements_dev.txt",
    "requirements_test.txt",
    "dev-requirements.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "requirements/lint.txt",
];

/// The installation.
pub(super) fn install(tree: &dyn Tree, dir: &str, manifest: &Manifest) -> Step {
    Step {
        name: step_name(Kind::Install, dir),
        kind: Kind::Install,
        toolchain: Toolchain::Python,
        dir: dir.to_owned(),
        action: installation(tree, dir, manifest),
        inputs: crate::Inputs::All,
    }
}

fn installation(tree: &dyn Tree, dir: &str, manifest: &Manifest) -> Action {
    if let Some((message, line, column)) = &manifest.fault {
        let path = join(dir, "pyproject.toml");
        return Action::Skip {
            verdict: Verdict::Fail,
            note: format!("{path} cannot be read: {message}"),
            place: Some((path, *line, *column)),
        };
    }
    if manifest.has("uv.lock") {
        let (groups, extras) = manifest.groups();
        let mut argv = words(["python3", PYTHON.inside, "install", "uv"]);
        for (option, names) in [("--group", groups), ("--extra", extras)] {
            for name in names {
                argv.extend(words([option, name]));
            }
        }
        return Action::Run(fetches(argv, None));
    }
    if manifest.has("poetry.lock") && manifest.has_table(&["tool", "poetry"]) {
        let argv = words(["python3", PYTHON.inside, "install", "poetry"]);
        return Action::Run(fetches(argv, None));
    }
    let mut files = Vec::new();
    if manifest.has("requirements.txt") {
        files.push("requirements.txt");
    }
    files.extend(
        FOR_CHECKS
            .iter()
            .filter(|name| tree.read(&join(dir, name)).is_some()),
    );
    let mut read = Requirements::default();
    for name in &files {
        read.add(tree, &join(dir, name));
    }
    let is_locked = read.packages > 0 && read.hashed == read.packages;
    let mut specifiers = Vec::new();
    // Where every package has its digest, pip takes none without: the files are the whole list.
    if !is_locked {
        if !manifest.has("requirements.txt") {
            specifiers.extend(manifest.dependencies());
        }
        specifiers.extend(manifest.for_checks());
    }
    for text in &specifiers {
        if let Err(why) = specifier(text) {
            let path = join(dir, "pyproject.toml");
            read.refused.push(format!("{path}: {why}"));
        }
    }
    if !read.refused.is_empty() {
        read.refused.truncate(10);
        return Action::skip(
            Verdict::Unknown,
            format!(
                "packages are installed from wheels only, without running code of theirs: {}",
                read.refused.join("; ")
            ),
        );
    }
    if files.is_empty() && manifest.is_poetry_only() {
        return Action::skip(
            Verdict::Unknown,
            "poetry's own list of dependencies is not read; put them into [project] of pyproject.toml, or write them \
             with their digests into requirements.txt (poetry export)",
        );
    }
    if files.is_empty() && !manifest.has_project() && manifest.has("setup.py") {
        return Action::skip(
            Verdict::Unknown,
            "what setup.py depends on is known only by running it; name the dependencies in pyproject.toml or \
             requirements.txt",
        );
    }
    let note = (!is_locked && (read.packages > 0 || !specifiers.is_empty())).then(|| {
        "the versions are not locked, so today's were installed; commit a requirements.txt with digests or a uv.lock"
            .to_owned()
    });
    let mut argv = words(["python3", PYTHON.inside, "install", "pip"]);
    for name in files {
        argv.extend(words(["-r", name]));
    }
    argv.extend(specifiers);
    Action::Run(fetches(argv, note))
}

fn fetches(argv: Vec<String>, note: Option<String>) -> Command {
    Command {
        network: Network::Registries,
        note,
        ..Command::new(argv, Report::Text)
    }
}

/// Any other check.
pub(super) fn step(tree: &dyn Tree, dir: &str, manifest: &Manifest, kind: Kind) -> Step {
    let action = match kind {
        Kind::Build => Action::Run(Command::new(
            vec![
                program(dir, "python"),
                PYTHON.inside.to_owned(),
                "build".to_owned(),
            ],
            Report::PythonBuild,
        )),
        Kind::Test => test(tree, dir, manifest),
        Kind::Lint => lint(tree, dir, manifest),
        Kind::Smoke => match start(tree, dir, manifest.depends("flask")) {
            Some(words) => {
                let program = vec![program(dir, "python")];
                Action::Run(serve(&[], &[program, words].concat()))
            }
            None => Action::skip(
                Verdict::Unknown,
                "there is nothing to start; write a package with a __main__.py, or a main.py, that listens on the \
                 port in PORT",
            ),
        },
        Kind::Audit | Kind::Install => Action::Run(Command {
            network: Network::Registries,
            ..Command::new(
                words(["python3", PYTHON.inside, "audit"]),
                Report::Advisories(Advisories::PipAudit),
            )
        }),
    };
    Step {
        name: step_name(kind, dir),
        kind,
        toolchain: Toolchain::Python,
        dir: dir.to_owned(),
        action,
        inputs: crate::Inputs::All,
    }
}

/// A program of the virtual environment.
fn program(dir: &str, name: &str) -> String {
    format!("{WORKSPACE}/{}", join(dir, &format!("{VENV}/bin/{name}")))
}

fn test(tree: &dyn Tree, dir: &str, manifest: &Manifest) -> Action {
    let python = program(dir, "python");
    let configured = manifest.has("pytest.ini")
        || manifest.has("conftest.py")
        || manifest.has_table(&["tool", "pytest"]);
    if manifest.depends("pytest") || configured {
        let mut env = BTreeMap::new();
        let mut argv = vec![python];
        argv.extend(words(["-m", "pytest", "-p", "no:cacheprovider"]));
        argv.push(format!("--junitxml={OUT}/{TEST_XML}"));
        argv.push("--override-ini=junit_family=xunit1".to_owned());
        if manifest.depends("pytest-cov") {
            // Where the project measures by itself its own floor holds; else there is none to hold.
            let names = ["pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg"];
            let is_own = names.iter().any(|name| {
                let bytes = tree.read(&join(dir, name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains("--cov")
            });
            if !is_own {
                argv.extend(words(["--cov", "--cov-fail-under=0"]));
            }
            argv.push(format!("--cov-report=lcov:{OUT}/{COVERAGE_LCOV}"));
            env.insert("COVERAGE_FILE".to_owned(), "/tmp/.coverage".to_owned());
        }
        return Action::Run(Command {
            env,
            ..Command::new(argv, Report::Pytest)
        });
    }
    let is_test = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with("test")
            && name.ends_with(".py")
            && is_below(path, dir)
            && !is_foreign(path)
    };
    let Some(first) = tree.paths().into_iter().find(is_test) else {
        return Action::skip(
            Verdict::Unknown,
            "there are no tests; add pytest to the development dependencies and write tests/test_*.py",
        );
    };
    let inside = first.strip_prefix(&join(dir, "")).unwrap_or(&first);
    let mut argv = vec![python];
    argv.extend(words(["-m", "unittest", "discover", "-v"]));
    // A folder of tests that is no package is not entered from above.
    if let Some((top, _)) = inside.split_once('/')
        && tree
            .read(&join(dir, &format!("{top}/__init__.py")))
            .is_none()
    {
        argv.extend(words(["-s", top, "-t", top]));
    }
    Action::Run(Command {
        note: Some("pytest is not among the dependencies, so unittest was run".to_owned()),
        ..Command::new(argv, Report::Unittest)
    })
}

/// The files and top folders of a project that hold sources: pylint would enter the virtual environment.
fn sources(tree: &dyn Tree, dir: &str) -> BTreeSet<String> {
    let is_source =
        |path: &String| path.ends_with(".py") && is_below(path, dir) && !is_foreign(path);
    let paths = tree.paths().into_iter().filter(is_source);
    let tops = paths.map(|path| {
        let inside = path.strip_prefix(&join(dir, "")).unwrap_or(&path);
        inside.split('/').next().unwrap_or(inside).to_owned()
    });
    tops.filter(|top| !top.starts_with(['.', '-'])).collect()
}

fn lint(tree: &dyn Tree, dir: &str, manifest: &Manifest) -> Action {
    let wants = |package: &str, files: &[&str], table: &[&str]| {
        manifest.depends(package)
            || manifest.has_table(table)
            || files.iter().any(|file| manifest.has(file))
    };
    let mut commands = Vec::new();
    let mut add = |name: &str, arguments: &[&str]| {
        let mut argv = vec![program(dir, name)];
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        commands.push(argv);
    };
    if wants("ruff", &["ruff.toml", ".ruff.toml"], &["tool", "ruff"]) {
        add(
            "ruff",
            &["check", "--no-cache", "--output-format=json-lines", "."],
        );
        if manifest.has_table(&["tool", "ruff", "format"]) {
            add("ruff", &["format", "--no-cache", "--check", "."]);
        }
    }
    if wants("mypy", &["mypy.ini", ".mypy.ini"], &["tool", "mypy"]) {
        let mut arguments = vec![
            "--show-column-numbers",
            "--show-error-codes",
            "--no-pretty",
            "--no-error-summary",
            "--no-color-output",
            "--hide-error-context",
            "--cache-dir=/tmp/mypy",
        ];
        let named = ["files", "packages", "modules"]
            .iter()
            .any(|key| manifest.has_table(&["tool", "mypy", key]));
        if !named && !manifest.has("mypy.ini") && !manifest.has(".mypy.ini") {
            arguments.push(".");
        }
        add("mypy", &arguments);
    }
    if wants("flake8", &[".flake8"], &["tool", "flake8"]) {
        add("flake8", &["--extend-exclude", VENV]);
    }
    if wants("pylint", &[".pylintrc", "pylintrc"], &["tool", "pylint"]) {
        let sources = sources(tree, dir);
        let mut arguments = vec![
            "--recursive=y",
            "--msg-template={path}:{line}:{column}: {msg_id} {msg}",
        ];
        arguments.extend(sources.iter().map(String::as_str));
        if !sources.is_empty() {
            add("pylint", &arguments);
        }
    }
    if commands.is_empty() {
        return Action::skip(
            Verdict::Unknown,
            "no linter is configured; add ruff or mypy to the development dependencies",
        );
    }
    Action::Run(Command {
        env: BTreeMap::from([("MYPY_FORCE_COLOR".to_owned(), "0".to_owned())]),
        ..Command::new(script::each(None, &commands), Report::PythonLint)
    })
}
