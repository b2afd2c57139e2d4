//! Holds the documents to the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sluice_factory::{Gate, GateFile, Roles};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The paths that git tracks.
fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success());
    let list = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let paths: Vec<String> = list.split_terminator('\0').map(str::to_owned).collect();
    assert!(
        paths.len() > 100,
        "the list is not plausible: {}",
        paths.len()
    );
    paths
}

#[test]
fn the_architecture_names_every_room_and_folder() {
    let text = read("docs/ARCHITECTURE.md");
    let mut rooms = BTreeSet::new();
    for path in tracked() {
        let mut parts = path.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("crates"), Some(room), Some(_)) => rooms.insert(format!("crates/{room}")),
            (Some(folder), Some(_), _) if !folder.starts_with('.') => {
                rooms.insert(folder.to_owned())
            }
            _ => false,
        };
    }
    rooms.remove("crates");
    for room in rooms {
        let stands =
            text.contains(&format!("### `{room}`")) || text.contains(&format!("- `{room}`"));
        assert!(stands, "docs/ARCHITECTURE.md does not say what {room} is");
    }
    let lines = text.lines().count();
    assert!(
        lines <= 300,
        "docs/ARCHITECTURE.md has {lines} lines; nobody reads more than 300"
    );
}

/// The keys of a table of the gate file, as the parser itself lists them.
fn keys(text: &str) -> Vec<String> {
    let error = GateFile::parse(Gate::G0, text)
        .expect_err("an unknown key")
        .to_string();
    let (_, list) = error
        .split_once("expected one of ")
        .or_else(|| error.split_once("expected "))
        .unwrap_or_else(|| panic!("{error}"));
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_of_a_gate_file_is_documented() {
    const HEAD: &str = "name = \"n\"\npurpose = \"p\"\nworker = \"w\"\n";
    let page = read("docs/gates.md");
    let row = |key: &str| {
        page.lines()
            .any(|line| line.starts_with(&format!("| `{key}` |")))
    };
    let top = keys(&format!("{HEAD}no_such_key = 1\n"));
    assert!(top.len() >= 11, "{top:?}");
    let tables = ["approval", "health", "escalation"];
    for key in top.iter().filter(|key| !tables.contains(&key.as_str())) {
        assert!(row(key), "docs/gates.md has no row for `{key}`");
    }
    for table in tables {
        for key in keys(&format!("{HEAD}[{table}]\nno_such_key = 1\n")) {
            assert!(
                row(&format!("{table}.{key}")),
                "docs/gates.md has no row for `{table}.{key}`"
            );
        }
    }
    for table in ["documents", "fields", "escalation.fields"] {
        let (_, part) = page
            .split_once(&format!("### `[[{table}]]`"))
            .unwrap_or_else(|| panic!("docs/gates.md has no part about {table}"));
        let part = part.split("\n#").next().unwrap_or_default();
        for key in keys(&format!("{HEAD}[[{table}]]\nno_such_key = 1\n")) {
            assert!(
                part.contains(&format!("| `{key}` |")),
                "docs/gates.md has no row for `{key}` of {table}"
            );
        }
    }
}

#[test]
fn the_gates_are_documented_as_they_are() {
    let page = read("docs/gates.md");
    for gate in Gate::ALL {
        let file =
            GateFile::parse(gate, &read(&format!("gates/{gate}.toml"))).expect("a gate file");
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{gate}` |")))
            .unwrap_or_else(|| panic!("docs/gates.md has no row for {gate}"));
        let checks = file.checks.join(", ");
        let words = [&file.name, &file.worker, &checks]
            .into_iter()
            .chain(file.documents.iter().map(|rule| &rule.path))
            .chain(file.fields.iter().map(|field| &field.name));
        for word in words {
            assert!(
                row.contains(word.as_str()),
                "{gate}: {word:?} is not in its row: {row}"
            );
        }
    }
}

/// The targets of the links of a document: `[text](target)`, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fence: Option<usize> = None;
    for line in text.lines() {
        let ticks = line.trim_start().chars().take_while(|c| *c == '`').count();
        if ticks >= 3 {
            match fence {
                Some(open) if ticks >= open => fence = None,
                Some(_) => {}
                None => fence = Some(ticks),
            }
            continue;
        }
        if fence.is_some() {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        let mut rest = prose.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let (target, after) = after.split_once(')').unwrap_or((after, ""));
            links.push(target.to_owned());
            rest = after;
        }
    }
    links
}

/// What a heading is called in a link, as GitHub does it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut seen = 0;
    for path in tracked() {
        // Recorded replies and samples link into the projects that they make.
        let is_ours =
            path.ends_with(".md") && !path.contains("testdata/") && !path.contains("/replies/");
        if !is_ours || !root().join(&path).exists() {
            continue;
        }
        let text = read(&path);
        let folder = root().join(&path).parent().expect("a folder").to_path_buf();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, part) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                root().join(&path)
            } else {
                folder.join(file)
            };
            assert!(
                target.exists(),
                "{path} links to {link}, which is not there"
            );
            if !part.is_empty() {
                let text = fs::read_to_string(&target).expect("a text");
                let found = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line) == part);
                assert!(
                    found,
                    "{path} links to {link}, and there is no such heading"
                );
            }
        }
    }
    assert!(seen > 10, "only {seen} links were looked at");
}

/// What `docs/reply-format.md` says below an example, from what the parser makes of it.
fn outcome(text: &str) -> String {
    let reply = sluice_reply::parse(text);
    let mut parts = Vec::new();
    for file in &reply.files {
        let cut = if file.complete { "" } else { ", not complete" };
        parts.push(format!(
            "writes `{}` by `{}`{cut}",
            file.path,
            file.source.as_str()
        ));
    }
    for deletion in &reply.deletions {
        parts.push(format!("deletes `{}`", deletion.path));
    }
    for edit in &reply.edits {
        let path = edit.path.as_ref().map_or("?", |path| path.as_str());
        parts.push(format!("edits `{path}`"));
    }
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    for warning in &reply.warnings {
        parts.push(format!("warns `{}`", warning.code));
    }
    parts.join("; ")
}

#[test]
fn examples_of_the_reply_format_parse_as_it_says() {
    let page = read("docs/reply-format.md");
    let mut lines = page.lines();
    let mut seen = 0;
    while let Some(line) = lines.next() {
        let Some(fence) = line
            .strip_suffix("markdown")
            .filter(|fence| fence.len() >= 4)
        else {
            continue;
        };
        let example: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
        let example = example.join("\n") + "\n";
        let said = lines.next().and_then(|line| line.strip_prefix("→ "));
        assert_eq!(said, Some(outcome(&example).as_str()), "of\n{example}");
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} examples were found");
}

#[test]
fn every_warning_and_reason_is_in_the_reply_format() {
    let page = read("docs/reply-format.md");
    // The lists of the enums, as the sources write them.
    for (source, what) in [
        ("crates/sluice-reply/src/warning.rs", "Code::"),
        ("crates/sluice-path/src/refusal.rs", "Reason::"),
    ] {
        let words: Vec<String> = read(source)
            .lines()
            .filter_map(|line| {
                line.trim()
                    .strip_prefix(what)?
                    .split_once(" => \"")?
                    .1
                    .split_once('"')
            })
            .map(|(word, _)| word.to_owned())
            .filter(|word| {
                word.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
            .collect();
        assert!(words.len() >= 12, "{source}: {words:?}");
        for word in words {
            assert!(
                page.contains(&format!("`{word}`")),
                "docs/reply-format.md does not explain `{word}`"
            );
        }
    }
}

#[test]
fn no_registry_is_named_in_what_is_tracked() {
    // Written apart, so that this file does not find itself. What a machine may reach is its own affair.
    let needles = [
        concat!("registry", ".npmjs"),
        concat!("npmjs", ".com"),
        concat!("npmjs", ".org"),
        concat!("registry", ".yarnpkg"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("static.", "crates.io"),
        concat!("index.", "crates.io"),
        concat!("https://", "crates.io"),
        concat!("deb.", "debian.org"),
        concat!("ftp.", "debian.org"),
        concat!("security.", "debian.org"),
        concat!("snapshot.", "debian.org"),
        concat!("archive.", "ubuntu.com"),
        concat!("proxy.", "golang.org"),
        concat!("registry-1.", "docker.io"),
        concat!("ghcr", ".io"),
        concat!("quay", ".io"),
    ];
    let mut named = Vec::new();
    for path in tracked() {
        let name = path.rsplit('/').next().expect("a name");
        if matches!(
            name,
            "Cargo.lock" | "package-lock.json" | "npm-shrinkwrap.json"
        ) {
            continue;
        }
        let Ok(bytes) = fs::read(root().join(&path)) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        named.extend(
            needles
                .iter()
                .filter(|needle| text.contains(**needle))
                .map(|needle| format!("{path}: {needle}")),
        );
    }
    assert!(named.is_empty(), "{}", named.join("\n"));
}

#[test]
fn the_tests_that_hold_a_promise_exist() {
    let page = read("docs/security.md");
    let sources: String = tracked()
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| read(path))
        .collect();
    // A name of two words may be a field; a test's says a whole sentence.
    let named: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.matches('_').count() >= 2 && !name.contains('.'))
        .collect();
    assert!(
        named.len() > 50,
        "the list is not plausible: {}",
        named.len()
    );
    for name in named {
        assert!(
            sources.contains(&format!("fn {name}(")),
            "docs/security.md names the test {name}, which does not exist"
        );
    }
}

#[test]
fn the_roles_are_told_what_their_gates_demand() {
    let texts: Vec<(String, String)> = tracked()
        .into_iter()
        .filter(|path| path.starts_with("templates/agents/"))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    let roles = Roles::from_texts(
        texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    )
    .expect("role files");
    assert_eq!(roles.all().count(), 9);
    for gate in Gate::ALL {
        let file =
            GateFile::parse(gate, &read(&format!("gates/{gate}.toml"))).expect("a gate file");
        let role = roles.role(&file.worker).expect("the worker's role");
        assert!(role.head.gates.contains(&gate), "{} at {gate}", file.worker);
        for document in &file.documents {
            let path = document.path.split('*').next().unwrap_or_default();
            assert!(role.prompt.contains(path), "{gate}: {path}");
            for section in &document.sections {
                let heading = format!("`{section}`");
                assert!(role.prompt.contains(&heading), "{gate}: {heading}");
            }
        }
    }
}
