//! Times the parser beside pulldown-cmark, on a reply of 40 kB and one of 10 MB: `cargo bench -p sluice-reply`.
//!
//! Both give all bodies, and these are compared byte by byte before anything is timed. With
//! `SLUICE_BENCH_REPLIES=DIR` the replies are left there as `NAME.md`, each with `NAME.sha256` of its bodies, so
//! that `tests/bench/replies.py` can hold a third parser to the same texts.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use sha2::{Digest, Sha256};

criterion_group!(benches, parsing);
criterion_main!(benches);

fn parsing(criterion: &mut Criterion) {
    for (name, size, blocks) in [("small", 40_000, 12), ("large", 10_000_000, 2_000)] {
        let text = reply(size, blocks);
        let bodies = by_pulldown_cmark(&text);
        assert_eq!(bodies.len(), blocks);
        let files = sluice_reply::parse(&text).files;
        let ours: Vec<String> = files.into_iter().map(|file| file.content).collect();
        assert!(ours == bodies, "the bodies of {name} are not the same");
        if let Some(folder) = std::env::var_os("SLUICE_BENCH_REPLIES") {
            let path = Path::new(&folder).join(name);
            let digest = hex::encode(Sha256::digest(bodies.concat()));
            std::fs::write(path.with_extension("md"), &text).expect("the folder is there");
            std::fs::write(path.with_extension("sha256"), digest).expect("the folder is there");
        }
        let mut group = criterion.benchmark_group(name);
        // What they give is dropped outside of the time that counts, for both.
        group.bench_function("sluice", |bench| {
            bench.iter_batched(
                || (),
                |()| sluice_reply::parse(black_box(&text)),
                BatchSize::PerIteration,
            );
        });
        group.bench_function("pulldown-cmark", |bench| {
            bench.iter_batched(
                || (),
                |()| by_pulldown_cmark(black_box(&text)),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// Goes through all events, and keeps the text of the code blocks as a user of the library would.
fn by_pulldown_cmark(text: &str) -> Vec<String> {
    let mut bodies: Vec<String> = Vec::new();
    let mut inside = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                inside = true;
                bodies.push(String::new());
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(part) if inside => {
                if let Some(body) = bodies.last_mut() {
                    body.push_str(&part);
                }
            }
            other => drop(black_box(other)),
        }
    }
    bodies
}

/// A reply as agents write them: prose, a path in the info string, code.
fn reply(size: usize, blocks: usize) -> String {
    const WORDS: [&str; 15] = [
        "const", "export", "function", "return", "await", "value", "items", "map", "filter",
        "error", "request", "response", "if", "else", "async",
    ];
    const ENDS: [&str; 4] = [";", " {", "(x) => { /* `tick` */ }", ""];
    // Knuth's linear congruential generator: the same text each time.
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let mut text = "# The service\n".to_owned();
    for number in 0..blocks {
        let end = size * (number + 1) / blocks - 8;
        let folder = number / 50;
        write!(
            text,
            "\nNext comes part {number}. It **reads** the [list](https://example.invalid/{number}) and uses \
             `handle{number}`:\n\n- one point\n- another one, with `code`\n\n\
             ```ts:src/part{folder}/file{number}.ts\n"
        )
        .expect("a string takes all");
        while text.len() < end {
            text.push_str(&"  ".repeat(below(4)));
            for word in 0..2 + below(8) {
                text.push_str(if word == 0 { "" } else { " " });
                text.push_str(WORDS[below(WORDS.len())]);
            }
            text.push_str(ENDS[below(ENDS.len())]);
            text.push('\n');
        }
        text.push_str("```\n");
    }
    text
}
