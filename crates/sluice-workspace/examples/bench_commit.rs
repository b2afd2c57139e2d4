//! Times a commit of some changed files: `bench_commit GIT_DIR REF ROUND FILE..` writes each file anew, makes
//! the tree and the commit, moves the ref, and prints the milliseconds of both as JSON. `tests/bench/measure.py`
//! starts it.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use sluice_path::RelPath;
use sluice_workspace::{Change, Identity, NewCommit, Repo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [git_dir, name, round, files @ ..] = words.as_slice() else {
        return Err("usage: bench_commit GIT_DIR REF ROUND FILE..".into());
    };
    let mut changes = Vec::new();
    for file in files {
        let path = RelPath::parse(file).map_err(|refusal| format!("{file}: {refusal:?}"))?;
        let text = format!("// round {round}\nexport const file = {file:?};\n").repeat(20);
        changes.push(Change::write(path, text));
    }
    let who = Identity {
        name: "Bench".to_owned(),
        email: "bench@example.invalid".to_owned(),
    };

    let start = Instant::now();
    let repo = Repo::open(Path::new(git_dir))?;
    let parent = repo.ref_get(name)?.ok_or("the ref does not exist")?;
    let base = repo.commit_read(&parent)?.tree;
    let tree = repo.tree_build(Some(&base), &changes)?;
    let commit = repo.commit(
        &NewCommit {
            tree,
            parents: vec![parent],
            author: who.clone(),
            committer: who,
            time: 1_700_000_000,
            message: format!("round {round}"),
            trailers: Vec::new(),
        },
        None,
    )?;
    let objects = start.elapsed().as_secs_f64() * 1e3;
    repo.ref_move(name, Some(parent), commit, "bench")?;
    let all = start.elapsed().as_secs_f64() * 1e3;
    writeln!(io::stdout(), "{{\"objects\": {objects}, \"all\": {all}}}")?;
    Ok(())
}
