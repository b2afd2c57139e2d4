//! Reads a script of `package.json`: which tool it runs in the end, and whether arguments reach it.

use super::manifest::Manifest;

/// The tools whose reports are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Vitest,
    Jest,
    ReactScripts,
    Mocha,
    NodeTest,
    Eslint,
    Biome,
    Other,
}

/// What a script comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The tool of its last command, through `npm run` of other scripts.
    pub(crate) tool: Tool,
    /// How many `--` npm takes away before arguments reach the tool; `None` when they do not reach it.
    pub(crate) dashes: Option<usize>,
    /// Whether it does nothing but print or leave.
    pub(crate) idle: bool,
    /// The text of all scripts on the way.
    pub(crate) text: String,
}

/// What the script `name` comes to.
pub(crate) fn read(manifest: &Manifest, name: &str) -> Option<Script> {
    let mut text = manifest.script(name)?.to_owned();
    let mut all = text.clone();
    let mut dashes = 1;
    // A script that runs itself would never end; npm scripts are rarely deeper than two.
    for _ in 0..5 {
        let parts = split(&text);
        let last = parts.commands.last().cloned().unwrap_or_default();
        let words = command(&last);
        let next = hop(&words).and_then(|next| manifest.script(next));
        if let (Some(next), true) = (next, parts.reaches_last) {
            // pnpm and yarn hand on what stands behind the script's name as it is.
            let is_npm = words.first().is_some_and(|word| word == "npm");
            dashes += usize::from(is_npm && !words.contains(&"--".to_owned()));
            text = next.to_owned();
            all = format!("{all}\n{text}");
            continue;
        }
        return Some(Script {
            tool: tool(&words),
            dashes: parts.reaches_last.then_some(dashes),
            idle: parts.commands.iter().all(|words| is_idle(words)),
            text: all,
        });
    }
    None
}

/// The commands that `npm run` of a script comes to, through other scripts and with those that npm runs before
/// and after it, without what only sets them up. `None` where that cannot be said.
pub(crate) fn commands(manifest: &Manifest, name: &str) -> Option<Vec<Vec<String>>> {
    let mut all = Vec::new();
    let mut open = vec![name.to_owned()];
    let mut seen = Vec::new();
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        for around in [format!("pre{name}"), format!("post{name}")] {
            open.extend(manifest.script(&around).map(|_| around.clone()));
        }
        let text = manifest.script(&name)?;
        if text.contains("$(") || text.contains('`') {
            return None;
        }
        for words in split(text).commands {
            let mut words = command(&words);
            match hop(&words) {
                Some(next) => open.push(next.to_owned()),
                None => {
                    if let Some(first) = words.first_mut() {
                        *first = first.rsplit('/').next().unwrap_or(first).to_owned();
                    }
                    all.push(words);
                }
            }
        }
        seen.push(name);
    }
    Some(all)
}

/// Whether the script only runs the script of the same name in every workspace: what is left out then is
/// nothing, or (`Some(true)`, by `--if-present`) the workspaces that have none.
pub(crate) fn fans_out(manifest: &Manifest, name: &str) -> Option<bool> {
    let parts = split(manifest.script(name)?);
    let [words] = parts.commands.as_slice() else {
        return None;
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (flags, rest): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    let same = match rest.as_slice() {
        ["npm" | "pnpm", "run" | "run-script", script] => *script == name,
        ["npm" | "pnpm", "test" | "t"] => name == "test",
        ["pnpm", script] => *script == name,
        _ => false,
    };
    let all = |flag: &&str| match rest.first() {
        Some(&"pnpm") => matches!(*flag, "-r" | "--recursive"),
        _ => matches!(*flag, "--workspaces" | "-ws" | "--ws"),
    };
    let known = |flag: &&str| all(flag) || matches!(*flag, "--if-present" | "-s" | "--silent");
    (same && parts.reaches_last && flags.iter().any(all) && flags.iter().all(known))
        .then(|| flags.contains(&"--if-present"))
}

struct Parts {
    commands: Vec<Vec<String>>,
    /// Whether what is appended to the text becomes arguments of the last command, which surely runs.
    reaches_last: bool,
}

/// Splits a shell text into its commands, as far as is needed to know the last one.
fn split(text: &str) -> Parts {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let (mut quote, mut reaches_last) = (None, true);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (Some('\''), _) => word.push(char),
            (_, '$') if chars.peek() == Some(&'(') => reaches_last = false,
            (_, '`') => reaches_last = false,
            (Some(_), _) => word.push(char),
            (None, '\'' | '"') => quote = Some(char),
            (None, '\\') => word.extend(chars.next()),
            (None, '&' | ';' | '|' | '\n') => {
                let doubled = chars.next_if_eq(&char).is_some();
                reaches_last &= matches!((char, doubled), ('&', true) | (';' | '\n', false));
                push(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            (None, '<' | '>' | '(' | ')' | '{' | '}') => reaches_last = false,
            (None, '#') if word.is_empty() => {
                reaches_last = false;
                break;
            }
            (None, _) if char.is_whitespace() => push(&mut commands, &mut word),
            (None, _) => word.push(char),
        }
    }
    push(&mut commands, &mut word);
    if commands.last().is_some_and(Vec::is_empty) {
        reaches_last = false;
        commands.pop();
    }
    Parts {
        commands,
        reaches_last: reaches_last && quote.is_none(),
    }
}

fn push(commands: &mut [Vec<String>], word: &mut String) {
    if let (false, Some(last)) = (word.is_empty(), commands.last_mut()) {
        last.push(std::mem::take(word));
    }
}

/// The words of a command without what only sets it up: assignments, `cross-env`, `npx`, `c8`.
fn command(words: &[String]) -> Vec<String> {
    let mut rest = words;
    while let Some(word) = rest.first() {
        let assigns = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let wraps = matches!(
            word.as_str(),
            "cross-env" | "cross-env-shell" | "env" | "npx" | "c8" | "nyc" | "time"
        );
        let npm_exec = matches!(word.as_str(), "npm" | "pnpm" | "yarn")
            && rest.get(1).is_some_and(|verb| verb == "exec");
        rest = match (assigns || wraps, npm_exec) {
            (true, _) => &rest[1..],
            (_, true) => &rest[2..],
            _ => break,
        };
        while rest
            .first()
            .is_some_and(|word| word == "--" || (wraps && word.starts_with('-')))
        {
            rest = &rest[1..];
        }
    }
    rest.to_vec()
}

/// The script that an `npm run` command runs, when it passes arguments on to it in this project.
fn hop(words: &[String]) -> Option<&str> {
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !matches!(*word, "-s" | "--silent" | "--"))
        .collect();
    match words.as_slice() {
        ["npm" | "pnpm" | "yarn", "run" | "run-script", name] => Some(name),
        ["npm" | "pnpm" | "yarn", "test" | "t"] => Some("test"),
        ["pnpm" | "yarn", name] => Some(name),
        _ => None,
    }
}

fn tool(words: &[String]) -> Tool {
    let Some(first) = words.first() else {
        return Tool::Other;
    };
    let base = first.rsplit('/').next().unwrap_or(first);
    let has = |flag: &str| words.iter().any(|word| word == flag);
    match base {
        "vitest" => Tool::Vitest,
        "jest" => Tool::Jest,
        "mocha" => Tool::Mocha,
        "eslint" => Tool::Eslint,
        "biome" if has("check") || has("lint") || has("ci") || has("format") => Tool::Biome,
        "react-scripts" if has("test") => Tool::ReactScripts,
        "node" | "tsx" => {
            let program = words[1..]
                .iter()
                .find(|word| word.contains("node_modules/"));
            match program.map(String::as_str) {
                _ if has("--test") => Tool::NodeTest,
                Some(path) if path.contains("/vitest") => Tool::Vitest,
                Some(path) if path.contains("/jest") => Tool::Jest,
                Some(path) if path.contains("mocha") => Tool::Mocha,
                Some(path) if path.contains("/eslint") => Tool::Eslint,
                _ => Tool::Other,
            }
        }
        _ => Tool::Other,
    }
}

fn is_idle(words: &[String]) -> bool {
    match words.first().map(String::as_str) {
        None | Some("echo" | "true" | "printf" | ":") => true,
        Some("exit") => words.get(1).is_none_or(|code| code == "0"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
