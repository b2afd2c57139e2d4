//! Says what kind of fault a finding is, and who can mend it, from the tool, its rule and its words.

use crate::{Class, Fixable};

/// What tools say of a module or package that is not there.
const IMPORT: [&str; 22] = [
    "Cannot find module",
    "Cannot find package",
    "Failed to resolve import",
    "Failed to load url",
    "Could not resolve",
    "could not resolve",
    "does not provide an export named",
    "is not exported by",
    "ERR_MODULE_NOT_FOUND",
    "ModuleNotFoundError",
    "ImportError",
    "No module named",
    "no module named",
    "cannot import name",
    "no required module provides package",
    "could not import",
    "cannot find package",
    "is not in std",
    "is not in GOROOT",
    "unresolved import",
    "file not found for module",
    "LoadError",
];
/// What tools say of a text that is no program.
const SYNTAX: [&str; 11] = [
    "SyntaxError",
    "IndentationError",
    "TabError",
    "Transform failed",
    "Parse failure",
    "Parsing error",
    "Unexpected token",
    "Unexpected end of",
    "Unterminated",
    "syntax error",
    "Syntax error",
];
/// What test runners say of a test that takes too long.
const TIMEOUT: [&str; 8] = [
    "timed out",
    "Timed out",
    "Exceeded timeout",
    "exceeded timeout",
    "Timeout of ",
    "TimeoutError",
    "TimeoutExpired",
    "test timed out after",
];
/// What programs say that need more than a sandbox has.
const RESOURCE: [&str; 9] = [
    "heap out of memory",
    "MemoryError",
    "OutOfMemory",
    "memory allocation of",
    "cannot allocate memory",
    "Cannot allocate memory",
    "Maximum call stack",
    "stack overflow",
    "RecursionError",
];
/// What programs say of what is around them: no network, no permission. A change of the code can make it
/// needless, so nobody knows whose it is.
const AROUND: [&str; 13] = [
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENETUNREACH",
    "EACCES",
    "EROFS",
    "EPERM",
    "Permission denied",
    "PermissionError",
    "Read-only file system",
    "Network is unreachable",
    "network is unreachable",
    "name resolution",
];
/// What only somebody who has the machine can mend.
const MACHINE: [&str; 6] = [
    "ENOSPC",
    "No space left on device",
    "no space left on device",
    "linking with `cc` failed",
    "linker `cc` not found",
    "SELF_SIGNED_CERT_IN_CHAIN",
];
/// What runtimes call a value of the wrong kind, or a name that nothing has.
const TYPE: [&str; 6] = [
    "TypeError",
    "ReferenceError",
    "NameError",
    "AttributeError",
    "NoMethodError",
    "is not a function",
];

/// What kind of fault it is, and who can mend it.
pub(crate) fn classify(tool: &str, rule: &str, message: &str) -> (Class, Fixable) {
    if rule == "missing-tool" || says(message, &MACHINE) {
        return (Class::Environment, Fixable::Environment);
    }
    match rule {
        "timed_out" | "silent" => return (Class::Timeout, Fixable::Unknown),
        "out_of_memory" | "output_limit" => return (Class::Resource, Fixable::Unknown),
        "killed" => return (Class::Environment, Fixable::Unknown),
        // The project names it, and can leave it out.
        "registry-refused" => return (Class::Import, Fixable::Agent),
        _ => {}
    }
    let class = by_tool(tool, rule, message);
    let fixable = match class {
        Class::Timeout | Class::Resource | Class::Environment => Fixable::Unknown,
        _ => Fixable::Agent,
    };
    (class, fixable)
}

fn by_tool(tool: &str, rule: &str, message: &str) -> Class {
    match tool {
        "tsc" => typescript(rule),
        "rustc" => rust(rule),
        "node" | "esbuild" | "rollup" | "rolldown" | "build" => of_build(rule, message),
        "go" => go(message),
        // gofmt, which runs beside it, cannot parse the file.
        "go-vet" if message.starts_with("expected ") => Class::Syntax,
        "python" => match rule {
            "syntax" => Class::Syntax,
            "import" => Class::Import,
            _ => Class::Other,
        },
        "mypy" => match rule {
            "syntax" => Class::Syntax,
            _ if rule.starts_with("import") => Class::Import,
            _ => Class::Type,
        },
        "eslint" | "biome" | "ruff" | "flake8" | "pylint" | "clippy" | "rustfmt" | "gofmt"
        | "go-vet" | "staticcheck" | "lint" => of_lint(rule, message),
        "npm" | "pnpm" | "yarn" | "pip" | "uv" | "poetry" | "cargo" => of_install(rule, message),
        "vitest" | "jest" | "mocha" | "node:test" | "pytest" | "unittest" | "cargo-test"
        | "nextest" | "go-test" | "code-runner" => of_test(rule, message),
        "test" => words(message).unwrap_or(Class::Other),
        "smoke" if rule == "build" => words(message).unwrap_or(Class::Other),
        "smoke" => words(message).unwrap_or(Class::Assertion),
        _ => Class::Other,
    }
}

fn says(message: &str, words: &[&str]) -> bool {
    words.iter().any(|word| message.contains(word))
}

/// The class that a message's own words give, the surest first.
fn words(message: &str) -> Option<Class> {
    let all: [(&[&str], Class); 5] = [
        (&IMPORT, Class::Import),
        (&SYNTAX, Class::Syntax),
        (&RESOURCE, Class::Resource),
        (&TIMEOUT, Class::Timeout),
        (&AROUND, Class::Environment),
    ];
    all.into_iter()
        .find_map(|(words, class)| says(message, words).then_some(class))
}

/// The groups of TypeScript's own numbers: 1xxx is the parser, 2xxx and 7xxx are types, the others settings.
fn typescript(rule: &str) -> Class {
    match rule {
        "TS2305" | "TS2306" | "TS2307" | "TS2614" | "TS2688" | "TS2724" | "TS2732" | "TS2792"
        | "TS2834" | "TS2835" | "TS7016" => Class::Import,
        _ => match rule.as_bytes() {
            [b'T', b'S', b'1', _, _, _] => Class::Syntax,
            [b'T', b'S', b'2' | b'4' | b'7', _, _, _] => Class::Type,
            [b'T', b'S', b'1', b'8', ..] => Class::Type,
            _ => Class::Other,
        },
    }
}

/// The compiler's own codes; without one it is the parser that speaks, a lint has a name instead.
fn rust(rule: &str) -> Class {
    match rule {
        "E0432" | "E0433" | "E0463" | "E0583" => Class::Import,
        "" | "E0765" | "E0758" | "E0766" | "E0768" => Class::Syntax,
        _ if rule.starts_with('E') && rule[1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            Class::Type
        }
        _ => Class::Other,
    }
}

fn go(message: &str) -> Class {
    let parser = message.starts_with("expected ") || message.starts_with("invalid character");
    match words(message) {
        Some(class) => class,
        None if parser => Class::Syntax,
        None => Class::Type,
    }
}

fn of_build(rule: &str, message: &str) -> Class {
    match (rule, words(&format!("{rule}: {message}"))) {
        ("unresolved-import" | "UNRESOLVED_IMPORT" | "MISSING_EXPORT", _) => Class::Import,
        (_, Some(class)) => class,
        ("PARSE_ERROR", _) => Class::Syntax,
        ("AssertionError", _) => Class::Assertion,
        ("TypeError" | "ReferenceError", _) => Class::Type,
        _ if message.starts_with("Expected ") => Class::Syntax,
        _ => Class::Other,
    }
}

fn of_lint(rule: &str, message: &str) -> Class {
    match rule {
        "syntax" | "invalid-syntax" | "parse" | "E999" | "E902" | "E0001" | "compile" => {
            Class::Syntax
        }
        "E0401" | "import/no-unresolved" | "n/no-missing-import" => Class::Import,
        "" if says(message, &SYNTAX) => Class::Syntax,
        _ => Class::Other,
    }
}

fn of_install(rule: &str, message: &str) -> Class {
    match rule {
        "manifest-broken" | "lockfile-broken" | "EJSONPARSE" | "invalid-requirement" => {
            Class::Syntax
        }
        "E404"
        | "ETARGET"
        | "no-matching-distribution"
        | "no-matching-package"
        | "no-matching-version" => Class::Import,
        "EACCES" | "EROFS" | "EPERM" => Class::Environment,
        _ => words(message)
            .filter(|class| *class != Class::Syntax)
            .unwrap_or(Class::Other),
    }
}

/// A test that failed for no reason that is known better failed because something was not as it said.
fn of_test(rule: &str, message: &str) -> Class {
    match rule {
        "no-tests" | "report-missing" | "report-disagrees" => Class::Other,
        _ => words(message).unwrap_or_else(|| match says(message, &TYPE) {
            true => Class::Type,
            false => Class::Assertion,
        }),
    }
}

#[cfg(test)]
mod tests;
