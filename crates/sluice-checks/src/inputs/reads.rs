//! Which files the tool of a step looks into.

use super::Reads;
use crate::node::{Manifest, join, script_commands};
use crate::script::{self, PYTHON};
use crate::{Action, Kind, Step, Toolchain, Tree};

/// Pictures, fonts, sounds: no compiler and no linter looks into them.
pub(super) const BINARY: [&str; 18] = [
    "png", "jpg", "jpeg", "gif", "webp", "avif", "ico", "woff", "woff2", "ttf", "otf", "eot",
    "mp3", "mp4", "webm", "wav", "pdf", "zip",
];
/// Texts that a compiler of TypeScript never looks into, and a linter of scripts only with a plugin.
const NO_SCRIPTS: [&str; 10] = [
    "css", "scss", "sass", "less", "styl", "html", "svg", "md", "mdx", "txt",
];
/// What Python compiles.
const PYTHON_SOURCES: [&str; 4] = ["py", "pyi", "pyw", "typed"];
/// What linters of Python look into besides.
const PYTHON_LINTED: [&str; 6] = ["py", "pyi", "pyw", "typed", "ipynb", "txt"];
/// What Go compiles.
const GO_SOURCES: [&str; 20] = [
    "go", "mod", "sum", "work", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "s", "S", "m",
    "f", "for", "syso", "swig", "swigcxx",
];

/// What the command of a step reads, as far as all its programs are known; else `None`.
pub(super) fn of(tree: &dyn Tree, step: &Step) -> Option<Reads> {
    let Action::Run(command) = &step.action else {
        return None;
    };
    if matches!(step.kind, Kind::Install | Kind::Audit | Kind::Smoke) {
        return None;
    }
    together(script::commands(&command.argv).iter().map(|argv| {
        let (first, rest) = argv.split_first()?;
        let program = first.rsplit('/').next().unwrap_or(first);
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        match step.toolchain {
            Toolchain::Node => node(tree, step, program, &rest),
            Toolchain::Python => python(program, &rest),
            Toolchain::Rust => (program == "cargo").then_some(Reads::Everything),
            Toolchain::Go => go(tree, program, &rest),
            Toolchain::Ruby => None,
        }
    }))
}

/// What several commands read; `None` when one of them is not known, or there is none.
fn together(all: impl Iterator<Item = Option<Reads>>) -> Option<Reads> {
    let all: Option<Vec<Reads>> = all.collect();
    all?.into_iter().reduce(Reads::and)
}

fn node(tree: &dyn Tree, step: &Step, program: &str, rest: &[&str]) -> Option<Reads> {
    let script = match (program, rest) {
        ("npm" | "pnpm" | "yarn", ["test", ..]) => "test",
        ("npm" | "pnpm" | "yarn", ["run", name, ..]) => name,
        // Another member of the workspace, built before.
        ("npm", ["--prefix", folder, "run", name]) => {
            let dir = folder.strip_prefix(sluice_sandbox::WORKSPACE)?;
            return scripts(tree, dir.trim_matches('/'), name);
        }
        _ => return node_tool(tree, &step.dir, program, rest),
    };
    scripts(tree, &step.dir, script)
}

/// What the script of the package in `dir` reads.
fn scripts(tree: &dyn Tree, dir: &str, script: &str) -> Option<Reads> {
    let manifest = Manifest::read(tree, dir);
    let commands = script_commands(&manifest, script)?;
    let commands = commands.iter().filter(|words| {
        let first = words.first().map(String::as_str);
        !matches!(
            first,
            None | Some("echo" | "true" | "exit" | ":" | "rm" | "rimraf" | "mkdir")
        )
    });
    let reads = commands.map(|words| {
        let (first, rest) = words.split_first()?;
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        node_tool(tree, dir, first, &rest)
    });
    // A script that does nothing still is a file's content.
    together(reads.chain([Some(only(&[]))]))
}

fn node_tool(tree: &dyn Tree, dir: &str, program: &str, rest: &[&str]) -> Option<Reads> {
    match program {
        "tsc" | "vue-tsc" => Some(but(NO_SCRIPTS.iter().filter(|ending| {
            // Templates are types to it.
            program == "tsc" || **ending != "html"
        }))),
        "eslint" => {
            let config = linter_config(tree, dir);
            Some(but(NO_SCRIPTS
                .iter()
                .filter(|ending| !names_word(&config, ending))))
        }
        "biome" => Some(but(NO_SCRIPTS
            .iter()
            .filter(|ending| !matches!(**ending, "css" | "html")))),
        "vite" if matches!(rest.first(), Some(&"build")) => Some(Reads::Everything),
        "vitest" | "jest" | "mocha" | "react-scripts" => Some(Reads::Everything),
        "node" | "tsx" if rest.contains(&"--test") => Some(Reads::Everything),
        _ => None,
    }
}

fn python(program: &str, rest: &[&str]) -> Option<Reads> {
    match (program, rest) {
        ("python", [script, "build"]) if *script == PYTHON.inside => Some(only(&PYTHON_SOURCES)),
        ("python", ["-m", "pytest" | "unittest", ..]) => Some(Reads::Everything),
        ("ruff" | "mypy" | "flake8" | "pylint", _) => Some(only(&PYTHON_LINTED)),
        _ => None,
    }
}

fn go(tree: &dyn Tree, program: &str, rest: &[&str]) -> Option<Reads> {
    match (program, rest.first()) {
        ("go", Some(&"test")) => not_embedding(tree, Reads::Everything),
        ("go", Some(&("build" | "vet"))) => not_embedding(tree, only(&GO_SOURCES)),
        ("gofmt", _) => Some(only(&GO_SOURCES)),
        _ => None,
    }
}

/// What is put into a program by `go:embed` is named without quotes and may be anything.
fn not_embedding(tree: &dyn Tree, reads: Reads) -> Option<Reads> {
    let embeds = |path: &String| {
        path.ends_with(".go")
            && tree
                .read(path)
                .is_none_or(|bytes| bytes.windows(8).any(|window| window == b"go:embed"))
    };
    (!tree.paths().iter().any(embeds)).then_some(reads)
}

fn only(endings: &[&'static str]) -> Reads {
    Reads::Only(endings.iter().copied().collect())
}

fn but<'a>(endings: impl Iterator<Item = &'a &'static str>) -> Reads {
    Reads::AllBut(endings.chain(BINARY.iter()).copied().collect())
}

/// All that says which plugins eslint has, in the folder and above it.
fn linter_config(tree: &dyn Tree, dir: &str) -> String {
    let mut folders = vec![dir];
    while let Some(folder) = folders.last().filter(|folder| !folder.is_empty()) {
        folders.push(folder.rsplit_once('/').map_or("", |(above, _)| above));
    }
    let mut text = String::new();
    for path in tree.paths() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let is_config = name == "package.json"
            || name.starts_with("eslint.config.")
            || name.starts_with(".eslintrc");
        if is_config && folders.contains(&folder) {
            let bytes = tree.read(&join(folder, name)).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&bytes));
            text.push('\n');
        }
    }
    // A plugin for texts goes by the name of the language.
    text.replace("markdown", "md")
}

/// Whether a word stands in a text, not as a part of another.
fn names_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_outside = |char: Option<char>| !char.is_some_and(char::is_alphanumeric);
        is_outside(text[..at].chars().next_back())
            && is_outside(text[at + word.len()..].chars().next())
    })
}
