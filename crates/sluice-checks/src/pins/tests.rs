//! Which files decide what is checked.

use super::*;

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

#[test]
fn tests_configuration_and_lockfiles_are_pinned() {
    let files = [
        "src/a.test.ts",
        "src/b.spec.tsx",
        "tests/c.ts",
        "src/__tests__/d.js",
        "eslint.config.js",
        ".eslintrc.json",
        "vitest.config.ts",
        "vite.config.ts",
        "jest.config.cjs",
        "tsconfig.json",
        "tsconfig.build.json",
        ".mocharc.yml",
        "package-lock.json",
        "api/package-lock.json",
        ".npmrc",
        "test.js",
        "add_test.mjs",
        "a/__snapshots__/x.snap",
    ];
    let loose = [
        "src/a.ts",
        "README.md",
        "src/testing.ts",
        "docs/test.md",
        "src/contest.ts",
        "latest.js",
    ];
    let all: Vec<(&str, &str)> = files
        .iter()
        .chain(&loose)
        .map(|path| (*path, "x"))
        .collect();
    let pinned: Vec<String> = pins(&tree(&all)).into_keys().collect();
    let mut expected = files.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(pinned, expected);
}

#[test]
fn of_a_manifest_only_the_checks_are_pinned() {
    let before = pins(&tree(&[(
        "package.json",
        r#"{"scripts": {"test": "vitest run"}, "jest": {"x": 1}, "dependencies": {}}"#,
    )]));
    let same = pins(&tree(&[(
        "package.json",
        r#"{"jest": {"x": 1}, "scripts": {"test": "vitest run"}, "dependencies": {"a": "1"}}"#,
    )]));
    assert_eq!(pins_moved(&before, &same), Vec::<String>::new());
    let moved = pins(&tree(&[(
        "package.json",
        r#"{"scripts": {"test": "exit 0"}}"#,
    )]));
    assert_eq!(
        pins_moved(&before, &moved),
        ["package.json#jest", "package.json#scripts"]
    );
}

#[test]
fn new_tests_are_fine_and_lost_ones_not() {
    let before = pins(&tree(&[("a.test.ts", "1"), ("b.test.ts", "1")]));
    let after = pins(&tree(&[("a.test.ts", "1"), ("c.test.ts", "1")]));
    assert_eq!(pins_moved(&before, &after), ["b.test.ts"]);
}

#[test]
fn tests_locks_and_settings_of_every_toolchain_are_pinned() {
    let pinned = [
        "api/conftest.py",
        "api/test_a.py",
        "core/Cargo.lock",
        "core/rustfmt.toml",
        "core/tests/it.rs",
        "go.sum",
        "main_test.go",
        "ruff.toml",
        "uv.lock",
    ];
    let mut tree: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in pinned
        .into_iter()
        .chain(["main.go", "core/src/lib.rs", "api/app.py"])
    {
        tree.insert(path.to_owned(), b"x".to_vec());
    }
    assert!(pins(&tree).keys().eq(pinned.iter()));
}
