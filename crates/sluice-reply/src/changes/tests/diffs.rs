//! Unified diffs and `*** Begin Patch`, as agents write them.

use super::super::{EditState, FileAction};
use super::{World, fenced};

const FIVE: &str = "one\ntwo\nthree\nfour\nfive\n";

fn five() -> World {
    World::new(&[("src/a.ts", FIVE)])
}

/// What becomes of `src/a.ts` with [`FIVE`] in it.
#[track_caller]
fn after(diff: &str) -> String {
    five()
        .after(&fenced("diff", diff))
        .remove("src/a.ts")
        .unwrap_or_default()
}

const TO_2: &str = "one\n2\nthree\nfour\nfive\n";
const HEAD: &str = "--- a/src/a.ts\n+++ b/src/a.ts\n";

#[test]
fn numbers_may_be_wrong_or_missing() {
    for header in [
        "@@ -1,3 +1,3 @@",
        "@@ -1,3 +1,3 @@ function f() {",
        "@@ -90,3 +90,3 @@",
        "@@ -1,99 +1,99 @@",
        "@@ -1 +1 @@",
        "@@ -1,3 @@",
        "@@ ... @@",
        "@@ @@",
        "@@",
        "@@ -x,y +z @@",
    ] {
        assert_eq!(
            after(&format!("{HEAD}{header}\n one\n-two\n+2\n three\n")),
            TO_2,
            "{header}"
        );
    }
}

#[test]
fn headers_of_every_kind_name_the_file() {
    let hunk = "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
    for header in [
        "diff --git a/src/a.ts b/src/a.ts\nindex 123..456 100644\n--- a/src/a.ts\n+++ b/src/a.ts\n",
        "diff --git \"a/src/a.ts\" \"b/src/a.ts\"\n--- \"a/src/a.ts\"\n+++ \"b/src/a.ts\"\n",
        "--- src/a.ts\n+++ src/a.ts\n",
        "--- src/a.ts\t2024-01-01 10:00:00.000 +0000\n+++ src/a.ts\t2024-01-02\n",
        "--- src/a.ts 2024-01-01 10:00:00\n+++ src/a.ts 2024-01-02 10:00:00\n",
        "--- src/a.ts.orig\n+++ src/a.ts\n",
        "Index: src/a.ts\n====================\n--- src/a.ts\n+++ src/a.ts\n",
        "diff -u src/a.ts src/a.ts\n--- src/a.ts\n+++ src/a.ts\n",
        "From 1234 Mon Sep 17\nSubject: [PATCH] x\n\n---\n src/a.ts | 2 +-\n\ndiff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n",
        "diff --git a/src/a.ts b/src/a.ts\n",
    ] {
        assert_eq!(after(&format!("{header}{hunk}")), TO_2, "{header}");
    }
    // Without a header, the fence names it.
    let reply = fenced("diff:src/a.ts", hunk);
    assert_eq!(five().after(&reply)["src/a.ts"], TO_2);
    let reply = format!("### `src/a.ts`\n{}", fenced("patch", "@@\n-two\n+2\n"));
    assert_eq!(five().after(&reply)["src/a.ts"], TO_2);
}

#[test]
fn a_folder_called_a_is_found_where_it_is_the_file() {
    let world = World::new(&[("a/x.ts", "one\n")]);
    let diff = "--- a/x.ts\n+++ a/x.ts\n@@ -1 +1 @@\n-one\n+two\n";
    assert_eq!(world.after(&fenced("diff", diff))["a/x.ts"], "two\n");
}

#[test]
fn paths_with_blanks_and_umlauts_are_read_as_git_writes_them() {
    let world = World::new(&[("src/ä b.ts", "one\n")]);
    for header in [
        "diff --git \"a/src/\\303\\244 b.ts\" \"b/src/\\303\\244 b.ts\"\n--- \"a/src/\\303\\244 b.ts\"\n+++ \"b/src/\\303\\244 b.ts\"\n",
        "diff --git a/src/ä b.ts b/src/ä b.ts\n--- a/src/ä b.ts\t\n+++ b/src/ä b.ts\t\n",
    ] {
        let diff = format!("{header}@@ -1 +1 @@\n-one\n+two\n");
        assert_eq!(
            world.after(&fenced("diff", &diff))["src/ä b.ts"],
            "two\n",
            "{header}"
        );
    }
}

#[test]
fn lost_marks_and_bare_lines_are_understood_where_they_fit() {
    // An editor took the blank off the empty context line, and an agent that before `three`.
    let world = World::new(&[("a.txt", "one\n\nthree\n\nlast\n")]);
    for diff in [
        "--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n-one\n+1\n\n three\n",
        "--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n-one\n+1\n\nthree\n",
        "--- a.txt\n+++ a.txt\n@@\n-one\n+1\n\nthree\n\n\n\n",
        "\n--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n-one\n+1\n \n three\n\n",
    ] {
        assert_eq!(
            world.after(&fenced("diff", diff))["a.txt"],
            "1\n\nthree\n\nlast\n",
            "{diff}"
        );
    }
}

#[test]
fn several_files_and_hunks_in_one_block() {
    let world = World::new(&[("a.txt", FIVE), ("b.txt", FIVE)]);
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n@@ -5 +5 @@\n-five\n+5\n\n--- a/b.txt\n+++ b/b.txt\n@@ -3 +3,2 @@\n-three\n+3\n+3.5\n";
    let files = world.after(&fenced("diff", diff));
    assert_eq!(files["a.txt"], "1\ntwo\nthree\nfour\n5\n");
    assert_eq!(files["b.txt"], "one\ntwo\n3\n3.5\nfour\nfive\n");
}

#[test]
fn removed_lines_that_look_like_a_header_are_lines() {
    let world = World::new(&[("q.sql", "-- old\nselect 1;\n++ odd\n")]);
    let diff = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- old\n+++ new\n select 1;\n";
    assert_eq!(
        world.after(&fenced("diff", diff))["q.sql"],
        "++ new\nselect 1;\n++ odd\n"
    );
}

#[test]
fn the_last_line_break_is_what_the_diff_says() {
    let world = World::new(&[("with", "a\nb\n"), ("without", "a\nb")]);
    let mark = "\\ No newline at end of file\n";
    let cases = [
        ("with", format!("-b\n+b\n{mark}"), "a\nb"),
        ("without", format!("-b\n{mark}+b\n"), "a\nb\n"),
        ("without", format!("-b\n{mark}+c\n{mark}"), "a\nc"),
        // Nothing is said, so the file keeps its way.
        ("without", "-b\n+c\n".to_owned(), "a\nc"),
        ("without", "+c\n".to_owned(), "a\nc\nb"),
        ("without", format!("-b\n{mark}"), "a\n"),
    ];
    for (path, lines, expected) in cases {
        let diff = format!("--- a/{path}\n+++ b/{path}\n@@ -1,2 +1,2 @@\n a\n{lines}");
        assert_eq!(
            world.after(&fenced("diff", &diff))[path],
            expected,
            "{diff}"
        );
    }
}

#[test]
fn the_file_keeps_its_line_ends_and_indents() {
    let world = World::new(&[
        ("crlf.txt", "one\r\ntwo\r\nthree\r\n"),
        ("crlf-open.txt", "one\r\ntwo"),
        ("deep.py", "class A:\n    def f(self):\n        return 1\n"),
        ("trail.txt", "one  \ntwo\n"),
        ("mark.txt", "\u{feff}one\ntwo\n"),
        ("tabs.go", "\tif x {\n\t\treturn\n\t}\n"),
    ]);
    let cases = [
        (
            "crlf.txt",
            " one\n-two\n+2\n+2.5\n three\n",
            "one\r\n2\r\n2.5\r\nthree\r\n",
        ),
        ("crlf-open.txt", " one\n-two\n+2\n+3\n", "one\r\n2\r\n3"),
        ("crlf-open.txt", " two\n+3\n", "one\r\ntwo\r\n3"),
        (
            "deep.py",
            " def f(self):\n-    return 1\n+    if True:\n+        return 2\n",
            "class A:\n    def f(self):\n        if True:\n            return 2\n",
        ),
        (
            "deep.py",
            "             def f(self):\n-                return 1\n+                return 2\n",
            "class A:\n    def f(self):\n        return 2\n",
        ),
        ("trail.txt", " one\n-two\n+2\n", "one  \n2\n"),
        ("mark.txt", "-one\n+1\n two\n", "\u{feff}1\ntwo\n"),
        (
            "tabs.go",
            " if x {\n-\treturn\n+\tgo()\n }\n",
            "\tif x {\n\t\tgo()\n\t}\n",
        ),
    ];
    for (path, lines, expected) in cases {
        let diff = format!("--- a/{path}\n+++ b/{path}\n@@ -1,2 +1,2 @@\n{lines}");
        assert_eq!(
            world.after(&fenced("diff", &diff))[path],
            expected,
            "{diff}"
        );
    }
}

#[test]
fn indents_that_differ_in_two_ways_are_refused() {
    let world = World::new(&[("a.py", "if a:\n        b\n")]);
    let diff = "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n if a:\n-    b\n+    c\n";
    assert_eq!(
        world.refused(&fenced("diff", diff)),
        [("edit_not_found", 4)]
    );
}

#[test]
fn files_are_made_and_deleted_and_renamed_and_copied() {
    let world = World::new(&[("old.txt", FIVE), ("gone.txt", "x\n")]);
    let diff = "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+n1\n+n2\n\
                diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+exit\n\\ No newline at end of file\n\
                diff --git a/gone.txt b/gone.txt\ndeleted file mode 100644\n--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
                diff --git a/old.txt b/dir/copied.txt\nsimilarity index 100%\ncopy from old.txt\ncopy to dir/copied.txt\n\
                diff --git a/old.txt b/renamed.txt\nsimilarity index 90%\nrename from old.txt\nrename to renamed.txt\n--- a/old.txt\n+++ b/renamed.txt\n@@ -1 +1 @@\n-one\n+1\n";
    let resolved = world.resolve(&fenced("diff", diff));
    assert_eq!(resolved.refused, []);
    let files = world.with(&resolved.changes);
    let expected = [
        ("dir/copied.txt", FIVE),
        ("new.txt", "n1\nn2\n"),
        ("renamed.txt", "1\ntwo\nthree\nfour\nfive\n"),
        ("run.sh", "exit"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(files, expected.into());
    let run = resolved
        .changes
        .iter()
        .find(|one| one.path.as_str() == "run.sh")
        .unwrap();
    assert!(matches!(
        run.action,
        FileAction::Write {
            executable: true,
            ..
        }
    ));
    let receipts: Vec<(&str, &str, Option<&str>)> = resolved
        .receipts
        .iter()
        .map(|one| (one.path.as_str(), one.action.as_str(), one.from.as_deref()))
        .collect();
    assert_eq!(
        receipts,
        [
            ("new.txt", "write", None),
            ("run.sh", "write", None),
            ("gone.txt", "delete", None),
            ("dir/copied.txt", "copy", Some("old.txt")),
            ("renamed.txt", "rename", Some("old.txt")),
        ]
    );
}

#[test]
fn the_executable_bit_stays_and_may_be_set() {
    let mut world = World::new(&[("plain.sh", "one\n")]);
    world.put("run.sh", b"one\n", true);
    let edit = |path: &str, head: &str| {
        let diff = format!(
            "diff --git a/{path} b/{path}\n{head}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-one\n+two\n"
        );
        world.resolve(&fenced("diff", &diff))
    };
    let is_set = |resolved: &super::Resolved| {
        matches!(
            resolved.changes[0].action,
            FileAction::Write {
                executable: true,
                ..
            }
        )
    };
    assert!(is_set(&edit("run.sh", "")));
    assert!(!is_set(&edit("plain.sh", "")));
    assert!(is_set(&edit(
        "plain.sh",
        "old mode 100644\nnew mode 100755\n"
    )));
    assert_eq!(
        edit("run.sh", "old mode 100755\nnew mode 100644\n").refused[0].code,
        "edit_unsupported"
    );
    let only = "diff --git a/plain.sh b/plain.sh\nold mode 100644\nnew mode 100755\n";
    let resolved = world.resolve(&fenced("diff", only));
    assert!(
        resolved.refused.is_empty() && is_set(&resolved),
        "{resolved:?}"
    );
}

#[test]
fn what_a_reply_may_not_do_is_refused_with_words() {
    let mut world = World::new(&[("a.txt", FIVE), ("b.txt", FIVE)]);
    world.put("bin", b"\0\x01\n", false);
    world.put("latin", b"\xe4\n", false);
    world
        .0
        .insert("link".to_owned(), super::Entry::Other("a symbolic link"));
    let on = |path: &str, hunk: &str| format!("--- a/{path}\n+++ b/{path}\n{hunk}");
    let cases = [
        ("diff --cc a.txt\n--- a/a.txt\n+++ b/a.txt\n@@@ -1,1 -1,1 +1,1 @@@\n- one\n -two\n++x\n".to_owned(), "edit_unsupported"),
        ("diff --git a/bin b/bin\nindex 1..2 100644\nBinary files a/bin and b/bin differ\n".to_owned(), "edit_unsupported"),
        ("diff --git a/bin b/bin\nGIT binary patch\nliteral 3\nKcmZ\n\n".to_owned(), "edit_unsupported"),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n".to_owned(), "edit_unsupported"),
        (on("bin", "@@ -1 +1 @@\n-a\n+b\n"), "edit_unsupported"),
        (on("latin", "@@ -1 +1 @@\n-a\n+b\n"), "edit_unsupported"),
        (on("link", "@@ -1 +1 @@\n-a\n+b\n"), "edit_unsupported"),
        (on("c.txt", "@@ -1 +1 @@\n-a\n+b\n"), "edit_no_file"),
        (on("a.txt", "@@ -1 +1 @@\n-nowhere\n+b\n"), "edit_not_found"),
        (on("a.txt", "@@ -3,0 +4 @@\n+b\n"), "edit_ambiguous"),
        (on("a.txt", ""), "edit_malformed"),
        ("--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+x\n".to_owned(), "edit_exists"),
        ("--- a/a.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+1\n".to_owned(), "edit_malformed"),
        ("rename from a.txt\nrename to b.txt\ndiff --git a/a.txt b/b.txt\nrename from a.txt\nrename to b.txt\n".to_owned(), "edit_exists"),
        ("--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n".to_owned(), "edit_not_found"),
        ("@@ -1 +1 @@\n-one\n+1\n".to_owned(), "edit_no_path"),
        ("-one\n+1\n".to_owned(), "edit_no_path"),
        ("just words\n".to_owned(), "edit_malformed"),
        (on("a.txt", "@@ -1,2 +1,2 @@\n one\n-two\n+// ... rest unchanged\n"), "placeholder_elision"),
        (format!("{}--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n-a\n+b\n", on("a.txt", "@@ -1 +1 @@\n-one\n+1\n")), "path_rejected"),
    ];
    for (diff, code) in cases {
        let refused = world.refused(&fenced("diff", &diff));
        assert!(
            refused.iter().any(|(found, _)| *found == code),
            "{diff}\n{refused:?}"
        );
    }
}

#[test]
fn a_missing_file_is_told_with_the_names_that_resemble_it() {
    let world = World::new(&[("src/components/Button.tsx", "x\n"), ("README.md", "y\n")]);
    let diff = "--- a/src/Button.tsx\n+++ b/src/Button.tsx\n@@ -1 +1 @@\n-x\n+z\n";
    let refused = &world.resolve(&fenced("diff", diff)).refused[0];
    assert!(
        refused
            .message
            .contains("did you mean src/components/Button.tsx?"),
        "{refused:?}"
    );
}

#[test]
fn the_stated_line_breaks_ties_and_only_ties() {
    let world = World::new(&[("a.txt", "x\nsame\ny\nsame\nz\nsame\n")]);
    let at =
        |line: usize| format!("--- a/a.txt\n+++ b/a.txt\n@@ -{line} +{line} @@\n-same\n+new\n");
    assert_eq!(
        world.after(&fenced("diff", &at(4)))["a.txt"],
        "x\nsame\ny\nnew\nz\nsame\n"
    );
    assert_eq!(
        world.after(&fenced("diff", &at(1)))["a.txt"],
        "x\nnew\ny\nsame\nz\nsame\n"
    );
    assert_eq!(
        world.after(&fenced("diff", &at(77)))["a.txt"],
        "x\nsame\ny\nsame\nz\nnew\n"
    );
    for diff in [
        at(3),
        at(5),
        "--- a/a.txt\n+++ b/a.txt\n@@\n-same\n+new\n".to_owned(),
    ] {
        let refused = world.resolve(&fenced("diff", &diff)).refused;
        assert_eq!(refused[0].code, "edit_ambiguous", "{diff}");
        assert!(refused[0].message.contains("lines 2, 4, 6"), "{refused:?}");
    }
    // Blanks are left out of account only where that is unambiguous.
    let world = World::new(&[("a.txt", "x \ny\nx  \n")]);
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-x\n+new\n";
    assert_eq!(
        world.refused(&fenced("diff", diff)),
        [("edit_ambiguous", 4)]
    );
}

#[test]
fn a_named_line_before_the_hunk_breaks_ties() {
    let text = "def a():\n    return 0\n\ndef b():\n    return 0\n";
    let world = World::new(&[("m.py", text)]);
    let expected = "def a():\n    return 0\n\ndef b():\n    return 1\n";
    for diff in [
        "--- a/m.py\n+++ b/m.py\n@@ def b(): @@\n-    return 0\n+    return 1\n",
        "*** Begin Patch\n*** Update File: m.py\n@@ def b():\n-    return 0\n+    return 1\n*** End Patch\n",
    ] {
        assert_eq!(
            world.after(&fenced("diff", diff))["m.py"],
            expected,
            "{diff}"
        );
    }
}

#[test]
fn hunks_of_one_diff_relate_to_the_file_before_it_in_any_order() {
    let diff = format!("{HEAD}@@ -5 +5 @@\n-five\n+one\n@@ -1 +1 @@\n-one\n+five\n");
    assert_eq!(after(&diff), "five\ntwo\nthree\nfour\none\n");
    // Context may be shared, changed lines not.
    let shared = format!(
        "{HEAD}@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -3,3 +3,3 @@\n three\n-four\n+4\n five\n"
    );
    assert_eq!(after(&shared), "one\n2\nthree\n4\nfive\n");
    let twice =
        format!("{HEAD}@@ -1,2 +1,2 @@\n one\n-two\n+2\n@@ -2,2 +2,2 @@\n-two\n+zwei\n three\n");
    assert_eq!(
        five().refused(&fenced("diff", &twice)),
        [("edit_ambiguous", 8)]
    );
}

#[test]
fn hunks_that_change_the_same_line_are_refused() {
    let hunk = |new: &str| format!("@@ -2,2 +2,2 @@\n two\n-three\n+{new}\n");
    let diff = format!("{HEAD}{}{}", hunk("3"), hunk("drei"));
    assert_eq!(
        five().refused(&fenced("diff", &diff)),
        [("edit_ambiguous", 8)]
    );
    let resolved = five().resolve(&fenced("diff", &diff));
    assert!(
        resolved.refused[0]
            .message
            .contains("make one hunk of both")
    );
    assert_eq!(resolved.changes, []);
    // Lines that both only show may be the same.
    let diff = &format!(
        "{HEAD}@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -3,2 +3,2 @@\n three\n-four\n+4\n"
    );
    assert_eq!(after(diff), "one\n2\nthree\n4\nfive\n");
}

#[test]
fn one_miss_refuses_all_and_tells_what_fits() {
    let world = World::new(&[("a.txt", FIVE), ("b.txt", FIVE)]);
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n@@ -3,2 +3,2 @@\n-three\n-flour\n+3\n--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+1\n";
    let resolved = world.resolve(&fenced("diff", diff));
    let [refused] = resolved.refused.as_slice() else {
        panic!("{resolved:?}");
    };
    assert_eq!(
        (refused.code, refused.line, refused.path.as_deref()),
        ("edit_not_found", 7, Some("a.txt"))
    );
    assert_eq!(refused.nearest_lines(), ["     3 | three", ">    4 | four"]);
    assert_eq!(
        resolved.fitting(),
        [
            "a.txt (lines 4-6 of the reply)",
            "b.txt (lines 13-15 of the reply)"
        ]
    );
    let states: Vec<EditState> = resolved.edits.iter().map(|edit| edit.state).collect();
    assert_eq!(
        states,
        [EditState::Matched, EditState::Refused, EditState::Matched]
    );
    // What is whole of it is the other file; what fits, also the first hunk.
    assert_eq!(world.with(&resolved.changes)["a.txt"], FIVE);
    let kept: Vec<_> = resolved.kept.unwrap().changes().cloned().collect();
    assert_eq!(world.with(&kept)["a.txt"], "1\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn begin_patch_adds_updates_moves_and_deletes() {
    let world = World::new(&[
        ("src/a.ts", FIVE),
        ("old.txt", "x\n"),
        ("from.txt", "y\nz\n"),
    ]);
    let patch = "*** Begin Patch\n*** Update File: src/a.ts\n@@\n one\n-two\n+2\n@@ four\n-five\n+5\n*** End of File\n*** Add File: new.txt\n+n1\n+\n+n2\n\n\
                 *** Delete File: old.txt\n*** Update File: from.txt\n*** Move to: to.txt\n@@\n-y\n+Y\n z\n*** End Patch\n";
    for info in ["diff", "", "patch"] {
        let files = world.after(&fenced(info, patch));
        let expected = [
            ("new.txt", "n1\n\nn2\n"),
            ("src/a.ts", "one\n2\nthree\nfour\n5\n"),
            ("to.txt", "Y\nz\n"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(files, expected.into());
    }
    for (patch, code) in [
        (
            "*** Begin Patch\n*** Add File: src/a.ts\n+x\n*** End Patch\n",
            "edit_exists",
        ),
        (
            "*** Begin Patch\n*** Add File: n.ts\nx\n*** End Patch\n",
            "edit_malformed",
        ),
        (
            "*** Begin Patch\n*** Delete File: n.ts\n*** End Patch\n",
            "edit_no_file",
        ),
        (
            "*** Begin Patch\n*** Update File: src/a.ts\n*** End Patch\n",
            "edit_malformed",
        ),
    ] {
        let refused = world.refused(&fenced("", patch));
        assert!(
            refused.iter().any(|(found, _)| *found == code),
            "{patch}\n{refused:?}"
        );
    }
}

#[test]
fn a_diff_with_crlf_and_in_a_list_is_read_as_any() {
    let diff = format!("{HEAD}@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
    let reply = fenced("diff", &diff).replace('\n', "\r\n");
    assert_eq!(five().after(&reply)["src/a.ts"], TO_2);
    let indented: String = fenced("diff", &diff)
        .lines()
        .map(|line| format!("   {line}\n"))
        .collect();
    assert_eq!(
        five().after(&format!("1. Change it:\n\n{indented}"))["src/a.ts"],
        TO_2
    );
}
