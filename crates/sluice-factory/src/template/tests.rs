//! Templates: what is built in, what a folder adds, what is refused.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use sluice_path::ProjectName;
use sluice_workspace::Action;

use super::{BUILT_IN, MANIFEST, MAX_FILE_BYTES, PLACEHOLDER, Template, Templates};

const HEAD: &str = "name = \"mine\"\ntitle = \"Mine\"\ndescription = \"A test.\"\nlanguages = []\n\
                    kinds = [\"library\"]\nbuilds = \"Nothing.\"\n";

/// A folder of templates with one that is called `mine`.
fn folder(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join(MANIFEST), manifest).unwrap();
    std::fs::write(mine.join("README.md"), "# project-name\n").unwrap();
    folder
}

fn templates(folder: &Path) -> Templates {
    Templates::with_folder(folder.to_owned())
}

fn names(templates: &Templates) -> Vec<String> {
    templates.list().into_iter().map(|head| head.name).collect()
}

/// The path, content and executable bit of each file of a project called `shop-api`.
fn files(template: &Template) -> Vec<(String, String, bool)> {
    let project = ProjectName::parse("shop-api").unwrap();
    let changes = template.changes(&project).into_iter();
    changes
        .map(|change| match change.action {
            Action::Write { bytes, executable } => (
                change.path.as_str().to_owned(),
                String::from_utf8(bytes).unwrap(),
                executable,
            ),
            Action::Delete => panic!("{} is deleted", change.path),
        })
        .collect()
}

/// Why `mine` cannot be used after `change` was made to its folder.
fn refused(change: impl FnOnce(&Path)) -> String {
    let folder = folder(HEAD);
    change(&folder.path().join("mine"));
    let templates = templates(folder.path());
    assert!(!names(&templates).contains(&"mine".to_owned()));
    templates.read("mine").unwrap_err().to_string()
}

#[test]
fn every_built_in_template_can_be_used() {
    let templates = Templates::built_in();
    let listed = names(&templates);
    let mut folders: Vec<&str> = BUILT_IN.iter().map(|(template, ..)| *template).collect();
    folders.dedup();
    assert_eq!(
        listed, folders,
        "the log says what is wrong with the others"
    );
    assert!(listed.contains(&"blank".to_owned()), "{listed:?}");
    for name in listed {
        let template = templates.read(&name).unwrap();
        for (path, text, _) in files(&template) {
            assert_ne!(path, MANIFEST);
            assert!(
                !text.contains(PLACEHOLDER),
                "{name}: {path} holds {PLACEHOLDER}; name it in `named`"
            );
            let locked = path.ends_with("package-lock.json");
            assert!(
                !(locked && text.contains("\"resolved\": \"http")),
                "{name}: {path} names a registry; docs/templates.md says how to write it without"
            );
        }
    }
}

#[test]
fn blank_is_a_readme_and_a_gitignore() {
    let blank = Templates::built_in().read("blank").unwrap();
    let ignored = "node_modules/\ndist/\ncoverage/\n";
    assert_eq!(
        files(&blank),
        [
            (".gitignore".to_owned(), ignored.to_owned(), false),
            ("README.md".to_owned(), "# shop-api\n".to_owned(), false),
        ]
    );
}

#[test]
fn a_template_that_is_not_there_is_answered_with_those_that_are() {
    for name in ["no-such", "", "../blank", "Blank", "."] {
        let error = Templates::built_in().read(name).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!(
                "{name:?} is not a template; there are axum, blank, "
            )),
            "{error}"
        );
    }
}

#[test]
fn a_folder_adds_templates_and_is_read_at_each_use() {
    let folder = folder(&format!("{HEAD}named = [\"bin/run\"]\n"));
    let mine = folder.path().join("mine");
    std::fs::create_dir(mine.join("bin")).unwrap();
    std::fs::write(mine.join("bin/run"), "project-name or project-name\n").unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(mine.join("bin/run"), mode).unwrap();
    let templates = templates(folder.path());
    assert_eq!(
        files(&templates.read("mine").unwrap()),
        [
            // Not named, so not touched.
            ("README.md".to_owned(), "# project-name\n".to_owned(), false),
            (
                "bin/run".to_owned(),
                "shop-api or shop-api\n".to_owned(),
                true
            ),
        ]
    );
    let before = names(&templates);
    assert!(before.contains(&"blank".to_owned()) && before.contains(&"mine".to_owned()));

    std::fs::write(mine.join("late.txt"), "late\n").unwrap();
    assert_eq!(files(&templates.read("mine").unwrap()).len(), 3);
    std::fs::rename(&mine, folder.path().join("blank")).unwrap();
    let head = HEAD.replace("\"mine\"", "\"blank\"");
    std::fs::write(folder.path().join("blank").join(MANIFEST), head).unwrap();
    // Its own takes the place of the built-in one.
    assert_eq!(files(&templates.read("blank").unwrap()).len(), 3);
    assert!(!names(&templates).contains(&"mine".to_owned()));
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(files(&templates.read("blank").unwrap()).len(), 2);
}

#[test]
fn a_manifest_is_held_to_its_form() {
    let cases = [
        (format!("{HEAD}colour = 1\n"), "unknown field `colour`"),
        (HEAD.replace("title", "titel"), "unknown field `titel`"),
        (
            HEAD.replace("builds = \"Nothing.\"\n", ""),
            "missing field `builds`",
        ),
        (HEAD.replace("library", "game"), "game"),
        (
            HEAD.replace("[\"library\"]", "[]"),
            "kinds must name at least one",
        ),
        (HEAD.replace("\"mine\"", "\"other\""), "name is \"other\""),
        (
            format!("{HEAD}named = [\"../x\"]\n"),
            "named lists \"../x\"",
        ),
        (
            format!("{HEAD}named = [\"template.toml\"]\n"),
            "named lists",
        ),
        ("= 1".to_owned(), "template.toml: TOML parse error"),
    ];
    for (manifest, why) in cases {
        let error = refused(|mine| std::fs::write(mine.join(MANIFEST), &manifest).unwrap());
        assert!(error.contains(why), "{manifest}: {error}");
        assert!(
            error.contains("\"mine\" cannot be used: template.toml: "),
            "{error}"
        );
    }
    let missing = refused(|mine| std::fs::remove_file(mine.join(MANIFEST)).unwrap());
    assert!(missing.contains("template.toml: is missing"), "{missing}");
    let binary = refused(|mine| std::fs::write(mine.join(MANIFEST), b"\xff").unwrap());
    assert!(binary.contains("template.toml: is not UTF-8"), "{binary}");
}

#[test]
fn what_cannot_become_part_of_a_project_is_named() {
    type Spoil = fn(&Path);
    let cases: [(&str, &str, Spoil); 12] = [
        ("a.txt", "is a link", |mine| {
            symlink("/etc/passwd", mine.join("a.txt")).unwrap()
        }),
        ("src", "is a link", |mine| {
            symlink("/etc", mine.join("src")).unwrap()
        }),
        (".git", "git's own data", |mine| {
            std::fs::create_dir(mine.join(".git")).unwrap()
        }),
        ("sub/.GIT", "git's own data", |mine| {
            std::fs::create_dir_all(mine.join("sub/.GIT")).unwrap();
        }),
        ("node_modules", "written by tools", |mine| {
            std::fs::create_dir(mine.join("node_modules")).unwrap();
        }),
        ("con.txt", "a device on Windows", |mine| {
            std::fs::write(mine.join("con.txt"), "").unwrap()
        }),
        ("a\\b", "backslash", |mine| {
            std::fs::write(mine.join("a\\b"), "").unwrap()
        }),
        ("e\u{301}", "composed form", |mine| {
            std::fs::write(mine.join("e\u{301}"), "").unwrap()
        }),
        ("readme.md", "where case does not count", |mine| {
            std::fs::write(mine.join("readme.md"), "").unwrap();
        }),
        ("socket", "is no regular file", |mine| {
            UnixListener::bind(mine.join("socket")).unwrap();
        }),
        ("large", "is larger than", |mine| {
            let file = std::fs::File::create(mine.join("large")).unwrap();
            file.set_len(MAX_FILE_BYTES + 1).unwrap();
        }),
        (".", "the limit", |mine| {
            for n in 0..5 {
                let file = std::fs::File::create(mine.join(n.to_string())).unwrap();
                file.set_len(MAX_FILE_BYTES).unwrap();
            }
        }),
    ];
    for (path, why, spoil) in cases {
        let error = refused(spoil);
        let start = format!("the template \"mine\" cannot be used: {path}: ");
        assert!(error.starts_with(&start) && error.contains(why), "{error}");
    }
    let many = refused(|mine| {
        for n in 0..5_000 {
            std::fs::write(mine.join(n.to_string()), "").unwrap();
        }
    });
    assert!(many.contains("more than 4096 files and folders"), "{many}");
    let deep = refused(|mine| std::fs::create_dir_all(mine.join("a/".repeat(40))).unwrap());
    assert!(deep.contains("more than 32 folders deep"), "{deep}");
    let empty = refused(|mine| std::fs::remove_file(mine.join("README.md")).unwrap());
    assert!(empty.contains("holds nothing but the manifest"), "{empty}");
}

#[test]
fn a_link_is_no_template() {
    let elsewhere = folder(HEAD);
    let folder = tempfile::tempdir().unwrap();
    symlink(elsewhere.path().join("mine"), folder.path().join("mine")).unwrap();
    let error = templates(folder.path())
        .read("mine")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is a link; put the folder itself here"),
        "{error}"
    );
    // A file beside the templates, and a folder whose name none may have, are nobody's business.
    std::fs::write(folder.path().join("notes"), "").unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let built_in = names(&Templates::built_in());
    assert_eq!(names(&templates(folder.path())), built_in);
}
