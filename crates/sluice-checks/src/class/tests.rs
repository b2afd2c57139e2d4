//! What the words of real tools come to.

use super::classify;
use crate::{Class, Fixable};

#[test]
fn the_words_of_tools_say_what_kind_of_fault_it_is() {
    let cases = [
        (
            "tsc",
            "TS2322",
            "Type 'string' is not assignable to type 'number'.",
            Class::Type,
        ),
        ("tsc", "TS1005", "';' expected.", Class::Syntax),
        (
            "tsc",
            "TS2307",
            "Cannot find module './x' or its type declarations.",
            Class::Import,
        ),
        (
            "tsc",
            "TS18048",
            "'a' is possibly 'undefined'.",
            Class::Type,
        ),
        (
            "tsc",
            "TS5023",
            "Unknown compiler option 'x'.",
            Class::Other,
        ),
        ("rustc", "E0308", "mismatched types", Class::Type),
        ("rustc", "E0432", "unresolved import `x`", Class::Import),
        (
            "rustc",
            "",
            "expected one of `;` or `}`, found `let`",
            Class::Syntax,
        ),
        (
            "rustc",
            "unused_variables",
            "unused variable: `a`",
            Class::Other,
        ),
        (
            "clippy",
            "clippy::needless_return",
            "unneeded `return` statement",
            Class::Other,
        ),
        ("go", "", "undefined: c", Class::Type),
        (
            "go",
            "",
            "syntax error: unexpected newline, expected comma or )",
            Class::Syntax,
        ),
        (
            "go",
            "",
            "no required module provides package example.com/x",
            Class::Import,
        ),
        ("python", "syntax", "invalid syntax", Class::Syntax),
        (
            "python",
            "import",
            "no module named 'requests' is installed",
            Class::Import,
        ),
        (
            "mypy",
            "return-value",
            "Incompatible return value type",
            Class::Type,
        ),
        (
            "mypy",
            "import-not-found",
            "Cannot find implementation",
            Class::Import,
        ),
        ("ruff", "F401", "`os` imported but unused", Class::Other),
        ("ruff", "syntax", "Expected an expression", Class::Syntax),
        (
            "eslint",
            "no-var",
            "Unexpected var, use let or const instead.",
            Class::Other,
        ),
        (
            "eslint",
            "",
            "Parsing error: Unexpected token }",
            Class::Syntax,
        ),
        ("esbuild", "", "Could not resolve \"./x\"", Class::Import),
        (
            "rollup",
            "unresolved-import",
            "could not resolve \"./x\" from \"a.ts\"",
            Class::Import,
        ),
        (
            "node",
            "SyntaxError",
            "Unexpected identifier 'x'",
            Class::Syntax,
        ),
        (
            "vitest",
            "adds",
            "adds: AssertionError: expected -1 to be 3",
            Class::Assertion,
        ),
        (
            "vitest",
            "adds",
            "adds: Error: Test timed out in 5000ms.",
            Class::Timeout,
        ),
        (
            "jest",
            "",
            "Cannot find module './x' from 'a.test.js'",
            Class::Import,
        ),
        (
            "mocha",
            "a",
            "a: Error: Timeout of 2000ms exceeded.",
            Class::Timeout,
        ),
        ("node:test", "a", "a: x is not a function", Class::Type),
        (
            "pytest",
            "t",
            "t: ModuleNotFoundError: No module named 'x'",
            Class::Import,
        ),
        ("pytest", "t", "t: assert 3 == 4", Class::Assertion),
        (
            "pytest",
            "t",
            "t: AttributeError: 'A' object has no attribute 'b'",
            Class::Type,
        ),
        ("go-test", "TestA", "TestA: got -1", Class::Assertion),
        (
            "cargo-test",
            "a",
            "a: assertion `left == right` failed",
            Class::Assertion,
        ),
        (
            "vitest",
            "a",
            "a: connect ECONNREFUSED 127.0.0.1:5432",
            Class::Environment,
        ),
        (
            "npm",
            "E404",
            "'nobody@1' is not in this registry.",
            Class::Import,
        ),
        (
            "npm",
            "manifest-broken",
            "package.json cannot be read",
            Class::Syntax,
        ),
        (
            "npm",
            "lockfile-disagrees",
            "package-lock.json does not fit",
            Class::Other,
        ),
        ("npm-audit", "GHSA-1", "x: is vulnerable", Class::Other),
        (
            "document",
            "section",
            "there is no heading Goals",
            Class::Other,
        ),
        ("vitest", "no-tests", "no test ran", Class::Other),
    ];
    for (tool, rule, message, class) in cases {
        assert_eq!(
            classify(tool, rule, message).0,
            class,
            "{tool} {rule} {message}"
        );
    }
}

#[test]
fn only_what_the_machine_lacks_is_the_environments_to_mend() {
    let fixable = |tool: &str, rule: &str, message: &str| classify(tool, rule, message).1;
    let go = "the program go is not there; install Go 1.21 or newer";
    assert_eq!(fixable("go", "missing-tool", go), Fixable::Environment);
    let full = "ENOSPC: no space left on device, write";
    assert_eq!(fixable("vitest", "a", full), Fixable::Environment);
    // A test can be written so that it needs no database.
    assert_eq!(
        fixable("jest", "a", "connect ECONNREFUSED"),
        Fixable::Unknown
    );
    assert_eq!(fixable("test", "timed_out", ""), Fixable::Unknown);
    assert_eq!(fixable("tsc", "TS2322", ""), Fixable::Agent);
    assert_eq!(fixable("eslint", "no-var", ""), Fixable::Agent);
    assert_eq!(
        fixable("vitest", "adds", "expected 1 to be 2"),
        Fixable::Agent
    );
}
