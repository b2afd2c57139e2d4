//! Edits that were made to hang or to break.

use std::time::{Duration, Instant};

use super::{World, fenced};

/// Generous: the tests are not optimised and share the machine.
const BOUND: Duration = Duration::from_secs(20);

#[track_caller]
fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(took < BOUND, "{what} took {took:?}");
    result
}

fn numbered(lines: usize) -> String {
    (0..lines)
        .map(|n| format!("line number {n} of the file\n"))
        .collect()
}

#[test]
fn a_thousand_hunks_on_a_megabyte() {
    let text = numbered(36_000);
    let world = World::new(&[("big.txt", &text)]);
    let mut diff = "--- a/big.txt\n+++ b/big.txt\n".to_owned();
    let mut searches = String::new();
    for n in (0..36_000).step_by(36) {
        diff.push_str(&format!(
            "@@ -1 +1 @@\n line number {n} of the file\n-line number {} of the file\n+new\n",
            n + 1
        ));
        searches.push_str(&format!(
            "<<<<<<< SEARCH\nline number {n} of the file\n=======\nnew {n}\n>>>>>>> REPLACE\n"
        ));
    }
    for reply in [fenced("diff", &diff), fenced("txt:big.txt", &searches)] {
        let resolved = in_time("a thousand edits", || world.resolve(&reply));
        assert_eq!((resolved.refused.len(), resolved.edits.len()), (0, 1000));
    }
    let missing = searches.replace("line number", "lime number");
    let resolved = in_time("a thousand misses", || {
        world.resolve(&fenced("txt:big.txt", &missing))
    });
    assert_eq!(resolved.refused.len(), 1000);
}

#[test]
fn misses_in_five_megabytes() {
    let text: String = (0..100_000)
        .map(|n| {
            format!(
                "const value{n} = compute(value{}, {n}); // some words\n",
                n / 2
            )
        })
        .collect();
    assert!(text.len() > 5_000_000);
    let world = World::new(&[("big.ts", &text)]);
    let search = "const value77777 = compute(value38888, 77778); // some words\n".repeat(40);
    let reply = fenced(
        "ts:big.ts",
        &format!("<<<<<<< SEARCH\n{search}=======\nx\n>>>>>>> REPLACE\n").repeat(50),
    );
    let resolved = in_time("misses", || world.resolve(&reply));
    assert_eq!(resolved.refused.len(), 50);
    assert!(resolved.refused[0].nearest.is_some());
    // One line of the whole size, which is looked for with one letter changed.
    let long = "ab ".repeat(1_700_000);
    let world = World::new(&[("long.txt", &format!("{long}\n"))]);
    let search = format!("{long}c\n");
    let reply = fenced(
        "txt:long.txt",
        &format!("<<<<<<< SEARCH\n{search}=======\nx\n>>>>>>> REPLACE\n"),
    );
    let resolved = in_time("one long line", || world.resolve(&reply));
    let nearest = resolved.refused[0].nearest.as_ref().unwrap();
    assert!(nearest.lines[0].len() < 1000);
}

#[test]
fn lines_that_are_all_alike() {
    let text = "\n".repeat(200_000);
    let world = World::new(&[("blank.txt", &text), ("same.txt", &"  x\n".repeat(100_000))]);
    let hunk = |line: usize| {
        format!(
            "@@ -{line},500 +{line},500 @@\n{}-\n+x\n",
            " \n".repeat(500)
        )
    };
    let mut diff = "--- a/blank.txt\n+++ b/blank.txt\n".to_owned();
    (1..100).for_each(|n| diff.push_str(&hunk(n * 600)));
    in_time("blank lines", || world.resolve(&fenced("diff", &diff)));
    let mut diff = "--- a/same.txt\n+++ b/same.txt\n".to_owned();
    (1..100).for_each(|_| diff.push_str(&format!("@@ @@\n{}-y\n", " x\n".repeat(1000))));
    in_time("misses in equal lines", || {
        world.resolve(&fenced("diff", &diff))
    });
    let shifted = diff.replace("-y", "-x");
    in_time("shifted equal lines", || {
        world.resolve(&fenced("diff", &shifted))
    });
}

#[test]
fn a_megabyte_of_marks() {
    let world = World::new(&[("a.txt", "a\n")]);
    for piece in [
        "<<<<<<< SEARCH\n",
        "<<<<<<< SEARCH\n=======\n",
        "=======\n",
        "@@\n",
        "--- a\n+++ b\n",
        "diff --git a b\n",
        "diff --git a b c d e f g h i j a b c d e f g h i j\n",
        "*** Update File: a\n@@\n",
        "*** Add File: a\n",
        "+\n",
        "\\ No newline\n",
        "rename from a\n",
    ] {
        for info in ["diff", "txt:a.txt"] {
            for start in [
                "",
                "<<<<<<< SEARCH\n",
                "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n",
                "*** Begin Patch\n",
            ] {
                let text = format!("{start}{}", piece.repeat(50_000 / piece.len()));
                in_time(piece, || world.resolve(&fenced(info, &text)));
            }
        }
    }
    let long = format!("diff --git {}\n", "a ".repeat(100_000));
    in_time("a long header", || world.resolve(&fenced("diff", &long)));
}
