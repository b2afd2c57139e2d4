//! Whatever a git client sends is answered without a panic, and no hidden object is given away.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluice_path::RelPath;
use sluice_workspace::{Change, Identity, NewCommit, Repo, WireProtocol};
use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// Two commits on `main`; the third is hidden. Inputs name them by forty times `1`, `2` or `3`.
static REPO: LazyLock<(Repo, Vec<String>)> = LazyLock::new(|| {
    let repo = Repo::create(&PLACE.path().join("git")).expect("a repository");
    let mut parent = None;
    let mut oids = Vec::new();
    for n in 0..3 {
        let path = RelPath::parse(&format!("f{n}")).expect("a path");
        let base = parent.map(|oid| repo.commit_read(&oid).expect("a commit").tree);
        let change = Change::write(path, vec![b'a' + n; 100]);
        let tree = repo.tree_build(base.as_ref(), &[change]).expect("a tree");
        let who = Identity {
            name: "T".to_owned(),
            email: "t@example.invalid".to_owned(),
        };
        let commit = repo
            .commit(
                &NewCommit {
                    tree,
                    parents: parent.into_iter().collect(),
                    author: who.clone(),
                    committer: who,
                    time: 1_700_000_000 + i64::from(n),
                    message: format!("n{n}"),
                    trailers: Vec::new(),
                },
                None,
            )
            .expect("a commit");
        let (name, expected) = match n {
            0 | 1 => ("refs/heads/main", parent),
            _ => ("refs/sluice/hidden", None),
        };
        repo.ref_move(name, expected, commit, "fuzz")
            .expect("a ref");
        parent = Some(commit);
        oids.push(commit.to_string());
    }
    (repo, oids)
});

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let (repo, oids) = &*REPO;
    let mut body = body.to_vec();
    for (digit, oid) in [b"1", b"2", b"3"].into_iter().zip(oids) {
        let name = digit.repeat(40);
        while let Some(at) = body.windows(40).position(|window| window == name) {
            body[at..at + 40].copy_from_slice(oid.as_bytes());
        }
    }
    let protocol = if first & 1 == 0 {
        WireProtocol::V0
    } else {
        WireProtocol::V2
    };
    let mut answer = Vec::new();
    repo.upload_pack(protocol, &["refs/sluice/"], &body, &mut |piece| {
        answer.extend(piece);
        answer.len() < 1 << 20
    })
    .expect("a request never fails the machinery");
    // The pack is a pack of at most what `main` has: two commits, two trees, two files.
    if let Some(at) = answer.windows(5).position(|five| five == b"\x01PACK")
        && let Some(count) = answer.get(at + 9..at + 13)
    {
        assert!(u32::from_be_bytes(count.try_into().expect("four bytes")) <= 6);
    }
});
