//! Streams against whole parses: same reply, and events that fold to it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::live::Closing;
use super::*;
use crate::tests::{conformance, properties};
use crate::{Deletion, EditBlock, FileBlock, Warning};

/// What somebody knows who follows the events.
#[derive(Default)]
struct Known {
    files: BTreeMap<usize, File>,
    edits: Vec<EditBlock>,
    deletions: Vec<Deletion>,
    warnings: Vec<Warning>,
}

struct File {
    path: String,
    language: String,
    source: crate::Source,
    line: usize,
    text: String,
    closed: Option<(Closing, String)>,
}

impl Known {
    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::FileOpened {
                    file,
                    path,
                    language,
                    source,
                    line,
                } => {
                    let opened = File {
                        path: path.to_string(),
                        language,
                        source,
                        line,
                        text: String::new(),
                        closed: None,
                    };
                    assert!(self.files.insert(file, opened).is_none());
                }
                Event::FileText { file, text } => {
                    let file = self.open(file);
                    assert!(file.closed.is_none() && !text.is_empty());
                    file.text.push_str(&text);
                }
                Event::FileClosed {
                    file,
                    complete,
                    lines,
                    bytes,
                    sha256,
                } => {
                    let file = self.open(file);
                    assert!(file.closed.is_none());
                    file.closed = Some(((complete, lines, bytes), sha256));
                }
                Event::FileReopened { file } => {
                    assert!(self.open(file).closed.take().is_some());
                }
                Event::FileWithdrawn { file } => drop(self.files.remove(&file).unwrap()),
                Event::Edit { edit } => self.edits.push(edit),
                Event::EditWithdrawn { line } => {
                    let at = self.edits.iter().position(|edit| edit.lines.0 == line);
                    self.edits.remove(at.unwrap());
                }
                Event::Deletion { path, lines, bytes } => self.deletions.push(Deletion {
                    path,
                    lines,
                    bytes: bytes.0..bytes.1,
                }),
                Event::DeletionWithdrawn { line } => {
                    let at = self.deletions.iter().position(|d| d.lines.0 == line);
                    self.deletions.remove(at.unwrap());
                }
                Event::Warning { warning } => self.warnings.push(warning),
                Event::WarningWithdrawn { warning } => {
                    let at = self.warnings.iter().position(|known| *known == warning);
                    self.warnings.remove(at.unwrap());
                }
            }
        }
    }

    fn open(&mut self, file: usize) -> &mut File {
        self.files.get_mut(&file).unwrap()
    }

    fn is(mut self, reply: &Reply) {
        let mut files: Vec<File> = self.files.into_values().collect();
        files.sort_by_key(|file| file.line);
        assert_eq!(files.len(), reply.files.len());
        for (file, meant) in files.into_iter().zip(&reply.files) {
            let ((complete, lines, bytes), sha256) = file.closed.unwrap();
            assert_eq!(sha256, meant.sha256());
            let known = FileBlock {
                path: file.path.parse().unwrap(),
                language: file.language,
                content: file.text,
                complete,
                inferred: file.source == crate::Source::Inferred,
                source: file.source,
                lines,
                bytes: bytes.0..bytes.1,
            };
            assert_eq!(known, *meant);
        }
        self.edits.sort_by_key(|edit| edit.lines.0);
        assert_eq!(self.edits, reply.edits);
        self.deletions.sort_by_key(|deletion| deletion.lines.0);
        assert_eq!(self.deletions, reply.deletions);
        let sorted = |warnings: &[Warning]| {
            let mut all: Vec<String> = warnings.iter().map(|w| format!("{w:?}")).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&self.warnings), sorted(&reply.warnings));
    }
}

/// Streams a text in chunks that end at `cuts`, and checks that everything adds up.
fn hold(bytes: &[u8], cuts: &[usize]) {
    let mut stream = Stream::new(1 << 30);
    let mut known = Known::default();
    let mut from = 0;
    for cut in cuts {
        known.take(stream.push(&bytes[from..*cut]).unwrap());
        from = *cut;
    }
    known.take(stream.push(&bytes[from..]).unwrap());
    let (events, reply) = stream.finish();
    known.take(events);
    assert_eq!(reply, parse(&String::from_utf8_lossy(bytes)));
    known.is(&reply);
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn events_come_to_the_reply(
        text in prop_oneof![any::<String>(), properties::reply(), properties::reply().prop_map(|text| text.replace('\n', "\r\n"))],
        cuts in cuts(),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        hold(text.as_bytes(), &cuts);
    }

    #[test]
    fn bytes_may_be_anything(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'`'), Just(b'\n'), Just(0xEF), Just(0xBB), Just(0xBF)], 0..60)) {
        let cuts: Vec<usize> = (0..bytes.len()).collect();
        hold(&bytes, &cuts);
        hold(&bytes, &[]);
    }
}

#[test]
fn transcripts_hold_byte_by_byte() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/samples/transcripts");
    let samples = std::fs::read_dir(folder).unwrap();
    let mut texts: Vec<String> = samples
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let cases = conformance::cases().into_iter();
    texts.extend(cases.map(|(_, _, case)| case["reply"].as_str().unwrap().to_owned()));
    for text in texts {
        let cuts: Vec<usize> = (0..text.len()).collect();
        hold(text.as_bytes(), &cuts);
    }
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        serde_json::to_value(event).unwrap()["event"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    events.iter().map(name).collect()
}

#[test]
fn a_file_is_shown_while_it_is_written() {
    let mut stream = Stream::new(1000);
    assert!(
        stream
            .push("Here it is:\n\n```ts:src/a.ts")
            .unwrap()
            .is_empty()
    );
    assert!(stream.push("\n").unwrap().is_empty());
    let events = stream.push("const a = 1;\n").unwrap();
    assert_eq!(names(&events), ["file-opened", "file-text"]);
    let events = stream.push("const b = 2;\nconst").unwrap();
    assert!(matches!(&events[..], [Event::FileText { text, .. }] if text == "const b = 2;\n"));
    let events = stream.push(" c = 3;\n``").unwrap();
    assert_eq!(names(&events), ["file-text"]);
    assert_eq!(names(&stream.push("`\n").unwrap()), ["file-closed"]);
    let (events, reply) = stream.finish();
    assert!(events.is_empty());
    assert_eq!(reply.files.len(), 1);
}

#[test]
fn a_path_below_the_fence_opens_its_file() {
    let mut stream = Stream::new(1000);
    assert!(
        stream
            .push("```py\n#!/usr/bin/env python3\n")
            .unwrap()
            .is_empty()
    );
    let events = stream.push("# src/run.py\n").unwrap();
    assert_eq!(names(&events), ["file-opened", "file-text"]);
}

#[test]
fn an_edit_is_never_shown_as_a_file() {
    let mut stream = Stream::new(1000);
    let mut events = stream
        .push("```ts:src/a.ts\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n")
        .unwrap();
    events.extend(stream.finish().0);
    assert_eq!(names(&events), ["edit", "warning"]);
}

#[test]
fn a_whole_reply_in_a_fence_is_shown_while_it_is_written() {
    let mut stream = Stream::new(1000);
    let events = stream
        .push("```markdown\n# Files\n\n```ts:src/a.ts\nx\n")
        .unwrap();
    assert_eq!(names(&events), ["file-opened", "file-text"]);
    stream.push("```\n```\n").unwrap();
    let (events, _) = stream.finish();
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_readme_holds_its_fences_while_it_is_written() {
    let mut stream = Stream::new(1000);
    let mut events = stream
        .push("```md:README.md\n# A\n```sh\nnpm i\n```\nMore.\n")
        .unwrap();
    assert_eq!(names(&events), ["file-opened", "file-text"]);
    events = stream.push("```\n").unwrap();
    assert_eq!(names(&events), ["file-closed", "warning"]);
    assert!(stream.finish().0.is_empty());
}

#[test]
fn what_later_text_changes_is_taken_back() {
    let mut stream = Stream::new(1000);
    stream.push("```ts:a.ts\none\n```\n").unwrap();
    let events = stream.push("```ts:a.ts\ntwo\n```\n").unwrap();
    assert_eq!(
        names(&events),
        [
            "file-opened",
            "file-text",
            "file-closed",
            "file-withdrawn",
            "warning"
        ]
    );
    let events = stream.push("</think>\n").unwrap();
    assert_eq!(names(&events), ["file-withdrawn", "warning-withdrawn"]);
    // A bare fence inside: only the text below tells that the first one was no end.
    stream.push("```md:B.md\n```\nnpm i\n```\n").unwrap();
    stream.push("\nDone.\n```\n").unwrap();
    let (events, reply) = stream.finish();
    assert_eq!(reply.files.len(), 1);
    assert!(
        names(&events).contains(&"file-reopened".to_owned()),
        "{events:?}"
    );
}

#[test]
fn too_much_is_refused_and_changes_nothing() {
    let mut stream = Stream::new(30);
    stream.push("```ts:a.ts\nx\n").unwrap();
    let error = stream.push("y".repeat(18)).unwrap_err();
    assert_eq!(error, TooLong { limit: 30 });
    stream.push("```\n").unwrap();
    assert_eq!(stream.finish().1.files[0].content, "x\n");
}

#[test]
fn the_first_line_that_is_not_utf8_is_known() {
    let mut stream = Stream::new(100);
    stream.push(b"one\ntwo \xc3").unwrap();
    assert_eq!(stream.not_utf8(), Some(2));
    stream.push(b"\xa9\nthree").unwrap();
    assert_eq!(stream.not_utf8(), None);
    stream.push(b"\nfour \xff\nfive \xff").unwrap();
    assert_eq!(stream.not_utf8(), Some(4));
}

#[test]
fn work_is_linear_whatever_the_chunks_are() {
    let work = |text: &str, chunk: usize| {
        let mut stream = Stream::new(usize::MAX);
        for part in text.as_bytes().chunks(chunk) {
            stream.push(part).unwrap();
        }
        stream.work + stream.live.work
    };
    let reply = "Words.\n\n```ts:src/a.ts\nconst a = `x`;\n  more();\n```\n";
    let cases = [
        reply.to_owned(),
        format!("> {}", reply.trim_end().replace('\n', "\n> ")) + "\n\n",
        "```ts:src/a.ts\n".to_owned(),
        "```md:a.md\n```js\n".to_owned(),
        "no line feed ".to_owned(),
        "<think>\n".to_owned(),
        "```py\n\n\n\n".to_owned(),
    ];
    for case in cases {
        for chunk in [1, 7, 4096] {
            let text = case.repeat(60_000 / case.len());
            let (half, whole) = (work(&text[..text.len() / 2], chunk), work(&text, chunk));
            assert!(whole <= 6 * text.len(), "{case:?} by {chunk}: {whole}");
            assert!(
                whole <= 2 * half + half / 10,
                "{case:?} by {chunk}: {half}, {whole}"
            );
        }
    }
}
