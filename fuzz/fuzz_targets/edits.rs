//! Any reply on any base comes to something: all of it or nothing, the same each time, and what is done is done.
//!
//! An input is a base and up to two replies, parted by a line `=== reply ===`; the base is `a.ts` and `b/c.txt`, parted
//! by a line `=== file ===`.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use sluice_reply::changes::{
    Base, BaseError, Entry, FileAction, FileChange, Kept, Resolved, Taker, resolve, resolve_after,
};
use sluice_reply::{Reply, parse};

struct World(BTreeMap<String, Entry>);

impl Base for World {
    fn entry(&self, path: &str) -> Result<Entry, BaseError> {
        Ok(self.0.get(path).cloned().unwrap_or(Entry::Missing))
    }

    fn paths(&self) -> Result<Vec<String>, BaseError> {
        Ok(self.0.keys().cloned().collect())
    }
}

impl World {
    fn after<'c>(&self, changes: impl IntoIterator<Item = &'c FileChange>) -> World {
        let mut files = self.0.clone();
        for change in changes {
            match &change.action {
                FileAction::Write { bytes, executable } => {
                    let entry = Entry::File {
                        bytes: bytes.clone(),
                        executable: *executable,
                    };
                    files.insert(change.path.as_str().to_owned(), entry);
                }
                FileAction::Delete => drop(files.remove(change.path.as_str())),
            }
        }
        World(files)
    }
}

fn hold(text: &str, reply: &Reply, resolved: &Resolved) {
    let lines = text.split('\n').count();
    let mut paths: Vec<_> = resolved
        .changes
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), resolved.changes.len(), "one change a path");
    for receipt in resolved.receipts.iter().filter(|one| one.reply.is_none()) {
        assert!(
            text.get(receipt.bytes.0..receipt.bytes.1).is_some(),
            "{receipt:?}"
        );
        assert!(
            1 <= receipt.lines.0 && receipt.lines.0 <= receipt.lines.1,
            "{receipt:?}"
        );
        assert!(receipt.lines.1 <= lines + 1, "{receipt:?}");
    }
    for refused in &resolved.refused {
        assert!(
            1 <= refused.line && refused.line <= lines + 1,
            "{refused:?}"
        );
        assert!(!refused.text().is_empty());
    }
    if reply.files.is_empty() && reply.edits.is_empty() && reply.deletions.is_empty() {
        assert!(resolved.changes.is_empty() && resolved.kept.is_none());
    }
    if resolved.refused.is_empty() {
        assert!(resolved.kept.is_none());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split("=== reply ===\n");
    let mut files = parts.next().unwrap_or_default().split("=== file ===\n");
    let mut world = World(BTreeMap::new());
    for path in ["a.ts", "b/c.txt"] {
        if let Some(text) = files.next() {
            let entry = Entry::File {
                bytes: text.into(),
                executable: false,
            };
            world.0.insert(path.to_owned(), entry);
        }
    }
    let first = parts.next().unwrap_or_default();
    let reply = parse(first);
    let mut kept = Kept::default();
    for taker in [Taker::Folder, Taker::Gate] {
        let resolved = resolve(&reply, &world, taker).expect("a base in memory is read");
        assert_eq!(resolved, resolve(&reply, &world, taker).expect("and again"));
        hold(first, &reply, &resolved);
        // What was whole files and deletions alone comes to the same on its own result.
        if resolved.refused.is_empty() && reply.edits.is_empty() {
            let after = world.after(&resolved.changes);
            let again = resolve(&reply, &after, Taker::Folder).expect("a base in memory");
            let named = again
                .refused
                .iter()
                .all(|one| one.code == "path_inferred" || one.code == "placeholder_elision");
            assert!(named, "{again:?}");
            if again.refused.is_empty() {
                assert_eq!(after.after(&again.changes).0, after.0);
            }
        }
        kept = resolved.kept.unwrap_or_default().said_by("first");
    }
    // Sent again whole, and with another reply.
    if !kept.is_empty() {
        let again = resolve_after(&kept, &reply, &world, Taker::Gate).expect("a base in memory");
        hold(first, &reply, &again);
    }
    let second = parts.next().unwrap_or_default();
    let reply = parse(second);
    let resolved = resolve_after(&kept, &reply, &world, Taker::Gate).expect("a base in memory");
    hold(second, &reply, &resolved);
});
