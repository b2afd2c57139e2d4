//! What a project says of its own checks: the table `checks` of its `sluice.toml`, a closed schema.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::find::{is_below, place};
use crate::plan::Project;
use crate::{Action, Command, Kind, Report, Step, Toolchain, Tree, Verdict};

/// The file, at the root of the tree.
pub(crate) const FILE: &str = "sluice.toml";
/// The largest file in bytes that is read.
const LARGEST: usize = 64 << 10;
/// The most words of a command, and the most bytes of one of them.
const WORDS: (usize, usize) = (200, 4096);
/// The longest time in seconds that a check may ask for.
const LONGEST: u64 = 3600;

/// What one check is to do instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    /// The program and its arguments.
    command: Vec<String>,
    /// Where it starts, relative to the workspace; without it the project's folder.
    dir: Option<String>,
    /// What it writes for machines.
    #[serde(default)]
    report: Written,
    /// How long it may take.
    timeout_seconds: Option<u64>,
}

/// The reports that a command of a project's own can write.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    #[default]
    Text,
    Jest,
    Mocha,
    Junit,
    Pytest,
    Unittest,
    Eslint,
    Biome,
    Python,
    Cargo,
    CargoTest,
    Go,
    GoTest,
}

impl Written {
    fn report(self, kind: Kind) -> Report {
        match self {
            Written::Text if kind == Kind::Test => Report::UnknownTests,
            Written::Text => Report::Text,
            Written::Jest => Report::Jest,
            Written::Mocha => Report::Mocha,
            Written::Junit => Report::Junit,
            Written::Pytest => Report::Pytest,
            Written::Unittest => Report::Unittest,
            Written::Eslint => Report::Eslint,
            Written::Biome => Report::Biome,
            Written::Python => Report::PythonLint,
            Written::Cargo => Report::Cargo,
            Written::CargoTest => Report::CargoTest,
            Written::Go => Report::Go,
            Written::GoTest => Report::GoTest,
        }
    }

    /// Whether a check of this kind can have it.
    fn fits(self, kind: Kind) -> bool {
        let is_tests = matches!(
            self,
            Written::Jest
                | Written::Mocha
                | Written::Junit
                | Written::Pytest
                | Written::Unittest
                | Written::CargoTest
                | Written::GoTest
        );
        match self {
            Written::Text => true,
            _ => is_tests == (kind == Kind::Test),
        }
    }
}

/// What is wrong with the file: the message, line and column.
struct Fault(String, u32, u32);

/// Puts the project's own commands into its steps. A file that cannot be used turns every installation red at
/// the line: nobody should take a check for the one that was meant.
pub(crate) fn apply(tree: &dyn Tree, projects: &mut [Project]) {
    let Some(bytes) = tree.read(FILE) else {
        return;
    };
    if let Err(Fault(message, line, column)) = overrides(&bytes, tree, projects) {
        for project in projects {
            project.install.action = Action::Skip {
                verdict: Verdict::Fail,
                note: format!("{FILE} cannot be used: {message}"),
                place: Some((FILE.to_owned(), line, column)),
            };
        }
    }
}

fn overrides(bytes: &[u8], tree: &dyn Tree, projects: &mut [Project]) -> Result<(), Fault> {
    if bytes.len() > LARGEST {
        let message = format!("it has more than {} KiB", LARGEST >> 10);
        return Err(Fault(message, 0, 0));
    }
    let text = String::from_utf8_lossy(bytes);
    let fault = |error: toml::de::Error| {
        let (line, column) = error.span().map_or((0, 0), |span| place(&text, span.start));
        Fault(error.message().to_owned(), line, column)
    };
    // Other tables are the daemon's, which has its own list of keys.
    let whole: toml::Table = text.parse().map_err(fault)?;
    if !whole.contains_key("checks") {
        return Ok(());
    }
    #[derive(Deserialize)]
    struct Whole {
        checks: BTreeMap<String, toml::Spanned<Override>>,
    }
    let whole: Whole = toml::from_str(&text).map_err(fault)?;
    for (name, written) in whole.checks {
        let (line, column) = place(&text, written.span().start);
        let wrong = |message: String| Fault(format!("checks.{name}: {message}"), line, column);
        let known: Vec<String> = projects
            .iter()
            .flat_map(|project| &project.steps)
            .filter(|step| is_open(step.kind))
            .map(|step| step.name.clone())
            .collect();
        let steps = projects.iter_mut().flat_map(|project| &mut project.steps);
        let Some(step) = steps
            .into_iter()
            .find(|step| step.name == name && is_open(step.kind))
        else {
            let known = known.join(", ");
            return Err(wrong(format!(
                "there is no such check; those that can be set are {known}"
            )));
        };
        let command = command(written.into_inner(), tree, step).map_err(wrong)?;
        step.action = Action::Run(command);
    }
    Ok(())
}

/// What has the network is not for a project to choose.
fn is_open(kind: Kind) -> bool {
    matches!(kind, Kind::Build | Kind::Test | Kind::Lint)
}

/// The command, and the folder that the step starts in.
fn command(written: Override, tree: &dyn Tree, step: &mut Step) -> Result<Command, String> {
    let words = &written.command;
    if words.first().is_none_or(String::is_empty) {
        return Err("`command` takes a list of words, the first of which is a program".to_owned());
    }
    let (most, longest) = WORDS;
    let is_word = |word: &String| word.len() <= longest && !word.contains('\0');
    if words.len() > most || !words.iter().all(is_word) {
        return Err(format!(
            "`command` takes at most {most} words of at most {longest} bytes"
        ));
    }
    if !written.report.fits(step.kind) {
        return Err(format!(
            "`report` is not one that a {} can have",
            step.kind.as_str()
        ));
    }
    if let Some(seconds) = written.timeout_seconds
        && !(1..=LONGEST).contains(&seconds)
    {
        return Err(format!(
            "`timeout_seconds` is 1 to {LONGEST}, not {seconds}"
        ));
    }
    if let Some(dir) = &written.dir {
        let dir = dir.trim_start_matches("./").trim_end_matches('/');
        let is_plain = dir
            .split('/')
            .all(|part| !matches!(part, "." | "..") && !part.contains(['\\', '\0']));
        let dir = if dir == "." { "" } else { dir };
        let is_there = dir.is_empty() || tree.paths().iter().any(|path| is_below(path, dir));
        if !(is_there && (is_plain || dir.is_empty())) {
            return Err(format!(
                "`dir` is a folder of the project, which {dir:?} is not"
            ));
        }
        step.dir = dir.to_owned();
    }
    let mut env = match &step.action {
        Action::Run(before) => before.env.clone(),
        Action::Skip { .. } => BTreeMap::new(),
    };
    // It is there to make node:test write its report, which the command may not be.
    if step.toolchain == Toolchain::Node {
        env.remove("NODE_OPTIONS");
    }
    Ok(Command {
        env,
        wall: written.timeout_seconds.map(Duration::from_secs),
        note: Some(format!("the command is the one of {FILE}")),
        ..Command::new(written.command, written.report.report(step.kind))
    })
}

#[cfg(test)]
mod tests;
