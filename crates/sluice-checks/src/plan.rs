//! What is to be run on a tree; pure.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_sandbox::Network;

use crate::{
    Inputs, Toolchain, Tree, Verdict, code, find, go, inputs, node, project, python, rust,
};

/// What is to be run on a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Such as `node`, several as in `node+python`, or `none` when nothing that we know was found.
    pub toolchain: String,
    /// The projects of the tree, the root first.
    pub projects: Vec<Project>,
    /// What a person should know about the plan, such as folders that were left out.
    pub notes: Vec<String>,
}

impl Plan {
    /// The toolchains of the plan, each once.
    pub fn toolchains(&self) -> Vec<Toolchain> {
        Toolchain::ALL
            .into_iter()
            .filter(|toolchain| self.projects.iter().any(|one| one.toolchain == *toolchain))
            .collect()
    }
}

/// One folder with a manifest of its own, installed and checked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder relative to the workspace; empty for its root.
    pub dir: String,
    /// What it is made with.
    pub toolchain: Toolchain,
    /// The installation, which comes first. With it the registries are asked.
    pub install: Step,
    /// What belongs to the installation and runs after that, in this order and without any network.
    pub further: Vec<Further>,
    /// What the toolchain compiles of its own, without any file of a project: once for all of them.
    pub ahead: Option<Command>,
    /// What decides the installation's outcome; its layer is reused as long as this is the same.
    pub install_inputs: BTreeMap<String, String>,
    /// The checks, which start together once the installation is done.
    pub steps: Vec<Step>,
}

/// A step of an installation that runs without a network, on what the steps before it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// What is run.
    pub command: Command,
    /// The files that it runs on.
    pub ground: Ground,
    /// Whether the installation is red without it. Else what it made is dropped, and this note is given.
    pub otherwise: Option<String>,
}

/// The files of a workspace that a step of an installation sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// All files of the tree.
    Tree,
    /// The manifests alone, with an empty program in place of every source.
    Skeleton,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Fetches the dependencies.
    Install,
    /// Compiles.
    Build,
    /// Runs the tests.
    Test,
    /// Looks for bad habits.
    Lint,
    /// Asks for known vulnerabilities of the dependencies.
    Audit,
    /// Starts the built service and asks after its health.
    Smoke,
}

impl Kind {
    /// The name of contract section 4.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Install => "install",
            Kind::Build => "build",
            Kind::Test => "test",
            Kind::Lint => "lint",
            Kind::Audit => "audit",
            Kind::Smoke => "smoke",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Such as `build`, or `build:frontend` for a project in a sub-folder.
    pub name: String,
    /// What it is about.
    pub kind: Kind,
    /// Whose tools it runs.
    pub toolchain: Toolchain,
    /// Where it starts, relative to the workspace.
    pub dir: String,
    /// What is done.
    pub action: Action,
    /// The files that its answer depends on.
    pub inputs: Inputs,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Runs a command.
    Run(Command),
    /// Runs nothing, and says why.
    Skip {
        /// What follows from that.
        verdict: Verdict,
        /// Why, and what to do about it.
        note: String,
        /// The file, line and column that it is about; needed where the verdict is a failure.
        place: Option<(String, u32, u32)>,
    },
}

impl Action {
    /// Nothing is run, for this reason.
    pub(crate) fn skip(verdict: Verdict, note: impl Into<String>) -> Action {
        Action::Skip {
            verdict,
            note: note.into(),
            place: None,
        }
    }
}

/// A command and where its answer is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What is added to the environment of every step.
    pub env: BTreeMap<String, String>,
    /// Who it may reach.
    pub network: Network,
    /// What the tool writes for machines.
    pub report: Report,
    /// What a person should know about the choice of the command.
    pub note: Option<String>,
    /// How long it may take, where the project says so.
    pub wall: Option<Duration>,
}

impl Command {
    /// A command without network, without an environment of its own.
    pub(crate) fn new(argv: Vec<String>, report: Report) -> Command {
        Command {
            argv,
            env: BTreeMap::new(),
            network: Network::None,
            report,
            note: None,
            wall: None,
        }
    }
}

/// Words as owned text.
pub(crate) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// What a tool writes for machines. Files lie in [`sluice_sandbox::OUT`], empty at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Nothing but text.
    Text,
    /// Nothing for machines, from a test runner that is not known; JUnit when it is node:test after all.
    UnknownTests,
    /// Nothing at all: the test script only prints or leaves.
    IdleTests,
    /// `test.json` as jest and vitest write it.
    Jest,
    /// `test.json` as mocha writes it.
    Mocha,
    /// `test.xml` in the JUnit format.
    Junit,
    /// `lint.json` as eslint writes it.
    Eslint,
    /// The report of biome on standard output.
    Biome,
    /// The answer of `npm audit --json` on standard output.
    NpmAudit,
    /// The same of pnpm or yarn.
    ManagerAudit,
    /// Known vulnerabilities on standard output, as this tool writes them.
    Advisories(Advisories),
    /// `test.xml` as nextest writes it, and cargo's messages in JSON on standard output.
    Nextest,
    /// `code.json`, written by our own scripts that run code on cases.
    Code,
    /// `smoke.json`, written by our own script.
    Smoke,
    /// `build.json`, written by our own script that compiles the files of a Python project.
    PythonBuild,
    /// Lines of Python's linters and type checkers on standard output.
    PythonLint,
    /// `test.xml` as pytest writes it.
    Pytest,
    /// The text of Python's unittest.
    Unittest,
    /// cargo's messages in JSON on standard output, and the text of `cargo fmt`.
    Cargo,
    /// The same, with the text of the test programs between.
    CargoTest,
    /// The text of go's compiler, vet and gofmt.
    Go,
    /// The events of `go test -json` on standard output.
    GoTest,
}

/// A tool that knows vulnerabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advisories {
    /// Of Python packages; it asks the index.
    PipAudit,
    /// Of crates, in a database on this machine.
    CargoAudit,
    /// Of Go modules, in a database on this machine.
    Govulncheck,
}

impl Advisories {
    /// The tool, as findings name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Advisories::PipAudit => "pip-audit",
            Advisories::CargoAudit => "cargo-audit",
            Advisories::Govulncheck => "govulncheck",
        }
    }

    /// Whether it looks into a database on this machine.
    pub(crate) fn is_local(self) -> bool {
        self != Advisories::PipAudit
    }
}

/// Where the database of advisories appears in a sandbox: `rustsec` and `go` below it.
pub(crate) const DATABASE: &str = "/sluice/advisories";

impl Report {
    /// Whether the tool answers on standard output.
    pub(crate) fn is_on_stdout(self) -> bool {
        matches!(
            self,
            Report::NpmAudit
                | Report::ManagerAudit
                | Report::Biome
                | Report::PythonLint
                | Report::Advisories(_)
                | Report::Nextest
                | Report::Cargo
                | Report::CargoTest
                | Report::Go
                | Report::GoTest
        )
    }
}

/// The file in [`sluice_sandbox::OUT`] for JSON test reports.
pub(crate) const TEST_JSON: &str = "test.json";
/// The file in [`sluice_sandbox::OUT`] for JUnit test reports.
pub(crate) const TEST_XML: &str = "test.xml";
/// The file in [`sluice_sandbox::OUT`] for eslint's report.
pub(crate) const LINT_JSON: &str = "lint.json";
/// The file in [`sluice_sandbox::OUT`] for what our own script found while it compiled.
pub(crate) const BUILD_JSON: &str = "build.json";
/// The file in [`sluice_sandbox::OUT`] for what came of code that was run on cases.
pub(crate) const CODE_JSON: &str = "code.json";
/// The file in [`sluice_sandbox::OUT`] for coverage in LCOV.
pub(crate) const COVERAGE_LCOV: &str = "lcov.info";
/// The file in [`sluice_sandbox::OUT`] for Go's coverage profile.
pub(crate) const COVERAGE_GO: &str = "cover.out";
/// The file in [`sluice_sandbox::OUT`] for the answer of a service.
pub(crate) const SMOKE_JSON: &str = "smoke.json";

/// Says what is to be run on `tree`. Pure: reads nothing but the tree.
pub fn plan(tree: &dyn Tree) -> Plan {
    let found = find::find(tree);
    let mut notes = found.notes;
    let mut projects = Vec::new();
    for (toolchain, dirs) in &found.dirs {
        projects.extend(match toolchain {
            Toolchain::Node => node::projects(tree, dirs),
            Toolchain::Python => python::projects(tree, dirs, &mut notes),
            Toolchain::Rust => rust::projects(tree, dirs),
            Toolchain::Go => go::projects(tree, dirs),
            // It has no manifest that makes a project; only code with cases is run with it.
            Toolchain::Ruby => Vec::new(),
        });
    }
    projects.extend(code::projects(tree));
    tell_apart(&mut projects);
    project::apply(tree, &mut projects);
    inputs::declare(tree, &mut projects);
    let names: Vec<&str> = Toolchain::ALL
        .into_iter()
        .filter(|toolchain| projects.iter().any(|one| one.toolchain == *toolchain))
        .map(Toolchain::as_str)
        .collect();
    if names.is_empty() {
        notes.push(
            "no package.json, pyproject.toml, requirements.txt, Cargo.toml or go.mod was found; add one, or check a \
             folder that has one"
                .to_owned(),
        );
    }
    Plan {
        toolchain: match names.is_empty() {
            true => "none".to_owned(),
            false => names.join("+"),
        },
        projects,
        notes,
    }
}

/// A folder with manifests of several toolchains has its checks once for each: the first keeps the plain
/// names, the checks of the others end in `@` and the toolchain, as in `build:@rust` or `test:api@go`.
fn tell_apart(projects: &mut [Project]) {
    let mut seen: Vec<String> = Vec::new();
    for project in projects {
        let mark = format!("@{}", project.toolchain.as_str());
        let taken = seen.contains(&project.install.name);
        for step in [&mut project.install].into_iter().chain(&mut project.steps) {
            if taken || seen.contains(&step.name) {
                if !step.name.contains(':') {
                    step.name.push(':');
                }
                step.name.push_str(&mark);
            }
            seen.push(step.name.clone());
        }
    }
}

/// `build` for the root, `build:frontend` for a sub-folder.
pub(crate) fn step_name(kind: Kind, dir: &str) -> String {
    if dir.is_empty() {
        kind.as_str().to_owned()
    } else {
        format!("{}:{dir}", kind.as_str())
    }
}

#[cfg(test)]
mod tests;
