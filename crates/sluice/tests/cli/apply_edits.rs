//! `sluice apply` with diffs and SEARCH/REPLACE blocks, on HEAD and on another base.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::world::World;

const ADD: &str =
    "export function add(a: number, b: number) {\n  return a - b;\n}\n\nexport const zero = 0;\n";
const FIX: &str = "```diff\n--- a/src/add.ts\n+++ b/src/add.ts\n@@ -9,9 +9,9 @@\n export function add(a: number, b: number) {\n-  return a - b;\n+  return a + b;\n }\n```\n";
const ONE: &str = "src/add.ts\n```ts\n<<<<<<< SEARCH\nexport const zero = 0;\n=======\nexport const zero = 0;\nexport const one = 1;\n>>>>>>> REPLACE\n```\n";

/// A repository with `src/add.ts` and a program.
fn repository(world: &World) -> PathBuf {
    let repo = world.path("repo");
    fs::create_dir_all(repo.join("src")).unwrap();
    world.git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    fs::write(repo.join("src/add.ts"), ADD).unwrap();
    let run = repo.join("run.sh");
    fs::write(&run, "#!/bin/sh\necho one\n").unwrap();
    fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.git(&repo, &["add", "."]);
    world.git(&repo, &["commit", "--quiet", "-m", "first"]);
    repo
}

fn fixed() -> String {
    ADD.replace("a - b", "a + b") + "export const one = 1;\n"
}

#[test]
fn edits_of_both_kinds_become_one_commit() {
    let world = World::new();
    let repo = repository(&world);
    let program =
        "run.sh\n```\n<<<<<<< SEARCH\necho one\n=======\necho two\n>>>>>>> REPLACE\n```\n";
    let reply = format!("{FIX}\n{ONE}\n{program}");
    let ran = world.run_fed(
        reply.as_bytes(),
        &["apply", "-", "--into", "repo", "--json"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["written"], json!(["src/add.ts", "run.sh"]));
    assert_eq!(
        (&document["warnings"], &document["refused"]),
        (&json!([]), &json!([]))
    );
    let receipt = &document["receipts"][0];
    assert_eq!(
        (&receipt["path"], &receipt["action"], &receipt["source"]),
        (&json!("src/add.ts"), &json!("edit"), &json!("edit"))
    );
    assert_eq!(receipt["edits"].as_array().unwrap().len(), 2);
    assert_eq!(
        fs::read_to_string(repo.join("src/add.ts")).unwrap(),
        fixed()
    );
    assert_eq!(world.git(&repo, &["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(world.git(&repo, &["status", "--porcelain"]), "");
    assert!(
        world
            .git(&repo, &["ls-tree", "HEAD", "run.sh"])
            .starts_with("100755")
    );
    assert_eq!(
        world.git(&repo, &["show", "HEAD:run.sh"]),
        "#!/bin/sh\necho two"
    );
    world.git(&repo, &["fsck", "--strict"]);
    // Once applied, they fit no more, and nothing is written.
    let again = world.run_fed(
        reply.as_bytes(),
        &["apply", "-", "--into", "repo", "--json"],
    );
    assert_eq!((again.code, &again.json()["commit"]), (1, &json!(null)));
}

#[test]
fn a_miss_is_told_with_the_nearest_lines_and_with_what_fits() {
    let world = World::new();
    let repo = repository(&world);
    let missed = FIX.replace("b: number)", "b: number): number");
    let reply = format!("{ONE}\n{missed}");
    let ran = world.run_fed(reply.as_bytes(), &["apply", "-", "--into", "repo"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.all());
    let ran = world.run_fed(
        reply.as_bytes(),
        &["apply", "-", "--into", "repo", "--json"],
    );
    let refused = &ran.json()["refused"][0];
    assert_eq!(refused["reason"], "edit_not_found");
    assert_eq!(refused["nearest"]["line"], 1);
    assert_eq!(refused["nearest"]["differs"], 1);
    assert_eq!(
        ran.json()["fitting"],
        json!(["src/add.ts (lines 3-8 of the reply)"])
    );
    assert_eq!(fs::read_to_string(repo.join("src/add.ts")).unwrap(), ADD);
}

#[test]
fn partial_leaves_out_a_file_of_which_one_edit_does_not_fit() {
    let world = World::new();
    let repo = repository(&world);
    let missed = FIX.replace("a - b", "a * b");
    let reply = format!("{ONE}\n{missed}\n```ts:src/new.ts\nx\n```\n");
    let ran = world.run_fed(
        reply.as_bytes(),
        &["apply", "-", "--into", "repo", "--partial", "--json"],
    );
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["written"], json!(["src/new.ts"]));
    assert_eq!(fs::read_to_string(repo.join("src/add.ts")).unwrap(), ADD);
}

#[test]
fn a_base_is_the_revision_that_edits_relate_to() {
    let world = World::new();
    let repo = repository(&world);
    // HEAD moves on elsewhere: no matter.
    fs::write(repo.join("other.txt"), "x\n").unwrap();
    world.git(&repo, &["add", "."]);
    world.git(&repo, &["commit", "--quiet", "-m", "second"]);
    world.write("reply.md", format!("{FIX}\n{ONE}"));
    let ran = world.run(&[
        "apply", "reply.md", "--into", "repo", "--base", "HEAD~1", "--json",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        fs::read_to_string(repo.join("src/add.ts")).unwrap(),
        fixed()
    );
    assert_eq!(world.git(&repo, &["rev-list", "--count", "HEAD"]), "3");
    assert_eq!(
        world.git(&repo, &["ls-tree", "--name-only", "HEAD", "other.txt"]),
        "other.txt"
    );
    // A repeat finds it done.
    let again = world.run(&[
        "apply", "reply.md", "--into", "repo", "--base", "HEAD~2", "--json",
    ]);
    assert_eq!(
        (again.code, &again.json()["changed"]),
        (0, &json!(false)),
        "{again:?}"
    );
}

#[test]
fn a_file_that_changed_since_the_base_is_a_conflict() {
    let world = World::new();
    let repo = repository(&world);
    fs::write(repo.join("src/add.ts"), ADD.replace("zero", "nought")).unwrap();
    world.git(&repo, &["commit", "--quiet", "-am", "second"]);
    let head = world.git(&repo, &["rev-parse", "HEAD"]);
    world.write("reply.md", FIX);
    let ran = world.run(&[
        "apply", "reply.md", "--into", "repo", "--base", "HEAD~1", "--json",
    ]);
    assert_eq!(ran.code, 1);
    let refused = &ran.json()["refused"][0];
    assert_eq!(
        (&refused["reason"], &refused["path"], &refused["line"]),
        (&json!("base_moved"), &json!("src/add.ts"), &json!(4))
    );
    assert_eq!(world.git(&repo, &["rev-parse", "HEAD"]), head);
    // On HEAD it fits.
    assert_eq!(world.run(&["apply", "reply.md", "--into", "repo"]).code, 0);
    for base in ["nowhere", "HEAD~77", "", "HEAD^{blob}", "a..b"] {
        let ran = world.run(&["apply", "reply.md", "--into", "repo", "--base", base]);
        assert_eq!(ran.code, 2, "{base}: {ran:?}");
    }
    assert_eq!(
        world
            .run(&["apply", "reply.md", "--into", "new", "--base", "HEAD"])
            .code,
        2
    );
    assert!(!world.path("new").exists());
}

#[test]
fn what_is_not_committed_is_neither_edited_nor_overwritten() {
    let world = World::new();
    let repo = repository(&world);
    fs::write(repo.join("src/add.ts"), ADD.replace("zero", "mine")).unwrap();
    fs::write(repo.join("loose.txt"), "loose\n").unwrap();
    for (reply, reason) in [
        (FIX.to_owned(), "uncommitted_changes"),
        (FIX.replace("src/add.ts", "loose.txt"), "edit_unsupported"),
        (FIX.replace("src/add.ts", "src"), "edit_unsupported"),
        (FIX.replace("src/add.ts", "src/ad.ts"), "edit_no_file"),
    ] {
        let ran = world.run_fed(
            reply.as_bytes(),
            &["apply", "-", "--into", "repo", "--json"],
        );
        assert_eq!(
            (ran.code, &ran.json()["refused"][0]["reason"]),
            (1, &json!(reason)),
            "{reply}"
        );
    }
    assert!(
        fs::read_to_string(repo.join("src/add.ts"))
            .unwrap()
            .contains("mine")
    );
}

#[test]
fn files_are_made_renamed_and_deleted_by_a_diff() {
    let world = World::new();
    let repo = repository(&world);
    let diff = "```diff\ndiff --git a/src/add.ts b/src/sum.ts\nrename from src/add.ts\nrename to src/sum.ts\n\
                diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+n\n\
                diff --git a/run.sh b/run.sh\ndeleted file mode 100755\n--- a/run.sh\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-#!/bin/sh\n-echo one\n```\n";
    let ran = world.run_fed(diff.as_bytes(), &["apply", "-", "--into", "repo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        world.git(&repo, &["ls-tree", "-r", "--name-only", "HEAD"]),
        "n.txt\nsrc/sum.ts"
    );
    assert_eq!(world.git(&repo, &["status", "--porcelain"]), "");
    // A diff without a repository makes one, where it only adds.
    let made = "```diff\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+n\n```\n";
    assert_eq!(
        world
            .run_fed(made.as_bytes(), &["apply", "-", "--into", "new"])
            .code,
        0
    );
    assert_eq!(fs::read_to_string(world.path("new/n.txt")).unwrap(), "n\n");
}
