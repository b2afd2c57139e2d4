//! Tests of reading role files.

use super::*;

const BACKEND: &str = "+++\nrole = \"backend\"\ngates = [\"g5\"]\n+++\n\nWrite code.\n";

#[test]
fn a_role_has_a_head_and_a_prompt() {
    let roles = Roles::from_texts([("backend.md", BACKEND)]).unwrap();
    let role = roles.role("backend").unwrap();
    assert_eq!(role.head.gates, [Gate::G5]);
    assert_eq!(role.prompt, "Write code.");
}

#[test]
fn an_unknown_key_is_named() {
    let text = BACKEND.replace("gates", "gatez");
    let error = Roles::from_texts([("backend.md", text.as_str())]).unwrap_err();
    assert!(format!("{error:#}").contains("gatez"), "{error:#}");
}

#[test]
fn a_role_is_there_once() {
    let error = Roles::from_texts([("a.md", BACKEND), ("b.md", BACKEND)]).unwrap_err();
    assert!(format!("{error:#}").contains("twice"), "{error:#}");
}
