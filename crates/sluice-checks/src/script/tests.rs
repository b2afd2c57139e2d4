//! What the scripts do, with a real shell.

use std::process::Command;

use super::*;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn run(commands: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("each.sh");
    std::fs::write(&script, EACH.text).unwrap();
    let commands: Vec<Vec<String>> = commands.iter().map(|line| words(line)).collect();
    let mut argv = each(Some("/"), &commands);
    argv[1] = script.display().to_string();
    let ran = Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    (ran.status.code(), out)
}

#[test]
fn every_command_runs_with_its_own_words() {
    assert_eq!(
        run(&["echo a b", "pwd", "echo c *"]),
        (Some(0), "a b\n/\nc *\n".to_owned())
    );
}

#[test]
fn the_first_fault_is_the_answer() {
    let cases = [
        (vec!["false", "echo on"], 1),
        (vec!["test -d /none", "no-such-program"], 1),
        (vec!["no-such-program", "echo on"], 127),
        (vec!["no-such-program", "false"], 1),
        (vec!["false", "no-such-program"], 1),
    ];
    for (commands, code) in cases {
        assert_eq!(run(&commands).0, Some(code), "{commands:?}");
    }
}
