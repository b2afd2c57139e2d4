//! Functions and programs with cases, in each language that this machine has.

use std::path::Path;

use sluice_checks::Toolchain::Python;
use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{Class, Fixable};

use crate::bench::{Bench, names, places};

const PYTHON: &str = "def prime_factors(n):\n    if n < 2:\n        raise ValueError('n is at least 2')\n    found = []\n    d = 2\n\
                      \x20   while n > 1:\n        while n % d == 0:\n            found.append(d)\n            n //= d\n        d += 1\n    return found\n";
const JAVASCRIPT: &str = "function primeFactors(n) {\n  if (n < 2) throw new RangeError('n is at least 2');\n  const found = [];\n\
                          \x20 for (let d = 2; n > 1; d++) while (n % d === 0) { found.push(d); n /= d; }\n  return found;\n}\n";
const RUBY: &str = "def prime_factors(n)\n  raise ArgumentError, 'n is at least 2' if n < 2\n\n  found = []\n  d = 2\n\
                    \x20 while n > 1\n    while (n % d).zero?\n      found << d\n      n /= d\n    end\n    d += 1\n  end\n  found\nend\n";

fn cases(file: &str, function: &str, error: &str) -> String {
    format!(
        "file = \"{file}\"\nfunction = \"{function}\"\n\n[[cases]]\nname = \"sixty\"\ninput = 60\nexpect = [2, 2, 3, 5]\n\n\
         [[cases]]\nname = \"a prime\"\nargs = [17]\nexpect = [17]\n\n[[cases]]\nname = \"one\"\ninput = 1\nerror = \"{error}\"\n"
    )
}

/// The factors of 60, of 17 and of 1, right and then wrong.
async fn factors(bench: &Bench, file: &str, code: &str, function: &str, error: &str) {
    bench.write(file, code);
    bench.write("sluice-code.toml", &cases(file, function, error));
    let report = bench.check(&[]).await;
    assert_eq!(names(&report), ["install", "test"]);
    let test = bench.expect(&report, "test", Pass);
    let tests = test.tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (3, 0));
    assert_eq!(test.network, "none");
    assert!(
        test.note
            .as_deref()
            .is_some_and(|note| note.contains("3 of 3 cases")),
        "{test:#?}"
    );
    bench.write(
        "sluice-code.toml",
        &cases(file, function, "KeyError").replace("[17]\nexpect = [17]", "[17]\nexpect = [1, 17]"),
    );
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(
        places(test),
        [format!("{file}:0 a prime"), format!("{file}:0 one")]
    );
    assert!(
        test.findings[0]
            .message
            .contains("expected [1,17], got [17]"),
        "{test:#?}"
    );
    assert!(
        test.findings[1]
            .message
            .contains(&format!("expected KeyError, got {error}")),
        "{test:#?}"
    );
    assert_eq!(test.findings[0].class, Class::Assertion);
    // One of three is enough where the file says so.
    let lenient = format!("success_rate = 0.3\n{}", cases(file, function, "KeyError"));
    bench.write("sluice-code.toml", &lenient);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert!(
        test.note
            .as_deref()
            .is_some_and(|note| note.contains("2 of 3 cases hold (66.7 %)")),
        "{test:#?}"
    );
}

#[tokio::test]
async fn python_functions_are_run_on_cases() {
    let bench = Bench::with(&[Python], &[]).await;
    factors(&bench, "primes.py", PYTHON, "prime_factors", "ValueError").await;
}

#[tokio::test]
async fn javascript_functions_are_run_on_cases() {
    let bench = Bench::new(&[]);
    factors(
        &bench,
        "primes.js",
        JAVASCRIPT,
        "primeFactors",
        "RangeError",
    )
    .await;
    let module = format!("export {JAVASCRIPT}");
    factors(&bench, "primes.mjs", &module, "primeFactors", "RangeError").await;
    let common = format!("{JAVASCRIPT}\nmodule.exports = {{ primeFactors }};\n");
    factors(&bench, "primes.cjs", &common, "primeFactors", "RangeError").await;
}

#[tokio::test]
async fn ruby_functions_are_run_on_cases_where_there_is_ruby() {
    let bench = Bench::new(&[]);
    if Path::new("/usr/bin/ruby").exists() {
        factors(&bench, "primes.rb", RUBY, "prime_factors", "ArgumentError").await;
        return;
    }
    bench.write("primes.rb", RUBY);
    bench.write(
        "sluice-code.toml",
        &cases("primes.rb", "prime_factors", "ArgumentError"),
    );
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Unknown);
    assert!(
        test.note
            .as_deref()
            .is_some_and(|note| note.contains("install Ruby")),
        "{test:#?}"
    );
    assert_eq!(test.findings[0].fixable, Fixable::Environment);
}

#[tokio::test]
async fn a_program_reads_its_input_and_prints_its_answer() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write(
        "sum.py",
        "import sys\n\nprint(sum(int(word) for word in sys.stdin.read().split()))\n",
    );
    let head = "file = \"sum.py\"\n\n[[cases]]\nstdin = \"1 2\\n3\"\nstdout = \"6\"\n\n";
    let broken = "[[cases]]\nstdin = \"x\"\nerror = \"ValueError\"\n";
    bench.write("sluice-code.toml", &format!("{head}{broken}"));
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert_eq!(test.tests.expect("counts").passed, 2);
    bench.write("sluice-code.toml", &head.replace("\"6\"", "\"7\""));
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert!(
        test.findings[0]
            .message
            .contains("expected \"7\", got \"6\""),
        "{test:#?}"
    );
}

#[tokio::test]
async fn what_does_not_end_or_cannot_be_loaded_is_red() {
    let bench = Bench::with(&[Python], &[]).await;
    for (code, words, class) in [
        (
            "def f(n):\n    while True:\n        pass\n",
            "it timed out",
            Class::Timeout,
        ),
        ("def f(n:\n", "SyntaxError", Class::Syntax),
        (
            "import nothing_of_that_name\n",
            "ModuleNotFoundError",
            Class::Import,
        ),
        ("def g(n):\n    return n\n", "AttributeError", Class::Type),
        (
            "import os\n\n\ndef f(n):\n    os._exit(0)\n",
            "no answer",
            Class::Assertion,
        ),
        (
            "def f(n):\n    return {1, 2}\n",
            "no JSON",
            Class::Assertion,
        ),
        (
            "import sys\n\n\ndef f(n):\n    sys.exit(0)\n",
            "SystemExit",
            Class::Assertion,
        ),
        // What is printed, and a report that is not ours, is no answer.
        (
            "print('[1]')\nopen('/sluice/out/code.json', 'w').write('{\"cases\": []}')\n\n\ndef f(n):\n    return 2\n",
            "expected 1, got 2",
            Class::Assertion,
        ),
    ] {
        bench.write("f.py", code);
        bench.write(
            "sluice-code.toml",
            "file = \"f.py\"\nfunction = \"f\"\ntimeout_seconds = 2\n\n[[cases]]\ninput = 1\nexpect = 1\n",
        );
        let report = bench.check(&["test"]).await;
        let test = bench.expect(&report, "test", Fail);
        assert!(
            test.findings[0].message.contains(words),
            "{code}: {test:#?}"
        );
        assert_eq!(test.findings[0].class, class, "{code}: {test:#?}");
    }
}
