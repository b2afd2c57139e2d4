//! Files: people's edits, preconditions, refusals; trees, commits, diffs and names of refs.

use std::collections::BTreeSet;

use sluice_factory::view::FileWritten;
use sluice_factory::{ActorKind, Role};
use sluice_factory::{Gate, MAX_FILE_BYTES, Precondition, Refusal};

use crate::world::{GOOD, PROJECT, World, actor, operator, refused};

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

async fn delete(world: &World, path: &str, when: Precondition) -> Result<FileWritten, Refusal> {
    world
        .factory
        .file_delete(PROJECT, path, when, &operator())
        .await
}

#[tokio::test]
async fn an_edit_is_a_commit_of_the_person_on_work_and_in_the_working_tree() {
    let world = World::new().await;
    let before = world.at("refs/heads/work").unwrap();
    let written = write(&world, "src/a.ts", "1\n", Precondition::Absent)
        .await
        .unwrap();
    assert_eq!(world.at("refs/heads/work"), Some(written.commit.clone()));
    assert_eq!(
        world.at("refs/heads/main"),
        Some(before.clone()),
        "it passed no gate"
    );
    let commit = world
        .repo()
        .commit_read(&written.commit.parse().unwrap())
        .unwrap();
    assert_eq!(
        (commit.author.name.as_str(), commit.message.trim()),
        ("Olga", "Add src/a.ts")
    );
    assert_eq!(commit.parents, [before.parse().unwrap()]);
    assert_eq!(world.on_disk("src/a.ts").as_deref(), Some("1\n"));

    let first = written.oid.unwrap();
    let edited = write(
        &world,
        "src/a.ts",
        "2\n",
        Precondition::Matches(vec![first]),
    )
    .await
    .unwrap();
    assert_eq!(world.on_disk("src/a.ts").as_deref(), Some("2\n"));
    let same = write(&world, "src/a.ts", "2\n", Precondition::Present)
        .await
        .unwrap();
    assert_eq!(same.commit, edited.commit, "the same content is no commit");
    let gone = delete(&world, "src/a.ts", Precondition::Present)
        .await
        .unwrap();
    assert_eq!(gone.oid, None);
    assert_eq!(world.on_disk("src/a.ts"), None);
    let page = world
        .factory
        .commit_list(PROJECT, None, None, None, 10)
        .await
        .unwrap();
    let said: Vec<&str> = page
        .items
        .iter()
        .map(|commit| commit.message.trim())
        .collect();
    assert_eq!(
        said,
        [
            "Delete src/a.ts",
            "Edit src/a.ts",
            "Add src/a.ts",
            "Start from template blank"
        ]
    );
}

#[tokio::test]
async fn an_edit_whose_precondition_does_not_hold_changes_nothing() {
    let world = World::new().await;
    let readme = world
        .factory
        .file_read(PROJECT, "README.md", None)
        .await
        .unwrap()
        .oid;
    let before = world.at("refs/heads/work");
    let stale = || Precondition::Matches(vec!["0".repeat(40)]);
    for asked in [
        write(&world, "README.md", "x", stale()).await,
        write(&world, "README.md", "x", Precondition::Matches(Vec::new())).await,
        write(&world, "README.md", "x", Precondition::Absent).await,
        write(&world, "new.md", "x", Precondition::Present).await,
        write(
            &world,
            "new.md",
            "x",
            Precondition::Matches(vec![readme.clone()]),
        )
        .await,
        delete(&world, "README.md", stale()).await,
        delete(&world, "README.md", Precondition::Absent).await,
    ] {
        assert_eq!(refused(asked), "precondition");
    }
    assert_eq!(
        refused(delete(&world, "new.md", Precondition::Present).await),
        "not_found"
    );
    assert_eq!(world.at("refs/heads/work"), before);
    let both = Precondition::Matches(vec!["0".repeat(40), readme]);
    write(&world, "README.md", "x", both).await.unwrap();
}

#[tokio::test]
async fn paths_sizes_and_roles_are_held() {
    let world = World::new().await;
    let before = world.at("refs/heads/work");
    for path in [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        ".git/config",
        "a/.GIT/x",
        "git~1/x",
        "a\\b",
        "a\0b",
        "a\u{202e}b",
        "node_modules/x",
        "CON",
        "-x",
        "README.md/x",
    ] {
        let written = write(&world, path, "x", Precondition::Absent).await;
        assert_eq!(refused(written), "path", "{path:?}");
        if path != "README.md/x" {
            let read = world.factory.file_read(PROJECT, path, None).await;
            assert_eq!(refused(read), "path", "{path:?}");
        }
    }
    let large = vec![b'x'; MAX_FILE_BYTES + 1];
    let written = world
        .factory
        .file_write(PROJECT, "large", large, Precondition::Absent, &operator())
        .await;
    assert_eq!(refused(written), "body");
    let viewer = actor("Vera", ActorKind::Person, Role::Viewer);
    let written = world
        .factory
        .file_write(PROJECT, "a", Vec::new(), Precondition::Absent, &viewer);
    assert_eq!(refused(written.await), "role");
    let written = world
        .factory
        .file_write(
            "nowhere",
            "a",
            Vec::new(),
            Precondition::Absent,
            &operator(),
        )
        .await;
    assert_eq!(refused(written), "not_found");
    assert_eq!(world.at("refs/heads/work"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_edits_of_one_file_each_answer_is_true() {
    let world = World::new().await;
    let oid = world
        .factory
        .file_read(PROJECT, "README.md", None)
        .await
        .unwrap()
        .oid;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..24 {
        let (factory, oid) = (world.factory.clone(), oid.clone());
        tasks.spawn(async move {
            let text = format!("{n}\n").into_bytes();
            let when = Precondition::Matches(vec![oid]);
            match factory
                .file_write(PROJECT, "README.md", text, when, &operator())
                .await
            {
                Ok(_) => Some(n),
                Err(Refusal::PreconditionFailed { .. }) => None,
                Err(other) => panic!("{other:?}"),
            }
        });
    }
    let won: Vec<i32> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "one wins");
    let text = format!("{}\n", won[0]);
    assert_eq!(world.text("README.md").await.as_ref(), Some(&text));
    assert_eq!(world.on_disk("README.md"), Some(text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_edit_and_a_start_at_once_leave_a_gate_that_can_be_passed() {
    for _ in 0..6 {
        let world = World::new().await;
        world.script.says(GOOD);
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let factory = world.factory.clone();
            tasks.spawn(async move {
                let path = format!("note-{n}.md");
                let when = Precondition::Absent;
                let text = b"note\n".to_vec();
                match factory
                    .file_write(PROJECT, &path, text, when, &operator())
                    .await
                {
                    Ok(_) => Some(path),
                    Err(Refusal::PreconditionFailed { .. }) => None,
                    Err(other) => panic!("{other:?}"),
                }
            });
            if n == 3 {
                let factory = world.factory.clone();
                tasks.spawn(async move {
                    factory
                        .gate_start(PROJECT, Gate::G0, &operator())
                        .await
                        .unwrap();
                    None
                });
            }
        }
        let written: BTreeSet<String> = tasks.join_all().await.into_iter().flatten().collect();
        world.settle().await;
        let view = world.gate(Gate::G0).await;
        assert_eq!(
            (view.state.as_str(), view.fault),
            ("awaiting_approval", None)
        );
        world.approve(Gate::G0).await;
        for path in written {
            assert!(
                world.text(&path).await.is_some(),
                "{path} was taken and is lost"
            );
        }
    }
}

#[tokio::test]
async fn names_that_name_nothing_are_not_there() {
    let world = World::new().await;
    let factory = &world.factory;
    let long = "a/".repeat(5_000);
    for name in [
        "",
        " ",
        "nope",
        "HEAD~1",
        "work^{tree}",
        "@{-1}",
        "../../etc/passwd",
        "refs/../HEAD",
        "refs/heads/..",
        "refs//heads//work",
        "-x",
        "a\0b",
        "a\nb",
        "\u{202e}",
        "0000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffff",
        long.as_str(),
    ] {
        assert_eq!(
            refused(factory.tree_list(PROJECT, Some(name)).await),
            "not_found",
            "{name:?}"
        );
        assert_eq!(
            refused(factory.commit_fetch(PROJECT, name).await),
            "not_found",
            "{name:?}"
        );
        assert_eq!(
            refused(factory.diff(PROJECT, "main", name, None, 9).await),
            "not_found",
            "{name:?}"
        );
        let read = factory.file_read(PROJECT, "README.md", Some(name)).await;
        assert_eq!(refused(read), "not_found", "{name:?}");
        let list = factory
            .commit_list(PROJECT, Some(name), None, None, 5)
            .await;
        assert_eq!(refused(list), "not_found", "{name:?}");
    }
    // A blob and a tree are objects, but no commits.
    let (tree, entries) = factory.tree_list(PROJECT, None).await.unwrap();
    for oid in [&tree, &entries[0].oid] {
        assert_eq!(
            refused(factory.commit_fetch(PROJECT, oid).await),
            "not_found"
        );
    }
    let list = factory.commit_list(PROJECT, None, None, Some("x"), 5).await;
    assert_eq!(refused(list), "cursor");
}

#[tokio::test]
async fn branches_tags_full_refs_and_commits_can_be_named() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let written = write(&world, "a.md", "a\n", Precondition::Absent)
        .await
        .unwrap();
    let factory = &world.factory;
    let main = world.at("refs/heads/main").unwrap();
    let of = |name: &'static str| async move {
        factory.commit_fetch(PROJECT, name).await.unwrap().0.oid
    };
    for name in [
        "main",
        "HEAD",
        "gates/g0",
        "refs/heads/main",
        "refs/tags/gates/g0",
    ] {
        assert_eq!(of(name).await, main, "{name}");
    }
    assert_eq!(of("work").await, written.commit);
    let branches = factory.branch_list(PROJECT).await.unwrap();
    let named: Vec<(&str, &str)> = branches
        .iter()
        .map(|branch| (branch.name.as_str(), branch.commit.as_str()))
        .collect();
    assert_eq!(
        named,
        [("main", main.as_str()), ("work", written.commit.as_str())]
    );
    let diff = factory
        .diff(PROJECT, "main", "work", None, 9)
        .await
        .unwrap();
    assert_eq!(diff.files.len(), 1);
    let file = &diff.files[0];
    assert_eq!(
        (file.path.as_str(), file.status.as_str(), file.additions),
        ("a.md", "added", 1)
    );
    let (_, shown) = factory
        .commit_fetch(PROJECT, &written.commit)
        .await
        .unwrap();
    assert_eq!(
        (shown.from, shown.to, shown.files.len()),
        (main, written.commit, 1)
    );
}

#[tokio::test]
async fn history_comes_in_pages_without_gap_or_repeat() {
    let world = World::new().await;
    for n in 0..7 {
        write(&world, &format!("{n}.md"), "x", Precondition::Absent)
            .await
            .unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = world
            .factory
            .commit_list(PROJECT, None, None, cursor.as_deref(), 3)
            .await
            .unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|commit| commit.oid));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let whole = world
        .factory
        .commit_list(PROJECT, None, None, None, 100)
        .await
        .unwrap();
    let whole: Vec<String> = whole.items.into_iter().map(|commit| commit.oid).collect();
    assert_eq!((seen.len(), &seen), (8, &whole));
}

#[tokio::test]
async fn a_line_is_told_by_commit_attempt_and_agent() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let factory = &world.factory;
    let first = GOOD.lines().filter(|line| !line.starts_with("```")).count();
    factory
        .file_write(
            PROJECT,
            "docs/SCOPE.md",
            format!("{}Mine.\n", world.text("docs/SCOPE.md").await.unwrap()).into_bytes(),
            Precondition::Present,
            &operator(),
        )
        .await
        .unwrap();
    let blame = async |first, limit| {
        let blame = factory.blame(PROJECT, "docs/SCOPE.md", None, first, limit);
        blame.await.unwrap()
    };
    let whole = blame(1, 1000).await;
    let [agents, mine] = whole.items.as_slice() else {
        panic!("{:?}", whole.items);
    };
    let made_by = agents.made_by.as_ref().unwrap();
    assert_eq!(
        (
            made_by.gate.as_str(),
            made_by.attempt,
            made_by.agent.as_str()
        ),
        ("g0", 0, "script")
    );
    assert!(agents.summary.as_ref().unwrap().contains("attempt 0"));
    assert_eq!((agents.first, agents.lines), (1, first));
    assert_eq!((mine.first, mine.lines), (first + 1, 1));
    assert!(mine.made_by.is_none() && mine.author.as_deref() == Some("Olga"));
    assert_eq!(whole.next_cursor, None);

    let page = blame(1, 2).await;
    assert_eq!(
        (page.items[0].lines, page.next_cursor.as_deref()),
        (2, Some("3"))
    );
    let last = blame(first + 1, 2).await;
    assert_eq!((last.items.len(), last.next_cursor), (1, None));
    assert!(blame(900, 2).await.items.is_empty());

    // Of the file alone, the two that changed it; the first commit did not.
    let page = factory
        .commit_list(PROJECT, None, Some("docs/SCOPE.md"), None, 10)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(
        refused(factory.blame(PROJECT, "nothing", None, 1, 9).await),
        "not_found"
    );
    assert_eq!(
        refused(factory.blame(PROJECT, "../x", None, 1, 9).await),
        "path"
    );
    let tags = factory.tag_list(PROJECT).await.unwrap();
    assert_eq!(tags.len(), 1);
    assert_eq!(
        (tags[0].name.as_str(), Some(&tags[0].commit)),
        ("gates/g0", world.at("refs/heads/main").as_ref())
    );
}

#[tokio::test]
async fn a_difference_is_had_file_by_file() {
    let world = World::new().await;
    let factory = &world.factory;
    for n in 0..7 {
        factory
            .file_write(
                PROJECT,
                &format!("f{n}"),
                b"x\n".to_vec(),
                Precondition::Absent,
                &operator(),
            )
            .await
            .unwrap();
    }
    let whole = factory
        .diff(PROJECT, "main", "work", None, 100)
        .await
        .unwrap();
    assert_eq!((whole.files.len(), &whole.next_cursor), (7, &None));
    let (mut paths, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = factory
            .diff(PROJECT, "main", "work", cursor.as_deref(), 3)
            .await
            .unwrap();
        assert_eq!((&page.from, &page.to), (&whole.from, &whole.to));
        paths.extend(page.files.into_iter().map(|file| file.path));
        // What happens between two pages changes nothing of the answer.
        let more = format!("later{}", paths.len());
        factory
            .file_write(
                PROJECT,
                &more,
                b"x\n".to_vec(),
                Precondition::Absent,
                &operator(),
            )
            .await
            .unwrap();
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = whole.files.into_iter().map(|file| file.path).collect();
    assert_eq!(paths, expected);
    let zero = "0".repeat(40);
    for bad in [
        "x",
        "..",
        &format!("{zero}.{zero}.0"),
        &format!("{}.{}.-1", whole.from, whole.to),
    ] {
        let asked = factory.diff(PROJECT, "main", "work", Some(bad), 3).await;
        assert_eq!(refused(asked), "cursor", "{bad}");
    }
}
