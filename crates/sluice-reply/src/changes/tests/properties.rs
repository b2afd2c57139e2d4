//! What holds of any text: a diff leads from one to the other, and nothing panics.

use proptest::prelude::*;
use similar::TextDiff;

use super::{World, fenced};

/// A text of few different lines, so that hunks fit at many places.
fn repetitive() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("a"),
        Just("b"),
        Just(""),
        Just("  a"),
        Just("}"),
        Just("-- a"),
        Just("++ b"),
        Just("@@ x"),
        Just("=======")
    ];
    text(line.prop_map(str::to_owned).boxed())
}

/// A text of which no two lines are equal but for blanks.
fn distinct() -> impl Strategy<Value = String> {
    let line = proptest::string::string_regex("[ \t]{0,3}[a-zA-Zäß€{}()=+-]{0,12}")
        .expect("a constant pattern");
    (proptest::collection::vec(line, 0..40), any::<bool>()).prop_map(|(lines, is_ended)| {
        let lines: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(n, line)| format!("{line}#{n}"))
            .collect();
        joined(&lines, is_ended)
    })
}

fn text(line: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    (proptest::collection::vec(line, 0..25), any::<bool>())
        .prop_map(|(lines, is_ended)| joined(&lines, is_ended))
}

fn joined(lines: &[String], is_ended: bool) -> String {
    let mut text = lines.join("\n");
    if is_ended && !lines.is_empty() {
        text.push('\n');
    }
    text
}

fn diff(a: &str, b: &str, radius: usize) -> String {
    TextDiff::from_lines(a, b)
        .unified_diff()
        .context_radius(radius)
        .header("a/f.txt", "b/f.txt")
        .to_string()
}

/// Moves the stated lines by up to three, and makes the counts wrong.
fn jittered(diff: &str, by: i64) -> String {
    let mut out = String::new();
    for line in diff.split_inclusive('\n') {
        match line
            .strip_prefix("@@ -")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((old, _)) => {
                let at: i64 = old.split(',').next().unwrap().parse().unwrap();
                let at = (at + by).max(0);
                out.push_str(&format!(
                    "@@ -{at},{} +{at},{} @@\n",
                    by.unsigned_abs() + 90,
                    by.unsigned_abs() + 91
                ));
            }
            None => out.push_str(line),
        }
    }
    out
}

/// `b` with lines of `a` changed, so that they have something in common.
fn mixed(a: &str, b: &str, takes: &[bool]) -> String {
    let mut from_b = b.split_inclusive('\n');
    let mut out = String::new();
    for (line, take) in a.split_inclusive('\n').zip(takes.iter().cycle()) {
        if *take {
            out.push_str(line);
        } else {
            out.push_str(from_b.next().unwrap_or(""));
        }
    }
    out
}

fn resolved(a: &str, diff: &str) -> String {
    let world = World::new(&[("f.txt", a)]);
    world
        .after(&fenced("diff", diff))
        .remove("f.txt")
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_diff_leads_to_the_other_text(a in repetitive(), b in repetitive(), takes in proptest::collection::vec(any::<bool>(), 1..30), radius in 1usize..5) {
        let b = mixed(&a, &b, &takes);
        let diff = diff(&a, &b, radius);
        prop_assume!(!diff.is_empty());
        prop_assert_eq!(resolved(&a, &diff), b);
    }

    #[test]
    fn wrong_numbers_do_not_matter_where_lines_are_distinct(a in distinct(), b in distinct(), takes in proptest::collection::vec(any::<bool>(), 1..30), by in -3i64..4, radius in 1usize..4) {
        let b = mixed(&a, &b, &takes);
        let diff = diff(&a, &b, radius);
        prop_assume!(!diff.is_empty() && !a.is_empty());
        prop_assert_eq!(resolved(&a, &jittered(&diff, by)), b);
    }

    #[test]
    fn a_search_for_lines_that_stand_once_puts_in_the_others(a in distinct(), from in 0usize..40, count in 1usize..6, new in proptest::collection::vec("[a-z ]{0,6}", 0..5)) {
        let lines: Vec<&str> = a.lines().collect();
        prop_assume!(!lines.is_empty());
        let from = from % lines.len();
        let until = (from + count).min(lines.len());
        let new: String = new.iter().map(|line| format!("{line}\n")).collect();
        let old: String = lines[from..until].iter().map(|line| format!("{line}\n")).collect();
        let reply = fenced("txt:f.txt", &format!("<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"));
        let mut expected: String = lines[..from].iter().map(|line| format!("{line}\n")).collect();
        expected.push_str(&new);
        expected.extend(lines[until..].iter().map(|line| format!("{line}\n")));
        if !a.ends_with('\n') {
            expected.pop();
        }
        let world = World::new(&[("f.txt", &a)]);
        prop_assert_eq!(&world.after(&reply)["f.txt"], &expected);
        // The same with CRLF in the file: it keeps them.
        prop_assume!(a.contains('\n'));
        let world = World::new(&[("f.txt", &a.replace('\n', "\r\n"))]);
        prop_assert_eq!(&world.after(&reply)["f.txt"], &expected.replace('\n', "\r\n"));
    }

    #[test]
    fn anything_resolves_the_same_way_twice(a in "(?s).{0,80}", pieces in proptest::collection::vec(prop_oneof![
        Just("--- a/f.txt\n".to_owned()), Just("+++ b/f.txt\n".to_owned()), Just("@@ -1,2 +1,2 @@\n".to_owned()), Just("@@\n".to_owned()),
        Just("@@@ -1 -1 +1 @@@\n".to_owned()), Just("<<<<<<< SEARCH\n".to_owned()), Just("=======\n".to_owned()), Just(">>>>>>> REPLACE\n".to_owned()),
        Just("*** Begin Patch\n".to_owned()), Just("*** Update File: f.txt\n".to_owned()), Just("*** End of File\n".to_owned()),
        Just("\\ No newline at end of file\n".to_owned()), Just("rename from f.txt\n".to_owned()), Just("rename to g.txt\n".to_owned()),
        Just("diff --git a/f.txt b/f.txt\n".to_owned()), Just("new file mode 100644\n".to_owned()), Just("\n".to_owned()), Just(":start_line:3\n".to_owned()),
        Just("diff --git \"a/\\3\\377\\n\" \"b\\\n".to_owned()), "[-+ ]?[ab]\r?\n", "(?s).{0,12}",
    ], 0..24), info in prop_oneof![Just("diff"), Just(""), Just("txt:f.txt"), Just("diff:f.txt")]) {
        let world = World::new(&[("f.txt", &a), ("g/h.txt", "x\n")]);
        let reply = fenced(info, &pieces.concat());
        let once = world.resolve(&reply);
        prop_assert_eq!(&once, &world.resolve(&reply));
        for edit in &once.edits {
            prop_assert!(edit.lines.0 <= edit.lines.1 && edit.lines.1 <= reply.lines().count(), "{:?}", edit);
        }
        for receipt in &once.receipts {
            prop_assert!(reply.get(receipt.bytes.0..receipt.bytes.1).is_some());
        }
    }
}
