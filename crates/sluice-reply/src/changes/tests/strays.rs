//! Edits that stand where nothing reads them: they are warned about, and nothing of their reply is done.

use super::super::{Taker, resolve};
use super::{World, fenced};
use crate::Code;

const SEARCH: &str = "<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n";

fn world() -> World {
    World::new(&[("src/a.ts", "one\ntwo\n")])
}

/// Codes, lines and paths of the warnings.
fn warned(reply: &str) -> Vec<(Code, usize, Option<String>)> {
    let warnings = crate::parse(reply).warnings.into_iter();
    warnings
        .map(|warning| (warning.code, warning.line, warning.path))
        .collect()
}

#[test]
fn edits_outside_of_a_fence_are_warned_about_and_refused() {
    let a = Some("src/a.ts".to_owned());
    let diff = "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -2 +2 @@\n-two\n+2\n";
    for (reply, code, line, path) in [
        (
            format!("src/a.ts\n{SEARCH}"),
            Code::EditBlockSkipped,
            2,
            a.clone(),
        ),
        (
            format!("**src/a.ts**\n\n{SEARCH}"),
            Code::EditBlockSkipped,
            3,
            a.clone(),
        ),
        (
            format!("Now this:\n\n{SEARCH}"),
            Code::EditBlockSkipped,
            3,
            None,
        ),
        (format!("Done:\n\n{diff}"), Code::DiffSkipped, 3, a.clone()),
        (
            format!("diff --git a/src/a.ts b/src/a.ts\nindex 1..2 100644\n{diff}"),
            Code::DiffSkipped,
            1,
            a.clone(),
        ),
        (
            "*** Begin Patch\n*** Update File: src/a.ts\n@@\n-two\n+2\n*** End Patch\n".to_owned(),
            Code::DiffSkipped,
            1,
            None,
        ),
        (
            format!(
                "<apply_diff>\n<path>src/a.ts</path>\n<diff>\n{SEARCH}</diff>\n</apply_diff>\n"
            ),
            Code::EditBlockSkipped,
            1,
            None,
        ),
        (
            fenced(
                "xml",
                &format!(
                    "<apply_diff>\n<path>src/a.ts</path>\n<diff>\n{SEARCH}</diff>\n</apply_diff>\n"
                ),
            ),
            Code::EditBlockSkipped,
            1,
            None,
        ),
    ] {
        assert_eq!(warned(&reply), [(code, line, path)], "{reply}");
        for taker in [Taker::Gate, Taker::Folder] {
            let both = format!("{reply}\n{}", fenced("ts:src/b.ts", "b\n"));
            let resolved = resolve(&crate::parse(&both), &world(), taker).unwrap();
            let refused: Vec<_> = resolved
                .refused
                .iter()
                .map(|one| (one.code, one.line))
                .collect();
            assert_eq!(refused, [(code.as_str(), line)], "{both}");
            assert!(resolved.refused[0].message.contains("put "), "{resolved:?}");
        }
    }
}

#[test]
fn the_second_search_of_a_row_is_for_the_same_file() {
    let a = Some("src/a.ts".to_owned());
    let reply = format!("src/a.ts\n{SEARCH}{SEARCH}\nAnd:\n\n{SEARCH}");
    let expected = [
        (Code::EditBlockSkipped, 2, a.clone()),
        (Code::EditBlockSkipped, 7, a),
        (Code::EditBlockSkipped, 15, None),
    ];
    assert_eq!(warned(&reply), expected);
}

#[test]
fn a_whole_file_beside_makes_an_unread_edit_harmless() {
    let whole = fenced("ts:src/a.ts", "all\n");
    let reply = format!("What changes:\n\nsrc/a.ts\n{SEARCH}\nThe file:\n\n{whole}");
    assert_eq!(world().after(&reply)["src/a.ts"], "all\n");
}

#[test]
fn marks_in_the_middle_of_a_whole_file_are_never_written() {
    let inside = fenced("ts:src/a.ts", &format!("import x;\n\n{SEARCH}"));
    let a = Some("src/a.ts".to_owned());
    assert_eq!(warned(&inside), [(Code::EditBlockSkipped, 4, a)]);
    assert_eq!(world().refused(&inside), [("edit_block_skipped", 4)]);
    let resolved = resolve(&crate::parse(&inside), &world(), Taker::Folder).unwrap();
    assert_eq!(resolved.changes, []);
    // What only resembles one, and documents about them, are content.
    for (info, text) in [
        ("md:docs/edits.md", format!("# Edits\n\n{SEARCH}")),
        (
            "ts:src/b.ts",
            "const OPEN = '<<<<<<< SEARCH';\n=======\n>>>>>>> REPLACE\n".to_owned(),
        ),
        (
            "ts:src/b.ts",
            "x\n<<<<<<< SEARCH\ntwo\n>>>>>>> REPLACE\n".to_owned(),
        ),
    ] {
        assert_eq!(warned(&fenced(info, &text)), [], "{text}");
    }
    // As the advice says, a diff can put them into a file.
    let marks: String = SEARCH.lines().map(|line| format!("+{line}\n")).collect();
    let diff = fenced(
        "diff",
        &format!("--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,7 @@\n one\n two\n{marks}"),
    );
    assert_eq!(
        world().after(&diff)["src/a.ts"],
        format!("one\ntwo\n{SEARCH}")
    );
}

#[test]
fn a_call_that_writes_a_file_is_no_file() {
    let reply =
        "<write_to_file>\n<path>src/b.ts</path>\n<content>\nb\n</content>\n</write_to_file>\n";
    assert_eq!(warned(reply), [(Code::NoPath, 1, None)]);
    assert_eq!(warned(&fenced("xml", reply)), [(Code::NoPath, 1, None)]);
    // Talk about marks and tools is no edit.
    let talk = "Use `<<<<<<< SEARCH` and `<apply_diff>`.\n\n<details>\n\n--- \n\n+++ \n\n* a\n</details>\n";
    assert_eq!(warned(talk), []);
}
