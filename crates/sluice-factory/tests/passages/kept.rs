//! A reply with an edit that misses: the rest of it is kept, and the next reply sends only what did not fit.

use sluice_factory::{Gate, Precondition};

use crate::proof::expect_verified;
use crate::world::{PROJECT, World, operator};

const EARLIER: [Gate; 5] = [Gate::G0, Gate::G1, Gate::G2, Gate::G3, Gate::G4];

/// At G5, with a program in the tree.
async fn at_development() -> World {
    let world = World::new().await;
    for gate in EARLIER {
        world.pass(gate).await;
    }
    let program = "export const add = (a: number, b: number) => a + b;\n\nexport const zero = 0;\n";
    world
        .factory
        .file_write(
            PROJECT,
            "src/add.ts",
            program.into(),
            Precondition::Absent,
            &operator(),
        )
        .await
        .unwrap();
    world
}

fn search(path: &str, old: &str, new: &str) -> String {
    format!("```ts:{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n\n")
}

/// Three things that fit and one that does not.
fn first() -> String {
    [
        search(
            "src/add.ts",
            "export const zero = 0;",
            "export const zero = 0;\nexport const one = 1;",
        ),
        "```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\nPeople add numbers and more.\n```\n\n"
            .to_owned(),
        "```ts:src/one.ts\nexport {};\n```\n\n".to_owned(),
        search(
            "src/add.ts",
            "export const add = (a, b) => a + b;",
            "export const add = (...all: number[]) => all;",
        ),
    ]
    .concat()
}

#[tokio::test]
async fn a_missed_edit_is_healed_by_sending_that_edit_alone() {
    let world = at_development().await;
    let before = world.at("refs/heads/work");
    world.script.says(&first());
    world.script.says(&search(
        "src/add.ts",
        "export const add = (a: number, b: number) => a + b;",
        "export const add = (...all: number[]) => all;",
    ));
    world.start(Gate::G5).await;
    let states = [(0, "refused".to_owned()), (1, "green".to_owned())];
    assert_eq!(world.attempts(Gate::G5).await, states);
    let attempt = |n| world.factory.attempt_fetch(PROJECT, Gate::G5, n);
    let refused = attempt(0).await.unwrap();
    assert_eq!((refused.summary.commit, refused.files.len()), (None, 0));
    assert_eq!(refused.findings[0].finding.rule, "edit_not_found");

    let prompt = world.script.last_prompt();
    for part in [
        // The nearest lines, and what was looked for there.
        "where the edit has `export const add = (a, b) => a + b;`",
        ">    1 | export const add = (a: number, b: number) => a + b;",
        "# What is kept",
        "- src/add.ts: the edit of line 3",
        "- docs/SCOPE.md: the whole file",
        "- src/one.ts: the whole file",
        "Do not send it again",
        // The file as it is with what is kept.
        "export const one = 1;",
    ] {
        assert!(prompt.contains(part), "{part:?} is not in\n{prompt}");
    }
    assert!(!prompt.contains("# Edits that fit"), "{prompt}");

    let healed = attempt(1).await.unwrap();
    let commit = healed.summary.commit.clone().unwrap();
    assert_ne!(Some(&commit), before.as_ref());
    assert_eq!(
        world.text("src/add.ts").await.as_deref(),
        Some(
            "export const add = (...all: number[]) => all;\n\nexport const zero = 0;\nexport const one = 1;\n"
        )
    );
    assert_eq!(
        world.text("src/one.ts").await.as_deref(),
        Some("export {};\n")
    );
    assert!(
        world
            .text("docs/SCOPE.md")
            .await
            .unwrap()
            .contains("and more")
    );

    // The receipts say which reply holds the bytes of each file, and git has them too.
    let digests = (refused.reply_digest.unwrap(), healed.reply_digest.unwrap());
    let replies = (refused.reply.unwrap(), healed.reply.unwrap());
    for file in &healed.files {
        let of = |reply: &Option<String>| match reply {
            Some(digest) if *digest == digests.0 => &replies.0,
            Some(digest) => panic!("{digest}"),
            None => &replies.1,
        };
        let body = &of(&file.reply)[file.bytes.0..file.bytes.1];
        match file.path.as_str() {
            "src/add.ts" => {
                let edits: Vec<&str> = file
                    .edits
                    .iter()
                    .map(|edit| &of(&edit.reply)[edit.bytes.0..edit.bytes.1])
                    .collect();
                assert!(
                    edits[0].contains("zero") && edits[1].contains("all: number[]"),
                    "{edits:?}"
                );
            }
            path => assert_eq!(world.text(path).await.as_deref(), Some(body)),
        }
    }
    let note = world
        .repo()
        .note_read("refs/notes/receipts", &commit.parse().unwrap())
        .unwrap()
        .unwrap();
    let note: serde_json::Value = serde_json::from_slice(&note).unwrap();
    assert_eq!(note["files"], serde_json::to_value(&healed.files).unwrap());
    assert_eq!(note["reply"], format!("sha256:{}", digests.1));
    world.approve(Gate::G5).await;
    expect_verified(&world);
}

#[tokio::test]
async fn what_fitted_may_be_sent_again_and_misses_may_follow_each_other() {
    let world = at_development().await;
    world.script.says(&first());
    // All again, and again with a miss; an answer that only talks takes nothing in.
    world.script.says(&first().replace("(a, b)", "(c, d)"));
    world.script.says("I see.");
    world
        .script
        .says(&first().replace("(a, b)", "(a: number, b: number)"));
    world.start(Gate::G5).await;
    let states: Vec<String> = world
        .attempts(Gate::G5)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(states, ["refused", "refused", "green"]);
    let text = world.text("src/add.ts").await.unwrap();
    assert_eq!(text.matches("export const one = 1;").count(), 1, "{text}");
    assert!(text.contains("all: number[]"), "{text}");
}

#[tokio::test]
async fn nothing_is_kept_of_a_reply_with_another_fault() {
    let world = at_development().await;
    world
        .script
        .says(&format!("{}```ts:../x.ts\nx\n```\n", first()));
    world.script.says("```ts:src/two.ts\nexport {};\n```\n");
    world.start(Gate::G5).await;
    let prompt = world.script.last_prompt();
    assert!(
        !prompt.contains("# What is kept") && prompt.contains("# Edits that fit"),
        "{prompt}"
    );
    assert_eq!(world.text("src/one.ts").await, None);
    assert_eq!(
        world.text("src/two.ts").await.as_deref(),
        Some("export {};\n")
    );
}
