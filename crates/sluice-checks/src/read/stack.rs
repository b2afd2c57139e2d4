//! Finds the place in a stack trace that belongs to the workspace.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Paths, strip_ansi};

static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"((?:file://)?[^\s():]+\.(?:[cm]?[jt]sx?|py|rs|go)):([0-9]+)(?::([0-9]+))?|File "([^"]+\.py)", line ([0-9]+)"#,
    )
    .expect("a constant pattern")
});

/// The first frame in a file of the workspace, else in one that a build made there: path, line, column.
pub(crate) fn place(paths: &Paths, trace: &str) -> Option<(String, u32, u32)> {
    let trace = strip_ansi(trace);
    let frames = || {
        FRAME.captures_iter(&trace).filter_map(|frame| {
            let number = |at: usize| {
                frame
                    .get(at)
                    .and_then(|digits| digits.as_str().parse().ok())
                    .unwrap_or(0)
            };
            match frame.get(4) {
                Some(file) => Some((paths.resolve(file.as_str())?, number(5), 0)),
                None => Some((paths.resolve(&frame[1])?, number(2), number(3))),
            }
        })
    };
    frames()
        .find(|(path, ..)| paths.knows(path))
        .or_else(|| frames().next())
}

/// A failure's message without its stack.
pub(crate) fn headline(message: &str) -> String {
    let plain = strip_ansi(message);
    let lines = plain
        .lines()
        .take_while(|line| !line.trim_start().starts_with("at "))
        .take(40);
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
