//! What a project may say of its checks, and what it may not.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Action, Report, Step, Verdict, plan};

fn planned(sluice: &str) -> Vec<Step> {
    let files = [
        (
            "package.json",
            r#"{"name": "a", "scripts": {"test": "vitest run"}}"#,
        ),
        ("api/go.mod", "module example.com/a\n"),
        ("sluice.toml", sluice),
    ];
    let tree: BTreeMap<String, Vec<u8>> = files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .collect();
    let projects = plan(&tree).projects;
    let steps = |project: crate::Project| [vec![project.install], project.steps].concat();
    projects.into_iter().flat_map(steps).collect()
}

#[track_caller]
fn step<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    steps.iter().find(|step| step.name == name).expect(name)
}

#[test]
fn a_command_replaces_what_was_found() {
    let steps = planned(
        "[checks.test]\ncommand = [\"npm\", \"run\", \"t\", \"--\", \"$(touch x)\"]\nreport = \"junit\"\n\
         timeout_seconds = 7\n\n[checks.\"lint:api\"]\ncommand = [\"sh\", \"lint.sh\"]\ndir = \"./api/\"\n",
    );
    let Action::Run(command) = &step(&steps, "test").action else {
        panic!("nothing is run");
    };
    assert_eq!(command.argv, ["npm", "run", "t", "--", "$(touch x)"]);
    assert_eq!(command.report, Report::Junit);
    assert_eq!(command.wall, Some(Duration::from_secs(7)));
    assert_eq!(command.network, sluice_sandbox::Network::None);
    let lint = step(&steps, "lint:api");
    assert_eq!(lint.dir, "api");
    let Action::Run(command) = &lint.action else {
        panic!("nothing is run");
    };
    assert_eq!(command.argv, ["sh", "lint.sh"]);
    assert_eq!(command.report, Report::Text);
    // The others are as they were.
    assert!(matches!(&step(&steps, "install").action, Action::Run(_)));
}

#[test]
fn what_is_not_known_is_an_error_that_names_it() {
    for (text, words, line) in [
        (
            "[checks.test]\ncomand = [\"a\"]\n",
            "unknown field `comand`",
            2,
        ),
        (
            "[checks.test]\ncommand = \"npm run t\"\n",
            "invalid type: string",
            2,
        ),
        (
            "[checks.test]\ncommand = []\n",
            "checks.test: `command` takes a list",
            1,
        ),
        (
            "[checks.test]\nreport = \"junit\"\n",
            "missing field `command`",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\nreport = \"tap\"\n",
            "unknown variant `tap`",
            3,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\nreport = \"eslint\"\n",
            "`report` is not one",
            1,
        ),
        (
            "[checks.lint]\ncommand = [\"a\"]\nreport = \"junit\"\n",
            "`report` is not one",
            1,
        ),
        (
            "[checks.tset]\ncommand = [\"a\"]\n",
            "checks.tset: there is no such check; those that can be set are build, test, lint, build:api",
            1,
        ),
        (
            "[checks.install]\ncommand = [\"a\"]\n",
            "checks.install: there is no such check",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\ndir = \"../x\"\n",
            "`dir` is a folder",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\ndir = \"/etc\"\n",
            "`dir` is a folder",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\ndir = \"nowhere\"\n",
            "`dir` is a folder",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\ntimeout_seconds = 0\n",
            "1 to 3600",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\ntimeout_seconds = 9999999\n",
            "1 to 3600",
            1,
        ),
        (
            "[checks.test]\ncommand = [\"a\"]\nnetwork = \"open\"\n",
            "unknown field `network`",
            3,
        ),
        ("checks = 3\n", "invalid type: integer", 1),
        ("[checks\n", "", 1),
    ] {
        let steps = planned(text);
        for name in ["install", "install:api"] {
            let Action::Skip {
                verdict,
                note,
                place,
            } = &step(&steps, name).action
            else {
                panic!("{text} is taken");
            };
            assert_eq!(*verdict, Verdict::Fail);
            assert!(note.contains(words), "{text}: {note}");
            let (path, at, _) = place.as_ref().expect("a place");
            assert_eq!(
                (path.as_str(), *at),
                ("sluice.toml", line),
                "{text}: {note}"
            );
        }
    }
}

#[test]
fn other_tables_are_not_the_projects() {
    let steps = planned("[server]\nlisten = \"127.0.0.1:1\"\n");
    assert!(matches!(&step(&steps, "install").action, Action::Run(_)));
}
