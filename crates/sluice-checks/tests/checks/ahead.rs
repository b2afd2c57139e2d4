//! Crates of others, compiled once in the installation: on both engines.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use sluice_checks::Toolchain::Rust;
use sluice_checks::Verdict::{Fail, Pass};

use crate::bench::Bench;

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2021\"\nbuild = \"build.rs\"\n\n\
                        [dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\npart = { path = \"part\" }\n\n\
                        [dev-dependencies]\nitoa = \"1\"\n";
const LIB: &str = "//! Greets.\n\n/// A name.\n#[derive(serde::Serialize)]\npub struct Name(pub u32);\n\n/// A number.\n\
                   pub fn number() -> u32 {\n    part::number()\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
                   fn is_one() {\n        let mut buffer = itoa::Buffer::new();\n        \
                   assert_eq!(buffer.format(super::number()), \"1\");\n    }\n}\n";
const PART: &str = "//! A part.\n\n/// A number.\npub fn number() -> u32 {\n    1\n}\n";

fn project(bench: &Bench) {
    bench.write("Cargo.toml", MANIFEST);
    bench.write("build.rs", "fn main() {}\n");
    bench.write("src/lib.rs", LIB);
    bench.write(
        "part/Cargo.toml",
        "[package]\nname = \"part\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
    );
    bench.write("part/src/lib.rs", PART);
}

/// Gives every file of a folder this time.
fn date(folder: &Path, time: SystemTime) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            date(&path, time);
        } else {
            let file = File::options().append(true).open(&path).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }
}

async fn others_are_compiled_once(bench: Bench) {
    project(&bench);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    date(&bench.snapshot(), long_ago);
    let first = bench.check(&["build", "test", "lint"]).await;
    let install = bench.expect(&first, "install", Pass);
    let networks: Vec<&str> = install
        .steps
        .iter()
        .map(|step| step.network.as_str())
        .collect();
    assert_eq!(networks, ["registries", "none"], "{install:#?}");
    assert!(
        bench.log(install).contains("Compiling serde "),
        "{}",
        bench.log(install)
    );
    for name in ["build", "test", "lint"] {
        let check = bench.expect(&first, name, Pass);
        let log = bench.log(check);
        for of_others in ["serde", "serde_derive", "syn", "itoa"] {
            for verb in ["Compiling", "Checking"] {
                assert!(
                    !log.contains(&format!("{verb} {of_others} v")),
                    "{name}: {log}"
                );
            }
        }
        for own in ["app", "part"] {
            assert!(log.contains(&format!("ing {own} v1.0.0")), "{name}: {log}");
        }
    }

    // What does not compile is red, however old it claims to be: in a package, in a part, in a build script.
    for (path, broken) in [
        (
            "src/lib.rs",
            "//! No.\npub fn number() -> u32 {\n    \"\"\n}\n",
        ),
        (
            "part/src/lib.rs",
            "//! No.\npub fn number() -> u32 {\n    \"\"\n}\n",
        ),
        ("build.rs", "fn main() {\n    panic!(\"no\")\n}\n"),
    ] {
        let good = fs::read_to_string(bench.snapshot().join(path)).expect("a source");
        bench.write(path, broken);
        date(&bench.snapshot(), long_ago);
        let red = bench.check(&["build", "test", "lint"]).await;
        assert!(bench.expect(&red, "install", Pass).cached, "{path}");
        for name in ["build", "test", "lint"] {
            bench.expect(&red, name, Fail);
        }
        bench.write(path, &good);
    }

    // Another text of the same age is another program.
    bench.write("part/src/lib.rs", &PART.replace('1', "2"));
    date(&bench.snapshot(), long_ago);
    let other = bench.check(&["test"]).await;
    let test = bench.expect(&other, "test", Fail);
    assert!(
        test.findings[0].message.contains("left: \"2\""),
        "{test:#?}"
    );
    bench.expect(&other, "install", Pass);
}

#[tokio::test]
async fn others_are_compiled_once_on_the_native_engine() {
    others_are_compiled_once(Bench::with(&[Rust], &[]).await).await;
}

#[tokio::test]
async fn others_are_compiled_once_in_docker() {
    others_are_compiled_once(Bench::docker(&[]).await).await;
}

#[tokio::test]
async fn what_cannot_be_compiled_ahead_is_left_to_the_checks() {
    let bench = Bench::with(&[Rust], &[]).await;
    bench.write(
        "Cargo.toml",
        "[package]\nname = \"odd\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"1\"\n\n\
         [[bin]]\nname = \"odd\"\npath = \"src/odd.txt\"\n",
    );
    bench.write(
        "src/odd.txt",
        "fn main() {\n    println!(\"{}\", itoa::Buffer::new().format(1));\n}\n",
    );
    let report = bench.check(&["build"]).await;
    let install = bench.expect(&report, "install", Pass);
    let note = install.note.as_deref().expect("a note");
    assert!(note.contains("could not be compiled ahead"), "{note}");
    assert_eq!(install.steps[1].exit_code, Some(101));
    let build = bench.expect(&report, "build", Pass);
    assert!(bench.log(build).contains("Compiling itoa"));
}
