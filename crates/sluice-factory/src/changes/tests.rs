//! Tests of what a reply changes: all of it or nothing, each file with a receipt.

use super::*;

/// A base that has these paths, with a line in each.
struct Paths<'a>(&'a [&'a str]);

impl Base for Paths<'_> {
    fn entry(&self, path: &str) -> Result<Entry, BaseError> {
        Ok(match self.0.contains(&path) {
            true => Entry::File {
                bytes: b"a\n".to_vec(),
                executable: false,
            },
            false => Entry::Missing,
        })
    }

    fn paths(&self) -> Result<Vec<String>, BaseError> {
        Ok(self.0.iter().map(|path| (*path).to_owned()).collect())
    }
}

/// What becomes of a reply on a base that has these paths.
fn taken(text: &str, base: &[&str]) -> Taken {
    take(&sluice_reply::parse(text), &Kept::default(), &Paths(base)).unwrap()
}

fn refused(text: &str, base: &[&str]) -> Vec<(String, String)> {
    match taken(text, base) {
        Taken::Refused { findings, .. } => findings
            .into_iter()
            .map(|finding| (finding.rule, finding.message))
            .collect(),
        other => panic!("not refused: {other:?}"),
    }
}

fn accepted(text: &str, base: &[&str]) -> (Vec<Change>, Vec<Receipt>) {
    match taken(text, base) {
        Taken::Changes(changes, receipts) => (changes, receipts),
        other => panic!("not taken: {other:?}"),
    }
}

const A: &str = "```ts:src/a.ts\nexport const a = 1;\n```\n";

#[test]
fn one_bad_block_refuses_the_whole_reply() {
    let cases = [
        ("```sh:../x.sh\nid\n```\n", "path_rejected"),
        ("```ts:.git/config\nx\n```\n", "path_rejected"),
        ("```ts:src/a.ts/b.ts\nx\n```\n", "path_conflict"),
        (
            "```ts:src/b.ts\nexport const b = 1;\n// ... rest unchanged\n```\n",
            "placeholder_elision",
        ),
        (
            "```diff\n--- a/src/b.ts\n+++ b/src/b.ts\n@@ -1 +1 @@\n-a\n+b\n```\n",
            "edit_no_file",
        ),
        (
            "src/b.ts\n```ts\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
            "edit_no_file",
        ),
        ("```delete:src/gone.ts\n```\n", "delete_missing"),
        ("```ts:src/b.ts\nexport const b =", "truncated"),
    ];
    for (block, rule) in cases {
        let findings = refused(&format!("{A}\n{block}"), &[]);
        assert!(
            findings.iter().any(|(found, _)| found == rule),
            "{block}: {findings:?}"
        );
        // The agent reads where it is and what to do.
        for (_, message) in &findings {
            assert!(message.starts_with("line "), "{message}");
        }
    }
}

#[test]
fn a_refusal_says_what_to_send_instead() {
    let (_, message) = &refused("```ts:src/b.ts\nexport const b =", &[])[0];
    assert!(message.contains("send the file again, whole"), "{message}");
    let diff = "```diff\n--- a/b.ts\n+++ b/b.ts\n@@ -1 +1 @@\n-b\n+c\n```\n";
    let (_, message) = &refused(diff, &[])[0];
    assert!(message.contains("send it whole"), "{message}");
    let (_, message) = &refused(diff, &["src/b.ts"])[0];
    assert!(message.contains("did you mean src/b.ts?"), "{message}");
}

#[test]
fn a_whole_block_outranks_the_one_that_was_cut_off() {
    let (changes, _) = accepted(&format!("{A}\n```ts:src/a.ts\nexport co"), &[]);
    assert_eq!(
        changes,
        [Change::write(
            sluice_path::RelPath::parse("src/a.ts").unwrap(),
            "export const a = 1;\n"
        )]
    );
}

#[test]
fn of_two_blocks_for_a_path_the_last_is_written_once() {
    let (changes, receipts) = accepted(&format!("{A}\n{}", A.replace('1', "2")), &[]);
    assert_eq!((changes.len(), receipts.len()), (1, 1));
    let Action::Write { bytes, .. } = &changes[0].action else {
        panic!("{changes:?}");
    };
    assert_eq!(bytes, b"export const a = 2;\n");
}

#[test]
fn a_guessed_path_never_replaces_a_file_or_takes_a_protected_one() {
    let text = "```json\n{ \"name\": \"x\", \"version\": \"1.0.0\", \"scripts\": {} }\n```\n";
    let (changes, receipts) = accepted(text, &[]);
    assert_eq!(receipts[0].source, "inferred");
    let path = changes[0].path.as_str().to_owned();
    let findings = refused(text, &[path.as_str()]);
    assert_eq!(findings[0].0, "path_inferred");
    assert!(findings[0].1.contains("name the path"), "{findings:?}");
}

#[test]
fn a_deletion_needs_a_file_and_has_a_receipt() {
    let text = "```delete:src/a.ts\n```\n";
    let (changes, receipts) = accepted(text, &["src/a.ts"]);
    assert_eq!(changes[0].action, Action::Delete);
    assert_eq!(
        (receipts[0].action.as_str(), receipts[0].size),
        ("delete", 0)
    );
    assert_eq!(refused(text, &["src/A.ts"])[0].0, "delete_missing");
}

#[test]
fn a_receipt_names_the_lines_and_bytes_of_the_reply() {
    let reply = "Wörds first.\n\n```ts:src/a.ts\nexport const a = '→';\n```\n\n~~~~md:docs/B.md\n```\n~~~~\n\
                 \n```sh:bin/run.sh\n#!/bin/sh\nexit 0\n```\n\n```yaml:.github/workflows/ci.yml\non: push\n```\n";
    let (changes, receipts) = accepted(reply, &[]);
    assert_eq!(receipts.len(), 4);
    for (change, receipt) in changes.iter().zip(&receipts) {
        let Action::Write { bytes, executable } = &change.action else {
            panic!("{change:?}");
        };
        assert_eq!(
            &reply.as_bytes()[receipt.bytes.0..receipt.bytes.1],
            bytes,
            "{receipt:?}"
        );
        assert_eq!(receipt.sha256, hex::encode(Sha256::digest(bytes)));
        assert_eq!(receipt.size, bytes.len());
        assert_eq!(*executable, receipt.path == "bin/run.sh");
        let lines: Vec<&str> = reply.lines().collect();
        let (first, last) = receipt.lines;
        assert!(lines[first - 1].contains(&receipt.path), "{receipt:?}");
        assert!(
            lines[last - 1].starts_with("```") || lines[last - 1].starts_with("~~~~"),
            "{receipt:?}"
        );
    }
    let guards: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.guard.as_str())
        .collect();
    assert_eq!(guards, ["accepted", "accepted", "accepted", "sensitive"]);
}

#[test]
fn an_edit_is_taken_on_the_base_or_refused_with_what_fits() {
    let diff = "```diff\n--- a/b.ts\n+++ b/b.ts\n@@ -1 +1 @@\n-a\n+b\n```\n";
    let (changes, receipts) = accepted(diff, &["b.ts"]);
    let path = sluice_path::RelPath::parse("b.ts").unwrap();
    assert_eq!(changes, [Change::write(path, "b\n")]);
    assert_eq!(
        (receipts[0].action.as_str(), receipts[0].edits.len()),
        ("edit", 1)
    );
    let missed = format!(
        "{diff}\n{}",
        diff.replace("b.ts", "c.ts").replace("-a", "-x")
    );
    match taken(&missed, &["b.ts", "c.ts"]) {
        Taken::Refused {
            findings,
            fitting,
            is_kept,
        } => {
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].rule, "edit_not_found");
            assert!(is_kept);
            assert_eq!(fitting, ["b.ts (lines 4-6 of the reply)"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn talk_and_commands_are_no_work() {
    for text in ["", "I will.", "```sh\nnpm install\n```\n", "\0\u{202e}"] {
        match taken(text, &[]) {
            // What was expected is said.
            Taken::Nothing(why) => assert!(why.contains("`language:path`"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn equal_refusals_have_equal_fingerprints_wherever_they_stand() {
    let of = |text: &str| match taken(text, &[]) {
        Taken::Refused { findings, .. } => findings[0].fingerprint.clone(),
        other => panic!("{other:?}"),
    };
    let bad = "```sh:../x.sh\nid\n```\n";
    assert_eq!(of(bad), of(&format!("Words.\n\n{bad}")));
    assert_ne!(of(bad), of("```sh:../y.sh\nid\n```\n"));
}
