//! The shape of `sluice parse --json`.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Deletion, EditBlock, EditKind, FileBlock, Reply, Source};

/// A reply as the contract's JSON (section 2).
#[derive(Clone, Copy, Debug)]
pub struct ReplyJson<'a> {
    pub(crate) reply: &'a Reply,
    pub(crate) contents: bool,
}

impl Serialize for ReplyJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let files: Vec<FileJson<'_>> = self
            .reply
            .files
            .iter()
            .map(|file| FileJson::new(file, self.contents))
            .collect();
        let edits: Vec<EditJson<'_>> = self
            .reply
            .edits
            .iter()
            .map(|edit| EditJson::new(edit, self.contents))
            .collect();
        let deletions: Vec<DeletionJson<'_>> =
            self.reply.deletions.iter().map(DeletionJson::new).collect();
        let mut out = serializer.serialize_struct("Reply", 4)?;
        out.serialize_field("files", &files)?;
        out.serialize_field("edits", &edits)?;
        out.serialize_field("deletions", &deletions)?;
        out.serialize_field("warnings", &self.reply.warnings)?;
        out.end()
    }
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    language: &'a str,
    sha256: String,
    size: usize,
    complete: bool,
    inferred: bool,
    source: Source,
    lines: (usize, usize),
    bytes: (usize, usize),
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl<'a> FileJson<'a> {
    fn new(file: &'a FileBlock, contents: bool) -> FileJson<'a> {
        FileJson {
            path: file.path.as_str(),
            language: &file.language,
            sha256: file.sha256(),
            size: file.content.len(),
            complete: file.complete,
            inferred: file.inferred,
            source: file.source,
            lines: file.lines,
            bytes: (file.bytes.start, file.bytes.end),
            content: contents.then_some(&file.content),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct EditJson<'a> {
    path: Option<&'a str>,
    kind: EditKind,
    complete: bool,
    lines: (usize, usize),
    bytes: (usize, usize),
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl<'a> EditJson<'a> {
    pub(crate) fn new(edit: &'a EditBlock, contents: bool) -> EditJson<'a> {
        EditJson {
            path: edit.path.as_ref().map(|path| path.as_str()),
            kind: edit.kind,
            complete: edit.complete,
            lines: edit.lines,
            bytes: (edit.bytes.start, edit.bytes.end),
            content: contents.then_some(&edit.text),
        }
    }
}

#[derive(Serialize)]
struct DeletionJson<'a> {
    path: &'a str,
    lines: (usize, usize),
}

impl<'a> DeletionJson<'a> {
    fn new(deletion: &'a Deletion) -> DeletionJson<'a> {
        DeletionJson {
            path: deletion.path.as_str(),
            lines: deletion.lines,
        }
    }
}
