//! Times work on git data: `bench_commit HOW GIT_DIR REF ROUND FILE..`, where HOW is `sluice` or `bare`, writes
//! each file anew, makes the tree and the commit, moves the ref, and prints the milliseconds of its parts as JSON.
//! `bare` does the same with nothing but git2 and its `TreeUpdateBuilder`. `bench_commit export GIT_DIR REF DEST
//! OLD` exports a tree beside an older export. `bench_commit history GIT_DIR REF PATH` reads pages of the history
//! of all and of one file, and says whom its lines come from. `tests/bench/commits.py` starts it.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use sluice_path::RelPath;
use sluice_workspace::{Change, Identity, NewCommit, Repo};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sluice", git_dir, name, round, files @ ..] => sluice(git_dir, name, round, files),
        ["bare", git_dir, name, round, files @ ..] => bare(git_dir, name, round, files),
        ["export", git_dir, name, dest, old] => export(git_dir, name, dest, old),
        ["history", git_dir, name, path] => history(git_dir, name, path),
        _ => Err("usage: bench_commit sluice|bare GIT_DIR REF ROUND FILE..".into()),
    }
}

/// Two kilobytes, other ones in each round.
fn text(round: &str, file: &str) -> String {
    let line = format!("// round {round}\nexport const file = {file:?};\n");
    line.repeat(2_000_usize.div_ceil(line.len()))
}

fn report(parts: &[(&str, f64)]) -> Result<(), Box<dyn Error>> {
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, ms)| format!("{name:?}: {ms}"))
        .collect();
    writeln!(io::stdout(), "{{{}}}", parts.join(", "))?;
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn sluice(git_dir: &str, name: &str, round: &str, files: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut changes = Vec::new();
    for file in files {
        let path = RelPath::parse(file).map_err(|refusal| format!("{file}: {refusal:?}"))?;
        changes.push(Change::write(path, text(round, file)));
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
    let built = millis(start);
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
    let objects = millis(start);
    repo.ref_move(name, Some(parent), commit, "bench")?;
    let all = millis(start);
    let again = Instant::now();
    repo.tree_build(Some(&base), &changes)?;
    report(&[
        ("tree", built),
        ("objects", objects),
        ("all", all),
        ("again", millis(again)),
    ])
}

fn bare(git_dir: &str, name: &str, round: &str, files: &[&str]) -> Result<(), Box<dyn Error>> {
    let texts: Vec<_> = files.iter().map(|file| text(round, file)).collect();
    let start = Instant::now();
    let repo = git2::Repository::open_bare(git_dir)?;
    let parent = repo.find_reference(name)?.peel_to_commit()?;
    let build = || -> Result<git2::Oid, git2::Error> {
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (file, text) in files.iter().zip(&texts) {
            update.upsert(*file, repo.blob(text.as_bytes())?, git2::FileMode::Blob);
        }
        update.create_updated(&repo, &parent.tree()?)
    };
    let tree = build()?;
    let built = millis(start);
    let who = git2::Signature::new(
        "Bench",
        "bench@example.invalid",
        &git2::Time::new(1_700_000_000, 0),
    )?;
    let message = format!("round {round}");
    let commit = repo.commit(
        None,
        &who,
        &who,
        &message,
        &repo.find_tree(tree)?,
        &[&parent],
    )?;
    let objects = millis(start);
    repo.reference_matching(name, commit, true, parent.id(), "bench")?;
    let all = millis(start);
    let again = Instant::now();
    build()?;
    report(&[
        ("tree", built),
        ("objects", objects),
        ("all", all),
        ("again", millis(again)),
    ])
}

fn export(git_dir: &str, name: &str, dest: &str, old: &str) -> Result<(), Box<dyn Error>> {
    let repo = Repo::open(Path::new(git_dir))?;
    let commit = repo.ref_get(name)?.ok_or("the ref does not exist")?;
    let commit = repo.commit_read(&commit)?;
    let parent = commit.parents.first().ok_or("the commit has no parent")?;
    let before = repo.commit_read(parent)?.tree;
    let before = repo.snapshot(&before, Path::new(old))?;
    let whole = format!("{dest}-whole");
    let start = Instant::now();
    repo.snapshot(&commit.tree, Path::new(&whole))?;
    let alone = millis(start);
    std::fs::remove_dir_all(&whole)?;
    let start = Instant::now();
    let mut after = repo.snapshot_after(&commit.tree, Path::new(dest), Some(&before))?;
    let linked = millis(start);
    let start = Instant::now();
    after.succeed(&before)?;
    report(&[
        ("alone", alone),
        ("after the export before", linked),
        ("removal of the export before", millis(start)),
    ])
}

fn history(git_dir: &str, name: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let repo = Repo::open(Path::new(git_dir))?;
    let tip = repo.ref_get(name)?.ok_or("the ref does not exist")?;
    let path = RelPath::parse(path).map_err(|refusal| format!("{path}: {refusal:?}"))?;
    let far = repo.history(&tip, None, None, 9_000)?.next;
    let start = Instant::now();
    repo.history(&tip, None, None, 50)?;
    let first = millis(start);
    let start = Instant::now();
    repo.history(&tip, None, far.as_ref(), 50)?;
    let late = millis(start);
    let start = Instant::now();
    repo.history(&tip, Some(&path), None, 50)?;
    let of_file = millis(start);
    let start = Instant::now();
    repo.blame(&tip, &path, 0..1_000)?;
    report(&[
        ("the newest 50 commits", first),
        ("50 commits after 9,000", late),
        ("50 commits of a file", of_file),
        ("the lines of a file", millis(start)),
    ])
}
