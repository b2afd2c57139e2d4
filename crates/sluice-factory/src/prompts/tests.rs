//! What a folder of prompts may hold.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_file_replaces_one_prompt_and_the_others_stay() {
    let built_in = Prompts::built_in().unwrap();
    let folder = folder(&[
        ("heal.md", "Try {{ attempt }}: {{attempt}}.\n"),
        ("README.txt", "{{nothing}}"),
    ]);
    let prompts = Prompts::from_folder(folder.path()).unwrap();
    // What stands in a value is text.
    let filled = prompts.fill("heal", &[("attempt", "{{attempt}}")]);
    assert_eq!(filled, "Try {{attempt}}: {{attempt}}.");
    assert_eq!(prompts.fill("answer", &[]), built_in.fill("answer", &[]));
    assert!(built_in.fill("answer", &[]).contains("`language:path`"));
    let names: Vec<&str> = Prompts::heads().map(|head| head.name).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn what_is_no_prompt_is_named() {
    for (file, text, words) in [
        (
            "heal.md",
            "{{atempt}}",
            "heal.md: there is no placeholder {{atempt}} here; there are attempt",
        ),
        (
            "answer.md",
            "{{attempt}}",
            "{{attempt}} here; it takes none",
        ),
        ("task.md", "{{gate", "does not end"),
        ("task.md", " \n", "it is empty"),
        (
            "taks.md",
            "x",
            "taks.md is no prompt; there are answer.md, heal.md",
        ),
    ] {
        let folder = folder(&[(file, text)]);
        let error = format!("{:#}", Prompts::from_folder(folder.path()).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
    let large = folder(&[("task.md", &"x".repeat(100_000))]);
    let error = format!("{:#}", Prompts::from_folder(large.path()).unwrap_err());
    assert!(error.contains("more than 64 KiB"), "{error}");
}
