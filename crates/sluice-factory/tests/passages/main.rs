//! Passages through gates: real store, real git, recorded agents; gates that demand documents only.
#![expect(clippy::unwrap_used, reason = "a story ends where something fails")]

mod answers;
mod backups;
mod cancel;
mod checks;
mod decisions;
mod disk;
mod edits;
mod fields;
mod files;
mod heal;
mod history;
mod hostile;
mod journal;
mod kept;
mod models;
mod outside;
mod packing;
mod projects;
mod proof;
mod reopening;
mod world;
