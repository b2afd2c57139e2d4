//! Projects: made once, deleted without loss, and their working tree made anew.

use sluice_factory::{Gate, Precondition};

use crate::world::{GATE, GOOD, PROJECT, World, open, operator, refused};

#[tokio::test]
async fn a_project_starts_with_one_commit_on_main_and_work_and_a_working_tree() {
    let world = World::new().await;
    let view = world.factory.project_fetch(PROJECT).await.unwrap();
    assert!(view.main.is_some() && view.main == view.work);
    assert_eq!(
        (view.current_gate.as_deref(), view.state.as_deref()),
        (Some("g0"), Some("ready"))
    );
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# adder\n"));
    let tree = world.factory.data().work_tree(PROJECT);
    assert!(!tree.join(".git").exists(), "git data lies outside");
    assert!(world.factory.data().git(PROJECT).join("HEAD").is_file());
}

#[tokio::test]
async fn a_project_from_a_template_is_one_commit_with_all_its_files() {
    let world = World::new().await;
    let factory = &world.factory;
    let view = factory
        .project_create("shapes", "ts-library", "library", &operator())
        .await
        .unwrap();
    assert!(view.main.is_some() && view.main == view.work);
    let page = factory
        .commit_list("shapes", None, None, None, 10)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(
        page.items[0].message.trim(),
        "Start from template ts-library"
    );
    let tree = factory.data().work_tree("shapes");
    let manifest = std::fs::read_to_string(tree.join("package.json")).unwrap();
    assert!(manifest.contains("\"name\": \"shapes\""), "{manifest}");
    for path in [".gitignore", "package-lock.json", "src/index.ts"] {
        assert!(tree.join(path).is_file(), "{path}");
    }
    assert!(!tree.join("template.toml").exists());
    assert!(leftovers(&world).is_empty());
}

#[tokio::test]
async fn a_project_is_made_whole_after_a_kill() {
    let world = World::new().await;
    let main = world.at("refs/heads/main");
    let data = world.factory.data().clone();
    // As a kill leaves it right after the project was recorded ...
    std::fs::remove_dir_all(data.work_tree(PROJECT)).unwrap();
    let recorded = world.factory.store().project_fetch(PROJECT).await.unwrap();
    let at = recorded.unwrap().created_at.as_microsecond();
    let staged = format!("project-{PROJECT}-{at}.git");
    std::fs::rename(data.git(PROJECT), data.run().join(staged)).unwrap();
    // ... and right before another one was.
    std::fs::create_dir(data.run().join("project-other-1.git")).unwrap();
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(world.at("refs/heads/main"), main);
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# adder\n"));
    assert!(leftovers(&world).is_empty());
}

/// What lies where projects are put together.
fn leftovers(world: &World) -> Vec<String> {
    std::fs::read_dir(world.factory.data().run())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("project-"))
        .collect()
}

#[tokio::test]
async fn a_name_is_given_once_and_never_again() {
    let world = World::new().await;
    let factory = &world.factory;
    let main = world.at("refs/heads/main");
    let again = factory
        .project_create(PROJECT, "blank", "web", &operator())
        .await;
    assert_eq!(refused(again), "name_taken");
    assert_eq!(world.at("refs/heads/main"), main);
    factory.project_delete(PROJECT, &operator()).await.unwrap();
    let again = factory
        .project_create(PROJECT, "blank", "web", &operator())
        .await;
    assert_eq!(refused(again), "name_taken");
}

#[tokio::test]
async fn of_many_who_make_a_project_one_does() {
    let world = World::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let factory = world.factory.clone();
        tasks.spawn(async move {
            let made = factory
                .project_create("other", "blank", "web", &operator())
                .await;
            made.is_ok()
        });
    }
    let made = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|made| *made)
        .count();
    assert_eq!(made, 1);
    assert!(leftovers(&world).is_empty());
    assert!(
        world
            .factory
            .project_fetch("other")
            .await
            .unwrap()
            .main
            .is_some()
    );
}

#[tokio::test]
async fn names_kinds_and_templates_are_held() {
    let world = World::new().await;
    let factory = &world.factory;
    let long = "a".repeat(64);
    for name in [
        "",
        "-a",
        "A",
        "a_b",
        "a/b",
        "../a",
        "a.git",
        "a b",
        "ä",
        "a\0",
        long.as_str(),
    ] {
        let made = factory
            .project_create(name, "blank", "web", &operator())
            .await;
        assert_eq!(refused(made), "name", "{name:?}");
    }
    let made = factory
        .project_create("b", "blank", "game", &operator())
        .await;
    assert_eq!(refused(made), "kind");
    let made = factory
        .project_create("b", "../blank", "web", &operator())
        .await;
    assert_eq!(refused(made), "template");
    assert!(leftovers(&world).is_empty());
    assert_eq!(factory.project_list(None, 10).await.unwrap().items.len(), 1);
    factory
        .project_create(&"a".repeat(63), "blank", "web", &operator())
        .await
        .unwrap();
    for name in ["nowhere", "", "../adder", "ADDER"] {
        assert_eq!(
            refused(factory.project_fetch(name).await),
            "not_found",
            "{name:?}"
        );
        assert_eq!(
            refused(factory.gate_list(name).await),
            "not_found",
            "{name:?}"
        );
        let deleted = factory.project_delete(name, &operator()).await;
        assert_eq!(refused(deleted), "not_found", "{name:?}");
    }
}

#[tokio::test]
async fn a_deleted_project_is_gone_but_nothing_of_it_is_lost() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let factory = &world.factory;
    let deleted = factory.project_delete(PROJECT, &operator()).await;
    assert_eq!(refused(deleted), "run_open");
    assert!(world.on_disk("README.md").is_some());
    world.approve(Gate::G0).await;
    let main = world.at("refs/heads/main");

    factory.project_delete(PROJECT, &operator()).await.unwrap();
    assert_eq!(refused(factory.project_fetch(PROJECT).await), "not_found");
    assert_eq!(
        refused(factory.gate_fetch(PROJECT, Gate::G0).await),
        "not_found"
    );
    assert_eq!(refused(factory.tree_list(PROJECT, None).await), "not_found");
    let when = Precondition::Absent;
    let written = factory
        .file_write(PROJECT, "a", Vec::new(), when, &operator())
        .await;
    assert_eq!(refused(written), "not_found");
    assert!(
        factory
            .project_list(None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let data = factory.data();
    assert!(!data.git(PROJECT).exists() && !data.work_tree(PROJECT).exists());
    let mut kept: Vec<_> = std::fs::read_dir(data.deleted())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    kept.sort();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[0].join("docs/SCOPE.md").is_file(), "{kept:?}");
    let repo = sluice_workspace::Repo::open(&kept[1]).unwrap();
    let found = repo.ref_get("refs/heads/main").unwrap();
    assert_eq!(found.map(|oid| oid.to_string()), main);
    // A restart does not bring it back.
    let factory = open(world.folder.path(), GATE, Some(&world.script)).await;
    assert!(!factory.data().git(PROJECT).exists());
}

#[tokio::test]
async fn a_deleted_working_folder_is_made_anew_and_a_persons_file_is_kept() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let tree = world.factory.data().work_tree(PROJECT);
    let text = world.on_disk("docs/SCOPE.md");
    std::fs::remove_dir_all(&tree).unwrap();
    open(world.folder.path(), GATE, Some(&world.script)).await;
    assert_eq!(world.on_disk("docs/SCOPE.md"), text);
    assert_eq!(world.on_disk("README.md").as_deref(), Some("# adder\n"));

    std::fs::write(tree.join("README.md"), "mine\n").unwrap();
    std::fs::write(tree.join("notes.txt"), "mine too\n").unwrap();
    open(world.folder.path(), GATE, Some(&world.script)).await;
    world.script.says(
        "```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\nPeople add and take away numbers.\n```\n",
    );
    world.start(Gate::G1).await;
    assert!(
        world
            .on_disk("docs/SCOPE.md")
            .unwrap()
            .contains("take away")
    );
    assert_eq!(world.on_disk("README.md").as_deref(), Some("mine\n"));
    assert_eq!(world.on_disk("notes.txt").as_deref(), Some("mine too\n"));
}
