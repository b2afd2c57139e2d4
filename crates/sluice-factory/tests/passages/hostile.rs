//! Replies and folders that mean harm.

use sluice_factory::{Gate, Precondition};

use crate::proof::expect_verified;
use crate::world::{GATE, GOOD, PROJECT, World, no_sandbox, open, operator};

/// The state of each attempt after a bad reply and a good one.
async fn healed_after(reply: &str) -> (World, String) {
    let world = World::new().await;
    world.script.says(reply);
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let states = world.attempts(Gate::G0).await;
    assert_eq!(states.len(), 2, "{states:?}");
    assert_eq!(states[1].1, "green");
    let first = states[0].1.clone();
    (world, first)
}

#[tokio::test]
async fn a_reply_that_reaches_for_git_or_for_more_is_refused_whole() {
    for block in [
        "```ini:.git/config\n[core]\nfsmonitor = id\n```\n",
        "```sh:.git/hooks/post-checkout\nid\n```\n",
        "```ini:.gitmodules\n[submodule \"x\"]\n```\n",
        "```sh:GIT~1/hooks/x\nid\n```\n",
        "```sh:/etc/cron.d/x\nid\n```\n",
        "```sh:node_modules/.bin/x\nid\n```\n",
        "```js:README.md/x.js\nx\n```\n",
    ] {
        let (world, first) = healed_after(&format!("{GOOD}\n{block}")).await;
        assert_eq!(first, "refused", "{block}");
        let attempt = world
            .factory
            .attempt_fetch(PROJECT, Gate::G0, 0)
            .await
            .unwrap();
        assert!(
            attempt.summary.commit.is_none() && !attempt.findings.is_empty(),
            "{block}"
        );
        let (_, entries) = world.factory.tree_list(PROJECT, None).await.unwrap();
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(
            paths,
            [".gitignore", "README.md", "docs/SCOPE.md"],
            "{block}"
        );
    }
}

#[tokio::test]
async fn a_file_does_not_become_a_folder_behind_a_persons_back() {
    let world = World::new().await;
    let when = Precondition::Absent;
    let factory = &world.factory;
    factory
        .file_write(PROJECT, "package.json", b"{}\n".to_vec(), when, &operator())
        .await
        .unwrap();
    world
        .script
        .says(&format!("{GOOD}\n```js:package.json/x\nx\n```\n"));
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    assert_eq!(
        world.attempts(Gate::G0).await,
        [(0, "refused".to_owned()), (1, "green".to_owned())]
    );
    assert!(world.script.last_prompt().contains("package.json"));
    assert_eq!(world.text("package.json").await.as_deref(), Some("{}\n"));
}

#[tokio::test]
async fn noise_is_no_file_and_no_fault() {
    let noise = "\0\u{202e}\u{feff}\u{200b}\r".repeat(1000);
    let world = World::new().await;
    world.script.says(&noise);
    world
        .script
        .says(&format!("{noise}\n```ts:src/\0.ts\n{noise}\n```\n"));
    world.script.says(&format!("{noise}\n\n{GOOD}"));
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    let states: Vec<String> = world
        .attempts(Gate::G0)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(
        states,
        ["refused", "green"],
        "noise alone spends no attempt"
    );
    let prompt = world.script.last_prompt();
    assert!(
        !prompt.contains('\0') && !prompt.contains('\u{202e}'),
        "{prompt:?}"
    );
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn a_file_of_nul_bytes_and_turned_text_is_kept_byte_for_byte() {
    let body = "a\0b\u{202e}c\u{feff}\n";
    let world = World::new().await;
    world
        .script
        .says(&format!("{GOOD}\n```text:data.txt\n{body}```\n"));
    world.start(Gate::G0).await;
    assert_eq!(world.text("data.txt").await.as_deref(), Some(body));
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    assert!(
        attempt.reply.unwrap().contains(body),
        "the reply is kept as it came"
    );
}

#[tokio::test]
async fn a_large_reply_is_taken_and_verifies() {
    let big: String = (0..100_000)
        .map(|n| format!("// line {n} of a long, long file, it goes on\n"))
        .collect();
    assert!(big.len() > 4 << 20);
    let world = World::new().await;
    world
        .script
        .says(&format!("{GOOD}\n```ts:src/big.ts\n{big}```\n"));
    world.start(Gate::G0).await;
    assert_eq!(world.text("src/big.ts").await.unwrap().len(), big.len());
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    let diff = attempt.diff.unwrap();
    assert!(
        diff.files.iter().all(|file| file.patch.len() <= 300_000),
        "patches are cut"
    );
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn five_thousand_files_are_one_commit() {
    let mut reply = GOOD.to_owned();
    for n in 0..5_000 {
        reply.push_str(&format!(
            "\n```ts:src/d{}/f{n}.ts\nexport const f = {n};\n```\n",
            n % 50
        ));
    }
    // In memory: ten thousand times waiting for a disk is nothing that this test is about.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let world = World::on(folder, GATE, true, no_sandbox()).await;
    world.script.says(&reply);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    let (_, entries) = world.factory.tree_list(PROJECT, None).await.unwrap();
    assert_eq!(entries.len(), 5_003);
    assert_eq!(
        world.on_disk("src/d49/f4999.ts").as_deref(),
        Some("export const f = 4999;\n")
    );
}

#[tokio::test]
async fn a_working_folder_that_became_a_link_leads_nowhere() {
    let world = World::new().await;
    let tree = world.factory.data().work_tree(PROJECT);
    let outside = world.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("README.md"), "# adder\n").unwrap();
    let listed = || {
        let mut names: Vec<_> = std::fs::read_dir(&outside)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = listed();
    std::fs::remove_dir_all(&tree).unwrap();
    std::os::unix::fs::symlink(&outside, &tree).unwrap();
    world
        .script
        .says(&format!("{GOOD}\n```md:README.md\n# Changed\n```\n"));
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    assert_eq!(listed(), before, "nothing was written through the link");
    assert_eq!(
        std::fs::read_to_string(outside.join("README.md")).unwrap(),
        "# adder\n"
    );
    assert!(
        !tree.is_symlink() && tree.is_dir(),
        "the folder was made anew"
    );
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# Changed\n"));
    let aside = std::fs::read_dir(world.factory.data().deleted()).unwrap();
    let links = aside.filter(|entry| entry.as_ref().unwrap().path().is_symlink());
    assert_eq!(links.count(), 1, "the link is kept");
    // A start finds the same thing.
    std::fs::remove_dir_all(&tree).unwrap();
    std::os::unix::fs::symlink(&outside, &tree).unwrap();
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# Changed\n"));
    assert_eq!(listed(), before);
}

#[tokio::test]
async fn a_folder_in_the_working_tree_that_became_a_link_is_not_followed() {
    let world = World::new().await;
    let outside = world.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let tree = world.factory.data().work_tree(PROJECT);
    std::os::unix::fs::symlink(&outside, tree.join("docs")).unwrap();
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    assert!(world.text("docs/SCOPE.md").await.is_some(), "git has it");
}
