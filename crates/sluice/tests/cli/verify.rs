//! `sluice verify` on repositories without proofs, and on ones that somebody broke on purpose.

use std::fs;

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
