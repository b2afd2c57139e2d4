//! Code with cases and nothing around it: `sluice-code.toml` names a function, or a program that reads its
//! standard input, and what it must answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::find::{is_foreign, join, place};
use crate::plan::{Project, step_name};
use crate::script::{CODE_JS, CODE_PY, CODE_RB};
use crate::{Action, Command, Inputs, Kind, Report, Step, Toolchain, Tree, Verdict};

/// The name of the file, in any folder.
pub(crate) const FILE: &str = "sluice-code.toml";
/// The variable that carries code and cases to the script that runs them.
pub(crate) const SPEC: &str = "SLUICE_CODE";
/// The most cases, and the most bytes of all of them: they go through one variable.
const MOST: (usize, usize) = (500, 100 << 10);
/// The longest time in seconds that one case may ask for.
const LONGEST: u64 = 60;

/// What is to be run, as the file says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// The source, beside the file.
    file: String,
    /// Which language; without it the ending says.
    #[serde(default)]
    language: Option<Language>,
    /// The function that is called; without it the program is given standard input.
    #[serde(default)]
    function: Option<String>,
    /// How long one case may take.
    #[serde(default = "five")]
    timeout_seconds: u64,
    /// The share of cases that must hold.
    #[serde(default = "all")]
    pub(crate) success_rate: f64,
    pub(crate) cases: Vec<Case>,
}

/// What is given, and what must come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The arguments of the function.
    #[serde(default)]
    args: Option<Vec<Value>>,
    /// One argument.
    #[serde(default, skip_serializing)]
    input: Option<Value>,
    #[serde(default)]
    stdin: Option<String>,
    /// What the function returns.
    #[serde(default)]
    pub(crate) expect: Option<Value>,
    /// What the program prints; spaces and line ends at the end do not count.
    #[serde(default)]
    pub(crate) stdout: Option<String>,
    /// The name of the error that it ends with, or `any`.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    Python,
    Javascript,
    Ruby,
}

fn five() -> u64 {
    5
}

fn all() -> f64 {
    1.0
}

/// The files of the tree, each a project with one check of tests.
pub(crate) fn projects(tree: &dyn Tree) -> Vec<Project> {
    let is_it = |path: &String| path.rsplit('/').next() == Some(FILE) && !is_foreign(path);
    let paths = tree.paths().into_iter().filter(is_it);
    paths.map(|path| project(tree, &path)).collect()
}

fn project(tree: &dyn Tree, path: &str) -> Project {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
    let (toolchain, action) = match read(tree, path, &dir) {
        Ok((language, code)) => (language.toolchain(), Action::Run(command(language, &code))),
        Err((why, line, column)) => {
            let note = format!("{path} cannot be used: {why}");
            let place = Some((path.to_owned(), line, column));
            let verdict = Verdict::Fail;
            (
                Toolchain::Python,
                Action::Skip {
                    verdict,
                    note,
                    place,
                },
            )
        }
    };
    let step = |kind, action| Step {
        name: step_name(kind, &dir),
        kind,
        toolchain,
        dir: dir.clone(),
        action,
        inputs: Inputs::All,
    };
    let nothing = "there is nothing to install";
    Project {
        install: step(Kind::Install, Action::skip(Verdict::Pass, nothing)),
        further: Vec::new(),
        ahead: None,
        install_inputs: std::collections::BTreeMap::new(),
        steps: vec![step(Kind::Test, action)],
        toolchain,
        dir,
    }
}

type Fault = (String, u32, u32);

fn read(tree: &dyn Tree, path: &str, dir: &str) -> Result<(Language, Code), Fault> {
    let bytes = tree.read(path).unwrap_or_default();
    let (most, largest) = MOST;
    let wrong = |why: String| (why, 0, 0);
    if bytes.len() > largest {
        return Err(wrong(format!("it has more than {} KiB", largest >> 10)));
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut code: Code = toml::from_str(&text).map_err(|error| {
        let (line, column) = error.span().map_or((0, 0), |span| place(&text, span.start));
        (error.message().to_owned(), line, column)
    })?;
    if tree.read(&join(dir, &code.file)).is_none() || code.file.starts_with('-') {
        return Err(wrong(format!(
            "`file` names {:?}, which is not there",
            code.file
        )));
    }
    let ending = code.file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let language = match (code.language, ending) {
        (Some(language), _) => language,
        (None, "py") => Language::Python,
        (None, "js" | "mjs" | "cjs") => Language::Javascript,
        (None, "rb") => Language::Ruby,
        (None, _) => {
            return Err(wrong(
                "`language` is missing: python, javascript or ruby".to_owned(),
            ));
        }
    };
    let is_name = |name: &String| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '?' | '!'))
    };
    if code.function.as_ref().is_some_and(|name| !is_name(name)) {
        return Err(wrong("`function` is one name".to_owned()));
    }
    if !(1..=LONGEST).contains(&code.timeout_seconds) {
        return Err(wrong(format!("`timeout_seconds` is 1 to {LONGEST}")));
    }
    if !(code.success_rate > 0.0 && code.success_rate <= 1.0) {
        return Err(wrong("`success_rate` is above 0 and up to 1".to_owned()));
    }
    if code.cases.is_empty() || code.cases.len() > most {
        return Err(wrong(format!("`cases` are 1 to {most}")));
    }
    let is_function = code.function.is_some();
    for (at, case) in code.cases.iter_mut().enumerate() {
        if let Some(input) = case.input.take() {
            case.args.get_or_insert_with(|| vec![input]);
        }
        let fits = match is_function {
            true => case.stdin.is_none() && case.stdout.is_none(),
            false => case.args.is_none() && case.expect.is_none(),
        };
        let answers = [
            case.expect.is_some(),
            case.stdout.is_some(),
            case.error.is_some(),
        ];
        if !fits || answers.iter().filter(|is_there| **is_there).count() != 1 {
            let shape = match is_function {
                true => "`input` or `args`, and `expect` or `error`",
                false => "`stdin`, and `stdout` or `error`",
            };
            return Err(wrong(format!("case {} has to have {shape}", at + 1)));
        }
    }
    Ok((language, code))
}

impl Code {
    /// The source, beside the file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
}

impl Language {
    fn toolchain(self) -> Toolchain {
        match self {
            Language::Python => Toolchain::Python,
            Language::Javascript => Toolchain::Node,
            Language::Ruby => Toolchain::Ruby,
        }
    }
}

fn command(language: Language, code: &Code) -> Command {
    let (program, script) = match language {
        Language::Python => ("python3", CODE_PY),
        Language::Javascript => ("node", CODE_JS),
        Language::Ruby => ("ruby", CODE_RB),
    };
    let argv = vec![program.to_owned(), script.inside.to_owned()];
    let spec = serde_json::to_string(code).unwrap_or_default();
    Command {
        env: [(SPEC.to_owned(), spec)].into(),
        ..Command::new(argv, Report::Code)
    }
}

#[cfg(test)]
mod tests;
