//! Real cargo and real go on small projects, and a repository of several toolchains.

use sluice_checks::Toolchain::{Go, Node, Python, Rust};
use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, names, places};

const CARGO: &str = "[package]\nname = \"adder\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"adder\"\nversion = \"1.0.0\"\n";
const LIB: &str = "//! Adds.\n\n/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n\
                   #[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n\n\
                   #[test]\n    #[cfg_attr(all(), ignore)]\n    fn later() {}\n}\n";
const MAIN_GO: &str = "package main\n\n// Add adds.\nfunc Add(a, b int) int { return a + b }\n\n\
                       func main() { println(Add(1, 2)) }\n";
const TEST_GO: &str = "package main\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\
                       \t\tt.Errorf(\"got %d\", Add(1, 2))\n\t}\n}\n";

async fn rust() -> Bench {
    let bench = Bench::with(&[Rust], &[]).await;
    bench.write("Cargo.toml", CARGO);
    bench.write("Cargo.lock", LOCK);
    bench.write(
        "src/lib.rs",
        &LIB.replace("\n#[test]\n    #[cfg", "\n    #[test]\n    #[cfg"),
    );
    bench
}

async fn go() -> Bench {
    let bench = Bench::with(&[Go], &[]).await;
    bench.write("go.mod", "module example.com/adder\n\ngo 1.21\n");
    bench.write("main.go", MAIN_GO);
    bench.write("main_test.go", TEST_GO);
    bench
}

#[tokio::test]
async fn a_green_crate_passes() {
    let bench = rust().await;
    let report = bench.check(&[]).await;
    assert_eq!(
        names(&report),
        ["install", "build", "test", "lint", "audit"]
    );
    assert_eq!(report.toolchain, "rust");
    for name in ["install", "build", "test", "lint"] {
        let check = bench.expect(&report, name, Pass);
        assert_eq!(places(check), Vec::<String>::new(), "{name}");
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed, tests.skipped), (1, 0, 1));
    bench.expect(&report, "audit", Unknown);
    assert!(!bench.snapshot().join("target").exists());
}

#[tokio::test]
async fn faults_of_a_crate_are_found_where_they_are() {
    let bench = rust().await;
    bench.write(
        "src/lib.rs",
        "pub fn add(a: i32, b: i32) -> i32 {\n    return a - b;\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
         fn adds() {   assert_eq!(super::add(1, 2), 3); }\n}\n",
    );
    let report = bench.check(&["test", "lint"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["src/lib.rs:7 tests::adds"]);
    assert!(test.findings[0].message.contains("left: -1"));
    let lint = places(bench.expect(&report, "lint", Fail));
    assert!(
        lint.contains(&"src/lib.rs:2 clippy::needless_return".to_owned()),
        "{lint:?}"
    );
    assert!(
        lint.iter().any(|place| place.ends_with(" format")),
        "{lint:?}"
    );
    bench.write("src/lib.rs", "pub fn add() -> i32 {\n    \"\"\n}\n");
    let report = bench.check(&["build"]).await;
    assert_eq!(
        places(bench.expect(&report, "build", Fail)),
        ["src/lib.rs:2 E0308"]
    );
    bench.write("src/lib.rs", "");
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["-:0 no-tests"]
    );
}

#[tokio::test]
async fn crates_are_fetched_before_the_network_is_gone() {
    let bench = rust().await;
    bench.write(
        "Cargo.toml",
        &format!("{CARGO}[dependencies]\nitoa = \"1\"\n"),
    );
    let report = bench.check(&["build"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["Cargo.toml:0 lockfile-disagrees"]
    );
    bench.remove("Cargo.lock");
    // Would be started by cargo, with the network, if it were read.
    bench.write(
        ".cargo/config.toml",
        "[build]\nrustc = \"/usr/bin/false\"\n",
    );
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains("no Cargo.lock")),
        "{install:#?}"
    );
    bench.remove(".cargo/config.toml");
    let report = bench.check(&["build"]).await;
    bench.expect(&report, "build", Pass);
}

#[tokio::test]
async fn a_green_module_passes() {
    let bench = go().await;
    let report = bench.check(&[]).await;
    assert_eq!(report.toolchain, "go");
    for name in ["install", "build", "test", "lint"] {
        let check = bench.expect(&report, name, Pass);
        assert_eq!(places(check), Vec::<String>::new(), "{name}");
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (1, 0));
}

#[tokio::test]
async fn faults_of_a_module_are_found_where_they_are() {
    let bench = go().await;
    bench.write(
        "main.go",
        &MAIN_GO
            .replace("a + b", "a - b")
            .replace("func main()", "func  main()"),
    );
    let report = bench.check(&["test", "lint"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["main_test.go:7 TestAdd"]);
    assert_eq!(
        places(bench.expect(&report, "lint", Fail)),
        ["main.go:0 format"]
    );
    bench.write("main.go", &MAIN_GO.replace("a + b", "c"));
    let report = bench.check(&["build", "test"]).await;
    let build = bench.expect(&report, "build", Fail);
    assert_eq!(build.findings[0].path.as_deref(), Some("main.go"));
    assert_eq!(build.findings[0].line, Some(4));
    bench.expect(&report, "test", Fail);
    bench.write("main.go", MAIN_GO);
    bench.remove("main_test.go");
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["-:0 no-tests"]
    );
}

#[tokio::test]
async fn without_its_toolchain_nothing_is_claimed() {
    let bench = Bench::on_path(&[Rust, Go], &[], "/usr/bin").await;
    bench.write("api/go.mod", "module example.com/a\n");
    let report = bench.check(&["install", "build"]).await;
    let install = bench.expect(&report, "install:api", Unknown);
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains("go is not there; install Go")),
        "{install:#?}"
    );
}

#[tokio::test]
async fn every_toolchain_of_a_repository_is_checked() {
    let bench = Bench::with(&[Node, Python, Rust], &[]).await;
    bench.write(
        "package.json",
        r#"{"name": "w", "version": "1.0.0", "scripts": {"test": "node --test"}}"#,
    );
    bench.write("a.test.js", "require('node:test')('holds', () => {});\n");
    bench.write("api/requirements.txt", "");
    bench.write(
        "api/test_api.py",
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n",
    );
    bench.write("core/Cargo.toml", CARGO);
    bench.write("core/Cargo.lock", LOCK);
    bench.write("core/src/lib.rs", LIB);
    let report = bench.check(&["test"]).await;
    assert_eq!(report.toolchain, "node+python+rust");
    for name in ["test", "test:api", "test:core"] {
        let tests = bench.expect(&report, name, Pass).tests.expect("counts");
        assert_eq!(tests.passed, 1, "{name}");
    }
}
