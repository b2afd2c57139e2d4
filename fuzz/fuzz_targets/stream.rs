//! Chunks come to what the whole comes to, and so do their events.
//!
//! The input is a reply; its last bytes say where it is cut.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use sluice_reply::{Deletion, Event, FileBlock, Reply, Stream};

/// What somebody knows who follows the events: no file is left open, and each text is the file's.
#[derive(Default)]
struct Known {
    files: BTreeMap<usize, File>,
    others: Reply,
}

struct File {
    block: FileBlock,
    /// Its digest, once it is closed.
    closed: Option<String>,
}

impl Known {
    fn take(&mut self, event: Event) {
        match event {
            Event::FileOpened {
                file,
                path,
                language,
                source,
                line,
            } => {
                let block = FileBlock {
                    path,
                    language,
                    content: String::new(),
                    complete: false,
                    inferred: source == sluice_reply::Source::Inferred,
                    source,
                    lines: (line, line),
                    bytes: 0..0,
                };
                let closed = None;
                let before = self.files.insert(file, File { block, closed });
                assert!(before.is_none(), "a number twice");
            }
            Event::FileText { file, text } => {
                let file = self.file(file);
                assert!(file.closed.is_none() && !text.is_empty());
                file.block.content.push_str(&text);
            }
            Event::FileClosed {
                file,
                complete,
                lines,
                bytes,
                sha256,
            } => {
                let file = self.file(file);
                assert!(file.closed.replace(sha256).is_none());
                assert_eq!(file.block.lines.0, lines.0);
                file.block.complete = complete;
                file.block.lines = lines;
                file.block.bytes = bytes.0..bytes.1;
            }
            Event::FileReopened { file } => assert!(self.file(file).closed.take().is_some()),
            Event::FileWithdrawn { file } => assert!(self.files.remove(&file).is_some()),
            Event::Edit { edit } => self.others.edits.push(edit),
            Event::EditWithdrawn { line } => {
                drop_one(&mut self.others.edits, |edit| edit.lines.0 == line)
            }
            Event::Deletion { path, lines, bytes } => self.others.deletions.push(Deletion {
                path,
                lines,
                bytes: bytes.0..bytes.1,
            }),
            Event::DeletionWithdrawn { line } => {
                drop_one(&mut self.others.deletions, |deletion| {
                    deletion.lines.0 == line
                });
            }
            Event::Warning { warning } => self.others.warnings.push(warning),
            Event::WarningWithdrawn { warning } => {
                drop_one(&mut self.others.warnings, |known| *known == warning);
            }
        }
    }

    fn file(&mut self, number: usize) -> &mut File {
        self.files.get_mut(&number).expect("it was opened")
    }

    fn is(self, reply: &Reply) {
        let mut files: Vec<FileBlock> = Vec::new();
        for file in self.files.into_values() {
            assert_eq!(file.closed, Some(file.block.sha256()));
            files.push(file.block);
        }
        files.sort_by_key(|file| file.lines);
        assert_eq!(files, reply.files);
        let mut others = self.others;
        others.edits.sort_by_key(|edit| edit.lines);
        assert_eq!(others.edits, reply.edits);
        others.deletions.sort_by_key(|deletion| deletion.lines);
        assert_eq!(others.deletions, reply.deletions);
        let sorted = |warnings: &[sluice_reply::Warning]| {
            let mut all: Vec<String> = warnings.iter().map(|w| format!("{w:?}")).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&others.warnings), sorted(&reply.warnings));
    }
}

fn drop_one<T>(all: &mut Vec<T>, is_it: impl Fn(&T) -> bool) {
    let at = all.iter().position(is_it).expect("it was said");
    all.remove(at);
}

/// Up to sixteen places, as the last bytes say.
fn cuts(bytes: &[u8]) -> Vec<usize> {
    let Some((count, rest)) = bytes.split_last() else {
        return Vec::new();
    };
    let places = rest.rchunks_exact(2).take(usize::from(count % 17));
    let mut cuts: Vec<usize> = places
        .map(|place| usize::from(u16::from_le_bytes([place[0], place[1]])) % (bytes.len() + 1))
        .collect();
    cuts.sort_unstable();
    cuts
}

fuzz_target!(|bytes: &[u8]| {
    let mut known = Known::default();
    let mut stream = Stream::new(usize::MAX);
    let mut from = 0;
    for cut in cuts(bytes).into_iter().chain([bytes.len()]) {
        let events = stream.push(&bytes[from..cut]).expect("no limit");
        events.into_iter().for_each(|event| known.take(event));
        from = cut;
    }
    let (events, reply) = stream.finish();
    events.into_iter().for_each(|event| known.take(event));
    assert_eq!(reply, sluice_reply::parse(&String::from_utf8_lossy(bytes)));
    known.is(&reply);
});
