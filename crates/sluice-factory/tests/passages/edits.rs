//! Edits of people: told of once, also when the process was killed between the commit and the event.

use std::collections::BTreeMap;

use serde_json::Value;
use sluice_factory::view::{EditSide, FileWritten};
use sluice_factory::{
    Editing, EventSeq, Gate, Person, Precondition, Refusal, Resolution, Role, Take,
};
use sluice_path::RelPath;
use sluice_workspace::{Change, Identity, NewCommit};

use crate::world::{GATE, GOOD, PROJECT, World, approver, open, operator, refused};

async fn told(factory: &sluice_factory::Factory) -> Vec<Value> {
    let events = factory
        .store()
        .event_list(EventSeq(0), Some(PROJECT), 500)
        .await
        .unwrap();
    let edits = events
        .into_iter()
        .filter(|event| event.kind == "file.edited");
    edits.map(|event| event.body).collect()
}

#[tokio::test]
async fn an_edit_that_a_killed_process_did_not_tell_of_is_told_of_once() {
    let world = World::new().await;
    let repo = world.repo();
    for text in ["a person was here\n", "and here\n"] {
        let present = world
            .factory
            .file_read(PROJECT, "README.md", None)
            .await
            .unwrap();
        let precondition = Precondition::Matches(vec![present.oid]);
        world
            .factory
            .file_write(PROJECT, "README.md", text.into(), precondition, &operator())
            .await
            .unwrap();
    }
    let before = told(&world.factory).await;
    assert_eq!(before.len(), 2);

    // What a kill right after the move of `work` leaves.
    let work = repo.ref_get("refs/heads/work").unwrap().unwrap();
    let change = Change::write(RelPath::parse("docs/a b.md").unwrap(), b"mine\n".to_vec());
    let tree = repo
        .tree_build(Some(&repo.commit_read(&work).unwrap().tree), &[change])
        .unwrap();
    let olga = Identity {
        name: "Olga".to_owned(),
        email: "olga@sluice.invalid".to_owned(),
    };
    let new = NewCommit {
        tree,
        parents: vec![work],
        author: olga.clone(),
        committer: olga,
        time: 1_700_000_000,
        message: "Add docs/a b.md".to_owned(),
        trailers: Vec::new(),
    };
    let commit = repo.commit(&new, None).unwrap();
    repo.ref_move("refs/heads/work", Some(work), commit, "an edit")
        .unwrap();

    for _ in 0..2 {
        let factory = open(world.folder.path(), GATE, Some(&world.script)).await;
        let after = told(&factory).await;
        assert_eq!(after.len(), 3);
        assert_eq!(after[2]["path"], "docs/a b.md");
        assert_eq!(after[2]["by"], "Olga");
        assert_eq!(after[2]["commit"], commit.to_string());
        let shown = world.factory.data().work_tree(PROJECT).join("docs/a b.md");
        assert_eq!(std::fs::read_to_string(shown).unwrap(), "mine\n");
    }
}

/// What changed in the working tree is looked for as the watch does it, but now.
async fn look(world: &World) {
    world.factory.edits_look(PROJECT, true).await.unwrap();
}

fn put(world: &World, path: &str, text: &str) {
    let file = world.factory.data().work_tree(PROJECT).join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn remove(world: &World, path: &str) {
    std::fs::remove_file(world.factory.data().work_tree(PROJECT).join(path)).unwrap();
}

/// The authors and messages of `work`, newest first, and whether git finds nothing wrong with it.
async fn commits(world: &World) -> Vec<(String, String)> {
    let page = world
        .factory
        .commit_list(PROJECT, None, None, None, 100)
        .await
        .unwrap();
    let plain = |message: String| message.lines().next().unwrap_or_default().to_owned();
    page.items
        .into_iter()
        .map(|commit| (commit.author, plain(commit.message)))
        .collect()
}

async fn kinds(world: &World) -> Vec<String> {
    let events = world
        .factory
        .store()
        .event_list(EventSeq(0), Some(PROJECT), 500)
        .await
        .unwrap();
    let of_edits = events
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| kind.starts_with("edit.") || kind == "file.edited");
    of_edits.collect()
}

async fn states(world: &World) -> Vec<(u64, String)> {
    let edits = world.factory.edit_list(PROJECT, &[]).await.unwrap();
    edits
        .into_iter()
        .map(|edit| (edit.id, edit.state))
        .collect()
}

fn shows_work(world: &World) {
    let repo = world.repo();
    let work = repo.ref_get("refs/heads/work").unwrap().unwrap();
    let shown = repo.ref_get("refs/sluice/work-tree").unwrap();
    assert_eq!(shown, Some(work));
    let folder = world.factory.data().work_tree(PROJECT);
    let tree = repo.tree_of_dir(&folder).unwrap().oid;
    assert_eq!(tree, repo.commit_read(&work).unwrap().tree);
}

fn ada() -> Editing {
    Editing {
        person: Some(Person {
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
        }),
        ..Editing::default()
    }
}

#[tokio::test]
async fn a_changed_working_tree_becomes_one_commit_of_the_persons() {
    let world = World::new().await;
    world.factory.editing_replace(ada());
    put(&world, "README.md", "# Ours\n");
    put(&world, "src/a.ts", "export {};\n");
    put(&world, "src/b.ts", "export {};\n");
    put(&world, "node_modules/m/index.js", "x");
    put(&world, ".README.md.swp", "x");
    look(&world).await;
    let made = commits(&world).await;
    assert_eq!(made.len(), 2);
    let message = "Edit README.md, src/a.ts and 1 more";
    assert_eq!(made[0], ("Ada".to_owned(), message.to_owned()));
    let events = told(&world.factory).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["source"], "working_tree");
    assert_eq!(events[0]["paths"].as_array().unwrap().len(), 3);
    // Looking again finds nothing.
    look(&world).await;
    assert_eq!(commits(&world).await, made);
    remove(&world, "src/a.ts");
    std::fs::rename(
        world.factory.data().work_tree(PROJECT).join("src/b.ts"),
        world.factory.data().work_tree(PROJECT).join("src/c.ts"),
    )
    .unwrap();
    look(&world).await;
    assert_eq!(world.text("src/a.ts").await, None);
    assert_eq!(
        world.text("src/c.ts").await.as_deref(),
        Some("export {};\n")
    );
    std::fs::remove_dir_all(world.factory.data().work_tree(PROJECT).join("node_modules")).unwrap();
    remove(&world, ".README.md.swp");
    shows_work(&world);
    assert!(states(&world).await.is_empty(), "nothing had to be held");
}

#[tokio::test]
async fn an_edit_is_in_what_the_gate_that_starts_next_builds_on() {
    let world = World::new().await;
    put(&world, "notes.md", "mine\n");
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    world.approve(Gate::G0).await;
    assert_eq!(world.text("notes.md").await.as_deref(), Some("mine\n"));
    assert!(states(&world).await.is_empty());
    shows_work(&world);
}

#[tokio::test]
async fn an_edit_while_a_run_is_open_is_held_and_merged_when_it_ends() {
    let world = World::new().await;
    world.factory.editing_replace(ada());
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let subject = world.at("refs/heads/work");
    put(&world, "README.md", "# adder\n\nOurs.\n");
    look(&world).await;
    put(&world, "notes.md", "mine\n");
    look(&world).await;
    assert_eq!(
        world.at("refs/heads/work"),
        subject,
        "what is judged stays as it is"
    );
    assert_eq!(states(&world).await, [(1, "held".to_owned())]);
    let view = world.factory.edit_fetch(PROJECT, 1).await.unwrap();
    assert_eq!(view.summary.paths, ["README.md", "notes.md"]);
    assert_eq!(
        (view.summary.by.as_str(), view.summary.source.as_str()),
        ("Ada", "working_tree")
    );
    let [readme, _] = view.files.as_slice() else {
        panic!("{view:?}")
    };
    let text = |side: &Option<EditSide>| side.as_ref().unwrap().text.clone().unwrap();
    assert_eq!(text(&readme.base), "# adder\n");
    assert_eq!(text(&readme.mine), "# adder\n\nOurs.\n");
    assert!(!readme.conflict);
    assert_eq!(world.on_disk("notes.md").as_deref(), Some("mine\n"));

    world.approve(Gate::G0).await;
    assert_eq!(states(&world).await, [(1, "applied".to_owned())]);
    let made = commits(&world).await;
    assert_eq!(
        made[0],
        ("Ada".to_owned(), "Edit README.md, notes.md".to_owned())
    );
    assert_eq!(world.text("notes.md").await.as_deref(), Some("mine\n"));
    assert_ne!(world.at("refs/heads/main"), world.at("refs/heads/work"));
    assert_eq!(
        kinds(&world).await,
        ["edit.held", "edit.held", "file.edited"]
    );
    shows_work(&world);
}

#[tokio::test]
async fn an_edit_saved_just_before_an_attempt_lands_is_not_lost() {
    let world = World::outside().await;
    world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    // Nobody looked yet when the attempt is shown.
    put(&world, "docs/SCOPE.md", "# Mine\n");
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    assert_eq!(world.on_disk("docs/SCOPE.md").as_deref(), Some("# Mine\n"));
    assert_eq!(states(&world).await, [(1, "held".to_owned())]);
    world.approve(Gate::G0).await;
    assert_eq!(states(&world).await, [(1, "conflict".to_owned())]);
}

/// A project whose `docs/SCOPE.md` an attempt and a person changed in the same lines.
async fn conflict() -> World {
    let world = World::new().await;
    world.factory.editing_replace(ada());
    world.pass(Gate::G0).await;
    world
        .script
        .says(&GOOD.replace("People add numbers", "The agent adds numbers"));
    world.start(Gate::G1).await;
    let before = world.text("docs/SCOPE.md").await.unwrap();
    let mine = before.replace("The agent adds numbers", "A person adds numbers");
    put(&world, "docs/SCOPE.md", &mine);
    put(&world, "notes.md", "mine\n");
    look(&world).await;
    // Another attempt changes the same line again.
    world
        .script
        .says(&GOOD.replace("People add numbers", "Another agent adds numbers"));
    let decide = world.decide(Gate::G1).await;
    world
        .factory
        .gate_reject(PROJECT, Gate::G1, decide, &approver())
        .await
        .unwrap();
    world.settle().await;
    world
}

#[tokio::test]
async fn both_sides_of_a_conflict_are_shown_and_a_person_says_what_holds() {
    for (take, text) in [
        (Take::Mine, "A person adds numbers"),
        (Take::Theirs, "People add numbers"),
        (
            Take::Content(b"# Scope\n\n## Goals\n\nBoth.\n".to_vec()),
            "Both.",
        ),
    ] {
        let world = conflict().await;
        assert_eq!(states(&world).await, [(1, "conflict".to_owned())]);
        let view = world.factory.edit_fetch(PROJECT, 1).await.unwrap();
        let [scope, notes] = view.files.as_slice() else {
            panic!("{view:?}")
        };
        assert!(scope.conflict && !notes.conflict);
        let side = |side: &Option<EditSide>| side.as_ref().unwrap().text.clone().unwrap();
        assert!(side(&scope.base).contains("The agent adds numbers"));
        assert!(side(&scope.mine).contains("A person adds numbers"));
        assert!(side(&scope.theirs).contains("People add numbers"));
        let marked = scope.marked.as_ref().unwrap();
        assert!(
            marked.contains("<<<<<<< work\n") && marked.contains(">>>>>>> Ada\n"),
            "{marked}"
        );
        // Until then the person's version stands, on disk, and nothing of it on `work`.
        assert!(
            world
                .on_disk("docs/SCOPE.md")
                .unwrap()
                .contains("A person adds")
        );
        assert_eq!(world.text("notes.md").await, None);
        let none = world
            .factory
            .edit_resolve(PROJECT, 1, Resolution::default(), &operator())
            .await;
        assert_eq!(refused(none), "files");
        let resolution = Resolution {
            files: BTreeMap::from([("docs/SCOPE.md".to_owned(), take)]),
            ..Resolution::default()
        };
        let view = world
            .factory
            .edit_resolve(PROJECT, 1, resolution.clone(), &operator())
            .await
            .unwrap();
        assert_eq!(view.summary.state, "resolved");
        assert_eq!(view.summary.ended_by.as_deref(), Some("Olga"));
        assert!(world.text("docs/SCOPE.md").await.unwrap().contains(text));
        assert_eq!(world.text("notes.md").await.as_deref(), Some("mine\n"));
        shows_work(&world);
        let again = world
            .factory
            .edit_resolve(PROJECT, 1, resolution, &operator())
            .await;
        assert_eq!(refused(again), "edit_ended");
        assert_eq!(
            kinds(&world).await,
            ["edit.held", "edit.conflict", "file.edited", "edit.resolved"]
        );
    }
}

#[tokio::test]
async fn a_dropped_edit_leaves_work_as_it_is_and_stays_in_git() {
    let world = conflict().await;
    let before = world.at("refs/heads/work");
    let view = world
        .factory
        .edit_drop(PROJECT, 1, &operator())
        .await
        .unwrap();
    assert_eq!(view.summary.state, "dropped");
    assert_eq!(world.at("refs/heads/work"), before);
    assert_eq!(world.on_disk("notes.md"), None);
    shows_work(&world);
    let mine = world
        .factory
        .file_read(PROJECT, "notes.md", Some("refs/held/1"))
        .await
        .unwrap();
    assert_eq!(mine.bytes, b"mine\n");
    let again = world.factory.edit_drop(PROJECT, 1, &operator()).await;
    assert_eq!(refused(again), "edit_ended");
    assert_eq!(
        refused(world.factory.edit_drop(PROJECT, 2, &operator()).await),
        "not_found"
    );
}

#[tokio::test]
async fn while_an_edit_is_in_conflict_other_files_are_edited_as_ever() {
    let world = conflict().await;
    put(&world, "other.md", "free\n");
    put(
        &world,
        "docs/SCOPE.md",
        "# Scope\n\n## Goals\n\nA person thinks again.\n",
    );
    look(&world).await;
    assert_eq!(commits(&world).await[0].1, "Add other.md");
    let view = world.factory.edit_fetch(PROJECT, 1).await.unwrap();
    assert_eq!(view.summary.state, "conflict");
    let mine = view.files[0].mine.as_ref().unwrap().text.clone().unwrap();
    assert!(mine.contains("thinks again"));
    // Undone by hand, all of it: nothing is left to decide.
    put(
        &world,
        "docs/SCOPE.md",
        view.files[0].base.as_ref().unwrap().text.as_ref().unwrap(),
    );
    remove(&world, "notes.md");
    look(&world).await;
    assert_eq!(states(&world).await, [(1, "dropped".to_owned())]);
    shows_work(&world);
}

async fn write(
    world: &World,
    path: &str,
    text: &str,
    when: Precondition,
) -> Result<FileWritten, Refusal> {
    let bytes = text.as_bytes().to_vec();
    world
        .factory
        .file_write(PROJECT, path, bytes, when, &operator())
        .await
}

#[tokio::test]
async fn a_put_while_a_run_is_open_is_held_under_the_tags_that_its_person_saw() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let subject = world.at("refs/heads/work");
    let seen = world
        .factory
        .file_read(PROJECT, "README.md", None)
        .await
        .unwrap()
        .oid;
    let wrong = write(
        &world,
        "README.md",
        "x",
        Precondition::Matches(vec!["0".repeat(40)]),
    )
    .await;
    assert_eq!(refused(wrong), "precondition");
    let when = Precondition::Matches(vec![seen.clone()]);
    let first = write(&world, "README.md", "one\n", when).await.unwrap();
    assert_eq!(first.held, Some(1));
    // With the tag of what was answered the same edit goes on; with the one of `work`, it starts anew.
    let when = Precondition::Matches(vec![first.oid.unwrap()]);
    assert_eq!(
        write(&world, "README.md", "two\n", when)
            .await
            .unwrap()
            .held,
        Some(1)
    );
    let other = write(&world, "b.md", "b\n", Precondition::Absent)
        .await
        .unwrap();
    assert_eq!(other.held, Some(2));
    let gone = world
        .factory
        .file_delete(PROJECT, ".gitignore", Precondition::Present, &operator())
        .await
        .unwrap();
    assert_eq!((gone.held, gone.oid), (Some(3), None));
    assert_eq!(world.at("refs/heads/work"), subject);
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# adder\n"));
    world.approve(Gate::G0).await;
    let applied: Vec<_> = (1..=3).map(|n| (n, "applied".to_owned())).collect();
    assert_eq!(states(&world).await, applied);
    let messages: Vec<String> = commits(&world).await.into_iter().map(|one| one.1).collect();
    assert_eq!(
        messages[..3],
        ["Delete .gitignore", "Add b.md", "Edit README.md"]
    );
    assert_eq!(world.text("README.md").await.as_deref(), Some("two\n"));
    shows_work(&world);
    // What the person wrote is what the next gate builds on.
    world.pass(Gate::G1).await;
    assert_eq!(world.text("b.md").await.as_deref(), Some("b\n"));
}

#[tokio::test]
async fn what_was_edited_while_nobody_watched_is_found_at_the_start() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    put(&world, "README.md", "# While it was down\n");
    remove(&world, ".gitignore");
    let factory = open(world.folder.path(), GATE, Some(&world.script)).await;
    let file = factory.file_read(PROJECT, "README.md", None).await.unwrap();
    assert_eq!(file.bytes, b"# While it was down\n");
    assert_eq!(told(&factory).await.len(), 1);
    shows_work(&world);
    // Another start finds nothing more.
    let work = world.at("refs/heads/work");
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(world.at("refs/heads/work"), work);
}

#[tokio::test]
async fn what_an_interrupted_sync_wrote_is_not_taken_for_a_persons_edit() {
    let world = World::new().await;
    let repo = world.repo();
    let work = repo.ref_get("refs/heads/work").unwrap().unwrap();
    world.pass(Gate::G0).await;
    let later = repo.ref_get("refs/heads/work").unwrap().unwrap();
    // Killed after one of the files was written, and before that was noted; `work` went back meanwhile, and a person
    // edited another file.
    repo.ref_move("refs/sluice/work-tree", Some(later), work, "test")
        .unwrap();
    repo.ref_move("refs/heads/work", Some(later), work, "test")
        .unwrap();
    put(&world, "README.md", "# A person\n");
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(world.on_disk("docs/SCOPE.md"), None);
    let made = commits(&world).await;
    assert_eq!(made[0].1, "Edit README.md");
    shows_work(&world);
}

#[tokio::test]
async fn an_edit_that_was_committed_but_not_recorded_is_applied_once() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    put(&world, "notes.md", "mine\n");
    look(&world).await;
    let held = world.repo().ref_get("refs/held/1").unwrap().unwrap();
    world.approve(Gate::G0).await;
    let made = commits(&world).await;
    // What a kill between the two leaves.
    let repo = world.repo();
    let applied = repo.ref_get("refs/held/1").unwrap().unwrap();
    repo.ref_move("refs/held/1", Some(applied), held, "test")
        .unwrap();
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(states(&world).await, [(1, "applied".to_owned())]);
    assert_eq!(commits(&world).await, made);
    assert_eq!(told(&world.factory).await.len(), 1);
}

#[tokio::test]
async fn a_thousand_files_are_one_commit_and_an_emptied_folder_is_none() {
    let world = World::new().await;
    for n in 0..1000 {
        put(&world, &format!("src/d{}/f{n}.txt", n % 20), "same\n");
    }
    look(&world).await;
    let made = commits(&world).await;
    assert_eq!(made.len(), 2);
    assert!(made[0].1.ends_with("and 998 more"), "{}", made[0].1);
    let tree = world.factory.data().work_tree(PROJECT);
    for entry in std::fs::read_dir(&tree).unwrap().flatten() {
        if entry.path().is_dir() {
            std::fs::remove_dir_all(entry.path()).unwrap();
        } else {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    look(&world).await;
    assert_eq!(commits(&world).await, made);
}

#[tokio::test]
async fn what_is_no_file_of_a_project_is_shown_and_left_alone() {
    let world = World::new().await;
    let tree = world.factory.data().work_tree(PROJECT);
    std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
    put(&world, "bad|name", "x");
    let before = commits(&world).await;
    look(&world).await;
    assert_eq!(commits(&world).await, before);
    let left = world.factory.left_alone(PROJECT);
    let left: Vec<_> = left
        .iter()
        .map(|one| (one.path.as_str(), one.reason.as_str()))
        .collect();
    assert_eq!(left, [("bad|name", "reserved"), ("link", "symlink")]);
}

#[tokio::test]
async fn an_edit_where_the_agent_made_a_folder_is_a_conflict() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    // The working tree has docs/SCOPE.md of the attempt; the person's file comes through the API, before the next run.
    write(&world, "spec", "a file\n", Precondition::Absent)
        .await
        .unwrap();
    let decide = world.decide(Gate::G0).await;
    world
        .factory
        .gate_reject(PROJECT, Gate::G0, decide, &approver())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.text("spec").await.as_deref(), Some("a file\n"));
    world
        .script
        .says(&format!("{GOOD}\n```md:plan/a.md\n# A\n```\n"));
    world.start(Gate::G0).await;
    let held = write(&world, "notes", "n\n", Precondition::Absent)
        .await
        .unwrap();
    assert_eq!(held.held, Some(2));
    let clash = write(&world, "plan", "a file\n", Precondition::Absent).await;
    assert_eq!(refused(clash), "path", "`work` has a folder there already");
    world.approve(Gate::G0).await;
    assert_eq!(states(&world).await[1], (2, "applied".to_owned()));
}

#[tokio::test]
async fn an_edit_is_of_the_only_person_who_may_edit_or_of_the_user_of_the_daemon() {
    let world = World::new().await;
    let token = |name: &str, role| sluice_store::NewToken {
        name: name.to_owned(),
        role,
        kind: sluice_factory::ActorKind::Person,
        projects: None,
        expires_at: None,
        at: jiff::Timestamp::now(),
    };
    let mut expected = Vec::new();
    let names = [
        ("admin", "admin"),
        ("Vera", "admin"),
        ("Olga", "Olga"),
        ("Anna", "somebody"),
    ];
    for (n, (name, editor)) in names.into_iter().enumerate() {
        let role = match name {
            "Vera" => Role::Viewer,
            _ => Role::Operator,
        };
        world
            .factory
            .store()
            .token_create(token(name, role), &[])
            .await
            .unwrap();
        put(&world, "notes.md", &format!("{n}\n"));
        look(&world).await;
        expected.insert(0, editor.to_owned());
    }
    let authors: Vec<String> = commits(&world).await.into_iter().map(|one| one.0).collect();
    assert_eq!(authors[..4], expected);
}
