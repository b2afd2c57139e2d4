//! Real tools that no other test runs: mocha, uv, flake8, pylint, and the audits of pnpm and yarn against a registry of
//! ours.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use sluice_checks::Toolchain::Python;
use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{Checker, Class, Quiet};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, cache, path, places};
use crate::egress::{packed, registry};
use crate::managers::manager;

#[tokio::test]
async fn mocha_is_read() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "m", "version": "1.0.0", "scripts": {"test": "mocha"}, "devDependencies": {"mocha": "11.7.4"}}"#,
    );
    let test = |sum: u8| {
        format!(
            "const assert = require('node:assert');\n\ndescribe('sum', () => {{\n  it('adds', () => {{\n    \
             assert.strictEqual(1 + 1, {sum});\n  }});\n  it('holds', () => {{}});\n  it('comes later');\n}});\n"
        )
    };
    bench.write("test/sum.js", &test(3));
    let report = bench.check(&["test"]).await;
    let red = bench.expect(&report, "test", Fail);
    assert_eq!(places(red), ["test/sum.js:5 sum adds"]);
    assert_eq!(
        (red.findings[0].tool.as_str(), red.findings[0].class),
        ("mocha", Class::Assertion)
    );
    let tests = red.tests.expect("counts");
    assert_eq!((tests.passed, tests.failed, tests.skipped), (1, 1, 1));
    bench.write("test/sum.js", &test(2));
    let report = bench.check(&["test"]).await;
    bench.expect(&report, "test", Pass);
    bench.write("test/sum.js", "");
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["-:0 no-tests"]
    );
}

/// uv, installed once for all tests of this machine.
fn uv() -> PathBuf {
    let folder = cache().join("uvtool");
    let lock = File::create(cache().join("uvtool.lock")).expect("a lock");
    lock.lock().expect("the lock");
    let program = folder.join("bin/uv");
    if !program.exists() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&folder)
            .status()
            .expect("python3");
        assert!(made.success());
        let pip = Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "uv"])
            .status()
            .expect("pip");
        assert!(pip.success());
    }
    program
}

/// Writes the lockfile as a person would.
fn uv_lock(bench: &Bench) {
    let ran = Command::new(uv())
        .args(["lock", "--quiet"])
        .current_dir(bench.snapshot())
        .output()
        .expect("uv");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

async fn with_uv() -> Bench {
    let folder = uv();
    let folder = folder.parent().expect("a folder").display();
    Bench::on_path(&[Python], &[], &format!("{}:{folder}", path())).await
}

fn pyproject(idna: &str) -> String {
    format!(
        "[project]\nname = \"adder\"\nversion = \"1.0.0\"\nrequires-python = \">=3.11\"\ndependencies = [\"idna=={idna}\"]\n\n\
         [dependency-groups]\ndev = [\"pytest==8.4.1\", \"flake8==7.3.0\", \"pylint==3.3.7\", \"mypy==1.16.1\"]\n\n\
         [tool.mypy]\nstrict = true\n\n[tool.pylint.main]\ndisable = [\"missing-docstring\"]\n"
    )
}

const ADD: &str = "import idna\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n\n\n\
                   def host(name: str) -> bytes:\n    return idna.encode(name)\n";
const TEST: &str = "from adder import add, host\n\n\ndef test_adds() -> None:\n    assert add(1, 2) == 3\n\n\n\
                    def test_host() -> None:\n    assert host(\"a\") == b\"a\"\n";

#[tokio::test]
async fn a_project_of_uv_is_checked_by_its_linters() {
    let bench = with_uv().await;
    bench.write("pyproject.toml", &pyproject("3.10"));
    bench.write("adder.py", ADD);
    bench.write("test_adder.py", TEST);
    uv_lock(&bench);
    let report = bench.check(&["build", "test", "lint"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.note, None);
    for name in ["build", "lint"] {
        assert_eq!(
            places(bench.expect(&report, name, Pass)),
            Vec::<String>::new()
        );
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (2, 0));

    bench.write(
        "adder.py",
        &ADD.replace("return a + b", "x = 1; return \"3\"")
            .replace("import idna\n", "import idna\nimport os\n"),
    );
    let report = bench.check(&["lint"]).await;
    let lint = bench.expect(&report, "lint", Fail);
    let told: Vec<String> = lint
        .findings
        .iter()
        .zip(places(lint))
        .map(|(finding, place)| format!("{} {place}", finding.tool))
        .collect();
    for one in [
        "mypy adder.py:6 return-value",
        "flake8 adder.py:2 F401",
        "flake8 adder.py:6 E702",
        "pylint adder.py:2 W0611",
        "pylint adder.py:6 C0321",
    ] {
        assert!(told.contains(&one.to_owned()), "{one} is not in {told:#?}");
    }

    // Whoever changes a version by hand has to lock anew.
    bench.write("pyproject.toml", &pyproject("3.9"));
    let report = bench.check(&["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:0 lockfile-disagrees"]
    );
}

/// A wheel, and the digest that a lockfile names it by.
fn wheel() -> (Vec<u8>, String) {
    let script = "import base64, hashlib, io, sys, zipfile\n\
        files = {'own.py': 'ONE = 1\\n', 'own-1.0.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: own\\nVersion: 1.0.0\\n',\n\
                 'own-1.0.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}\n\
        files['own-1.0.0.dist-info/RECORD'] = ''.join(name + ',,\\n' for name in [*files, 'own-1.0.0.dist-info/RECORD'])\n\
        out = io.BytesIO()\n\
        with zipfile.ZipFile(out, 'w') as wheel:\n\
        \x20   for name, text in files.items(): wheel.writestr(zipfile.ZipInfo(name), text)\n\
        sys.stderr.write(hashlib.sha256(out.getvalue()).hexdigest())\n\
        sys.stdout.buffer.write(out.getvalue())\n";
    let ran = Command::new("python3")
        .args(["-c", script])
        .output()
        .expect("python3");
    assert!(ran.status.success(), "{ran:?}");
    (ran.stdout, String::from_utf8(ran.stderr).expect("a digest"))
}

#[tokio::test]
async fn uv_takes_packages_from_the_index_that_this_machine_is_set_to() {
    let bench = with_uv().await;
    let (wheel, digest) = wheel();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let port = registry(move |path| {
        seen.lock().expect("no panic").push(path.to_owned());
        match path {
            "/simple/own/" => (
                200,
                b"<!DOCTYPE html><a href=\"/own-1.0.0-py3-none-any.whl\">own-1.0.0-py3-none-any.whl</a>".to_vec(),
            ),
            "/own-1.0.0-py3-none-any.whl" => (200, wheel.clone()),
            _ => (404, Vec::new()),
        }
    });
    let mirror = format!("http://127.0.0.1:{port}/simple");
    let project = "[project]\nname = \"mine\"\nversion = \"1.0.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"own==1.0.0\"]\n";
    let locked = |index: &str, files: &str| {
        format!(
            "version = 1\nrevision = 2\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"mine\"\nversion = \"1.0.0\"\n\
             source = {{ virtual = \".\" }}\ndependencies = [\n    {{ name = \"own\" }},\n]\n\n[package.metadata]\n\
             requires-dist = [{{ name = \"own\", specifier = \"==1.0.0\" }}]\n\n[[package]]\nname = \"own\"\nversion = \"1.0.0\"\n\
             source = {{ registry = \"{index}\" }}\nwheels = [\n    {{ url = \"{files}/own-1.0.0-py3-none-any.whl\", hash = \
             \"sha256:{digest}\" }},\n]\n"
        )
    };
    bench.write("pyproject.toml", project);
    bench.write("app.py", "import own\n\nprint(own.ONE)\n");
    let checker = bench.checker_with(|settings| settings.pip_index = Some(mirror.clone()));
    for (index, files) in [
        // Made on this machine, and made on one that knows another index.
        (mirror.as_str(), format!("http://127.0.0.1:{port}")),
        (
            "https://elsewhere.test/simple",
            "https://files.elsewhere.test".to_owned(),
        ),
    ] {
        asked.lock().expect("no panic").clear();
        bench.write("uv.lock", &locked(index, &files));
        let report = run(&bench, &checker, &["build"]).await;
        bench.expect(&report, "install", Pass);
        bench.expect(&report, "build", Pass);
        let asked = asked.lock().expect("no panic").clone();
        assert!(
            asked.contains(&"/own-1.0.0-py3-none-any.whl".to_owned()),
            "{asked:?}"
        );
    }
    // The digests are the lockfile's, wherever the files come from.
    bench.write(
        "uv.lock",
        &locked(
            "https://elsewhere.test/simple",
            "https://files.elsewhere.test",
        )
        .replace(&digest, &digest.chars().rev().collect::<String>()),
    );
    let report = run(&bench, &checker, &["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:0 hash-mismatch"]
    );
}

async fn run(bench: &Bench, checker: &Checker, only: &[&str]) -> sluice_checks::CheckReport {
    let (request, cancel) = (bench.request(only), CancellationToken::new());
    let report = checker.run(&request, &Quiet, &cancel).await;
    report.expect("no fault of the machinery")
}

/// A registry with one package, of which it knows something bad as long as `bad` holds it.
fn knowing(bad: Arc<Mutex<u16>>) -> String {
    let (package, digests) = packed("own");
    let listening = Arc::new(OnceLock::new());
    let known = Arc::clone(&listening);
    let port = registry(move |path| {
        let port: &u16 = known.wait();
        let status = *bad.lock().expect("no panic");
        let advisory = json!({
            "id": 7, "title": "Out of bounds", "module_name": "own", "severity": "high",
            "vulnerable_versions": "<2.0.0", "patched_versions": ">=2.0.0", "cwe": [], "cves": [],
            "url": "https://advisories.test/GHSA-0000-0000-0007", "github_advisory_id": "GHSA-0000-0000-0007",
            "findings": [{"version": "1.0.0", "paths": ["own"]}],
        });
        match path {
            "/own" => {
                let tarball = format!("http://127.0.0.1:{port}/own/-/own-1.0.0.tgz");
                let mut dist = digests.clone();
                dist["tarball"] = json!(tarball);
                let version = json!({"name": "own", "version": "1.0.0", "dist": dist});
                // Old enough for those who do not trust what is new.
                let time = json!({"1.0.0": "2020-01-01T00:00:00.000Z"});
                let tags = json!({"latest": "1.0.0"});
                let all = json!({"name": "own", "dist-tags": tags, "versions": {"1.0.0": version}, "time": time});
                (200, all.to_string().into_bytes())
            }
            "/own/-/own-1.0.0.tgz" => (200, package.clone()),
            path if path.contains("/security/") && status != 200 && status != 204 => {
                (status, b"{}".to_vec())
            }
            "/-/npm/v1/security/advisories/bulk" => {
                let all = match status {
                    200 => json!({"own": [advisory]}),
                    _ => json!({}),
                };
                (200, all.to_string().into_bytes())
            }
            path if path.starts_with("/-/npm/v1/security/audits") => {
                let (advisories, high) = match status {
                    200 => (json!({"7": advisory}), 1),
                    _ => (json!({}), 0),
                };
                let counts =
                    json!({"info": 0, "low": 0, "moderate": 0, "high": high, "critical": 0});
                let all = json!({
                    "actions": [], "advisories": advisories, "muted": [],
                    "metadata": {"vulnerabilities": counts, "dependencies": 1, "devDependencies": 0,
                                 "optionalDependencies": 0, "totalDependencies": 1},
                });
                (200, all.to_string().into_bytes())
            }
            _ => (404, b"{}".to_vec()),
        }
    });
    listening.set(port).expect("set once");
    format!("http://127.0.0.1:{port}/")
}

/// A project with that package, locked by the real program and installed from that registry.
async fn audited(
    package: Option<&str>,
    lockfile: &str,
    argv: &[&str],
) -> (Bench, Checker, Arc<Mutex<u16>>) {
    let bad = Arc::new(Mutex::new(200));
    let url = knowing(Arc::clone(&bad));
    let (bench, program) = match package {
        None => (Bench::new(&[]), PathBuf::from("npm")),
        Some(package) => {
            let folder = manager(package);
            let bench = Bench::with_programs(std::slice::from_ref(&folder), &[folder.join("bin")]);
            (bench, folder.join("bin").join(argv[0]))
        }
    };
    let name = bench.request(&[]).run_id.to_lowercase();
    bench.write(
        "package.json",
        &format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"own": "1.0.0"}}}}"#),
    );
    let ran = Command::new(program)
        .args(&argv[1..])
        .current_dir(bench.snapshot())
        .env("CI", "false")
        .env("NPM_CONFIG_REGISTRY", &url)
        .env("YARN_REGISTRY", &url)
        .env("YARN_NPM_REGISTRY_SERVER", &url)
        .env("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1")
        .env("YARN_GLOBAL_FOLDER", bench.home().join("yarn"))
        .env("YARN_NODE_LINKER", "node-modules")
        .env("YARN_ENABLE_TELEMETRY", "0")
        .output()
        .expect("the package manager");
    assert!(ran.status.success(), "{ran:?}");
    for leftover in ["node_modules", ".yarn"] {
        let _ = fs::remove_dir_all(bench.snapshot().join(leftover));
    }
    assert!(bench.snapshot().join(lockfile).exists());
    let checker = bench.checker_with(|settings| settings.npm_registry = Some(url));
    let report = run(&bench, &checker, &["audit"]).await;
    bench.expect(&report, "install", Pass);
    (bench, checker, bad)
}

/// A vulnerable package is red, a harmless one green, and a registry that does not say is neither.
async fn audits(package: Option<&str>, lockfile: &str, argv: &[&str], tool: &str) {
    let (bench, checker, bad) = audited(package, lockfile, argv).await;
    let report = run(&bench, &checker, &["audit"]).await;
    let audit = bench.expect(&report, "audit", Fail);
    assert_eq!(places(audit).len(), 1, "{audit:#?}");
    let finding = &audit.findings[0];
    assert_eq!(
        (finding.tool.as_str(), finding.path.as_deref()),
        (tool, Some("package.json"))
    );
    assert!(
        finding.message.contains("own") && finding.message.contains("Out of bounds"),
        "{finding:#?}"
    );
    *bad.lock().expect("no panic") = 204;
    let report = run(&bench, &checker, &["audit"]).await;
    bench.expect(&report, "audit", Pass);
    for status in [500, 405] {
        *bad.lock().expect("no panic") = status;
        let report = run(&bench, &checker, &["audit"]).await;
        bench.expect(&report, "audit", Unknown);
    }
}

#[tokio::test]
async fn npms_audit_is_read() {
    let argv = ["npm", "install", "--package-lock-only"];
    audits(None, "package-lock.json", &argv, "npm-audit").await;
}

#[tokio::test]
async fn pnpms_audit_is_read() {
    let argv = ["pnpm", "install", "--lockfile-only"];
    audits(Some("pnpm@10"), "pnpm-lock.yaml", &argv, "pnpm-audit").await;
}

#[tokio::test]
async fn the_audit_of_an_older_yarn_says_whom_it_could_not_ask() {
    // It asks the registry of its own makers, whatever the machine is set to.
    let argv = ["yarn", "install", "--non-interactive"];
    let (bench, checker, _) = audited(Some("yarn@1"), "yarn.lock", &argv).await;
    let report = run(&bench, &checker, &["audit"]).await;
    let audit = bench.expect(&report, "audit", Unknown);
    assert_eq!(audit.findings[0].rule, "registry-refused");
    assert!(
        audit
            .note
            .as_deref()
            .is_some_and(|note| note.contains("security/audits")),
        "{audit:#?}"
    );
}

#[tokio::test]
async fn the_audit_of_a_newer_yarn_is_read() {
    let argv = ["yarn", "install"];
    audits(
        Some("@yarnpkg/cli-dist@4"),
        "yarn.lock",
        &argv,
        "yarn-audit",
    )
    .await;
}
