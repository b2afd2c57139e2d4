//! Plans from the files of a project.

use super::*;

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

/// Each step as `name@dir: argv`, or `name: skipped`.
#[track_caller]
fn check(files: &[(&str, &str)], expect: &[&str]) -> Plan {
    let plan = plan(&tree(files));
    let mut lines = Vec::new();
    for step in plan
        .projects
        .iter()
        .flat_map(|project| [&project.install].into_iter().chain(&project.steps))
    {
        if matches!(step.kind, Kind::Smoke | Kind::Audit) {
            continue;
        }
        let action = match &step.action {
            Action::Run(command) => command.argv.join(" "),
            Action::Skip { verdict, .. } => format!("{verdict:?}"),
        };
        lines.push(format!("{}: {action}", step.name));
    }
    assert_eq!(lines, expect);
    plan
}

const INSTALL: &str = "npm install --ignore-scripts --no-audit --no-fund";

#[test]
fn scripts_get_the_arguments_that_their_tools_know() {
    check(
        &[(
            "package.json",
            r#"{"scripts": {"build": "tsc", "test": "vitest", "lint": "eslint src"}}"#,
        )],
        &[
            &format!("install: {INSTALL}"),
            "build: npm run build",
            "test: npm test -- --reporter=default --reporter=json --outputFile.json=/sluice/out/test.json --run",
            "lint: npm run lint -- -f json -o /sluice/out/lint.json",
        ],
    );
    check(
        &[(
            "package.json",
            r#"{"scripts": {"test": "mocha", "lint": "eslint -f unix ."}}"#,
        )],
        &[
            &format!("install: {INSTALL}"),
            "build: Pass",
            "test: npm test -- --reporter json --reporter-option output=/sluice/out/test.json",
            "lint: npm run lint",
        ],
    );
}

#[test]
fn without_scripts_the_tools_are_run_themselves() {
    let manifest = r#"{"devDependencies": {"typescript": "5", "vitest": "3", "eslint": "9"}}"#;
    check(
        &[
            ("package.json", manifest),
            ("tsconfig.json", "{}"),
            ("eslint.config.js", ""),
        ],
        &[
            &format!("install: {INSTALL}"),
            "build: /workspace/node_modules/.bin/tsc --noEmit --pretty false",
            "test: /workspace/node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json=/sluice/out/test.json",
            "lint: /workspace/node_modules/.bin/eslint . -f json -o /sluice/out/lint.json",
        ],
    );
    check(
        &[
            ("package.json", "{}"),
            ("tsconfig.json", "{\"references\": []}"),
        ],
        &[
            &format!("install: {INSTALL}"),
            "build: Unknown",
            "test: Unknown",
            "lint: Unknown",
        ],
    );
}

#[test]
fn a_runner_behind_a_pipe_is_run_itself() {
    let manifest = r#"{"scripts": {"test": "jest | cat"}, "devDependencies": {"jest": "30"}}"#;
    check(
        &[("app/package.json", manifest)],
        &[
            &format!("install:app: {INSTALL}"),
            "build:app: Pass",
            "test:app: /workspace/app/node_modules/.bin/jest --ci --json --outputFile=/sluice/out/test.json",
            "lint:app: Unknown",
        ],
    );
}

#[test]
fn examples_and_markers_are_no_projects() {
    let plan = check(
        &[
            ("package.json", r#"{"name": "a"}"#),
            ("esm/package.json", r#"{"type": "module"}"#),
            ("examples/b/package.json", r#"{"name": "b"}"#),
            ("node_modules/c/package.json", r#"{"name": "c"}"#),
        ],
        &[
            &format!("install: {INSTALL}"),
            "build: Pass",
            "test: Unknown",
            "lint: Unknown",
        ],
    );
    assert_eq!(plan.notes.len(), 1);
    assert!(plan.notes[0].starts_with("examples/b/package.json"));
    let only = plan_dirs(&[("examples/b/package.json", r#"{"name": "b"}"#)]);
    assert_eq!(only, ["examples/b"]);
}

fn plan_dirs(files: &[(&str, &str)]) -> Vec<String> {
    plan(&tree(files))
        .projects
        .into_iter()
        .map(|project| project.dir)
        .collect()
}

#[test]
fn workspaces_share_the_roots_installation() {
    let root = r#"{"workspaces": {"packages": ["packages/*"]}, "scripts": {"build": "npm run build --workspaces"}}"#;
    let files = [
        ("package.json", root),
        (
            "packages/a/package.json",
            r#"{"name": "a", "scripts": {"build": "tsc", "test": "node --test"}}"#,
        ),
        ("packages/b/package.json", r#"{"name": "b"}"#),
        ("tools/package.json", r#"{"name": "tools"}"#),
    ];
    assert_eq!(plan_dirs(&files), ["", "tools"]);
    check(
        &files[..3],
        &[
            &format!("install: {INSTALL}"),
            "build: npm run build",
            "test:packages/a: npm test",
            "lint: Unknown",
        ],
    );
}

#[test]
fn an_installation_depends_on_what_names_dependencies() {
    let inputs = |manifest: &str, lock: &str| {
        plan(&tree(&[
            ("package.json", manifest),
            ("package-lock.json", lock),
            ("src/a.ts", manifest),
        ]))
        .projects[0]
            .install_inputs
            .clone()
    };
    let base = inputs(
        r#"{"name": "a", "dependencies": {"ms": "^2"}, "scripts": {"test": "x"}}"#,
        "{}",
    );
    assert_eq!(
        base,
        inputs(
            r#"{"name": "a", "dependencies": {"ms": "^2"}, "scripts": {"test": "y"}}"#,
            "{}"
        )
    );
    assert_ne!(
        base,
        inputs(r#"{"name": "a", "dependencies": {"ms": "^3"}}"#, "{}")
    );
    assert_ne!(
        base,
        inputs(
            r#"{"name": "a", "dependencies": {"ms": "^2"}}"#,
            "{\"lockfileVersion\": 3}"
        )
    );
}

#[test]
fn a_hostile_tree_has_a_plan() {
    for manifest in [
        "",
        "[]",
        "{\"scripts\": 3}",
        "{\"workspaces\": [\"[\", \"**\", 7]}",
        "\u{feff}{}",
        "{\"scripts\": {\"test\": 1}}",
    ] {
        let plan = plan(&tree(&[
            ("package.json", manifest),
            ("a/package.json", manifest),
        ]));
        assert_eq!(plan.toolchain, "node", "{manifest}");
    }
    assert_eq!(plan(&BTreeMap::new()).toolchain, "none");
}
