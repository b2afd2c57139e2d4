//! Times the parser against pulldown-cmark, in turns: `bench_parse ROUNDS FILE..` prints, for each file, the
//! milliseconds of each as JSON. With `--only` before it, ours alone, for a profiler.
//! `tests/bench/measure.py` starts it.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use pulldown_cmark::{Event, Parser, Tag};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let only = words.first().is_some_and(|word| word == "--only");
    if only {
        words.remove(0);
    }
    let [rounds, files @ ..] = words.as_slice() else {
        return Err("usage: bench_parse [--only] ROUNDS FILE..".into());
    };
    let rounds: usize = rounds.parse()?;
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let (mut ours, mut theirs, mut blocks, mut their_blocks) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..rounds {
            ours.push(timed(|| {
                blocks = black_box(sluice_reply::parse(&text)).blocks
            }));
            if !only {
                theirs.push(timed(|| their_blocks = fenced(&text)));
            }
        }
        let line = json!({
            "file": file, "bytes": text.len(), "blocks": blocks, "their_blocks": their_blocks,
            "ours": ours, "pulldown_cmark": theirs,
        });
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

/// Goes through all events, and keeps the text of the code blocks as a user of the library would.
fn fenced(text: &str) -> usize {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                inside = true;
                blocks.push(String::new());
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => inside = false,
            Event::Text(part) if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(&part);
                }
            }
            other => drop(black_box(other)),
        }
    }
    black_box(blocks).len()
}
