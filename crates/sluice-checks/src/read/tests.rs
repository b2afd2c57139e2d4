//! What tools print and write, as they really do.

use std::collections::BTreeMap;

use super::*;
use crate::finding::Paths;
use crate::{Finding, Level};

fn paths(dir: &str) -> Paths {
    let files = [
        "src/a.ts",
        "src/a.test.ts",
        "web/src/b.ts",
        "package.json",
        "web/package.json",
        "m/x/only.ts",
        "tests/test_a.py",
        "app/api.py",
        "app/b.py",
    ];
    let tree: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|path| ((*path).to_owned(), Vec::new()))
        .collect();
    Paths::new(&tree, dir)
}

fn short(findings: &[Finding]) -> Vec<String> {
    let line = |f: &Finding| {
        let first = f.message.lines().next().unwrap_or("");
        format!(
            "{} {} {}:{}:{} {first}",
            f.tool,
            f.rule,
            f.path.as_deref().unwrap_or("-"),
            f.line.unwrap_or(0),
            f.column.unwrap_or(0)
        )
    };
    findings.iter().map(line).collect()
}

#[test]
fn tsc_is_read_plain_and_pretty() {
    let plain = "> app@1.0.0 build\n> tsc\n\nsrc/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n  Because.\nerror TS18003: No inputs were found.\n";
    let found = errors(plain, &paths(""));
    assert_eq!(
        short(&found),
        [
            "tsc TS2322 src/a.ts:3:7 Type 'string' is not assignable to type 'number'.",
            "tsc TS18003 -:0:0 No inputs were found.",
        ]
    );
    assert!(found[0].message.ends_with("Because."));
    let pretty = "\x1b[96msrc/b.ts\x1b[0m:\x1b[93m1\x1b[0m:\x1b[93m2\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS1005: \x1b[0m';' expected.\n";
    assert_eq!(
        short(&errors(pretty, &paths("web"))),
        ["tsc TS1005 web/src/b.ts:1:2 ';' expected."]
    );
}

#[test]
fn bundlers_and_node_are_read() {
    let esbuild = "✘ [ERROR] Could not resolve \"./x\"\n\n    src/a.ts:1:18:\n      1 │ import x\n";
    assert_eq!(
        short(&errors(esbuild, &paths(""))),
        ["esbuild  src/a.ts:1:18 Could not resolve \"./x\""]
    );
    let vite = "error during build:\n[vite:esbuild] Transform failed with 1 error:\n/workspace/src/a.ts:3:7: ERROR: Expected \";\" but found \"x\"\nfile: /workspace/src/a.ts:3:7\n";
    assert_eq!(
        short(&errors(vite, &paths(""))),
        ["build  src/a.ts:3:7 Expected \";\" but found \"x\""]
    );
    let rollup = "Could not resolve \"./nope\" from \"src/a.ts\"\nfile: /workspace/src/a.ts\n";
    assert_eq!(
        short(&errors(rollup, &paths(""))),
        ["rollup unresolved-import src/a.ts:0:0 could not resolve \"./nope\" from \"src/a.ts\""]
    );
    let rolldown = "error during build:\n\x1b[31m[UNRESOLVED_IMPORT] \x1b[0mCould not resolve './nope' in src/a.ts\n     \x1b[38;5;246m╭\x1b[0m\x1b[38;5;246m─\x1b[0m\x1b[38;5;246m[\x1b[0m src/a.ts:141:15 \x1b[38;5;246m]\x1b[0m\n";
    assert_eq!(
        short(&errors(rolldown, &paths(""))),
        ["rolldown UNRESOLVED_IMPORT src/a.ts:141:15 Could not resolve './nope' in src/a.ts"]
    );
    let node = "file:///workspace/src/a.ts:4\nconst x = ;\n          ^\n\nSyntaxError: Unexpected token ';'\n    at node:internal\n";
    assert_eq!(
        short(&errors(node, &paths(""))),
        ["node SyntaxError src/a.ts:4:0 Unexpected token ';'"]
    );
    let thrown = "Error: boom\n    at x (/workspace/node_modules/q/i.js:1:1)\n    at f (/workspace/src/a.ts:9:2)\n";
    assert_eq!(
        short(&errors(thrown, &paths(""))),
        ["node Error src/a.ts:9:2 boom"]
    );
    let stylish =
        "/workspace/src/a.ts\n  3:7  error  'x' is unused  no-unused-vars\n  4:1  warning  Odd\n";
    let found = errors(stylish, &paths(""));
    assert_eq!(
        short(&found),
        [
            "eslint no-unused-vars src/a.ts:3:7 'x' is unused",
            "eslint  src/a.ts:4:1 Odd"
        ]
    );
    assert_eq!(found[1].level, Level::Warning);
}

#[test]
fn noise_is_no_error() {
    let noise = "> x@1.0.0 lint\n> echo 0 errors, error handling is fine\n\n0 errors, error handling is fine\nnpm warn config x\nCannot find module: handled\n";
    assert_eq!(errors(noise, &paths("")), []);
}

#[test]
fn paths_stay_in_the_workspace() {
    let paths = paths("web");
    let cases = [
        ("src/b.ts", Some("web/src/b.ts")),
        ("./src/b.ts", Some("web/src/b.ts")),
        ("../src/a.ts", Some("src/a.ts")),
        ("/workspace/src/a.ts", Some("src/a.ts")),
        ("file:///workspace/web/src/b.ts", Some("web/src/b.ts")),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
        ("/workspace/../etc/passwd", None),
        ("../node_modules/x/i.js", None),
        ("only.ts", Some("m/x/only.ts")),
    ];
    for (printed, meant) in cases {
        assert_eq!(paths.resolve(printed).as_deref(), meant, "{printed}");
    }
}

const JEST: &str = r#"{"numFailedTests":1,"numPassedTests":1,"success":false,"testResults":[{"name":"/workspace/src/a.test.ts","status":"failed","message":"","assertionResults":[
 {"fullName":"adds 2","status":"failed","failureMessages":["AssertionError: expected 3 to be 4\n    at /workspace/src/a.test.ts:1:96\n    at file:///workspace/node_modules/x.js:1:1"]},
 {"fullName":"b","status":"passed","failureMessages":[]},{"fullName":"c","status":"skipped"}]},
 {"name":"/workspace/src/b.test.ts","status":"failed","message":"Failed to load url ./nope","assertionResults":[]}]}"#;

#[test]
fn the_report_of_jest_and_vitest_is_read() {
    let report = jest("vitest", JEST.as_bytes(), &paths("")).unwrap();
    assert_eq!(
        report.tests,
        Tests {
            passed: 1,
            failed: 1,
            skipped: 1
        }
    );
    assert_eq!(
        short(&report.failures),
        [
            "vitest adds 2 src/a.test.ts:1:96 adds 2: AssertionError: expected 3 to be 4",
            "vitest  src/b.test.ts:0:0 Failed to load url ./nope",
        ]
    );
}

#[test]
fn a_report_that_disagrees_with_itself_is_red() {
    let forged = r#"{"numFailedTests":0,"numPassedTests":99,"success":true,"testResults":[]}"#;
    let report = jest("jest", forged.as_bytes(), &paths("")).unwrap();
    assert_eq!(report.tests.passed, 0);
    assert_eq!(report.failures[0].rule, "report-disagrees");
    for broken in ["", "{", "[]", "{\"testResults\": 3}", &"[".repeat(100_000)] {
        assert!(jest("jest", broken.as_bytes(), &paths("")).is_err());
    }
}

#[test]
fn junit_is_read_as_a_stream() {
    let text = r#"<?xml version="1.0"?><testsuites>
<testcase name="ok" classname="test"/>
<testcase name="a &lt; b" classname="test" failure="1 == 2"><failure type="testCodeFailure" message="1 == 2">
[Error [ERR_TEST_FAILURE]: 1 == 2] {
  cause: AssertionError
      at TestContext.&lt;anonymous> (file:///workspace/src/a.test.ts:2:43)
}
</failure></testcase>
<testcase name="s"><skipped type="skipped" message="true"/></testcase></testsuites>"#;
    let report = junit("node:test", text.as_bytes(), &paths("")).unwrap();
    assert_eq!(
        report.tests,
        Tests {
            passed: 1,
            failed: 1,
            skipped: 1
        }
    );
    assert_eq!(
        short(&report.failures),
        ["node:test a < b src/a.test.ts:2:43 a < b: 1 == 2"]
    );
    for broken in [
        "",
        "<x/>",
        "<testsuites><testcase",
        "<testsuites><testcase name='a'>",
        "<testsuites></other>",
    ] {
        assert!(
            junit("node:test", broken.as_bytes(), &paths("")).is_err(),
            "{broken}"
        );
    }
    let deep = "<testsuite>".repeat(200_000);
    // Must come back without overflowing the stack, whatever it says.
    let _ = junit("node:test", deep.as_bytes(), &paths(""));
}

#[test]
fn mocha_is_read() {
    let text = r#"{"stats":{},"passes":[{"fullTitle":"a"}],"pending":[],"failures":[{"fullTitle":"b c","file":"/workspace/src/a.test.ts","err":{"message":"no","stack":"AssertionError: no\n    at f (/workspace/src/a.ts:2:3)"}}]}"#;
    let report = mocha(text.as_bytes(), &paths("")).unwrap();
    assert_eq!(
        report.tests,
        Tests {
            passed: 1,
            failed: 1,
            skipped: 0
        }
    );
    assert_eq!(
        short(&report.failures),
        ["mocha b c src/a.ts:2:3 b c: AssertionError: no"]
    );
}

#[test]
fn an_audit_without_an_answer_is_no_answer() {
    for text in [
        "",
        "<html>405</html>",
        r#"{"message": "405 Method Not Allowed", "statusCode": 405, "error": {"summary": "", "detail": ""}}"#,
        r#"{"error": {"code": "ENOLOCK", "summary": "This command requires an existing lockfile."}}"#,
        r#"{"auditReportVersion": 2}"#,
        "{}",
    ] {
        assert!(audit(text.as_bytes(), "package.json").is_err(), "{text}");
    }
    let text = r#"{"auditReportVersion": 2, "vulnerabilities": {
        "a": {"name": "a", "severity": "high", "range": "<2", "via": [{"title": "Bad", "url": "https://example.test/advisories/GHSA-1"}]},
        "b": {"name": "b", "severity": "low", "range": "*", "via": ["a"]}}, "metadata": {}}"#;
    let found = audit(text.as_bytes(), "package.json").unwrap();
    assert_eq!(
        short(&found),
        [
            "npm-audit GHSA-1 package.json:0:0 a <2: Bad (high)",
            "npm-audit  package.json:0:0 b *: depends on a vulnerable package (low)"
        ]
    );
    assert_eq!(found[1].level, Level::Warning);
    assert_eq!(
        audit(
            br#"{"auditReportVersion": 2, "vulnerabilities": {}}"#,
            "package.json"
        )
        .unwrap(),
        []
    );
}

#[test]
fn npm_errors_are_told_apart() {
    let missing = "npm error code E404\nnpm error 404 Not Found - GET https://r.example/nope - Not found\nnpm error 404\nnpm error 404  The requested resource 'nope@^1' could not be found\nnpm error A complete log of this run can be found in: /tmp/x\n";
    match install_errors(missing, "package.json", &paths("web")) {
        Some(InstallFault::Project(finding)) => {
            assert_eq!(
                (finding.rule.as_str(), finding.path.as_deref()),
                ("E404", Some("web/package.json"))
            );
            assert!(
                finding.message.starts_with("Not Found - GET"),
                "{}",
                finding.message
            );
        }
        _ => panic!("not the project's"),
    }
    for code in ["EAI_AGAIN", "E503", "E405", "ECONNREFUSED"] {
        let text = format!("npm error code {code}\nnpm error x\n");
        assert!(
            matches!(
                install_errors(&text, "package.json", &paths("")),
                Some(InstallFault::Unanswered(_))
            ),
            "{code}"
        );
    }
    assert!(install_errors("npm error something", "package.json", &paths("")).is_none());
}

#[test]
fn reports_are_plain_files_of_a_bounded_size() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    std::os::unix::fs::symlink("/etc/passwd", out.join("link.json")).unwrap();
    std::fs::create_dir(out.join("dir.json")).unwrap();
    std::fs::File::create(out.join("huge.json"))
        .unwrap()
        .set_len(LARGEST_REPORT + 1)
        .unwrap();
    std::fs::write(out.join("good.json"), "{}").unwrap();
    assert_eq!(file(out, "good.json").unwrap(), b"{}");
    for (name, why) in [
        ("none.json", "no report"),
        ("link.json", "not a plain file"),
        ("dir.json", "not a plain file"),
        ("huge.json", "are not read"),
    ] {
        assert!(file(out, name).unwrap_err().contains(why), "{name}");
    }
}

#[test]
fn fingerprints_leave_out_what_changes() {
    let print = |message: &str| crate::fingerprint("vitest", "adds", "src/a.ts", message);
    assert_eq!(
        print("expected 3 in /tmp/a-8f/x.ts after 12.5ms at 10:42, deadbeef"),
        print("expected 44 in /tmp/b-99/x.ts after 7ms at 11:02, cafebabe"),
    );
    assert_ne!(
        print("expected 3 to be 4"),
        print("expected 3 to be greater than 4")
    );
    assert_ne!(
        print("x"),
        crate::fingerprint("vitest", "adds", "src/b.ts", "x")
    );
    assert_ne!(
        print("x"),
        crate::fingerprint("vitest", "subtracts", "src/a.ts", "x")
    );
}

#[test]
fn a_failure_always_has_words() {
    let noise = "> x@1.0.0 build\n> exit 2\n\nnpm error Lifecycle script failed\n";
    assert_eq!(
        fallback("build", "", "it left with exit code 2", noise).message,
        "it left with exit code 2"
    );
    let said = format!("{noise}\nthis is\nwhat it said\n");
    assert_eq!(
        fallback("build", "", "it left", &said).message,
        "it left:\nthis is\nwhat it said"
    );
}

#[test]
fn npm_errors_are_told_without_the_stack() {
    let refused = "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\n\
                   npm error FetchError: request to http://r.example/ms failed, reason: refused\n\
                   npm error     at ClientRequest.<anonymous> (/usr/lib/x.js:130:14)\n\
                   npm error     at process.processTicksAndRejections (node:internal/x:83:21) {\n\
                   npm error   code: 'ECONNREFUSED',\nnpm error   type: 'system',\n\
                   npm error   requiredBy: '.'\nnpm error }\n";
    match install_errors(refused, "package.json", &paths("")) {
        Some(InstallFault::Unanswered(note)) => assert_eq!(
            note,
            "the package registry could not be asked: ECONNREFUSED FetchError: request to \
             http://r.example/ms failed, reason: refused"
        ),
        _ => panic!("no fault of the network"),
    }
    let absent =
        "npm error code ETARGET\nnpm error notarget No matching version found for ms@^99.0.0.\n";
    match install_errors(absent, "package.json", &paths("")) {
        Some(InstallFault::Project(finding)) => {
            assert_eq!(finding.message, "No matching version found for ms@^99.0.0.");
        }
        _ => panic!("no fault of the project"),
    }
}

#[test]
fn a_file_that_pytest_cannot_import_is_told_where_the_fault_is() {
    let report = |said: &str| {
        let text = format!(
            "&lt;frozen importlib._bootstrap&gt;:1204: in _gcd_import\n    ???\ntests/test_a.py:4: in &lt;module&gt;\n    \
             from app.api import a\napp/api.py:7: in &lt;module&gt;\n    from app import b\n{said}"
        );
        let xml = format!(
            "<testsuites><testsuite><testcase name=\"tests.test_a\"><error message=\"collection failure\">{text}</error>\
             </testcase></testsuite></testsuites>"
        );
        junit("pytest", xml.as_bytes(), &paths(""))
            .unwrap()
            .failures
    };
    let broken = report(
        "E     File \"/workspace/app/b.py\", line 26\nE       def f((:\nE   SyntaxError: invalid syntax",
    );
    let place = |found: &crate::Finding| (found.path.clone().unwrap(), found.line.unwrap());
    assert_eq!(place(&broken[0]), ("app/b.py".to_owned(), 26));
    assert!(
        broken[0].message.ends_with("SyntaxError: invalid syntax"),
        "{broken:?}"
    );
    assert_eq!(broken[0].class, crate::Class::Syntax);
    // Without a place of its own it is the innermost import.
    let absent = report("E   ModuleNotFoundError: No module named 'nowhere'");
    assert_eq!(place(&absent[0]), ("app/api.py".to_owned(), 7));
    assert_eq!(
        absent[0].message,
        "tests.test_a: ModuleNotFoundError: No module named 'nowhere'"
    );
}
