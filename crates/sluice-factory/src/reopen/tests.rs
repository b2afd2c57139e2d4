//! Which gates an edit touches.

use sluice_workspace::{Change, Identity, NewCommit};

use super::*;
use crate::git_names::{daemon, identity};

const DOCUMENTS: &str = r#"
name = "Scope"
purpose = "The scope is written down."
worker = "writer"
[[documents]]
path = "docs/*.md"
kind = "markdown"
"#;

/// Puts a commit on top of `work`.
fn commit(repo: &Repo, by: Identity, changes: &[Change]) -> Oid {
    let work = repo.ref_get(WORK).unwrap();
    let base = work.map(|work| repo.commit_read(&work).unwrap().tree);
    let new = NewCommit {
        tree: repo.tree_build(base.as_ref(), changes).unwrap(),
        parents: work.into_iter().collect(),
        author: by.clone(),
        committer: by,
        time: 1_800_000_000,
        message: "change".to_owned(),
        trailers: Vec::new(),
    };
    let commit = repo.commit(&new, None).unwrap();
    repo.ref_move(WORK, work, commit, "test").unwrap();
    commit
}

fn write(path: &str, text: &str) -> Change {
    Change::write(path.parse().unwrap(), text.as_bytes().to_vec())
}

#[test]
fn a_gate_with_checks_is_touched_by_everything_and_others_by_their_documents() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::create(&folder.path().join("p.git")).unwrap();
    let start = [
        write("docs/a.md", "a"),
        write("docs/b.md", "b"),
        write("src/a.ts", "1"),
    ];
    let main = commit(&repo, daemon(), &start);
    repo.ref_move(MAIN, None, main, "test").unwrap();
    let files = BTreeMap::from([
        (Gate::G1, GateFile::parse(Gate::G1, DOCUMENTS).unwrap()),
        (
            Gate::G5,
            GateFile::parse(Gate::G5, &format!("checks = [\"build\"]\n{DOCUMENTS}")).unwrap(),
        ),
    ]);
    let touched = || {
        let edits = edits(&repo, None).unwrap()?;
        let touched = touched(&repo, &edits, &files).unwrap();
        let paths = touched.into_iter().map(|(gate, why)| match why {
            Why::Edited { paths, commits } => (gate, paths.join(" "), commits.len()),
            other => panic!("{other:?}"),
        });
        Some(paths.collect::<Vec<_>>())
    };
    assert_eq!(touched(), None);
    // An agent's work reopens nothing.
    commit(&repo, daemon(), &[write("docs/a.md", "by an agent")]);
    assert_eq!(touched(), None);
    let emil = identity("Emil");
    commit(&repo, emil.clone(), &[write("src/a.ts", "2")]);
    assert_eq!(touched().unwrap(), [(Gate::G5, "src/a.ts".to_owned(), 1)]);
    let gone = Change::delete("docs/b.md".parse().unwrap());
    commit(&repo, emil.clone(), &[gone, write("docs/c.md", "c")]);
    let all = "docs/b.md docs/c.md src/a.ts".to_owned();
    let documents = (Gate::G1, "docs/b.md docs/c.md".to_owned(), 1);
    assert_eq!(touched().unwrap(), [documents, (Gate::G5, all, 2)]);
    // What is put back as it was is no change.
    let gone = Change::delete("docs/c.md".parse().unwrap());
    commit(
        &repo,
        emil,
        &[gone, write("docs/b.md", "b"), write("src/a.ts", "1")],
    );
    assert_eq!(touched().unwrap(), []);
    assert_eq!(
        edits(&repo, Some(main.to_string())).unwrap().map(|_| ()),
        None
    );
}
