//! Backups that are made while people and agents work, restored elsewhere, and worked on.

use std::path::Path;
use std::sync::Arc;

use sluice_factory::{BackupError, DataDir, Gate, Manifest, Restored, backup, restore};
use sluice_store::Store;

use crate::world::{GATE, GOOD, PROJECT, Script, Sound, World, open};

async fn back_up(world: &World, to: &Path) -> Manifest {
    let data = world.factory.data();
    // As another program does beside the daemon.
    let url = data.database_url().replace("mode=rwc", "mode=rw");
    let store = Store::open_as_is(&url).await.unwrap();
    let made = backup(&DataDir::existing(data.root()).unwrap(), &store, to, true)
        .await
        .unwrap();
    store.close().await.unwrap();
    made
}

/// The world of a restored backup, at work.
async fn at_work(from: &Path, script: &Arc<Script>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("data");
    let Restored { data, .. } = restore(from, &to, None).await.unwrap();
    assert_eq!(data, to);
    let factory = open(folder.path(), GATE, Some(script)).await;
    World {
        sound: Sound(factory.data().root().join("git")),
        factory,
        script: Arc::clone(script),
        folder,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_daemon_goes_on_where_the_backup_was_made() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    world.script.says(GOOD);
    world.start(Gate::G1).await;
    let folder = tempfile::tempdir().unwrap();
    let made = back_up(&world, &folder.path().join("b")).await;
    assert_eq!(
        (made.projects.as_slice(), made.key),
        (&[PROJECT.to_owned()][..], true)
    );
    // What comes later is not in it.
    world.approve(Gate::G1).await;
    let main = world.at("refs/heads/main");

    let other = at_work(&folder.path().join("b"), &world.script).await;
    assert_eq!(other.gate(Gate::G0).await.state, "approved");
    assert_eq!(other.gate(Gate::G1).await.state, "awaiting_approval");
    assert_eq!(
        other.gate(Gate::G1).await.subject_digest,
        world.gate(Gate::G1).await.subject_digest
    );
    assert!(other.on_disk("docs/SCOPE.md").is_some());
    other.approve(Gate::G1).await;
    assert_eq!(other.at("refs/heads/main"), main);
    // The same key signs, so the chain goes on.
    other.pass(Gate::G2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_any_moment_can_be_worked_on() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    // A worker goes through gates while backups are made, one after the other.
    let worker = tokio::spawn({
        let factory = Arc::clone(&world.factory);
        let script = Arc::clone(&world.script);
        async move {
            for gate in [Gate::G0, Gate::G1, Gate::G2, Gate::G3] {
                let reply = GOOD.replace("sum at once", &format!("sum at once, says {gate}"));
                script.says(&reply);
                let operator = crate::world::operator();
                factory.gate_start(PROJECT, gate, &operator).await.unwrap();
                while factory.tick().await.unwrap() {}
                let view = factory.gate_fetch(PROJECT, gate).await.unwrap();
                let decide = sluice_factory::Decide {
                    subject_digest: view.subject_digest.unwrap(),
                    comment: "fine".to_owned(),
                    fields: Default::default(),
                    to: None,
                };
                let approver = crate::world::approver();
                factory
                    .gate_approve(PROJECT, gate, decide, &approver)
                    .await
                    .unwrap();
                while factory.tick().await.unwrap() {}
            }
        }
    });
    let mut count = 0;
    while !worker.is_finished() {
        back_up(&world, &folder.path().join(count.to_string())).await;
        count += 1;
    }
    worker.await.unwrap();
    assert!(count > 0);
    for n in 0..count {
        let other = at_work(&folder.path().join(n.to_string()), &world.script).await;
        for gate in [Gate::G0, Gate::G1, Gate::G2, Gate::G3, Gate::G4] {
            // Whatever the agent is still asked for at this point.
            let reply = GOOD.replace("sum at once", &format!("sum at once, says {gate}"));
            other.script.says(&reply);
            other.settle().await;
            match other.gate(gate).await.state.as_str() {
                "approved" => {}
                "ready" => {
                    other.start(gate).await;
                    other.approve(gate).await;
                }
                "awaiting_approval" => other.approve(gate).await,
                state => panic!("backup {n}: {gate} is {state}"),
            }
            assert_eq!(other.gate(gate).await.state, "approved", "backup {n}");
        }
        assert_eq!(
            other.at("refs/heads/main"),
            other.at("refs/tags/gates/g4"),
            "backup {n}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_changed_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("b");
    back_up(&world, &from).await;
    let to = folder.path().join("data");
    let refuse = async |wanted: &str| {
        let error = restore(&from, &to, None).await.unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!to.exists());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "only the backup is there");
    };

    let rows = from.join("rows/tokens.jsonl");
    let before = std::fs::read(&rows).unwrap();
    std::fs::write(&rows, [before.as_slice(), b"\n"].concat()).unwrap();
    refuse("it is not what was backed up").await;
    std::fs::remove_file(&rows).unwrap();
    refuse("it is missing").await;
    std::os::unix::fs::symlink("/etc/passwd", &rows).unwrap();
    refuse("it is no plain file").await;
    std::fs::remove_file(&rows).unwrap();
    std::fs::write(&rows, &before).unwrap();
    std::fs::write(from.join("git/more"), "").unwrap();
    refuse("it is not in the manifest").await;
    std::fs::remove_file(from.join("git/more")).unwrap();
    let manifest = from.join("backup.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"adder\"", "\"../adder\"")).unwrap();
    refuse("is no name of a project").await;
    std::fs::write(&manifest, text.replace("backup/v1", "backup/v2")).unwrap();
    refuse("its format is").await;
    std::fs::write(&manifest, &text).unwrap();

    restore(&from, &to, None).await.unwrap();
    let again = restore(&from, &to, None).await.unwrap_err();
    assert!(matches!(again, BackupError::Taken { .. }), "{again:?}");
    let onto = backup(
        &DataDir::existing(&to).unwrap(),
        world.factory.store(),
        &from,
        false,
    )
    .await;
    assert!(matches!(onto, Err(BackupError::Taken { .. })), "{onto:?}");
}
