//! Remembers that an engine was looked at and can keep code in, for commands that most often run nothing.
//!
//! It decides only whether a command that may choose its engine asks again before it chooses: before its first job
//! every container engine is looked at, whatever is remembered.

use std::fs;
use std::path::PathBuf;

use sluice_sandbox::EngineInfo;

use super::cache_folder;

/// Whether this engine, in this version, was found good and has not failed since.
pub(super) fn is_good(engine: &EngineInfo) -> bool {
    file(&engine.name)
        .and_then(|path| fs::read_to_string(path).ok())
        .is_some_and(|version| version == engine.version)
}

/// Remembers that it was.
pub(super) fn remember(engine: &EngineInfo) {
    let Some(path) = file(&engine.name) else {
        return;
    };
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    // A file that is cut short names no version, and the engine is asked again.
    if let Err(error) = folder.and_then(|()| fs::write(&path, &engine.version)) {
        tracing::debug!(%error, "an engine that was found good is not remembered");
    }
}

/// Something failed in an engine: the next command asks again.
pub(crate) fn forget(engine: &EngineInfo) {
    if let Some(path) = file(&engine.name) {
        let _ = fs::remove_file(path);
    }
}

fn file(engine: &str) -> Option<PathBuf> {
    Some(cache_folder().ok()?.join("engines").join(engine))
}
