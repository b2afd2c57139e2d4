//! What is to be run on a tree; pure.

use std::collections::BTreeMap;

use sluice_sandbox::Network;

use crate::{Tree, Verdict, node};

/// What is to be run on a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// `node`, or `none` when nothing that we know was found.
    pub toolchain: String,
    /// The projects of the tree, the root first.
    pub projects: Vec<Project>,
    /// What a person should know about the plan, such as folders that were left out.
    pub notes: Vec<String>,
}

/// One folder with a manifest of its own, installed and checked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder relative to the workspace; empty for its root.
    pub dir: String,
    /// The installation, which comes first.
    pub install: Step,
    /// What decides the installation's outcome; its layer is reused as long as this is the same.
    pub install_inputs: BTreeMap<String, String>,
    /// The checks, which start together once the installation is done.
    pub steps: Vec<Step>,
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
    /// Where it starts, relative to the workspace.
    pub dir: String,
    /// What is done.
    pub action: Action,
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
    },
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
    /// The answer of `npm audit --json` on standard output.
    NpmAudit,
    /// `smoke.json`, written by our own script.
    Smoke,
}

/// The file in [`sluice_sandbox::OUT`] for JSON test reports.
pub(crate) const TEST_JSON: &str = "test.json";
/// The file in [`sluice_sandbox::OUT`] for JUnit test reports.
pub(crate) const TEST_XML: &str = "test.xml";
/// The file in [`sluice_sandbox::OUT`] for eslint's report.
pub(crate) const LINT_JSON: &str = "lint.json";
/// The file in [`sluice_sandbox::OUT`] for the answer of a service.
pub(crate) const SMOKE_JSON: &str = "smoke.json";

/// Says what is to be run on `tree`. Pure: reads nothing but the tree.
pub fn plan(tree: &dyn Tree) -> Plan {
    node::plan(tree).unwrap_or_else(|notes| Plan {
        toolchain: "none".to_owned(),
        projects: Vec::new(),
        notes,
    })
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
