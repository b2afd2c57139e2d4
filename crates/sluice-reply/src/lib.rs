//! Turns an agent's Markdown into changes and warnings; hostile input, never fails. Pure.
//!
//! A text goes through four steps, each in linear time, once a fence around the whole is off (`wrap`):
//! lines (`lines`); fenced blocks as CommonMark sees them, with nested and forgotten fences mended (`scan`,
//! `nesting`); what each block is and which source gives its path (`block`); and what the blocks are
//! together (`assemble`): duplicates, conflicts, inference. A text that is still being written goes through
//! `stream`.

mod assemble;
mod block;
pub mod changes;
mod comment;
mod containers;
mod cursor;
mod edit;
mod elision;
mod explain;
mod fence;
mod html;
mod infer;
mod info;
mod json;
mod label;
mod language;
mod lines;
mod nesting;
mod pathlike;
mod reply;
mod scan;
mod stray;
mod stream;
mod think;
mod warning;
mod wrap;

pub use explain::{Became, Explained, Said, explain};
pub use json::ReplyJson;
pub use reply::{Deletion, EditBlock, EditKind, FileBlock, Reply, Source};
pub use stream::{Event, Stream, TooLong};
pub use warning::{Code, Warning};

/// Parses a reply. Any text parses.
pub fn parse(text: &str) -> Reply {
    match wrap::unwrapped(text) {
        Some(bare) => read(&bare),
        None => read(text),
    }
}

fn read(text: &str) -> Reply {
    assemble::assemble(scan::scan(text, true))
}

#[cfg(test)]
mod tests;
