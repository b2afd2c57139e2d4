//! Misuse and configuration: the exit code, and who is told what.

use serde_json::Value;

use crate::world::World;

#[test]
fn misuse_is_2_and_says_so_on_standard_error() {
    let world = World::new();
    world.write("broken.toml", "[server\n");
    world.write("unknown.toml", "[server]\nlistne = \"127.0.0.1:1\"\n");
    let cases: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["parse", "--nonsense"],
        &["parse", "missing.md"],
        &["parse", "."],
        &["apply"],
        &["check", "missing"],
        &["check", "--engine", "lxc"],
        &["verify", "missing"],
        &["verify", ".", "--signers", "missing"],
        &["doctor", "--config", "missing.toml"],
        &["parse", "missing.md", "--config", "broken.toml"],
        &["check", ".", "--config", "unknown.toml"],
        &["gate", "show", "project", "g10"],
        &["gate", "show", "Project!", "g1"],
        &["gate", "list", "project", "--url", "ftp://x"],
        &["project", "create", "a", "--kind", "game"],
        &["escalation", "answer", "1", "--action", "cry"],
        &["token", "create", "a", "--role", "king"],
        &["sandbox-exec", "--job", "missing.json"],
    ];
    for arguments in cases {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        if !arguments.is_empty() {
            let with_json = [arguments, &["--json"][..]].concat();
            let ran = world.run(&with_json);
            assert_eq!(ran.code, 2, "{with_json:?}: {ran:?}");
            let document: Value = ran.json();
            assert_eq!(document["error"]["exit"], 2, "{with_json:?}");
            assert!(document["error"]["message"].is_string(), "{with_json:?}");
        }
    }
}

#[test]
fn unknown_keys_are_named_wherever_they_come_from() {
    let world = World::new();
    world.write("sluice.toml", "[server]\nlistne = \"127.0.0.1:1\"\n");
    let ran = world.run(&["check", "."]);
    insta::assert_snapshot!(ran.all(), @"
    code 2
    --- out
    --- err
    sluice: sluice.toml: there is no key `server.listne`
      did you mean `server.listen`?
    ");
    let world = World::new();
    let ran = world.run_with(&[("SLUICE__GITHUB__API", "http://x")], &["check", "."]);
    insta::assert_snapshot!(ran.all(), @"
    code 2
    --- out
    --- err
    sluice: SLUICE__GITHUB__API: there is no key `github.api`
      did you mean `github.api_url`?
    ");
}

#[test]
fn secrets_are_never_printed() {
    let world = World::new();
    world.write(
        "sluice.toml",
        "[github]\ntoken = \"ghp_hidden\"\n[database]\nurl = \"postgres://u:hidden@h/d\"\n",
    );
    let secrets = [
        ("SLUICE__ADMIN_TOKEN", "hidden-too"),
        ("SLUICE_TOKEN", "hidden-as-well"),
    ];
    for arguments in [
        &["doctor"][..],
        &["doctor", "--json"],
        &["project", "list", "--help"],
    ] {
        let ran = world.run_with(&secrets, arguments);
        assert!(!ran.all().contains("hidden"), "{}", ran.all());
    }
}

#[test]
fn help_and_version_are_results() {
    let world = World::new();
    for arguments in [&["--help"][..], &["--version"], &["apply", "--help"]] {
        let ran = world.run_with(&[("NO_COLOR", "1")], arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(
            !ran.out.is_empty() && !ran.out.contains('\u{1b}'),
            "{arguments:?}"
        );
    }
}
