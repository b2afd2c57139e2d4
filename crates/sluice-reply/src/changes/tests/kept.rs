//! What fitted of a refused reply is kept for the next one.

use std::collections::BTreeMap;

use super::super::{EditState, Kept, Resolved, Taker, resolve_after};
use super::{World, fenced};

fn world() -> World {
    World::new(&[
        ("a.txt", "one\ntwo\nthree\n"),
        ("b.txt", "b\n"),
        ("old.txt", "old\n"),
    ])
}

fn search(path: &str, old: &str, new: &str) -> String {
    fenced(
        &format!("txt:{path}"),
        &format!("<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"),
    )
}

fn after(kept: &Kept, reply: &str) -> Resolved {
    resolve_after(kept, &crate::parse(reply), &world(), Taker::Gate).unwrap()
}

/// What is kept of a reply that must be refused.
#[track_caller]
fn kept(before: &Kept, reply: &str) -> Kept {
    let resolved = after(before, reply);
    assert_ne!(resolved.refused, []);
    resolved.kept.unwrap().said_by("first")
}

#[track_caller]
fn files(kept: &Kept, reply: &str) -> BTreeMap<String, String> {
    let resolved = after(kept, reply);
    assert_eq!(resolved.refused, []);
    assert_eq!(resolved.kept, None);
    world().with(&resolved.changes)
}

/// Puts in a line, makes a file, deletes one, and misses once.
fn first() -> String {
    [
        search("a.txt", "one\n", "one\none and a half\n"),
        fenced("txt:new.txt", "new\n"),
        "```delete:old.txt\n```\n".to_owned(),
        search("b.txt", "nowhere\n", "x\n"),
    ]
    .join("\n")
}

#[test]
fn only_what_did_not_fit_is_sent_again() {
    let kept = kept(&Kept::default(), &first());
    assert_eq!(
        kept.lines(),
        [
            "a.txt: the edit of line 1",
            "new.txt: the whole file",
            "old.txt: its deletion"
        ]
    );
    let resolved = after(&kept, &search("b.txt", "b\n", "B\n"));
    let files = world().with(&resolved.changes);
    let expected = [
        ("a.txt", "one\none and a half\ntwo\nthree\n"),
        ("b.txt", "B\n"),
        ("new.txt", "new\n"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(files, BTreeMap::from(expected));
    // Each receipt says which reply its bytes are in.
    let by: Vec<_> = resolved
        .receipts
        .iter()
        .map(|one| {
            (
                one.path.as_str(),
                one.reply.as_deref(),
                one.edits.first().and_then(|edit| edit.reply.as_deref()),
            )
        })
        .collect();
    let first = Some("first");
    assert_eq!(
        by,
        [
            ("a.txt", first, first),
            ("new.txt", first, None),
            ("old.txt", first, None),
            ("b.txt", None, None)
        ]
    );
}

#[test]
fn what_is_sent_again_is_not_done_twice() {
    let kept = kept(&Kept::default(), &first());
    let expected = files(&kept, &search("b.txt", "b\n", "B\n"));
    let all = first().replace("nowhere\n", "b\n").replace("x\n", "B\n");
    assert_eq!(files(&kept, &all), expected);
    // Putting the line in would have worked twice.
    let some = [
        search("a.txt", "one\n", "one\none and a half\n"),
        search("b.txt", "b\n", "B\n"),
    ]
    .join("\n");
    let resolved = after(&kept, &some);
    assert_eq!(resolved.edits[0].state, EditState::Kept);
    assert_eq!(world().with(&resolved.changes), expected);
    // A later edit of a file that is kept goes on from there.
    let more = [
        search("a.txt", "one and a half\n", "1.5\n"),
        search("b.txt", "b\n", "B\n"),
    ]
    .join("\n");
    assert_eq!(files(&kept, &more)["a.txt"], "one\n1.5\ntwo\nthree\n");
    let receipts = after(&kept, &more).receipts;
    let edits: Vec<_> = receipts[0]
        .edits
        .iter()
        .map(|edit| edit.reply.as_deref())
        .collect();
    assert_eq!(
        (receipts[0].reply.as_deref(), edits),
        (None, vec![Some("first"), None])
    );
    assert_eq!(
        &more[receipts[0].bytes.0..receipts[0].bytes.1]
            .lines()
            .next(),
        &Some("<<<<<<< SEARCH")
    );
}

#[test]
fn hunks_are_kept_one_by_one() {
    let head = "--- a/a.txt\n+++ b/a.txt\n";
    let one = "@@ -1 +1,2 @@\n one\n+and\n";
    let reply = fenced("diff", &format!("{head}{one}@@ -3 +4 @@\n-tree\n+3\n"));
    let kept = kept(&Kept::default(), &reply);
    let expected = "one\nand\ntwo\n3\n";
    let mended = "@@ -3 +4 @@\n-three\n+3\n";
    for again in ["", one, "@@ -7 +9,2 @@\n one\n+and\n"] {
        let reply = fenced("diff", &format!("{head}{again}{mended}"));
        assert_eq!(files(&kept, &reply)["a.txt"], expected, "{reply}");
    }
}

#[test]
fn a_reply_that_says_all_anew_is_taken_as_it_is() {
    let kept = kept(&Kept::default(), &first());
    // It fits the base only.
    let anew = search("a.txt", "one\ntwo\n", "1\n2\n");
    let expected = World::new(&[
        ("a.txt", "1\n2\nthree\n"),
        ("b.txt", "b\n"),
        ("old.txt", "old\n"),
    ]);
    assert_eq!(files(&kept, &anew), expected.with(&[]));
    // A whole file, and the same edit on it, starts anew too.
    let whole = [
        fenced("txt:a.txt", "one\n"),
        search("a.txt", "one\n", "one\none and a half\n"),
    ]
    .join("\n");
    assert_eq!(files(&kept, &whole)["a.txt"], "one\none and a half\n");
}

#[test]
fn misses_in_a_row_add_up_and_talk_brings_nothing_in() {
    let first = kept(&Kept::default(), &first());
    let second = [
        search("a.txt", "two\n", "2\n"),
        search("b.txt", "nothing\n", "x\n"),
    ]
    .join("\n");
    let second = after(&first, &second).kept.unwrap().said_by("second");
    let files = files(&second, &search("b.txt", "b\n", "B\n"));
    assert_eq!(files["a.txt"], "one\none and a half\n2\nthree\n");
    assert_eq!(files["new.txt"], "new\n");
    for talk in ["", "I am done.\n", "```sh\nls\n```\n"] {
        let resolved = after(&second, talk);
        assert_eq!(
            (resolved.changes, resolved.kept),
            (vec![], None),
            "{talk:?}"
        );
    }
}

#[test]
fn a_reply_with_another_fault_is_not_kept() {
    for fault in [
        "```ts:../x\n```\n",
        "```ts:c.ts\n// ... rest unchanged\n```\n",
        "```ts:c.ts\ncut off\n",
    ] {
        let resolved = after(&Kept::default(), &format!("{}\n{fault}", first()));
        assert!(resolved.refused.len() > 1, "{fault}");
        assert_eq!(resolved.kept, None, "{fault}");
    }
}
