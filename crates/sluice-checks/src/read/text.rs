//! Reads text output where a tool has nothing better: tsc, esbuild, vite, rollup, eslint, node itself.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Draft, MOST_FINDINGS, Paths, shorten, strip_ansi};
use crate::{Finding, Level};

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// `file(l,c): error TSnnnn: message`, also as `--pretty` writes it, also without a place.
static TSC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(.+?)(?:\(([0-9]+),([0-9]+)\):|:([0-9]+):([0-9]+) -) )?(error|warning) (TS[0-9]+): (.*)$",
    )
});
/// `file:l:c: ERROR: message`, of esbuild inside of vite and of many others.
static PLACED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*([^\s:][^:]*):([0-9]+):([0-9]+): (?:ERROR|error|fatal error): (.+)$")
});
/// The place that esbuild and node print on a line of its own.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*(?:file: )?((?:file://)?[^\s:()]+\.[A-Za-z]+):([0-9]+)(?::([0-9]+))?:?\s*$")
});
/// `  3:7  error  message  rule`, of eslint's text for people.
static STYLISH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s+([0-9]+):([0-9]+)\s+(error|warning)\s+(.+?)(?:\s{2,}(\S+))?$"));
/// `SyntaxError: message`.
static THROWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:Uncaught )?((?:[A-Z][A-Za-z]*)?Error)(?: \[[A-Z_0-9]+\])?: (.+)$")
});
/// `Could not resolve "./x" from "src/a.ts"`, of rollup and vite.
static UNRESOLVED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:Could not resolve|failed to resolve import) ["']([^"']+)["'] from ["']([^"']+)["']"#,
    )
});

/// `╭─[ file:l:c ]`, below the message, of rolldown.
static FRAMED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*╭─\[ (.+?):([0-9]+):([0-9]+) \]"));
/// `[CODE] message`, of rolldown.
static CODED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\[([A-Za-z0-9_:-]+)\] (?:Error: )?(.+)$"));

/// The errors that a text names, in their order, each once.
pub(crate) fn errors(output: &str, paths: &Paths) -> Vec<Finding> {
    let plain = strip_ansi(output);
    let lines: Vec<&str> = plain
        .lines()
        .map(|line| shorten_line(line.trim_end()))
        .collect();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut stylish_file: Option<String> = None;
    for (at, line) in lines.iter().enumerate() {
        let rest = &lines[at + 1..];
        if drafts.len() >= MOST_FINDINGS {
            break;
        }
        if let Some(draft) = tsc(line, rest, paths).or_else(|| bundler(line, rest, paths)) {
            drafts.push(draft);
        } else if let Some(found) = PLACED.captures(line) {
            drafts.push(Draft::error("build", "", &found[4]).at(
                paths.resolve(&found[1]),
                number(&found[2]),
                number(&found[3]),
            ));
        } else if let (Some(file), Some(found)) = (&stylish_file, STYLISH.captures(line)) {
            let rule = found.get(5).map_or("", |rule| rule.as_str());
            let level = if &found[3] == "error" {
                Level::Error
            } else {
                Level::Warning
            };
            drafts.push(Draft::error("eslint", rule, &found[4]).level(level).at(
                Some(file.clone()),
                number(&found[1]),
                number(&found[2]),
            ));
        } else if line.starts_with("/workspace/")
            && !line.contains(' ')
            && PLACE.captures(line).is_none()
        {
            stylish_file = paths.resolve(line);
        } else if let Some(found) = THROWN.captures(line) {
            let before = lines[at.saturating_sub(8)..at].iter().rev();
            let place = before
                .take_while(|line| !line.starts_with('>'))
                .find_map(|line| placed(line, paths));
            let place = place
                .or_else(|| super::stack::place(paths, &rest[..rest.len().min(12)].join("\n")));
            let (path, line, column) = place.map_or((None, 0, 0), |(p, l, c)| (Some(p), l, c));
            drafts.push(Draft::error("node", &found[1], &found[2]).at(path, line, column));
        }
    }
    let mut findings: Vec<Finding> = Vec::new();
    for finding in drafts.into_iter().map(Draft::done) {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

fn tsc(line: &str, rest: &[&str], paths: &Paths) -> Option<Draft> {
    let found = TSC.captures(line)?;
    let part = |at: usize| found.get(at).map(|part| part.as_str());
    let path = part(1).and_then(|path| paths.resolve(path));
    let line = part(2).or(part(4)).map_or(0, number);
    let column = part(3).or(part(5)).map_or(0, number);
    let mut message = found[8].to_owned();
    // The reasons follow, indented.
    for more in rest
        .iter()
        .take(6)
        .take_while(|more| more.starts_with("  ") && !PLACED.is_match(more))
    {
        message = format!("{message}\n{more}");
    }
    let level = if &found[6] == "error" {
        Level::Error
    } else {
        Level::Warning
    };
    Some(
        Draft::error("tsc", &found[7], message)
            .level(level)
            .at(path, line, column),
    )
}

fn bundler(line: &str, rest: &[&str], paths: &Paths) -> Option<Draft> {
    if let Some(message) = line.trim_start().strip_prefix("✘ [ERROR] ") {
        let place = rest.iter().take(4).find_map(|line| placed(line, paths));
        let (path, line, column) = place.map_or((None, 0, 0), |(p, l, c)| (Some(p), l, c));
        return Some(Draft::error("esbuild", "", message).at(path, line, column));
    }
    if let (Some(coded), Some(framed)) = (
        CODED.captures(line),
        rest.first().and_then(|next| FRAMED.captures(next)),
    ) {
        let path = paths.resolve(&framed[1]);
        let draft = Draft::error("rolldown", &coded[1], &coded[2]);
        return Some(draft.at(path, number(&framed[2]), number(&framed[3])));
    }
    let found = UNRESOLVED.captures(line)?;
    let place = rest.iter().take(3).find_map(|line| placed(line, paths));
    let (path, at, column) = place.map_or_else(
        || (paths.resolve(&found[2]), 0, 0),
        |(p, l, c)| (Some(p), l, c),
    );
    let message = format!("could not resolve {:?} from {:?}", &found[1], &found[2]);
    Some(Draft::error("rollup", "unresolved-import", message).at(path, at, column))
}

fn placed(line: &str, paths: &Paths) -> Option<(String, u32, u32)> {
    let found = PLACE.captures(line)?;
    let column = found.get(3).map_or(0, |digits| number(digits.as_str()));
    Some((paths.resolve(&found[1])?, number(&found[2]), column))
}

fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(0)
}

/// No tool writes a useful line longer than this; minified code does.
fn shorten_line(line: &str) -> &str {
    let mut end = line.len().min(4000);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// For a failure that nothing explains better: the last lines that are not npm's own noise.
pub(crate) fn fallback(tool: &'static str, rule: &str, why: &str, output: &str) -> Finding {
    let plain = strip_ansi(output);
    let meaningful: Vec<&str> = plain
        .lines()
        .map(str::trim_end)
        .filter(|line| !is_noise(line))
        .collect();
    let last = meaningful[meaningful.len().saturating_sub(15)..]
        .iter()
        .map(|line| shorten(line, 300));
    let tail = last.collect::<Vec<_>>().join("\n");
    let message = if tail.is_empty() {
        why.to_owned()
    } else {
        format!("{why}:\n{tail}")
    };
    Draft::error(tool, rule, message).done()
}

fn is_noise(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with("> ")
        || line.starts_with("at ")
        || [
            "npm error",
            "npm ERR!",
            "npm warn",
            "npm notice",
            "npm info",
            "npm http",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}
