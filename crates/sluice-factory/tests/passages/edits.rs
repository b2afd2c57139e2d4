//! Edits of people: told of once, also when the process was killed between the commit and the event.

use serde_json::Value;
use sluice_factory::{EventSeq, Precondition};
use sluice_path::RelPath;
use sluice_workspace::{Change, Identity, NewCommit};

use crate::world::{GATE, PROJECT, World, open, operator};

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
