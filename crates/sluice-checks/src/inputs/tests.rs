//! What each check's answer depends on.

use std::collections::BTreeMap;

use crate::plan;

type Files = BTreeMap<String, Vec<u8>>;

fn tree(files: &[(&str, &str)]) -> Files {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

/// The checks, without installations, whose answer depends on what was changed.
#[track_caller]
fn moved(files: &[(&str, &str)], changed: &str, text: &str) -> Vec<String> {
    let before = tree(files);
    let mut after = before.clone();
    after.insert(changed.to_owned(), text.as_bytes().to_vec());
    let digests = |files: &Files| -> BTreeMap<String, Option<String>> {
        let plan = plan(files);
        let steps = plan.projects.iter().flat_map(|project| &project.steps);
        steps
            .filter(|step| !matches!(step.kind, crate::Kind::Smoke | crate::Kind::Audit))
            .map(|step| (step.name.clone(), step.inputs.digest(files)))
            .collect()
    };
    let (before, after) = (digests(&before), digests(&after));
    let is_moved =
        |(name, digest): &(&String, &Option<String>)| digest.is_none() || before[*name] != **digest;
    after
        .iter()
        .filter(is_moved)
        .map(|(name, _)| name.clone())
        .collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], changes: &[(&str, &[&str])]) {
    for (changed, expect) in changes {
        assert_eq!(moved(files, changed, "changed"), *expect, "{changed}");
    }
}

const NODE: &str = r#"{"name": "app", "scripts": {"build": "tsc -p . && vite build", "test": "vitest run",
    "lint": "eslint ."}}"#;

#[test]
fn documents_and_styles_do_not_rerun_what_does_not_read_them() {
    check(
        &[
            ("package.json", NODE),
            ("eslint.config.js", "export default [];"),
            (
                "src/a.ts",
                "// size=\"md\" as in docs/intro.md\nfetch('/api');",
            ),
            ("src/a.css", ""),
            ("src/notes.md", ""),
            ("docs/intro.md", ""),
            ("docs/api/b.md", ""),
            ("docs/conf.js", ""),
            ("README.md", ""),
        ],
        &[
            ("docs/api/b.md", &[]),
            ("docs/new/c.md", &[]),
            ("README.md", &[]),
            ("LICENSE", &[]),
            (".github/workflows/ci.yml", &[]),
            // Named by a source.
            ("docs/intro.md", &["build", "test"]),
            // No documents.
            ("docs/conf.js", &["build", "lint", "test"]),
            ("src/notes.md", &["build", "test"]),
            ("src/a.css", &["build", "test"]),
            ("src/a.ts", &["build", "lint", "test"]),
            ("package-lock.json", &["build", "lint", "test"]),
            ("data.bin", &["build", "lint", "test"]),
        ],
    );
}

#[test]
fn documents_count_where_something_names_them() {
    for text in [
        "readdirSync('docs')",
        "join(root, \"docs\", name)",
        "glob('docs/**')",
        "read(`docs/${name}.md`)",
        "glob('**/*.md')",
        "/\\.md$/.test(name)",
        "glob('**/*.{ts,md}')",
        "import text from '../docs/b.md?raw'",
    ] {
        let files = [
            ("package.json", NODE),
            ("src/a.ts", text),
            ("docs/b.md", ""),
        ];
        assert_eq!(
            moved(&files, "docs/b.md", "changed"),
            ["build", "test"],
            "{text}"
        );
    }
    for text in [
        "see the docs",
        "`./docs.ts`",
        "docs.md()",
        "import './mdocs/'",
    ] {
        let files = [
            ("package.json", NODE),
            ("src/a.ts", text),
            ("docs/b.md", ""),
        ];
        assert_eq!(moved(&files, "docs/b.md", "changed"), [""; 0], "{text}");
    }
}

#[test]
fn what_is_not_known_depends_on_everything() {
    let all: &[&str] = &["build", "lint", "test"];
    for script in [
        "prettier --check .",
        "node scripts/build.js",
        "make",
        "vitepress build docs",
        "tsc && cp -r docs dist",
        "tsc $(cat docs/files)",
        "npm run build --workspaces",
    ] {
        let manifest = format!(
            r#"{{"scripts": {{"build": "{script}", "test": "{script}", "prelint": "{script}", "lint": "eslint ."}}}}"#
        );
        let files = [("package.json", manifest.as_str()), ("docs/b.md", "")];
        assert_eq!(moved(&files, "docs/b.md", "changed"), all, "{script}");
    }
}

#[test]
fn a_linter_with_a_plugin_for_texts_reads_them() {
    let files = [
        ("package.json", NODE),
        ("eslint.config.js", "import css from '@eslint/css';"),
        ("src/a.css", ""),
        ("src/a.html", ""),
    ];
    check(
        &files,
        &[
            ("src/a.css", &["build", "lint", "test"]),
            ("src/a.html", &["build", "test"]),
        ],
    );
}

#[test]
fn a_package_depends_on_itself_and_on_what_it_reaches() {
    let member = |name: &str, needs: &str| {
        format!(
            r#"{{"name": "{name}", "dependencies": {{{needs}}}, "scripts": {{"test": "vitest run", "lint": "eslint ."}}}}"#
        )
    };
    let (a, b, c) = (
        member("@o/a", r#""@o/b": "*""#),
        member("@o/b", ""),
        member("@o/c", ""),
    );
    let files = [
        ("package.json", r#"{"workspaces": ["packages/*"]}"#),
        ("eslint.config.js", ""),
        ("README.md", "[c](./packages/c)"),
        ("packages/a/package.json", a.as_str()),
        (
            "packages/a/src/x/a.ts",
            "import '../y'; import '../../test';",
        ),
        ("packages/a/src/y.ts", ""),
        ("packages/b/package.json", b.as_str()),
        ("packages/b/b.ts", ""),
        ("packages/c/package.json", c.as_str()),
        ("packages/c/c.ts", "import '../../tools/t';"),
        ("tools/t.ts", ""),
        ("tools/u.ts", ""),
    ];
    let lint_and_test = |name: &str| {
        [
            format!("lint:packages/{name}"),
            format!("test:packages/{name}"),
        ]
    };
    let of = |names: &[&str]| {
        let mut all: Vec<String> = names.iter().flat_map(|name| lint_and_test(name)).collect();
        all.push("build".to_owned());
        all.sort();
        // The root has nothing to build.
        all.retain(|name| name != "build" || !names.is_empty());
        all
    };
    for (changed, names) in [
        ("packages/a/src/y.ts", &["a"][..]),
        ("packages/b/b.ts", &["a", "b"]),
        ("packages/c/c.ts", &["c"]),
        ("tools/u.ts", &["c"]),
        ("eslint.config.js", &["a", "b", "c"]),
    ] {
        let mut moved = moved(&files, changed, "changed");
        moved.retain(|name| name != "build");
        let mut expect = of(names);
        expect.retain(|name| name != "build");
        assert_eq!(moved, expect, "{changed}");
    }
}

#[test]
fn what_goes_above_its_folder_depends_on_everything() {
    let manifest = r#"{"name": "a", "scripts": {"lint": "eslint ."}}"#;
    for text in [
        "resolve(__dirname, '..')",
        "read('../../')",
        "'/workspace/other'",
    ] {
        let files = [
            ("a/package.json", manifest),
            ("a/x.js", text),
            ("b/package.json", r#"{"name": "b"}"#),
            ("other/x", ""),
        ];
        let moved = moved(&files, "other/x", "changed");
        assert!(moved.contains(&"lint:a".to_owned()), "{text}: {moved:?}");
    }
    let files = [
        (
            "tsconfig.base.json",
            r#"{"compilerOptions": {"paths": {}}}"#,
        ),
        ("a/package.json", manifest),
        ("other/x", ""),
    ];
    assert!(moved(&files, "other/x", "changed").contains(&"lint:a".to_owned()));
}

#[test]
fn other_toolchains() {
    check(
        &[
            (
                "pyproject.toml",
                "[project]\nname='x'\nreadme = \"README.md\"\n[tool.ruff]\n[tool.pytest.ini_options]\n",
            ),
            ("x/a.py", ""),
            ("x/page.html", ""),
            ("docs/a.rst", ""),
            ("README.md", ""),
        ],
        &[
            ("README.md", &[]),
            ("docs/a.rst", &[]),
            ("x/page.html", &["test"]),
            ("x/a.py", &["build", "lint", "test"]),
            ("uv.lock", &["build", "lint", "test"]),
        ],
    );
    check(
        &[
            (
                "Cargo.toml",
                "[package]\nname='x'\nreadme = \"README.md\"\n",
            ),
            ("src/lib.rs", "#![doc = include_str!(\"../docs/lib.md\")]"),
            ("docs/lib.md", ""),
            ("README.md", ""),
        ],
        &[
            ("README.md", &[]),
            ("docs/lib.md", &["build", "lint", "test"]),
            ("src/data.txt", &["build", "lint", "test"]),
        ],
    );
    let go = [
        ("go.mod", "module x\n"),
        ("main.go", "package main\n"),
        ("testdata/a.json.golden", ""),
        ("docs/a.md", ""),
    ];
    check(
        &go,
        &[
            ("docs/a.md", &[]),
            ("testdata/a.json.golden", &["test"]),
            ("main.go", &["build", "lint", "test"]),
        ],
    );
    let embeds = [go[0], ("main.go", "//go:embed docs\n"), go[3]];
    assert_eq!(
        moved(&embeds, "docs/a.md", "changed"),
        ["build", "lint", "test"]
    );
}
