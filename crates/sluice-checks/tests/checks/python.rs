//! Real pip, pytest, ruff and mypy on small projects.

use sluice_checks::Toolchain::Python;
use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, names, places};

/// What all tests here install, so that one layer serves them.
const PYPROJECT: &str = "[project]\nname = \"adder\"\nversion = \"1.0.0\"\nrequires-python = \">=3.9\"\n\
                         dependencies = [\"idna==3.10\"]\n\n[dependency-groups]\n\
                         dev = [\"pytest==8.4.1\", \"ruff==0.12.0\", \"mypy==1.16.1\"]\n\n\
                         [tool.mypy]\nstrict = true\n";
const CODE: &str = "import idna\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n\n\n\
                    def host(name: str) -> bytes:\n    return idna.encode(name)\n";
const TESTS: &str = "from adder import add, host\n\n\ndef test_adds() -> None:\n    assert add(1, 2) == 3\n\n\n\
                     def test_host() -> None:\n    assert host(\"a\") == b\"a\"\n";

async fn green() -> Bench {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("pyproject.toml", PYPROJECT);
    bench.write("src/adder/__init__.py", CODE);
    bench.write("src/adder/py.typed", "");
    bench.write("tests/test_adder.py", TESTS);
    bench
}

#[tokio::test]
async fn a_green_project_passes() {
    let bench = green().await;
    let report = bench.check(&[]).await;
    assert_eq!(
        names(&report),
        ["install", "build", "test", "lint", "audit"]
    );
    assert_eq!(report.toolchain, "python");
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.network, "registries");
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains("not locked")),
        "{install:#?}"
    );
    for name in ["build", "test", "lint"] {
        let check = bench.expect(&report, name, Pass);
        assert_eq!(check.network, "none");
        assert_eq!(places(check), Vec::<String>::new(), "{name}");
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed, tests.skipped), (2, 0, 0));
    bench.expect(&report, "audit", Unknown);
    assert!(!bench.snapshot().join(".venv").exists());
    let again = bench.check(&[]).await;
    assert!(bench.expect(&again, "install", Pass).cached);
    assert!(bench.expect(&again, "test", Pass).cached);
}

#[tokio::test]
async fn each_fault_is_found_where_it_is() {
    let bench = green().await;
    bench.write(
        "src/adder/__init__.py",
        "import idna\nimport os\n\n\ndef add(a: int, b: int) -> int:\n    return \"3\"\n\n\n\
         def host(name: str) -> bytes:\n    return idna.encode(name)\n",
    );
    bench.write("src/adder/broken.py", "import requests\n\ndef f(:\n");
    bench.write("src/adder/absent.py", "import no_such_package\n");
    let report = bench.check(&["build", "test", "lint"]).await;
    assert_eq!(
        places(bench.expect(&report, "build", Fail)),
        [
            "src/adder/broken.py:3 syntax",
            "src/adder/absent.py:1 import"
        ]
    );
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["tests/test_adder.py:5 test_adds"]);
    assert_eq!(test.tests.expect("counts").passed, 1);
    let lint = places(bench.expect(&report, "lint", Fail));
    assert!(
        lint.contains(&"src/adder/__init__.py:2 F401".to_owned()),
        "{lint:?}"
    );
    bench.remove("src/adder/broken.py");
    bench.remove("src/adder/absent.py");
    let report = bench.check(&["lint"]).await;
    let lint = places(bench.expect(&report, "lint", Fail));
    assert_eq!(
        lint,
        [
            "src/adder/__init__.py:2 F401",
            "src/adder/__init__.py:6 return-value"
        ]
    );
}

#[tokio::test]
async fn no_test_is_no_pass() {
    let bench = green().await;
    bench.write("tests/test_adder.py", "");
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["-:0 no-tests"]
    );
    bench.write(
        "tests/test_adder.py",
        "import pytest\npytest.skip(allow_module_level=True)\n",
    );
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["-:0 no-tests"]
    );
}

#[tokio::test]
async fn a_list_with_digests_is_followed() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("app.py", "import idna\n\nprint(idna.encode(\"a\"))\n");
    bench.write(
        "requirements.txt",
        "idna==3.10 \\\n    --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\n",
    );
    bench.write("test_app.py", "import unittest\n\nimport app\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(app.idna.encode(\"a\"), b\"b\")\n\n    def test_b(self):\n        pass\n");
    let report = bench.check(&[]).await;
    assert_eq!(bench.expect(&report, "install", Pass).note, None);
    bench.expect(&report, "build", Pass);
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["test_app.py:8 test_a"]);
    assert_eq!(test.tests.expect("counts").passed, 1);
    bench.expect(&report, "lint", Unknown);
    bench.write(
        "requirements.txt",
        "idna==3.10 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
    );
    let report = bench.check(&["build"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert_eq!(places(install), ["requirements.txt:0 hash-mismatch"]);
}

#[tokio::test]
async fn what_has_to_be_built_is_refused() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("app.py", "");
    // It has no wheel.
    bench.write("requirements.txt", "antlr4-python3-runtime==4.9.3\n");
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert_eq!(
        places(install),
        ["requirements.txt:0 no-matching-distribution"]
    );
    assert!(install.findings[0].message.contains("wheel"));
    bench.write("requirements.txt", "-e .\n");
    let report = bench.check(&["install", "build"]).await;
    let install = bench.expect(&report, "install", Unknown);
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains("requirements.txt:1")),
        "{install:#?}"
    );
    bench.expect(&report, "build", Unknown);
}

#[tokio::test]
async fn a_manifest_that_says_nothing_is_red_at_its_place() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("pyproject.toml", "[project]\nname = \n");
    let report = bench.check(&["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:2 manifest-broken"]
    );
}

#[tokio::test]
async fn without_its_linter_a_lint_is_unknown() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("app.py", "");
    bench.write("requirements.txt", "");
    bench.write("ruff.toml", "");
    let report = bench.check(&["lint"]).await;
    let lint = bench.expect(&report, "lint", Unknown);
    assert!(
        lint.note
            .as_deref()
            .is_some_and(|note| note.contains("ruff is not there")),
        "{lint:#?}"
    );
}
