//! Real projects of each toolchain on Docker, each in the image of its toolchain.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use sluice_checks::Fixable;
use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_sandbox::ImageConfig;

use crate::bench::{Bench, places};

fn python(bench: &Bench, dir: &str) {
    bench.write(
        &format!("{dir}pyproject.toml"),
        "[project]\nname = \"adder\"\nversion = \"1.0.0\"\nrequires-python = \">=3.9\"\ndependencies = \
         [\"idna==3.10\"]\n\n[dependency-groups]\ndev = [\"pytest==8.4.1\"]\n",
    );
    bench.write(
        &format!("{dir}src/adder/__init__.py"),
        "import idna\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n\n\nNAME = idna.encode(\"a\")\n",
    );
    bench.write(
        &format!("{dir}tests/test_adder.py"),
        "from adder import add\n\n\ndef test_adds() -> None:\n    assert add(1, 2) == 3\n",
    );
}

fn rust(bench: &Bench, dir: &str) {
    bench.write(
        &format!("{dir}Cargo.toml"),
        "[package]\nname = \"adder\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"1\"\n",
    );
    bench.write(
        &format!("{dir}src/lib.rs"),
        "//! Adds.\n\n/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    \
         #[test]\n    fn adds() {\n        let mut buffer = itoa::Buffer::new();\n        \
         assert_eq!(buffer.format(super::add(1, 2)), \"3\");\n    }\n}\n",
    );
}

fn go(bench: &Bench, dir: &str) {
    bench.write(
        &format!("{dir}go.mod"),
        "module example.com/adder\n\ngo 1.21\n",
    );
    bench.write(
        &format!("{dir}adder.go"),
        "package adder\n\n// Add adds.\nfunc Add(a, b int) int { return a + b }\n",
    );
    bench.write(
        &format!("{dir}adder_test.go"),
        "package adder\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\t\
         t.Fatal(\"wrong\")\n\t}\n}\n",
    );
}

#[tokio::test]
async fn a_python_project_is_judged_in_docker() {
    let bench = Bench::docker(&[]).await;
    python(&bench, "");
    let report = bench.check(&["build", "test"]).await;
    bench.expect(&report, "build", Pass);
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (1, 0));
    bench.write(
        "src/adder/__init__.py",
        "def add(a, b):\n    return a - b\n",
    );
    let report = bench.check(&["test"]).await;
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["tests/test_adder.py:5 test_adds"]
    );
}

#[tokio::test]
async fn a_crate_is_judged_in_docker() {
    let bench = Bench::docker(&[]).await;
    rust(&bench, "");
    let report = bench.check(&["build", "test", "lint"]).await;
    for name in ["build", "lint"] {
        bench.expect(&report, name, Pass);
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (1, 0));
    let source = fs::read_to_string(bench.snapshot().join("src/lib.rs")).expect("a source");
    let red = source.replace("    a + b", "    return a - b;");
    bench.write("src/lib.rs", &red);
    let report = bench.check(&["test", "lint"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["src/lib.rs:13 tests::adds"]);
    assert_eq!(test.tests.expect("counts").failed, 1);
    let lint = places(bench.expect(&report, "lint", Fail));
    assert!(
        lint.contains(&"src/lib.rs:5 clippy::needless_return".to_owned()),
        "{lint:?}"
    );
    bench.write("src/lib.rs", "pub fn add() -> i32 {\n    \"\"\n}\n");
    let report = bench.check(&["build"]).await;
    assert_eq!(
        places(bench.expect(&report, "build", Fail)),
        ["src/lib.rs:2 E0308"]
    );
}

#[tokio::test]
async fn a_go_module_is_judged_in_docker() {
    let bench = Bench::docker(&[]).await;
    go(&bench, "");
    let report = bench.check(&["build", "test", "lint"]).await;
    for name in ["build", "lint"] {
        bench.expect(&report, name, Pass);
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (1, 0));
    bench.write(
        "adder.go",
        "package adder\n\nfunc Add(a, b int)  int { return a - b }\n",
    );
    let report = bench.check(&["test", "lint"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["adder_test.go:7 TestAdd"]);
    assert_eq!(test.tests.expect("counts").failed, 1);
    assert_eq!(
        places(bench.expect(&report, "lint", Fail)),
        ["adder.go:0 format"]
    );
}

#[tokio::test]
async fn projects_of_one_repository_have_images_of_their_own() {
    let bench = Bench::docker(&[]).await;
    python(&bench, "api/");
    rust(&bench, "core/");
    go(&bench, "tool/");
    let report = bench.check(&["test"]).await;
    let image = |name: &str| {
        let check = bench.expect(&report, name, Pass);
        assert!(check.image.starts_with("sha256:"), "{check:?}");
        check.image.clone()
    };
    let images = ["test:api", "test:core", "test:tool"].map(image);
    assert_eq!(BTreeSet::from(images.clone()).len(), 3, "{images:?}");
    assert_eq!(image("install:core"), images[1]);
    assert!(images.contains(&report.image), "{}", report.image);
    // What is remembered is remembered of that image.
    let again = bench.check(&["test"]).await;
    let cached = bench.expect(&again, "test:tool", Pass);
    assert!(cached.cached);
    assert_eq!(cached.image, images[2]);
}

#[tokio::test]
async fn an_image_without_a_shell_is_named() {
    // Ours for Node, as some make theirs: with the toolchain and nothing besides. It exists as soon as another test
    // has run something in it.
    let node = Bench::docker(&["node-test"]).await;
    node.check(&["install"]).await;
    let name = "sluice-test/no-shell:node";
    let context = tempfile::tempdir().expect("a folder");
    let recipe = "FROM sluice/node:22\nUSER root\nRUN rm -f /bin/sh /bin/bash /bin/dash\n";
    fs::write(context.path().join("Dockerfile"), recipe).expect("a recipe");
    let built = Command::new("docker")
        .args(["build", "--quiet", "--tag", name])
        .arg(context.path())
        .output()
        .expect("docker");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let bench = Bench::docker_with(ImageConfig::one(name), &["node-test"]).await;
    go(&bench, "tool/");
    let report = bench.check(&["install", "install:tool"]).await;
    // Of Go's there is not even the toolchain, which is asked first.
    for (check, program, mend) in [
        ("install", "/bin/sh", "engine.image"),
        ("install:tool", "go", "install Go"),
    ] {
        let install = bench.expect(&report, check, Unknown);
        let note = install.note.as_deref().unwrap_or_default();
        assert!(
            note.contains(&format!("the program {program} is not there")) && note.contains(mend),
            "{install:#?}"
        );
        assert_eq!(install.findings[0].fixable, Fixable::Environment);
    }
}
