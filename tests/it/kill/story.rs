//! The story that is told again and again: a data directory with gates, replies and a key, nothing started.
//!
//! A person edits a file before G0, saves another while it is open, and writes one that the agent of G2 writes too.
//! G0 is red once and healed; G1 runs a test in a sandbox; G2 spends its attempts and a person's answer takes it
//! on. What the person then says of the two plans reopens G1 and G2: both are passed again. G3 is not for this kind
//! of project.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sluice_proof::Signer;
use tempfile::TempDir;

/// The project's name, as `tests/src/bin/passage.rs` makes it.
pub(crate) const PROJECT: &str = "adder";

const HEAD: &str = "name = \"Gate\"\npurpose = \"It is there.\"\nworker = \"writer\"\n";
const GATES: [(&str, &str); 4] = [
    (
        "g0",
        "[[documents]]\npath = \"docs/SCOPE.md\"\nkind = \"markdown\"\nsections = [\"Goals\"]\n",
    ),
    ("g1", "checks = [\"test\"]\n"),
    (
        "g2",
        "heal_attempts = 1\n[[documents]]\npath = \"docs/PLAN.md\"\nkind = \"markdown\"\nsections = [\"Steps\"]\n",
    ),
    ("g3", "applies_to = [\"web\"]\n"),
];

const REPLIES: [(&str, &str); 6] = [
    (
        "g0/0",
        "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n",
    ),
    (
        "g0/1",
        "```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\nPeople add numbers and see the sum.\n```\n",
    ),
    ("g1/0", SERVICE),
    (
        "g2/0",
        "```md:docs/PLAN.md\n# Plan\n\n## Things\n\nWrite it.\n```\n",
    ),
    (
        "g2/1",
        "```md:docs/PLAN.md\n# Plan\n\n## Parts\n\nWrite it, then try it.\n```\n",
    ),
    (
        "g2/2",
        "```md:docs/PLAN.md\n# Plan\n\n## Steps\n\nWrite it, try it, ship it.\n```\n",
    ),
];

const SERVICE: &str = r#"
```json:package.json
{
  "name": "adder",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": { "test": "node --test" }
}
```

```json:package-lock.json
{
  "name": "adder",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": { "": { "name": "adder", "version": "1.0.0" } }
}
```

```js:src/add.js
export const add = (a, b) => a + b;
```

```js:test/add.test.js
import { test } from 'node:test';
import assert from 'node:assert';
import { setTimeout } from 'node:timers/promises';
import { add } from '../src/add.js';

test('adds', async () => {
  await setTimeout(PAUSE);
  assert.equal(add(1, 2), 3);
});
```
"#;

/// One key for all stories: files of proofs are named by it.
fn key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| Signer::generate("test").to_openssh().to_string())
}

/// A data directory, removed in the end.
pub(crate) struct Story {
    folder: TempDir,
}

impl Story {
    /// A new one, with a test that takes `pause` milliseconds; in memory where there is such a file system.
    pub(crate) fn new(pause: u32) -> Story {
        let memory = Path::new("/dev/shm");
        let below = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::Builder::new()
            .prefix("sluice-kill-")
            .tempdir_in(below)
            .expect("a folder");
        // Commands in sandboxes run as another user and must be able to come here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let write = |path: String, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        for n in 0..10 {
            let gate = format!("g{n}");
            let own = GATES
                .iter()
                .find(|(name, _)| *name == gate)
                .map_or("", |(_, text)| text);
            write(format!("gates/{gate}.toml"), &format!("{HEAD}{own}"));
        }
        for (name, text) in REPLIES {
            write(
                format!("replies/{name}.md"),
                &text.replace("PAUSE", &pause.to_string()),
            );
        }
        write("data/signing_key".to_owned(), key());
        Story { folder }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What belongs to the factory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The project's git data.
    pub(crate) fn git(&self) -> PathBuf {
        self.data().join("git").join(format!("{PROJECT}.git"))
    }

    /// Leaves the folder for whoever looks for the fault, and says where it is.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}
