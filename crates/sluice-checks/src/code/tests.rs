//! What a file of cases may say, and what it may not.

use std::collections::BTreeMap;

use crate::{Action, Toolchain, Verdict, plan};

const CASES: &str = "[[cases]]\ninput = 60\nexpect = [2, 2, 3, 5]\n";

fn planned(file: &str) -> crate::Project {
    let tree: BTreeMap<String, Vec<u8>> = [
        ("kata/sluice-code.toml", file),
        ("kata/primes.rb", ""),
        ("kata/primes", ""),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    .collect();
    plan(&tree).projects.remove(0)
}

#[test]
fn code_with_cases_is_a_project_with_tests_alone() {
    let project = planned(&format!(
        "file = \"primes.rb\"\nfunction = \"primes\"\n{CASES}"
    ));
    assert_eq!(project.toolchain, Toolchain::Ruby);
    assert_eq!(project.install.name, "install:kata");
    assert!(matches!(
        project.install.action,
        Action::Skip {
            verdict: Verdict::Pass,
            ..
        }
    ));
    let names: Vec<&str> = project
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["test:kata"]);
    let Action::Run(command) = &project.steps[0].action else {
        panic!("nothing is run");
    };
    assert_eq!(command.argv, ["ruby", "/sluice/code.rb"]);
    assert!(
        command.env["SLUICE_CODE"].contains(r#""args":[60]"#),
        "{:?}",
        command.env
    );
}

#[test]
fn what_is_not_known_is_red_and_names_it() {
    let head = "file = \"primes.rb\"\nfunction = \"primes\"\n";
    for (text, words) in [
        (
            format!("{head}functon = 1\n{CASES}"),
            "unknown field `functon`",
        ),
        (
            format!("{head}{CASES}output = 3\n"),
            "unknown field `output`",
        ),
        (head.to_owned(), "missing field `cases`"),
        (format!("{head}cases = []\n"), "1 to 500"),
        (format!("file = \"none.py\"\n{CASES}"), "not there"),
        (format!("file = \"../x.py\"\n{CASES}"), "not there"),
        (
            format!("file = \"primes\"\n{CASES}"),
            "`language` is missing",
        ),
        (
            format!("{head}{CASES}error = \"any\"\n"),
            "case 1 has to have",
        ),
        (
            format!("file = \"primes.rb\"\n{CASES}"),
            "`stdin`, and `stdout` or `error`",
        ),
        (
            format!("{head}timeout_seconds = 0\n{CASES}"),
            "`timeout_seconds`",
        ),
        (
            format!("{head}success_rate = 1.5\n{CASES}"),
            "`success_rate`",
        ),
        (
            format!("file = \"primes.rb\"\nfunction = \"a;b\"\n{CASES}"),
            "`function` is one name",
        ),
        (
            format!("{head}language = \"perl\"\n{CASES}"),
            "unknown variant `perl`",
        ),
        (
            format!("{head}{}", "# \n".repeat(50_000)),
            "more than 100 KiB",
        ),
    ] {
        let project = planned(&text);
        let Action::Skip {
            verdict,
            note,
            place,
        } = &project.steps[0].action
        else {
            panic!("{text} is taken");
        };
        assert_eq!(*verdict, Verdict::Fail);
        assert!(note.contains(words), "{text}: {note}");
        let (path, ..) = place.as_ref().expect("a place");
        assert_eq!(path, "kata/sluice-code.toml");
    }
}
