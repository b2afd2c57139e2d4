//! `sluice parse --explain`: every block of a reply, and why it became what it became.

use serde::Serialize;
use sluice_reply::{Explained, Reply, ReplyJson, explain};

use super::said;
use crate::exit::Exit;
use crate::output::{Output, one_line, table};

/// The contract's JSON with `blocks` added.
#[derive(Serialize)]
struct WithBlocks<'a> {
    #[serde(flatten)]
    reply: ReplyJson<'a>,
    blocks: Vec<Explained>,
}

/// Prints the blocks; with `--json`, beside all that the parse gives.
pub(super) fn run(reply: &Reply, text: &str, contents: bool, output: Output) -> Result<(), Exit> {
    let blocks = explain(text, reply);
    if output.is_json() {
        return output.document(&WithBlocks {
            reply: reply.to_json(contents),
            blocks,
        });
    }
    for warning in &reply.warnings {
        output.note(&said(warning));
    }
    output.text(&rows(&blocks))
}

fn rows(blocks: &[Explained]) -> String {
    if blocks.is_empty() {
        return "no fenced blocks\n".to_owned();
    }
    let head = [
        "LINES", "LANGUAGE", "BECAME", "PATH", "FROM", "HEARD", "WHY",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for block in blocks {
        let heard: Vec<String> = block
            .heard
            .iter()
            .map(|said| {
                let counts = if said.counts { "" } else { " (does not count)" };
                format!("{}={}{counts}", said.source.as_str(), said.path)
            })
            .collect();
        let or_dash = |text: &str| one_line(if text.is_empty() { "-" } else { text });
        rows.push(vec![
            format!("{}-{}", block.lines.0, block.lines.1),
            or_dash(&block.language),
            block.became.as_str().to_owned(),
            or_dash(block.path.as_deref().unwrap_or("")),
            or_dash(block.source.map_or("", |source| source.as_str())),
            or_dash(&heard.join(", ")),
            one_line(&block.why),
        ]);
    }
    table(&rows)
}
