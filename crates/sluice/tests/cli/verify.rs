//! `sluice verify` on repositories without proofs, and on ones that somebody broke on purpose.

use std::fs;

use sluice_proof::audit::{AuditAnchor, AuditRow, AuditWho, BEFORE_THE_FIRST};
use sluice_proof::statement::{DecisionKind, Waiver};

use crate::proven::Proven;
use crate::world::World;

fn repository(world: &World) -> std::path::PathBuf {
    let repo = world.path("repo");
    fs::create_dir_all(&repo).unwrap();
    world.git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    fs::write(repo.join("a.txt"), "a\n").unwrap();
    world.git(&repo, &["add", "."]);
    world.git(&repo, &["commit", "--quiet", "-m", "first"]);
    repo
}

#[test]
fn a_proven_gate_is_verified_also_in_a_clone() {
    let world = World::new();
    let proven = Proven::new(&world);
    world.write("signers", proven.signers.to_text());
    let ran = world.run(&["verify", "proven.git", "--signers", "signers", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let report = ran.json();
    assert_eq!(
        (&report["verified"], &report["trust"]),
        (&true.into(), &"told".into())
    );
    assert_eq!(report["head"]["covered_by"], serde_json::json!(["g0"]));

    world.git(
        &world.path(""),
        &["clone", "--quiet", "proven.git", "clone"],
    );
    assert_eq!(
        world.run(&["verify", "clone"]).code,
        1,
        "a clone has no refs/gates yet"
    );
    world.git(
        &world.path("clone"),
        &["fetch", "--quiet", "origin", "refs/gates/*:refs/gates/*"],
    );
    let ran = world.run(&["verify", "clone"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("covers HEAD\n") && ran.out.ends_with("\nverified\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("nobody vouches for it"), "{}", ran.out);
}

#[test]
fn other_signers_and_another_head_are_not_verified() {
    let world = World::new();
    let proven = Proven::new(&world);
    let stranger = Proven::new(&World::new());
    world.write("signers", stranger.signers.to_text());
    let ran = world.run(&["verify", "proven.git", "--signers", "signers"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("PROBLEM"), "{}", ran.out);

    let tree = world.git(&proven.path, &["rev-parse", "refs/gates/g0^{tree}"]);
    let other = world.git(
        &proven.path,
        &["commit-tree", &tree, "-p", "main", "-m", "unseen"],
    );
    world.git(&proven.path, &["update-ref", "refs/heads/main", &other]);
    let ran = world.run(&["verify", "proven.git", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["head"]["covered_by"], serde_json::json!([]));
}

/// Three rows of an audit log; the second is the decision's.
fn log() -> Vec<AuditRow> {
    let mut previous = BEFORE_THE_FIRST.to_owned();
    let rows = ["project.created", "gate.decided", "token.created"]
        .into_iter()
        .zip(1..);
    let row = |(kind, seq): (&str, i64)| {
        let mut row = AuditRow {
            seq,
            at: format!("2026-11-21T09:00:0{seq}.000000Z"),
            project: Some("todo".to_owned()),
            who: AuditWho {
                name: "ada".to_owned(),
                kind: "person".to_owned(),
                role: "approver".to_owned(),
                token: None,
            },
            kind: kind.to_owned(),
            body: serde_json::json!({ "by": "ada" }),
            previous: previous.clone(),
            hash: String::new(),
        };
        row.hash = row.computed_hash();
        previous.clone_from(&row.hash);
        row
    };
    rows.map(row).collect()
}

fn lines(rows: &[AuditRow]) -> String {
    let lines = rows
        .iter()
        .map(|row| format!("{}\n", serde_json::to_string(row).unwrap()));
    lines.collect()
}

#[test]
fn the_audit_log_is_held_against_itself_and_the_decisions() {
    let world = World::new();
    let rows = log();
    let anchor = AuditAnchor {
        seq: 2,
        hash: rows[1].hash.clone(),
    };
    Proven::with(&world, |decision| decision.audit = Some(anchor));
    let verify = |text: &str| {
        world.write("audit.jsonl", text);
        world.run(&["verify", "proven.git", "--audit", "audit.jsonl"])
    };
    let whole = verify(&lines(&rows));
    assert_eq!(whole.code, 0, "{whole:?}");
    let said = "audit   rows 1 to 3, 1 of them named by decisions";
    assert!(whole.out.contains(said), "{}", whole.out);
    // A list, the pages of the API, and a part that begins later.
    let list = serde_json::to_string(&rows).unwrap();
    let pages = format!(
        "{{\"items\": {}, \"next_cursor\": \"1\"}}\n{{\"items\": {}, \"next_cursor\": null}}",
        serde_json::to_string(&rows[..1]).unwrap(),
        serde_json::to_string(&rows[1..]).unwrap()
    );
    for text in [list, pages, lines(&rows[1..])] {
        let ran = verify(&text);
        assert_eq!(ran.code, 0, "{text}: {ran:?}");
    }
    let later = verify(&lines(&rows[2..]));
    assert!(
        later.code == 0 && later.out.contains("name rows before it"),
        "{later:?}"
    );

    let changed = |change: &dyn Fn(&mut Vec<AuditRow>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        lines(&rows)
    };
    let again = |rows: &mut Vec<AuditRow>| {
        let mut previous = BEFORE_THE_FIRST.to_owned();
        for row in rows {
            row.previous = previous;
            row.hash = row.computed_hash();
            previous = row.hash.clone();
        }
    };
    for (what, text, problem) in [
        (
            "somebody else's name",
            changed(&|rows| rows[1].who.name = "eve".to_owned()),
            "audit row 2 was changed",
        ),
        (
            "a row that is gone",
            changed(&|rows| drop(rows.remove(1))),
            "follows row 1",
        ),
        (
            "a log that was made anew",
            changed(&|rows| {
                rows[0].who.name = "eve".to_owned();
                again(rows);
            }),
            "audit row 2 is not the one",
        ),
        (
            "a log that ends too early",
            changed(&|rows| rows.truncate(1)),
            "is not there; the log ends at 1",
        ),
    ] {
        let ran = verify(&text);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(ran.out.contains(problem), "{what}: {}", ran.out);
        assert!(ran.out.contains("NOT verified"), "{what}: {}", ran.out);
    }
    for text in ["{", "7", "{\"seq\": 1}", "[1]", "\u{0}"] {
        let ran = verify(text);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text:?}: {ran:?}");
        assert!(
            ran.err.contains("sluice audit > FILE"),
            "{text:?}: {}",
            ran.err
        );
    }
    let missing = world.run(&["verify", "proven.git", "--audit", "nothing.jsonl"]);
    assert_eq!((missing.code, missing.out.as_str()), (2, ""), "{missing:?}");
}

#[test]
fn a_waiver_that_has_ended_is_a_warning_and_fails_who_asks_for_that() {
    let world = World::new();
    let waived = |world: &World, until: &str| {
        Proven::with(world, |decision| {
            decision.decision = DecisionKind::Waived;
            decision.waivers = vec![Waiver {
                what: "build".to_owned(),
                findings: Vec::new(),
                why: "The server is rented until then.".to_owned(),
                until: Some(until.to_owned()),
            }];
        });
    };
    waived(&world, "2026-11-20");
    let ran = world.run(&["verify", "proven.git"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("WARNING"), "{}", ran.out);
    let strict = world.run(&["verify", "proven.git", "--strict", "--json"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    let report = strict.json();
    assert_eq!(report["verified"], true);
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);

    let world = World::new();
    waived(&world, "2999-12-31");
    let strict = world.run(&["verify", "proven.git", "--strict"]);
    assert_eq!(strict.code, 0, "{strict:?}");
    assert!(!strict.out.contains("WARNING"), "{}", strict.out);
}

#[test]
fn without_proofs_it_is_not_verified() {
    let world = World::new();
    repository(&world);
    let ran = world.run(&["verify", "repo", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    assert_eq!(report["verified"], false);
    assert_eq!(report["gates"].as_array().unwrap().len(), 10);
    assert_eq!(report["head"]["covered_by"], serde_json::json!([]));
    let text = world.run(&["verify", "repo"]);
    assert!(text.out.contains("G0      not reached"), "{}", text.out);
    assert!(
        text.out
            .contains("fetch origin 'refs/gates/*:refs/gates/*'"),
        "{}",
        text.out
    );
    assert!(
        text.out.ends_with("NOT verified: 1 problem\n"),
        "{}",
        text.out
    );
}

#[test]
fn a_bare_and_an_empty_repository_are_looked_at() {
    let world = World::new();
    let repo = repository(&world);
    world.git(
        &world.path(""),
        &["clone", "--quiet", "--bare", "repo", "bare.git"],
    );
    assert_eq!(world.run(&["verify", "bare.git"]).code, 1);
    world.git(&world.path(""), &["init", "--quiet", "empty"]);
    assert_eq!(world.run(&["verify", "empty"]).code, 1);
    let mut inside = world.command(&["verify"]);
    let ran = world.ran(inside.current_dir(&repo).output().unwrap());
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn no_repository_is_wrong_usage() {
    let world = World::new();
    fs::create_dir(world.path("folder")).unwrap();
    let ran = world.run(&["verify", "folder"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("no git repository"), "{}", ran.err);
}

#[test]
fn signers_that_are_none_are_wrong_usage() {
    let world = World::new();
    repository(&world);
    for text in ["", "# nobody\n", "somebody ssh-rsa AAAA\n", "\u{0}\u{1}"] {
        world.write("signers", text);
        let ran = world.run(&["verify", "repo", "--signers", "signers"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text:?}: {ran:?}");
    }
}

/// Ways to break a repository: each a problem that is named, never a crash and never "verified".
#[test]
fn a_repository_that_a_stranger_rewrote_gives_problems() {
    type Break = fn(&World, &std::path::Path);
    let breaks: [(&str, Break, &str); 7] = [
        (
            "a chain that leads to a blob",
            |world, repo| {
                let blob = world.git(repo, &["hash-object", "-w", "a.txt"]);
                world.git(repo, &["update-ref", "refs/gates/g5", &blob]);
            },
            "cannot be read",
        ),
        (
            "a chain of commits that are no proofs",
            |world, repo| {
                world.git(repo, &["update-ref", "refs/gates/g0", "HEAD"]);
            },
            "the commit is not signed",
        ),
        (
            "a gate that there is not",
            |world, repo| {
                world.git(repo, &["update-ref", "refs/gates/g99", "HEAD"]);
            },
            "belongs to no gate",
        ),
        (
            "an object that is missing",
            |world, repo| {
                let tree = world.git(repo, &["rev-parse", "HEAD^{tree}"]);
                world.git(repo, &["update-ref", "refs/gates/g1", "HEAD"]);
                fs::remove_file(repo.join(format!(".git/objects/{}/{}", &tree[..2], &tree[2..])))
                    .unwrap();
            },
            "cannot be read",
        ),
        (
            "an object that was changed",
            |world, repo| {
                let commit = world.git(repo, &["rev-parse", "HEAD"]);
                world.git(repo, &["update-ref", "refs/gates/g2", "HEAD"]);
                let file = repo.join(format!(".git/objects/{}/{}", &commit[..2], &commit[2..]));
                fs::remove_file(&file).unwrap();
                fs::write(file, "garbage").unwrap();
            },
            "cannot be read",
        ),
        (
            "a tag on a tree",
            |world, repo| {
                let tree = world.git(repo, &["rev-parse", "HEAD^{tree}"]);
                world.git(repo, &["update-ref", "refs/tags/gates/g3", &tree]);
            },
            "leads to no commit",
        ),
        (
            "a link among the proofs",
            |world, repo| {
                std::os::unix::fs::symlink("/etc/passwd", repo.join("decision.json")).unwrap();
                world.git(repo, &["add", "."]);
                world.git(repo, &["commit", "--quiet", "-m", "link"]);
                world.git(repo, &["update-ref", "refs/gates/g4", "HEAD"]);
            },
            "is no regular file",
        ),
    ];
    for (what, break_it, wanted) in breaks {
        let world = World::new();
        let repo = repository(&world);
        break_it(&world, &repo);
        let ran = world.run(&["verify", "repo", "--json"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert_eq!(ran.json()["verified"], false, "{what}");
        assert!(ran.out.contains(wanted), "{what}: {}", ran.out);
        assert_eq!(ran.err, "", "{what}");
    }
}
