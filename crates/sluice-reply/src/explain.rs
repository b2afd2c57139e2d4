//! Says for every block of a reply what it became, and why.

use serde::Serialize;

use crate::block::{self, Block, Heard, Sources};
use crate::scan::Fence;
use crate::{Code, Reply, Source, Warning};

/// A fenced block and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// 1-based lines of the opening and closing fence.
    pub lines: (usize, usize),
    /// As the info string names it, in lower case; may be empty.
    pub language: String,
    /// What it is in the reply.
    pub became: Became,
    /// Where it goes, or which file it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The source that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Every source that named a path, the strongest first.
    pub heard: Vec<Said>,
    /// One sentence, for a person; safe to print.
    pub why: String,
    /// Whether its fence was closed.
    pub complete: bool,
    /// Codes of the warnings inside its lines, in their order.
    pub warnings: Vec<Code>,
}

/// What a block is in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// A whole file.
    File,
    /// An edit of a file that exists.
    Edit,
    /// A file to delete.
    Deletion,
    /// Nothing: it is for people.
    Nothing,
}

impl Became {
    /// The word that the JSON has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Became::File => "file",
            Became::Edit => "edit",
            Became::Deletion => "deletion",
            Became::Nothing => "nothing",
        }
    }
}

/// What one source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Which.
    pub source: Source,
    /// The path as written, without quotes and notes.
    pub path: String,
    /// Whether this source may name a block of this language: a heading does not make commands a file.
    pub counts: bool,
}

/// Explains every fenced block, in order. `reply` is what the text parses to.
pub fn explain(text: &str, reply: &Reply) -> Vec<Explained> {
    let bare = crate::wrap::unwrapped(text);
    let text = bare.as_deref().unwrap_or(text);
    let scan = crate::scan::scan(text, true);
    scan.fences
        .iter()
        .map(|fence| explained(fence, reply))
        .collect()
}

fn explained(fence: &Fence<'_>, reply: &Reply) -> Explained {
    let (read, language) = block::read(fence, &mut Vec::new());
    let sources = Sources::of(fence);
    let heard = sources.heard(fence).into_iter().map(Said::from).collect();
    let warnings: Vec<&Warning> = reply
        .warnings
        .iter()
        .filter(|warning| (fence.lines.0..=fence.lines.1).contains(&warning.line))
        .collect();
    let mut explained = Explained {
        lines: fence.lines,
        language,
        became: Became::Nothing,
        path: None,
        source: None,
        heard,
        why: String::new(),
        complete: fence.closed,
        warnings: warnings.iter().map(|warning| warning.code).collect(),
    };
    decide(&mut explained, &read, reply, &warnings);
    explained
}

/// Fills in what the block became, which the blocks around it have a say in.
fn decide(explained: &mut Explained, read: &Block, reply: &Reply, warnings: &[&Warning]) {
    let first = explained.lines.0;
    if let Some(file) = reply.files.iter().find(|file| file.lines.0 == first) {
        explained.became = Became::File;
        explained.path = Some(file.path.to_string());
        explained.source = Some(file.source);
        explained.why = match file.source {
            Source::Inferred => "nothing names it; its content leaves no doubt".to_owned(),
            source => format!("its {} names it", words(source)),
        };
        if !file.complete {
            explained
                .why
                .push_str(", but it was never closed: it is not written");
        }
        return;
    }
    match read {
        Block::Edit { path, kind, .. } => {
            explained.became = Became::Edit;
            explained.path = path.as_ref().map(|path| path.to_string());
            explained.why = format!("it is {}, which is applied to a base", kind.as_words());
        }
        Block::Deletion { path } | Block::File { path, .. } => {
            explained.path = Some(path.to_string());
            let gone = reply.deletions.iter().find(|gone| gone.lines.0 == first);
            if gone.is_some() {
                explained.became = Became::Deletion;
                explained.source = Some(Source::InfoString);
                explained.why = "it is empty, and its info string says `delete:`".to_owned();
                return;
            }
            explained.why = outranked(path.as_str(), explained.lines, reply, warnings);
        }
        Block::Unlabelled | Block::Nothing => {
            explained.why = why_nothing(explained, warnings);
        }
    }
}

/// Why a block with a path is not in the reply.
fn outranked(path: &str, lines: (usize, usize), reply: &Reply, warnings: &[&Warning]) -> String {
    let conflict = warnings
        .iter()
        .find(|warning| warning.code == Code::PathConflict);
    if let Some(conflict) = conflict {
        return conflict.message.clone();
    }
    let files = reply
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.lines.0));
    let deletions = reply
        .deletions
        .iter()
        .map(|gone| (gone.path.as_str(), gone.lines.0));
    match files.chain(deletions).find(|(other, _)| *other == path) {
        Some((_, line)) if line > lines.0 => {
            format!("the block on line {line} has the same path and comes later")
        }
        Some((_, line)) => format!("the block on line {line} has the same path and is complete"),
        None => "another block took its place".to_owned(),
    }
}

/// Why a block is nothing: what was warned about first, and what was heard in vain.
fn why_nothing(explained: &Explained, warnings: &[&Warning]) -> String {
    let told = warnings.iter().find(|warning| {
        matches!(
            warning.code,
            Code::NoPath | Code::ShellSkipped | Code::PathRejected | Code::Truncated
        )
    });
    let mut why = told.map_or_else(
        || "nothing names it".to_owned(),
        |told| told.message.clone(),
    );
    if let Some(said) = explained.heard.iter().find(|said| !said.counts) {
        why.push_str(&format!(
            " (the {} does not count for such a block)",
            words(said.source)
        ));
    }
    why
}

fn words(source: Source) -> &'static str {
    match source {
        Source::InfoString => "info string",
        Source::Attribute => "attribute",
        Source::InfoWord => "word in the info string",
        Source::Label => "line before it",
        Source::Comment => "first-line comment",
        Source::Inferred => "content",
    }
}

impl From<Heard> for Said {
    fn from(heard: Heard) -> Said {
        Said {
            source: heard.source,
            path: heard.path,
            counts: heard.counts,
        }
    }
}
