//! Any text parses; what comes out is what the text says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_path::RelPath;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let reply = sluice_reply::parse(&text);
    let lines = text.split('\n').count();
    for file in &reply.files {
        assert!(file.bytes.start <= file.bytes.end && file.bytes.end <= text.len());
        assert!(1 <= file.lines.0 && file.lines.0 <= file.lines.1 && file.lines.1 <= lines + 1);
        let body = &text[file.bytes.clone()];
        // Marks of lists and quotes, carriage returns and a marker line go; nothing is ever added, but for the
        // spaces of a tab that was cut in two.
        assert!(file.content.len() <= body.len() + 4 * lines, "{file:?}");
        // A carriage return that is no part of a line break is an ordinary character, before one too.
        assert!(!file.content.contains("\r\n") || body.contains("\r\r\n"));
        let again = RelPath::parse(file.path.as_str()).expect("an accepted path is accepted");
        assert_eq!(again, file.path);
    }
    let mut paths: Vec<_> = reply.files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), reply.files.len(), "one file a path");
    for warning in &reply.warnings {
        assert!(
            1 <= warning.line && warning.line <= lines + 1,
            "{warning:?}"
        );
    }
});
