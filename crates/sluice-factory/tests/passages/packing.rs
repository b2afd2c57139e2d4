//! Git data is packed in the background while the daemon works.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sluice_factory::Gate;
use sluice_path::RelPath;
use sluice_workspace::Change;

use crate::world::{PROJECT, World};

fn loose(git_dir: &Path) -> usize {
    let folders = std::fs::read_dir(git_dir.join("objects"))
        .unwrap()
        .flatten();
    folders
        .filter(|entry| entry.file_name().len() == 2)
        .map(|entry| std::fs::read_dir(entry.path()).unwrap().count())
        .sum()
}

#[tokio::test]
async fn a_project_with_many_loose_objects_is_packed_and_goes_on() {
    let world = World::new().await;
    let repo = world.repo();
    for round in 0..140 {
        let changes: Vec<_> = (0..15)
            .map(|i| {
                let path = RelPath::parse(&format!("f{i}")).unwrap();
                Change::write(path, format!("{round} {i}"))
            })
            .collect();
        repo.tree_build(None, &changes).unwrap();
    }
    let dir = world.factory.data().git(PROJECT);
    let before = loose(&dir);
    assert!(before > 2_000, "{before}");

    let working = tokio::spawn(Arc::clone(&world.factory).run(1));
    let packed = async {
        while loose(&dir) > 100 {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(120), packed).await;
    assert!(in_time.is_ok(), "{} loose objects", loose(&dir));
    world.factory.shutdown();
    working.await.unwrap();

    world.pass(Gate::G0).await;
    let fsck = std::process::Command::new("git")
        .args(["fsck", "--strict", "--full"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert!(fsck.status.success(), "{fsck:?}");
}
