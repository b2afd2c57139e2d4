//! Whole files, edits and deletions of one reply, and receipts.

use super::super::{EditState, FileAction, Taker, resolve};
use super::{World, fenced};

fn search(path: &str, old: &str, new: &str) -> String {
    fenced(
        &format!("txt:{path}"),
        &format!("<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"),
    )
}

#[test]
fn an_edit_acts_on_what_stands_before_it_in_the_reply() {
    let world = World::new(&[("a.txt", "base\n")]);
    let whole = fenced("txt:a.txt", "one\ntwo\n");
    let reply = format!("{whole}\n{}", search("a.txt", "one", "1"));
    assert_eq!(world.after(&reply)["a.txt"], "1\ntwo\n");
    let resolved = world.resolve(&reply);
    assert_eq!(resolved.receipts.len(), 1);
    assert_eq!(
        (
            resolved.receipts[0].action.as_str(),
            resolved.receipts[0].edits.len()
        ),
        ("write", 1)
    );
    // What comes later as a whole makes edits before it moot, also those that would not fit.
    let reply = format!("{}\n{whole}", search("a.txt", "nowhere", "1"));
    assert_eq!(world.after(&reply)["a.txt"], "one\ntwo\n");
    assert_eq!(world.resolve(&reply).edits[0].state, EditState::Superseded);
    let reply = format!(
        "{}\n```delete:a.txt\n```\n",
        search("a.txt", "nowhere", "1")
    );
    assert!(world.after(&reply).is_empty());
}

#[test]
fn the_receipts_name_the_very_bytes() {
    let world = World::new(&[("a.txt", "one\ntwo\nthree\n")]);
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n@@ -3 +3 @@\n-three\n+3\n";
    let reply = format!(
        "Wörds.\n\n{}\n{}",
        fenced("diff", diff),
        search("a.txt", "two", "2")
    );
    let resolved = world.resolve(&reply);
    let [receipt] = resolved.receipts.as_slice() else {
        panic!("{resolved:?}");
    };
    assert_eq!(
        (
            receipt.path.as_str(),
            receipt.action.as_str(),
            receipt.source.as_str()
        ),
        ("a.txt", "edit", "edit")
    );
    let of = |(start, end): (usize, usize)| &reply[start..end];
    let texts: Vec<&str> = receipt.edits.iter().map(|edit| of(edit.bytes)).collect();
    assert_eq!(
        texts,
        [
            "@@ -1 +1 @@\n-one\n+1\n",
            "@@ -3 +3 @@\n-three\n+3\n",
            "<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n",
        ]
    );
    let lines: Vec<&str> = reply.lines().collect();
    assert_eq!(lines[receipt.edits[0].lines.0 - 1], "@@ -1 +1 @@");
    assert_eq!(lines[receipt.edits[2].lines.1 - 1], ">>>>>>> REPLACE");
    let places: Vec<(usize, &str)> = receipt
        .edits
        .iter()
        .map(|edit| (edit.at, edit.matched.as_str()))
        .collect();
    assert_eq!(places, [(1, "exact"), (3, "exact"), (2, "exact")]);
    assert_eq!(of(receipt.bytes).lines().next(), Some("@@ -1 +1 @@"));
    assert_eq!(receipt.size, "1\n2\n3\n".len());
    // What is renamed and edited later keeps both.
    let json = serde_json::to_value(receipt).unwrap();
    assert_eq!(json["edits"][0]["kind"], "diff");
}

#[test]
fn a_folder_and_a_gate_differ_where_they_say_so() {
    let world = World::new(&[("there.ts", "x\n")]);
    let take = |text: &str, taker| {
        let resolved = resolve(&crate::parse(text), &world, taker).unwrap();
        let refused: Vec<&str> = resolved.refused.iter().map(|one| one.code).collect();
        (resolved.changes.len(), refused)
    };
    let left_out = "a();\n// ... rest unchanged\n";
    for (reply, gate, folder) in [
        (
            fenced("ts:there.ts", left_out),
            (0, vec!["placeholder_elision"]),
            (0, vec!["placeholder_elision"]),
        ),
        (
            fenced("ts:new.ts", left_out),
            (0, vec!["placeholder_elision"]),
            (1, vec![]),
        ),
        (
            fenced("delete:none.ts", ""),
            (0, vec!["delete_missing"]),
            (1, vec![]),
        ),
    ] {
        assert_eq!(take(&reply, Taker::Gate), gate, "{reply}");
        assert_eq!(take(&reply, Taker::Folder), folder, "{reply}");
    }
}

#[test]
fn a_bad_edit_keeps_back_its_file_and_no_other() {
    let world = World::new(&[("a.txt", "a\n"), ("b.txt", "b\n")]);
    let reply = format!(
        "{}\n{}\n{}",
        search("a.txt", "a", "A"),
        search("a.txt", "nowhere", "x"),
        search("b.txt", "b", "B")
    );
    let resolved = world.resolve(&reply);
    assert_eq!(resolved.refused.len(), 1);
    let [change] = resolved.changes.as_slice() else {
        panic!("{resolved:?}");
    };
    assert_eq!(change.path.as_str(), "b.txt");
    assert!(matches!(&change.action, FileAction::Write { bytes, .. } if bytes == b"B\n"));
    assert_eq!(resolved.receipts.len(), 1);
}

#[test]
fn a_rename_that_does_not_fit_leaves_both_names() {
    let world = World::new(&[("a.txt", "a\n")]);
    let diff = "diff --git a/a.txt b/b.txt\nrename from a.txt\nrename to b.txt\n--- a/a.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-nowhere\n+x\n";
    let resolved = world.resolve(&fenced("diff", diff));
    assert_eq!(
        (
            resolved.refused.len(),
            resolved.changes.len(),
            resolved.kept.map_or(0, |kept| kept.changes().count())
        ),
        (1, 0, 0)
    );
}
