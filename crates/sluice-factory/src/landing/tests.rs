//! Tests of a reply's way into git: the git program reads the receipts, and what they say is so.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sluice_gates::Gate;
use sluice_path::RelPath;
use sluice_workspace::Change;

use super::*;

struct Place {
    folder: tempfile::TempDir,
    repo: Repo,
    base: Oid,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::create(&folder.path().join("p.git")).unwrap();
        let changes: Vec<Change> = files
            .iter()
            .map(|(path, text)| Change::write(RelPath::parse(path).unwrap(), *text))
            .collect();
        let tree = repo.tree_build(None, &changes).unwrap();
        let new = NewCommit {
            tree,
            parents: Vec::new(),
            author: daemon(),
            committer: daemon(),
            time: 1_700_000_000,
            message: "base".to_owned(),
            trailers: Vec::new(),
        };
        let base = repo.commit(&new, None).unwrap();
        repo.ref_move("refs/heads/main", None, base, "base")
            .unwrap();
        Place { folder, repo, base }
    }

    fn landing(&self, reply: &str) -> Landing {
        Landing {
            base: self.base.to_string(),
            refused: Vec::new(),
            pins: Pins::default(),
            gate: Gate::G5,
            run: "01JABCDEFGHJKMNPQRSTVWXYZ0".to_owned(),
            attempt: 0,
            author: "script".to_owned(),
            reply: reply.to_owned(),
            digest: sluice_proof::sha256_hex(reply.as_bytes()),
            at: Timestamp::from_second(1_700_000_100).unwrap(),
        }
    }

    /// What the git program says in a clone that fetched the receipts.
    fn git(&self, args: &[&str]) -> Vec<u8> {
        git(&self.folder.path().join("p.git"), args)
    }

    fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.git(args)).unwrap().trim().to_owned()
    }

    fn note(&self, commit: &str) -> Value {
        let text = self.git(&["notes", "--ref=receipts", "show", commit]);
        serde_json::from_slice(&text).unwrap()
    }
}

fn git(dir: &Path, args: &[&str]) -> Vec<u8> {
    let out = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .args(args)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{args:?}: {errors}");
    out.stdout
}

/// Whether a body of the reply, without the marks of lists and quotes, a marker line and CR, is the file.
fn is_decoded(body: &str, file: &str) -> bool {
    let mut body: Vec<&str> = body.lines().collect();
    let file: Vec<&str> = file.lines().collect();
    if body.len() == file.len() + 1 {
        let marker = body
            .iter()
            .position(|line| line.to_lowercase().contains("file"));
        body.remove(marker.unwrap_or(0));
    }
    let is_mark = |rest: &str| rest.chars().all(|c| matches!(c, ' ' | '\t' | '>'));
    body.len() == file.len()
        && body.iter().zip(&file).all(|(body, file)| {
            body.strip_suffix(file).is_some_and(is_mark) || body.trim() == *file
        })
}

#[test]
fn receipts_are_a_note_that_git_shows_and_every_range_makes_its_blob() {
    let place = Place::new(&[("old.ts", "x\n"), ("edit.ts", "one\ntwo\n")]);
    let reply = "Words, wörds.\n\n```ts:src/a.ts\nexport {};\n```\n\n1. In a list:\n\n   ```ts:src/b.ts\n   b\n     c\n   ```\n\n\
        > ```ts\n> // File: src/c.ts\n> c\n> ```\n\n```json:package.json\r\n{}\r\n```\r\n\n```delete:old.ts\n```\n\n\
        ```diff\n--- a/edit.ts\n+++ b/edit.ts\n@@ -2 +2 @@\n-two\n+2\n```\n";
    let landed = place.landing(reply).land(&place.repo).unwrap();
    let commit = landed.change.commit.unwrap();
    let note = place.note(&commit);
    assert_eq!(note["format"], "sluice-receipts/v1");
    assert_eq!((&note["gate"], &note["attempt"]), (&"g5".into(), &0.into()));
    let digest = format!("sha256:{}", sluice_proof::sha256_hex(reply.as_bytes()));
    assert_eq!(note["reply"], digest.as_str());
    assert!(
        place
            .text(&["log", "-1", "--format=%B", &commit])
            .contains(&digest)
    );
    assert_eq!(landed.change.receipts.unwrap()["files"], note["files"]);
    let said: Vec<(&str, &str, &str, &str)> = note["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let word = |key: &str| file[key].as_str().unwrap();
            (word("path"), word("action"), word("source"), word("guard"))
        })
        .collect();
    let expected = [
        ("src/a.ts", "write", "info-string", "accepted"),
        ("src/b.ts", "write", "info-string", "accepted"),
        ("src/c.ts", "write", "comment", "accepted"),
        ("package.json", "write", "info-string", "accepted"),
        ("old.ts", "delete", "info-string", "accepted"),
        ("edit.ts", "edit", "edit", "accepted"),
    ];
    let mut said = said;
    said.sort_by_key(|one| expected.iter().position(|expected| expected.0 == one.0));
    assert_eq!(said, expected);
    for file in note["files"].as_array().unwrap() {
        check(&place, &commit, reply, file);
    }
    let edit = note["files"].as_array().unwrap().iter();
    let edit = edit.clone().find(|file| file["path"] == "edit.ts").unwrap();
    let range = |value: &Value, at: usize| usize::try_from(value[at].as_u64().unwrap()).unwrap();
    let bytes = &edit["edits"][0]["bytes"];
    assert_eq!(
        &reply[range(bytes, 0)..range(bytes, 1)],
        "@@ -2 +2 @@\n-two\n+2\n"
    );

    // A repeat, as after a kill, makes nothing new.
    let refs = place.repo.ref_list("refs/").unwrap();
    assert!(refs.iter().any(|(name, _)| name == RECEIPTS));
    place.landing(reply).land(&place.repo).unwrap();
    assert_eq!(place.repo.ref_list("refs/").unwrap(), refs);
    // Killed before the attempt had its ref, or before the notes had theirs.
    for lost in ["refs/attempts/g5/01JABCDEFGHJKMNPQRSTVWXYZ0/0", RECEIPTS] {
        place.git(&["update-ref", "-d", lost]);
        place.landing(reply).land(&place.repo).unwrap();
        assert_eq!(place.repo.ref_list("refs/").unwrap(), refs);
    }

    // As somebody else reads them.
    let clone = place.folder.path().join("clone");
    let from = place.repo.git_dir().to_str().unwrap();
    git(
        place.folder.path(),
        &["clone", "--quiet", from, clone.to_str().unwrap()],
    );
    git(
        &clone,
        &[
            "fetch",
            "--quiet",
            "origin",
            "refs/notes/*:refs/notes/*",
            "refs/attempts/*:refs/attempts/*",
        ],
    );
    let read = git(&clone, &["notes", "--ref=receipts", "show", &commit]);
    assert_eq!(serde_json::from_slice::<Value>(&read).unwrap(), note);
}

/// Holds one receipt against git and the reply.
fn check(place: &Place, commit: &str, reply: &str, file: &Value) {
    let path = file["path"].as_str().unwrap();
    let at = format!("{commit}:{path}");
    if file["action"] == "delete" {
        assert_eq!(file.get("blob"), None);
        assert!(
            !place
                .text(&["ls-tree", "-r", "--name-only", commit])
                .lines()
                .any(|one| one == path)
        );
        return;
    }
    assert_eq!(
        file["blob"],
        place.text(&["rev-parse", &at]).as_str(),
        "{path}"
    );
    let bytes = place.git(&["cat-file", "blob", &at]);
    assert_eq!(file["sha256"], sluice_proof::sha256_hex(&bytes).as_str());
    assert_eq!(file["size"], bytes.len());
    let range = |at: usize| usize::try_from(file["bytes"][at].as_u64().unwrap()).unwrap();
    if file["action"] == "write" && file.get("edits").is_none() {
        let body = &reply[range(0)..range(1)];
        let text = String::from_utf8(bytes).unwrap();
        assert!(is_decoded(body, &text), "{path}: {body:?} is not {text:?}");
    }
}

#[test]
fn the_samples_receipts_name_the_bytes_that_became_the_blobs() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let samples = here.join("../sluice-reply/testdata/samples/transcripts");
    let mut replies: Vec<String> = std::fs::read_dir(samples)
        .unwrap()
        .map(|sample| std::fs::read(sample.unwrap().path()).unwrap())
        .map(|reply| String::from_utf8_lossy(&reply).into_owned())
        .collect();
    for cases in ["whole-replies", "nesting", "mixed"] {
        let cases = format!("../../docs/reply-format/conformance/replies/{cases}.jsonl");
        let cases = std::fs::read_to_string(here.join(cases)).unwrap();
        for case in cases.lines().step_by(3) {
            let case: Value = serde_json::from_str(case).unwrap();
            replies.push(case["reply"].as_str().unwrap().to_owned());
        }
    }
    let place = Place::new(&[("README", "base\n")]);
    let mut files = 0;
    for (n, reply) in replies.iter().enumerate() {
        let landing = Landing {
            run: format!("run{n}"),
            ..place.landing(reply)
        };
        let done = landing.land(&place.repo).unwrap();
        let Some(commit) = done.change.commit else {
            continue;
        };
        for file in place.note(&commit)["files"].as_array().unwrap() {
            check(&place, &commit, reply, file);
            files += 1;
        }
    }
    assert!(files > 60, "{files} files");
}
