//! The commands of docs/proofs.md, run as they stand there on a plain clone.

use crate::world::{World, feed, verifiers};
use std::path::Path;
use std::process::{Command, Output};

fn documented_commands() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proofs.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> = text
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(
        blocks.len(),
        8,
        "a block was added or lost: look whether this test still runs them all"
    );
    blocks.concat()
}

fn run(world: &World, dir: &Path) -> Output {
    std::fs::write(dir.join("signers"), world.signers.to_text()).unwrap();
    let tools = verifiers("in-toto-verify");
    let path = format!(
        "{}:{}",
        tools.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = Command::new("bash");
    command
        .current_dir(dir)
        .args(["-euo", "pipefail", "-c", &documented_commands()]);
    command
        .env("PATH", path)
        .env("REPO", world.path())
        .env("GATE", "g4")
        .env("HOME", dir);
    feed(command, b"")
}

#[test]
fn the_documented_commands_take_an_honest_repository() {
    let world = World::passed();
    let dir = tempfile::tempdir().unwrap();
    let output = run(&world, dir.path());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("Good \"sluice\" signature for daemon@sluice")
    );
}

#[test]
fn the_documented_commands_refuse_a_stranger_s() {
    let world = World::passed();
    let mut other = World::empty();
    other.signers = world.signers.clone();
    other.pass("g4", sluice_proof::statement::DecisionKind::Approved);
    let dir = tempfile::tempdir().unwrap();
    let output = run(&other, dir.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("No principal matched"),
        "{said}"
    );
}
