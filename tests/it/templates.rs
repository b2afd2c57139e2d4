//! The templates of projects: each makes a project that is green in our own checks.
#![expect(clippy::unwrap_used, reason = "a story ends where something fails")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::built::sluice;
use crate::serve::{ADMIN, spawn};

/// Names the templates to check, separated by commas; all of them by default.
const ONLY: &str = "SLUICE_TEMPLATES";
/// The engine of the checks; `native` by default.
const ENGINE: &str = "SLUICE_TEMPLATES_ENGINE";

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/projects")
}

fn folders(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A daemon that runs no check: projects are made by it, and checked beside it.
struct Daemon {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Daemon {
    fn start(config: &str) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[engine]\ndefault = \"native\"\n{config}");
        fs::write(folder.path().join("sluice.toml"), text).unwrap();
        let (child, address) = spawn(folder.path());
        Daemon {
            child,
            address,
            folder,
        }
    }

    fn create(&self, project: &str, template: &str) -> Output {
        let mut create = Command::new(sluice());
        create
            .args(["project", "create", project, "--template", template])
            .args(["--url", &format!("http://{}", self.address)])
            .current_dir(self.folder.path())
            .env("SLUICE_TOKEN", ADMIN);
        create.output().unwrap()
    }

    fn work_tree(&self, project: &str) -> PathBuf {
        self.folder.path().join("data/workspaces").join(project)
    }

    fn git(&self, project: &str, arguments: &[&str]) -> String {
        let git = format!("data/git/{project}.git");
        let output = Command::new("git")
            .args(["--git-dir", &git])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn head(template: &str) -> toml::Table {
    let path = templates().join(template).join("template.toml");
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The checks that a project of the template must pass. The audit is left out: it asks what is known today.
fn checks(template: &str) -> Vec<&'static str> {
    let head = head(template);
    let kinds = head["kinds"].as_array().unwrap();
    let serves = kinds
        .iter()
        .any(|kind| matches!(kind.as_str(), Some("web" | "service")));
    let mut checks = vec!["install", "build", "test", "lint"];
    if serves {
        checks.push("smoke");
    }
    checks
}

/// Whether an installation took what a lockfile names and nothing else.
fn is_locked(install: &Value) -> bool {
    let command: Vec<&str> = install["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    match command[0] {
        "npm" => command[1] == "ci",
        "/bin/sh" => command.contains(&"cargo") && command.contains(&"--locked"),
        // pip has a note where a version is open; there is no go.sum without dependencies.
        "python3" | "go" => install["note"].is_null(),
        _ => false,
    }
}

/// The search path of this machine, with the Go that scripts/go.sh installs.
fn path() -> String {
    let cache = env::var_os("XDG_CACHE_HOME").map_or("/var/cache".into(), PathBuf::from);
    let go = env::var_os("SLUICE_GO").map_or(cache.join("sluice/go"), PathBuf::from);
    let path = env::var("PATH").unwrap_or_default();
    format!("{path}:{}", go.join("go/bin").display())
}

/// What is wrong with a project that was made from a template.
fn faults(daemon: &Daemon, template: &str, cache: &Path) -> Vec<String> {
    // A name that is no name of a package in most languages.
    let project = format!("2-{template}-");
    let made = daemon.create(&project, template);
    assert!(made.status.success(), "{}", said(&made));
    let log = daemon.git(&project, &["log", "--format=%s", "main"]);
    assert_eq!(log.trim(), format!("Start from template {template}"));
    let tree = daemon.work_tree(&project);
    let readme = fs::read_to_string(tree.join("README.md")).unwrap();
    assert!(readme.starts_with(&format!("# {project}\n")), "{readme}");
    assert!(tree.join(".gitignore").is_file());
    if template == "blank" {
        return Vec::new();
    }
    let wanted = checks(template);
    let engine = env::var(ENGINE).unwrap_or_else(|_| "native".to_owned());
    let output = Command::new(sluice())
        .args(["check", "--json", "--engine", &engine])
        .args(["--only", &wanted.join(",")])
        .arg(&tree)
        .env("XDG_CACHE_HOME", cache)
        .env("PATH", path())
        .current_dir(daemon.folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{template}: {error}: {}", said(&output)));
    let mut faults = Vec::new();
    for name in wanted {
        let checks = report["checks"].as_array().unwrap();
        match checks.iter().find(|check| check["name"] == name) {
            Some(check) if check["verdict"] == "pass" => {
                eprintln!("{template}: {name} passed in {} ms", check["wall_ms"]);
                if name == "install" {
                    assert!(is_locked(check), "the lockfile fits: {check:#}");
                }
                if name == "test" {
                    assert!(check["tests"]["passed"].as_u64() > Some(3), "{check:#}");
                }
            }
            Some(check) => faults.push(format!("{template}: {check:#}")),
            None => faults.push(format!("{template}: {name} was not run: {report:#}")),
        }
    }
    faults
}

#[test]
fn a_project_from_each_template_installs_builds_tests_lints_and_starts() {
    let all = folders(&templates());
    let named = env::var(ONLY).unwrap_or_default();
    let chosen: Vec<String> = match named.as_str() {
        "" => all.clone(),
        names => names.split(',').map(str::to_owned).collect(),
    };
    let daemon = Daemon::start("");
    let cache = tempfile::tempdir().unwrap();
    let mut red = Vec::new();
    for template in &chosen {
        assert!(all.contains(template), "{template:?} is not one of {all:?}");
        let start = Instant::now();
        red.extend(faults(&daemon, template, cache.path()));
        eprintln!("{template}: {:.1} s", start.elapsed().as_secs_f64());
    }
    assert!(red.is_empty(), "{}", red.join("\n"));
}

#[test]
fn every_template_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/templates.md");
    let page = fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(_, rest)| rest.contains(" | "))
        .map(|(name, _)| name)
        .collect();
    for template in folders(&templates()) {
        let row = format!(
            "| `{template}` | {} |",
            head(&template)["description"].as_str().unwrap()
        );
        assert!(
            page.lines().any(|line| line.starts_with(&row)),
            "docs/templates.md has no row that starts with {row}"
        );
    }
    for row in rows.iter().filter(|row| !row.contains(' ')) {
        let is_key = head("blank").contains_key(*row);
        let is_there =
            templates().join(row).is_dir() || templates().join("../prompts").join(row).is_file();
        assert!(
            is_key || is_there,
            "docs/templates.md tells of {row:?}, which is no template, no prompt and no key"
        );
    }
}

#[test]
fn a_template_of_the_users_holds_as_soon_as_it_is_there() {
    let daemon = Daemon::start("[templates]\ndir = \"mine\"\n");
    let home = daemon.folder.path().join("mine/projects/notes");
    let unknown = daemon.create("first", "notes");
    assert!(
        said(&unknown).contains("there are axum, blank, "),
        "{}",
        said(&unknown)
    );

    fs::create_dir_all(&home).unwrap();
    let manifest = fs::read_to_string(templates().join("blank/template.toml")).unwrap();
    let manifest = manifest.replace("name = \"blank\"", "name = \"notes\"");
    fs::write(home.join("template.toml"), manifest).unwrap();
    fs::write(home.join("README.md"), "# project-name\n\nNotes.\n").unwrap();
    let made = daemon.create("first", "notes");
    assert!(made.status.success(), "{}", said(&made));
    let text = fs::read_to_string(daemon.work_tree("first").join("README.md")).unwrap();
    assert_eq!(text, "# first\n\nNotes.\n");

    std::os::unix::fs::symlink("/etc/passwd", home.join("passwd")).unwrap();
    let refused = daemon.create("second", "notes");
    let words = said(&refused);
    assert!(!refused.status.success());
    assert!(
        words.contains("passwd: is a link; put the file itself here"),
        "{words}"
    );
    assert_eq!(
        folders(&daemon.folder.path().join("data/workspaces")),
        ["first"]
    );
    assert_eq!(
        folders(&daemon.folder.path().join("data/git")),
        ["first.git"]
    );
    fs::remove_file(home.join("passwd")).unwrap();
    let made = daemon.create("second", "notes");
    assert!(made.status.success(), "{}", said(&made));
}
