//! `sluice parse`: says which files a reply holds; writes nothing.

mod explained;
mod streamed;

use sluice_reply::{Reply, Warning};

use super::reply_text::ReplyText;
use crate::cli::Parse;
use crate::exit::Exit;
use crate::output::{Output, one_line, table, visible};

/// Runs the command.
pub(super) fn run(args: &Parse, output: Output) -> Result<(), Exit> {
    if args.stream {
        return streamed::run(args.file.as_deref(), output);
    }
    let read = ReplyText::read(args.file.as_deref(), output)?;
    let reply = read.parse();
    if args.explain {
        return explained::run(&reply, read.text(), args.contents, output);
    }
    if output.is_json() {
        return output.document(&reply.to_json(args.contents));
    }
    for warning in &reply.warnings {
        output.note(&said(warning));
    }
    output.text(&text(&reply, args.contents))
}

/// A warning on one line, with the line of the reply in front.
pub(super) fn said(warning: &Warning) -> String {
    let reason = warning
        .reason
        .map_or(String::new(), |reason| format!(" ({reason})"));
    one_line(&format!(
        "line {}: {}{reason}: {}",
        warning.line, warning.code, warning.message
    ))
}

fn text(reply: &Reply, contents: bool) -> String {
    if reply.files.is_empty() && reply.edits.is_empty() && reply.deletions.is_empty() {
        return format!("no files ({} fenced blocks)\n", reply.blocks);
    }
    let lines = |(first, last): (usize, usize)| format!("{first}-{last}");
    let head = ["PATH", "LANGUAGE", "BYTES", "LINES", "FROM"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for file in &reply.files {
        let note = if file.complete {
            ""
        } else {
            ", cut off: is not written"
        };
        rows.push(vec![
            one_line(file.path.as_str()),
            one_line(&file.language),
            file.content.len().to_string(),
            lines(file.lines),
            format!("{}{note}", file.source.as_str()),
        ]);
    }
    for edit in &reply.edits {
        let path = edit.path.as_ref().map_or("?", |path| path.as_str());
        rows.push(vec![
            one_line(path),
            "edit".to_owned(),
            edit.text.len().to_string(),
            lines(edit.lines),
            "not applied here".to_owned(),
        ]);
    }
    for deletion in &reply.deletions {
        rows.push(vec![
            one_line(deletion.path.as_str()),
            "delete".to_owned(),
            String::new(),
            lines(deletion.lines),
            "info-string".to_owned(),
        ]);
    }
    let mut text = table(&rows);
    if contents {
        for file in &reply.files {
            text.push_str(&format!("\n==> {} <==\n", one_line(file.path.as_str())));
            text.push_str(&visible(&file.content));
        }
    }
    text
}
