//! `sluice apply`: one commit or nothing, and nothing outside the folder under any reply.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::world::{World, state};

const GOOD: &str = "```ts:src/a.ts\nlet a = 1;\n```\n\n```sh:run.sh\n#!/bin/sh\n```\n";

/// A repository with one commit.
fn repository(world: &World) -> std::path::PathBuf {
    let repo = world.path("repo");
    fs::create_dir_all(&repo).unwrap();
    world.git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    fs::write(repo.join("kept.txt"), "kept\n").unwrap();
    world.git(&repo, &["add", "."]);
    world.git(&repo, &["commit", "--quiet", "-m", "first"]);
    repo
}

#[test]
fn a_reply_becomes_one_commit_with_its_digest() {
    let world = World::new();
    let repo = repository(&world);
    world.write("reply.md", GOOD);
    let ran = world.run(&["apply", "reply.md", "--into", "repo", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "commit", "tree", "changed", "written", "deleted", "refused", "fitting", "receipts",
            "warnings"
        ]
    );
    assert_eq!(document["commit"], world.git(&repo, &["rev-parse", "HEAD"]));
    assert_eq!(
        document["tree"],
        world.git(&repo, &["rev-parse", "HEAD^{tree}"])
    );
    assert_eq!(document["written"], json!(["src/a.ts", "run.sh"]));
    assert_eq!(document["refused"], json!([]));
    assert_eq!(world.git(&repo, &["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(world.git(&repo, &["status", "--porcelain"]), "");
    insta::assert_snapshot!(world.git(&repo, &["log", "-1", "--format=%an <%ae>%n%B"]));
    assert!(
        world
            .git(&repo, &["ls-tree", "HEAD", "run.sh"])
            .starts_with("100755")
    );
    world.git(&repo, &["fsck", "--strict"]);
}

#[test]
fn the_author_is_who_the_environment_names() {
    let world = World::new();
    world.write("reply.md", GOOD);
    let named = [
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@example.org"),
    ];
    assert_eq!(
        world
            .run_with(&named, &["apply", "reply.md", "--into", "new"])
            .code,
        0
    );
    let log = world.git(&world.path("new"), &["log", "-1", "--format=%an <%ae>"]);
    assert_eq!(log, "Ada <ada@example.org>");
}

#[test]
fn a_repeat_changes_nothing() {
    let world = World::new();
    world.write("reply.md", GOOD);
    let first = world
        .run(&["apply", "reply.md", "--into", "new", "--json"])
        .json();
    let again = world.run(&["apply", "reply.md", "--into", "new", "--json"]);
    assert_eq!(again.code, 0);
    assert_eq!(first["changed"], true);
    assert_eq!(again.json()["changed"], false);
    assert_eq!(first["commit"], again.json()["commit"]);
}

#[test]
fn a_deletion_is_part_of_the_commit() {
    let world = World::new();
    let repo = repository(&world);
    let reply = format!("{GOOD}\n```delete:kept.txt\n```\n");
    let ran = world.run_fed(reply.as_bytes(), &["apply", "-", "--into", "repo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("delete  kept.txt\n"), "{}", ran.out);
    assert!(!repo.join("kept.txt").exists());
}

/// Replies that are refused, each with the word for it.
const REFUSED: [(&str, &str, &str); 13] = [
    ("a parent", "```ts:../out.ts\nx\n```\n", "parent"),
    (
        "a hidden parent",
        "```ts:src/../../out.ts\nx\n```\n",
        "parent",
    ),
    (
        "an absolute path",
        "```ts:/tmp/sluice-out.ts\nx\n```\n",
        "absolute",
    ),
    ("git's data", "```sh:.git/hooks/pre-commit\nx\n```\n", "git"),
    (
        "git's data, disguised",
        "```sh:.GIT/config\nx\n```\n",
        "git",
    ),
    ("git's short name", "```sh:git~1/config\nx\n```\n", "git"),
    (
        "a tool's folder",
        "```js:node_modules/x/index.js\nx\n```\n",
        "tool_owned",
    ),
    (
        "a file through a file",
        "```ts:kept.txt/a.ts\nx\n```\n",
        "not_a_directory",
    ),
    (
        "a file through a link",
        "```ts:link/a.ts\nx\n```\n",
        "symlink",
    ),
    (
        "an edit that does not fit",
        "```diff\n--- a/kept.txt\n+++ b/kept.txt\n@@ -1 +1 @@\n-lost\n+x\n```\n",
        "edit_not_found",
    ),
    (
        "a file that is cut off",
        "```ts:cut.ts\nlet a\n",
        "truncated",
    ),
    ("a guess at a file that is there", INFERRED, "path_inferred"),
    (
        "a file whose rest would be lost",
        "```txt:kept.txt\nnew\n// ... rest unchanged\n```\n",
        "placeholder_elision",
    ),
];

const INFERRED: &str =
    "```json\n{\"name\": \"x\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"tsc\"}}\n```\n";

#[test]
fn one_refusal_refuses_all_and_nothing_changes_anywhere() {
    for (what, bad, reason) in REFUSED {
        let world = World::new();
        let repo = repository(&world);
        fs::write(repo.join("package.json"), "{}\n").unwrap();
        world.git(&repo, &["add", "."]);
        world.git(&repo, &["commit", "--quiet", "-m", "second"]);
        fs::create_dir(world.path("outside")).unwrap();
        symlink(world.path("outside"), repo.join("link")).unwrap();
        // A cut-off block swallows what follows, so the good one comes first.
        world.write("reply.md", format!("```ts:src/good.ts\nx\n```\n\n{bad}"));
        let before = state(&world.path(""));
        let ran = world.run(&["apply", "reply.md", "--into", "repo", "--json"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        let document = ran.json();
        assert_eq!(
            document["refused"][0]["reason"], reason,
            "{what}: {document}"
        );
        assert!(
            document["refused"][0]["line"].as_u64().unwrap() >= 4,
            "{what}: {document}"
        );
        assert!(
            !document["refused"][0]["message"]
                .as_str()
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            (&document["commit"], &document["written"]),
            (&json!(null), &json!([]))
        );
        assert!(
            ran.err.contains("nothing was written"),
            "{what}: {}",
            ran.err
        );
        let after = state(&world.path(""));
        let git_lock = |path: &std::path::Path| path.starts_with(repo.join(".git/objects"));
        let changed: Vec<_> = after
            .iter()
            .filter(|one| !before.contains(one) && !git_lock(&one.0))
            .collect();
        assert!(
            changed.is_empty() && after.len() >= before.len(),
            "{what}: {changed:?}"
        );
    }
}

#[test]
fn partial_writes_the_rest_and_still_says_1() {
    for (what, bad, reason) in REFUSED {
        let world = World::new();
        let repo = repository(&world);
        fs::write(repo.join("package.json"), "{}\n").unwrap();
        world.git(&repo, &["add", "."]);
        world.git(&repo, &["commit", "--quiet", "-m", "second"]);
        fs::create_dir(world.path("outside")).unwrap();
        symlink(world.path("outside"), repo.join("link")).unwrap();
        world.write("reply.md", format!("```ts:src/good.ts\nx\n```\n\n{bad}"));
        let ran = world.run(&["apply", "reply.md", "--into", "repo", "--partial", "--json"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        let document = ran.json();
        assert_eq!(
            document["written"],
            json!(["src/good.ts"]),
            "{what}: {document}"
        );
        assert_eq!(document["refused"][0]["reason"], reason, "{what}");
        assert_eq!(
            fs::read_to_string(repo.join("kept.txt")).unwrap(),
            "kept\n",
            "{what}"
        );
        assert_eq!(
            fs::read_dir(world.path("outside")).unwrap().count(),
            0,
            "{what}"
        );
    }
}

#[test]
fn uncommitted_work_is_not_overwritten() {
    let world = World::new();
    let repo = repository(&world);
    fs::write(repo.join("kept.txt"), "my work\n").unwrap();
    let ran = world.run_fed(
        b"```txt:kept.txt\ntheirs\n```\n",
        &["apply", "-", "--into", "repo"],
    );
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.all());
    assert_eq!(
        fs::read_to_string(repo.join("kept.txt")).unwrap(),
        "my work\n"
    );
}

#[test]
fn a_reply_without_files_is_1_with_words() {
    let world = World::new();
    let ran = world.run_fed(
        b"I would suggest a rewrite.\n",
        &["apply", "-", "--into", "new", "--json"],
    );
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["commit"], json!(null));
    assert!(ran.err.contains("the reply holds no file"), "{}", ran.err);
    assert!(!world.path("new").exists());
}

#[test]
fn hooks_and_filters_of_the_repository_do_not_run() {
    let world = World::new();
    let repo = repository(&world);
    let proof = world.path("ran");
    let hook = format!("#!/bin/sh\ntouch {}\n", proof.display());
    for name in [
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-index-change",
    ] {
        let path = world.write(&format!("repo/.git/hooks/{name}"), &hook);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).unwrap();
    }
    let touch = format!("touch {}", proof.display());
    for key in ["filter.x.clean", "filter.x.smudge", "core.fsmonitor"] {
        world.git(&repo, &["config", key, &touch]);
    }
    fs::write(repo.join(".git/info/attributes"), "* filter=x\n").unwrap();
    let ran = world.run_fed(GOOD.as_bytes(), &["apply", "-", "--into", "repo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!proof.exists());
}

#[test]
fn a_wrong_place_is_wrong_usage() {
    let world = World::new();
    world.write("reply.md", GOOD);
    world.write("file", "x");
    world.git(&world.path(""), &["init", "--quiet", "--bare", "bare.git"]);
    for place in ["file", "file/below", "bare.git"] {
        let ran = world.run(&["apply", "reply.md", "--into", place]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{place}: {ran:?}");
    }
    assert_eq!(world.run(&["apply", "reply.md"]).code, 2);
    assert_eq!(world.run(&["apply", "nowhere.md", "--into", "new"]).code, 2);
    assert!(!world.path("new").exists());
}
