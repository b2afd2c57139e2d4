//! `sluice parse --stream`: an event on a line of its own as soon as it is decided, then the reply.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use sluice_reply::Stream;

use super::super::reply_text::{LIMIT, not_utf8};
use crate::exit::Exit;
use crate::output::Output;

/// Reads `file`; `None` or `-` is standard input.
pub(super) fn run(file: Option<&Path>, output: Output) -> Result<(), Exit> {
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            let name = file.display().to_string();
            let opened =
                File::open(file).map_err(|error| Exit::usage(format!("{name}: {error}")))?;
            follow(opened, &name, output)
        }
        None => follow(io::stdin().lock(), "standard input", output),
    }
}

fn follow(mut from: impl Read, name: &str, output: Output) -> Result<(), Exit> {
    let limit = usize::try_from(LIMIT).unwrap_or(usize::MAX);
    let mut stream = Stream::new(limit);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Exit::usage(format!("{name}: {error}"))),
        };
        let events = stream
            .push(&chunk[..read])
            .map_err(|error| Exit::usage(format!("{name}: {error}")))?;
        say(&events, output)?;
    }
    if let Some(line) = stream.not_utf8() {
        output.note(&not_utf8(line));
    }
    let (events, reply) = stream.finish();
    say(&events, output)?;
    say(
        &[json!({ "event": "reply", "reply": reply.to_json(false) })],
        output,
    )
}

/// Prints one line for each, whether a person reads it or a program.
fn say(events: &[impl Serialize], output: Output) -> Result<(), Exit> {
    let mut lines = String::new();
    for event in events {
        let line = serde_json::to_string(event)
            .map_err(|error| Exit::failed(format!("an event is no JSON: {error}")))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    if lines.is_empty() {
        return Ok(());
    }
    output.text(&lines)
}
