//! Tools that are not there, and how they are called in findings.

use super::{Judged, Seen};
use crate::finding::Draft;
use crate::{Fixable, Kind, Report, Toolchain, Verdict};

/// What compilers and cargo say of a part that is not installed: its name, and how to get it.
const COMPONENTS: [(&str, &str, &str); 7] = [
    (
        "no such command: `clippy`",
        "clippy",
        "install it (rustup component add clippy)",
    ),
    (
        "'cargo-clippy' is not installed",
        "clippy",
        "install it (rustup component add clippy)",
    ),
    (
        "no such command: `fmt`",
        "rustfmt",
        "install it (rustup component add rustfmt)",
    ),
    (
        "'cargo-fmt' is not installed",
        "rustfmt",
        "install it (rustup component add rustfmt)",
    ),
    (
        "no such command: `nextest`",
        "cargo-nextest",
        "install it (cargo install --locked cargo-nextest), or choose an image that has it",
    ),
    (
        "no such command: `audit`",
        "cargo-audit",
        "install it (cargo install --locked cargo-audit), or choose an image that has it",
    ),
    (
        "linker `cc` not found",
        "cc",
        "install a C linker (apt-get install gcc libc6-dev)",
    ),
];

/// What to do about an image without a shell.
const NO_SHELL: &str = "installations and scripts are started by it; choose an image that has a shell in engine.image \
     or engine.images, or leave the keys out for images that we build";

/// The tool of a step, as findings name it.
pub(super) fn tool(seen: &Seen<'_>) -> &'static str {
    match (seen.step.kind, seen.command.report) {
        (Kind::Smoke, _) => "smoke",
        (_, Report::Eslint) => "eslint",
        (_, Report::Biome) => "biome",
        (_, Report::Mocha) => "mocha",
        (_, Report::Junit) => "node:test",
        (_, Report::Code) => "code-runner",
        (_, Report::Nextest) => "nextest",
        (_, Report::Advisories(tool)) => tool.as_str(),
        (_, Report::Pytest) => "pytest",
        (_, Report::Unittest) => "unittest",
        (_, Report::CargoTest) => "cargo-test",
        (_, Report::GoTest) => "go-test",
        (Kind::Build, Report::PythonBuild) => "python",
        (Kind::Build, Report::Cargo) => "cargo",
        (Kind::Build, Report::Go) => "go",
        (Kind::Lint, Report::Go) => "go-vet",
        (Kind::Lint, Report::Cargo) => "clippy",
        (Kind::Test, Report::Jest)
            if seen
                .command
                .argv
                .iter()
                .any(|word| word.contains("outputFile.json")) =>
        {
            "vitest"
        }
        (Kind::Test, Report::Jest) => "jest",
        (Kind::Test, _) => "test",
        (Kind::Build, _) => "build",
        (Kind::Lint, _) => "lint",
        (Kind::Audit, _) => match seen.command.argv.first().map(String::as_str) {
            Some("pnpm") => "pnpm-audit",
            Some("yarn") => "yarn-audit",
            _ => "npm-audit",
        },
        (Kind::Install, _) => match seen.command.argv.first().map(String::as_str) {
            Some("pnpm") => "pnpm",
            Some("yarn") => "yarn",
            _ => seen.step.toolchain.installer(),
        },
    }
}

/// A part of a toolchain that says itself that it is not there.
pub(super) fn component(seen: &Seen<'_>) -> Option<Judged> {
    if seen.step.toolchain == Toolchain::Node {
        return scripts_shell(seen).or_else(|| other_manager(seen));
    }
    if seen.step.toolchain != Toolchain::Rust {
        return None;
    }
    let (_, name, mend) = COMPONENTS
        .iter()
        .find(|(words, ..)| seen.output.contains(words))?;
    Some(absent(seen, name, mend))
}

/// npm was there, and the shell that it starts scripts with was not.
fn scripts_shell(seen: &Seen<'_>) -> Option<Judged> {
    let is_told = seen.output.contains("spawn sh ENOENT");
    is_told.then(|| absent(seen, "sh", NO_SHELL))
}

/// Whether the image has not even a shell: what starts the command of a container says so, in the words of tini or
/// of catatonit.
fn is_without_shell(seen: &Seen<'_>) -> bool {
    let is_shell = seen
        .command
        .argv
        .first()
        .is_some_and(|word| word == "/bin/sh");
    seen.output.contains("exec /bin/sh failed")
        || is_shell
            && (seen.output.trim().is_empty() || seen.output.contains("failed to exec pid1"))
}

/// A package manager of another kind or version than the project is for, or only the word for one.
fn other_manager(seen: &Seen<'_>) -> Option<Judged> {
    let program = seen.command.argv.first().map(String::as_str)?;
    if !matches!(program, "pnpm" | "yarn") {
        return None;
    }
    let is_word = seen
        .output
        .contains("Network access disabled by the environment");
    let is_other = [
        "the current global version of Yarn",
        "Unknown Syntax Error",
        "is not compatible with this version",
    ];
    let is_other = is_other.iter().any(|words| seen.output.contains(words));
    (is_word || is_other).then(|| {
        let package = match seen.command.argv.iter().any(|word| word == "--mode=skip-build") {
            true => "@yarnpkg/cli-dist",
            false if program == "yarn" => "yarn@1",
            false => "pnpm",
        };
        let mend = format!(
            "what is there is of another version, or corepack's word for it; npm install --global {package}"
        );
        absent(seen, program, &mend)
    })
}

/// A shell, npm or the engine says that a program is not there.
pub(super) fn program(seen: &Seen<'_>) -> Judged {
    let program = seen.command.argv.first().map_or("", String::as_str);
    let named = seen
        .output
        .lines()
        .rev()
        .find(|line| line.contains("not found") || line.contains("Permission denied"));
    let is_shell = matches!(program, "npm" | "node" | "/bin/sh" | "bash");
    // `sh: 1: vite: not found`
    let name = named
        .filter(|_| is_shell)
        .and_then(|line| line.rsplit(": ").nth(1))
        .filter(|name| !name.contains(' '));
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    if is_without_shell(seen) {
        return absent(seen, "/bin/sh", NO_SHELL);
    }
    if seen.output.contains("uv.lock needs uv") {
        return absent(
            seen,
            "uv",
            "uv.lock cannot be read without it; install it (pip install uv)",
        );
    }
    match name {
        Some(name) if name.contains("/.venv/bin/") => wanting(
            seen,
            &last(name),
            "add the package that brings it to the development dependencies",
        ),
        Some("staticcheck") => absent(
            seen,
            "staticcheck",
            "install it (go install honnef.co/go/tools/cmd/staticcheck@latest) below /usr or beside go",
        ),
        Some(name) if !is_of_toolchain(seen.step.toolchain, name) => match seen.step.toolchain {
            Toolchain::Node => {
                let mend = format!("add the package that brings {name} to devDependencies");
                wanting(seen, name, &mend)
            }
            other => absent(seen, name, other.mend()),
        },
        Some(name) if seen.step.toolchain != Toolchain::Node => {
            absent(seen, name, seen.step.toolchain.mend())
        }
        _ if program == "govulncheck" => absent(
            seen,
            program,
            "install it (go install golang.org/x/vuln/cmd/govulncheck@latest) below /usr or beside go",
        ),
        _ if seen.output.contains("sluice: pip-audit is not there") => absent(
            seen,
            "pip-audit",
            "add it to the development dependencies, or install it on this machine (pip install pip-audit)",
        ),
        _ if matches!(program, "pnpm" | "yarn") => {
            let mend = format!(
                "install it (npm install --global {}), or choose an image that has it",
                match seen
                    .command
                    .argv
                    .iter()
                    .any(|word| word == "--mode=skip-build")
                {
                    true => "@yarnpkg/cli-dist",
                    false => program,
                }
            );
            absent(seen, program, &mend)
        }
        _ if program == "bash" => absent(
            seen,
            program,
            "install it (apt-get install bash), or choose an image that has it",
        ),
        _ if program.contains("node_modules/.bin/") => wanting(
            seen,
            &last(program),
            "it is named in package.json but was not installed",
        ),
        _ if program.contains("/.venv/bin/") => absent(
            seen,
            &last(program),
            "the virtual environment was made by a Python that is not there any more; run with --no-cache",
        ),
        _ => {
            let mend = match seen.step.toolchain {
                Toolchain::Node => "install Node.js with npm, or choose an image that has them",
                other => other.mend(),
            };
            let mut judged = absent(seen, program, mend);
            if is_shell && !seen.output.trim().is_empty() {
                // It was there, and something that it started left with this code, for whatever reason.
                for finding in &mut judged.findings {
                    finding.fixable = Fixable::Unknown;
                }
            }
            judged
        }
    }
}

fn is_of_toolchain(toolchain: Toolchain, name: &str) -> bool {
    toolchain.programs().contains(&name)
}

/// A program that a change of the project brings, as its mend says.
fn wanting(seen: &Seen<'_>, name: &str, mend: &str) -> Judged {
    let mut judged = absent(seen, name, mend);
    for finding in &mut judged.findings {
        finding.fixable = Fixable::Agent;
    }
    judged
}

/// A program that the machine or the image has to bring.
fn absent(seen: &Seen<'_>, name: &str, mend: &str) -> Judged {
    let message = format!("the program {name} is not there; {mend}");
    let finding = Draft::error(tool(seen), "missing-tool", message.clone()).done();
    Judged {
        findings: vec![finding],
        note: Some(message),
        ..Judged::new(Verdict::Unknown, Vec::new())
    }
}
