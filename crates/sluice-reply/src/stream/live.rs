//! The reading on the way: one line at a time, nothing looked at twice.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest, Sha256};
use sluice_path::RelPath;

use super::Event;
use crate::block::{self, Block};
use crate::info::Info;
use crate::language::{Kind, kind};
use crate::lines::Line;
use crate::nesting::{End, is_nesting};
use crate::pathlike::{clean, is_path_like};
use crate::scan::{self, Body, Ended, Fence, Open, Scanner};
use crate::think::{self, Tag};
use crate::{Deletion, EditBlock, FileBlock, Source, Warning, assemble};

/// Lines that are not blank after which a block that names no file names none.
const NAMED_WITHIN: usize = 3;

/// What has been shown so far, and where the reading is.
pub(super) struct Live {
    scanner: Scanner,
    /// The tag that ends the thinking which the text is in.
    thinking: Option<&'static str>,
    /// Whether there was any text but blank lines.
    begun: bool,
    block: Showing,
    /// The open block's text: until it is decided, and as long as it stands in containers.
    gathered: String,
    /// Files with text that are shown, by their number.
    pub(super) files: Vec<Option<Shown>>,
    /// The last complete file of each path.
    complete: HashMap<String, usize>,
    pub(super) edits: Vec<EditBlock>,
    pub(super) deletions: Vec<Deletion>,
    pub(super) warnings: Vec<Warning>,
    swallowed: usize,
    strays: usize,
    /// Bytes of blocks looked at.
    pub(super) work: usize,
}

/// A file that is shown.
pub(super) struct Shown {
    pub(super) path: RelPath,
    pub(super) language: String,
    pub(super) source: Source,
    /// 1-based line of the opener.
    pub(super) line: usize,
    /// Of the text that was shown.
    pub(super) digest: Sha256,
    pub(super) length: usize,
    /// How it was closed: whether complete, lines, bytes.
    pub(super) closed: Option<Closing>,
}

pub(super) type Closing = (bool, (usize, usize), (usize, usize));

/// What is shown of the open block.
enum Showing {
    /// Not known yet; so many lines that are not blank have come.
    Undecided(usize),
    File(usize),
    Nothing,
}

impl Live {
    pub(super) fn new() -> Live {
        Live {
            scanner: Scanner::new(true),
            thinking: None,
            begun: false,
            block: Showing::Nothing,
            gathered: String::new(),
            files: Vec::new(),
            complete: HashMap::new(),
            edits: Vec::new(),
            deletions: Vec::new(),
            warnings: Vec::new(),
            swallowed: 0,
            strays: 0,
            work: 0,
        }
    }

    /// Takes the next line; `number` is 1-based.
    pub(super) fn line(&mut self, text: &str, line: Line, number: usize, events: &mut Vec<Event>) {
        if self.is_thought(line.text(text), events) || self.is_wrapper(line.text(text)) {
            return;
        }
        let step = self.scanner.line(text, line, number);
        if let Some(ended) = step.ended {
            self.end(text, ended, events);
        }
        if let Some(body) = step.body {
            self.body(text, &body, events);
        }
        if step.opened
            && let Some(open) = self.scanner.open_mut()
        {
            if is_nesting(text, line, &open.opener(text), open.before(text)) {
                open.set_end(End::Counted(1));
            }
            self.block = Showing::Undecided(0);
            self.gathered.clear();
        }
        for line in &self.scanner.swallowed()[self.swallowed..] {
            let warning = assemble::swallowed(*line);
            self.warnings.push(warning.clone());
            events.push(Event::Warning { warning });
        }
        self.swallowed = self.scanner.swallowed().len();
        for stray in &self.scanner.strays()[self.strays..] {
            let warning = stray.warning();
            self.warnings.push(warning.clone());
            events.push(Event::Warning { warning });
        }
        self.strays = self.scanner.strays().len();
    }

    /// Whether the line is thinking.
    fn is_thought(&mut self, said: &str, events: &mut Vec<Event>) -> bool {
        let ends = |close: &str| memchr::memmem::find(said.as_bytes(), close.as_bytes()).is_some();
        if let Some(close) = self.thinking {
            self.thinking = (!ends(close)).then_some(close);
            return true;
        }
        if self.scanner.open().is_some() {
            return false;
        }
        match think::tag(said) {
            Tag::None => return false,
            Tag::Open(close) => self.thinking = (!ends(close)).then_some(close),
            Tag::Close => self.forget(events),
        }
        self.scanner.reset();
        true
    }

    /// Whether the line is the fence of a Markdown block that, as far as can be told, is the whole reply.
    fn is_wrapper(&mut self, said: &str) -> bool {
        let said = said.trim();
        if self.begun || said.is_empty() {
            return false;
        }
        self.begun = true;
        let rest = said.trim_start_matches(['`', '~']);
        let info = Info::read(rest.trim());
        said.len() - rest.len() >= 3
            && kind(&info.language) == Kind::Markdown
            && info.paths.is_empty()
    }

    /// Takes back everything that was read in blocks: all of it was thinking.
    fn forget(&mut self, events: &mut Vec<Event>) {
        for file in 0..self.files.len() {
            self.withdraw(file, events);
        }
        events.extend(
            self.edits
                .drain(..)
                .map(|edit| Event::EditWithdrawn { line: edit.lines.0 }),
        );
        events.extend(
            self.deletions
                .drain(..)
                .map(|deletion| Event::DeletionWithdrawn {
                    line: deletion.lines.0,
                }),
        );
        events.extend(
            self.warnings
                .drain(..)
                .map(|warning| Event::WarningWithdrawn { warning }),
        );
        self.complete.clear();
    }

    /// A line of the open block.
    fn body(&mut self, text: &str, body: &Body, events: &mut Vec<Event>) {
        let Some(open) = self.scanner.open() else {
            return;
        };
        let undecided = matches!(self.block, Showing::Undecided(_));
        let from = self.gathered.len();
        if undecided || !open.is_free() {
            body.push_to(text, &mut self.gathered);
        }
        match self.block {
            Showing::Nothing => {}
            Showing::File(file) if open.is_free() => {
                let mut line = String::new();
                body.push_to(text, &mut line);
                self.show(file, &line, events);
            }
            Showing::File(file) => {
                let line = self.gathered[from..].to_owned();
                self.show(file, &line, events);
            }
            Showing::Undecided(lines) => {
                if self.gathered[from..].trim().is_empty() {
                    return;
                }
                self.decide(text, lines + 1, events);
            }
        }
    }

    /// Decides what the open block is, if its first lines suffice.
    fn decide(&mut self, text: &str, lines: usize, events: &mut Vec<Event>) {
        let Some(open) = self.scanner.open() else {
            return;
        };
        let last = lines >= NAMED_WITHIN;
        self.block = Showing::Undecided(lines);
        self.work += self.gathered.len();
        if !last && may_be_edit(&self.gathered) {
            return;
        }
        let fence = partial(text, open, &self.gathered);
        // What it warns about may change with the rest.
        let (block, language) = block::read(&fence, &mut Vec::new());
        match block {
            Block::File {
                path,
                source,
                marker,
            } => {
                let mut content = self.gathered.clone();
                if let Some(marker) = marker {
                    content.replace_range(marker, "");
                }
                let file = self.open(path, language, source, open.line, events);
                self.show(file, &content, events);
                self.block = Showing::File(file);
            }
            Block::Unlabelled if !last => {}
            _ => self.block = Showing::Nothing,
        }
    }

    /// The block is over, and what it is can be told, but for the other blocks.
    fn end(&mut self, text: &str, ended: Ended, events: &mut Vec<Event>) {
        let shown = match std::mem::replace(&mut self.block, Showing::Nothing) {
            Showing::File(file) => Some(file),
            Showing::Undecided(_) | Showing::Nothing => None,
        };
        let fence = scan::fence(text, ended, &mut self.gathered, true);
        self.gathered.clear();
        self.work += fence.content.len();
        let mut warnings = Vec::new();
        let (block, language) = block::read(&fence, &mut warnings);
        assemble::note_fence(&fence, &block, &mut warnings);
        let mut stays = None;
        match block {
            Block::File {
                path,
                source,
                marker,
            } => {
                let block = assemble::file(fence, language, path, source, marker);
                stays = Some(self.end_file(shown, &block, &mut warnings, events));
            }
            Block::Deletion { path } => {
                let (lines, bytes) = (fence.lines, fence.body);
                events.push(Event::Deletion {
                    path: path.clone(),
                    lines,
                    bytes: (bytes.start, bytes.end),
                });
                self.deletions.push(Deletion { path, lines, bytes });
            }
            Block::Edit { path, source, kind } => {
                let edit = assemble::edit(fence, path, source, kind);
                events.push(Event::Edit { edit: edit.clone() });
                self.edits.push(edit);
            }
            Block::Unlabelled | Block::Nothing => {}
        }
        if let Some(file) = shown.filter(|file| stays != Some(*file)) {
            self.withdraw(file, events);
        }
        for warning in warnings {
            self.warnings.push(warning.clone());
            events.push(Event::Warning { warning });
        }
    }

    /// Closes a file, and gives back its number.
    fn end_file(
        &mut self,
        shown: Option<usize>,
        block: &FileBlock,
        warnings: &mut Vec<Warning>,
        events: &mut Vec<Event>,
    ) -> usize {
        assemble::note_file(block, warnings);
        let fits = |file: &usize| {
            let shown = self.files[*file].as_ref();
            shown.is_some_and(|shown| shown.names(block) && shown.length == block.content.len())
        };
        let file = shown
            .filter(fits)
            .unwrap_or_else(|| self.open_whole(block, events));
        self.close(file, block, events);
        if block.complete
            && let Some(before) = self.complete.insert(block.path.as_str().to_owned(), file)
        {
            warnings.push(assemble::duplicate(&block.path, block.lines.0, true));
            self.withdraw(before, events);
        }
        file
    }

    /// Shows a file with all of its text.
    pub(super) fn open_whole(&mut self, block: &FileBlock, events: &mut Vec<Event>) -> usize {
        let (path, language) = (block.path.clone(), block.language.clone());
        let file = self.open(path, language, block.source, block.lines.0, events);
        self.show(file, &block.content, events);
        file
    }

    fn open(
        &mut self,
        path: RelPath,
        language: String,
        source: Source,
        line: usize,
        events: &mut Vec<Event>,
    ) -> usize {
        let file = self.files.len();
        events.push(Event::FileOpened {
            file,
            path: path.clone(),
            language: language.clone(),
            source,
            line,
        });
        self.files.push(Some(Shown {
            path,
            language,
            source,
            line,
            digest: Sha256::new(),
            length: 0,
            closed: None,
        }));
        file
    }

    /// Shows more text of a file; one event for what comes at once.
    pub(super) fn show(&mut self, file: usize, more: &str, events: &mut Vec<Event>) {
        let Some(shown) = self.files[file].as_mut().filter(|_| !more.is_empty()) else {
            return;
        };
        shown.digest.update(more.as_bytes());
        shown.length += more.len();
        self.work += more.len();
        match events.last_mut() {
            Some(Event::FileText { file: last, text }) if *last == file => text.push_str(more),
            _ => events.push(Event::FileText {
                file,
                text: more.to_owned(),
            }),
        }
    }

    pub(super) fn close(&mut self, file: usize, block: &FileBlock, events: &mut Vec<Event>) {
        let Some(shown) = self.files[file].as_mut() else {
            return;
        };
        let closing = closing(block);
        shown.closed = Some(closing);
        let (complete, lines, bytes) = closing;
        events.push(Event::FileClosed {
            file,
            complete,
            lines,
            bytes,
            sha256: hex::encode(shown.digest.clone().finalize()),
        });
    }

    pub(super) fn withdraw(&mut self, file: usize, events: &mut Vec<Event>) {
        if self.files[file].take().is_some() {
            events.push(Event::FileWithdrawn { file });
        }
    }
}

impl Shown {
    /// Whether what was said of the file when it was opened is true of `block`.
    pub(super) fn names(&self, block: &FileBlock) -> bool {
        self.path == block.path
            && self.language == block.language
            && self.source == block.source
            && self.line == block.lines.0
    }
}

pub(super) fn closing(block: &FileBlock) -> Closing {
    let bytes = (block.bytes.start, block.bytes.end);
    (block.complete, block.lines, bytes)
}

/// The open block, as if it ended here.
fn partial<'a>(text: &'a str, open: &Open, content: &'a str) -> Fence<'a> {
    Fence {
        opener: open.opener(text),
        lines: (open.line, open.line),
        body: open.first..open.first,
        content: Cow::Borrowed(content),
        closed: true,
        ambiguous: false,
        before: open.before(text),
    }
}

/// Whether a block that starts like this may be an edit by what comes next.
fn may_be_edit(content: &str) -> bool {
    let first = content.lines().map(str::trim).find(|line| !line.is_empty());
    first.is_some_and(|first| {
        first.starts_with(['<', '-', '*', '+', '@'])
            || first.starts_with("diff ")
            || is_path_like(clean(first))
    })
}
