//! Every key is read from both places, and every wrong one is named.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::agent::AgentKind;
use super::key::{KEYS, Kind};
use super::{Config, Secret};
use crate::cli::EngineChoice;
use crate::exit::Exit;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Exit> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sluice.toml");
    fs::write(&file, text).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let config = Config::from(Some(&file), variables);
    // Messages with a folder's random name cannot be compared.
    config.map_err(|mut exit| {
        exit.message = exit
            .message
            .replace(&format!("{}/", folder.path().display()), "");
        exit
    })
}

fn error(text: &str, variables: &[(&str, &str)]) -> String {
    let exit = load(text, variables).expect_err("it is wrong");
    assert_eq!(exit.code, 2);
    match exit.mend {
        Some(mend) => format!("{} | {mend}", exit.message),
        None => exit.message,
    }
}

#[test]
fn nothing_is_fine() {
    let config = Config::from(None, std::iter::empty()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:7700");
    assert_eq!(config.data, Path::new("workspaces"));
    assert_eq!(config.engine, EngineChoice::Auto);
    assert_eq!((config.image, config.images.len()), (None, 0));
    assert_eq!(config.extra_ca, None);
    assert!(config.set.is_empty());
}

#[test]
fn the_environment_outranks_the_file() {
    let file = "[github]\napi_url = \"http://file\"\n[engine]\ndefault = \"docker\"\nslots = 3\n";
    let config = load(
        file,
        &[
            ("SLUICE__GITHUB__API_URL", "http://environment"),
            ("SLUICE__ENGINE__SLOTS", "5"),
            ("SLUICE__NETWORK__REGISTRIES", "https://a, https://b"),
            ("SLUICE__ADMIN_TOKEN", "12345"),
            ("SLUICE_URL", "is not ours"),
        ],
    )
    .unwrap();
    assert_eq!(config.github_api, "http://environment");
    assert_eq!(config.engine, EngineChoice::Docker);
    assert_eq!(config.slots, 5);
    let registries: Vec<String> = config.registries.hosts().collect();
    assert_eq!(registries, ["a:443", "b:443"]);
    assert_eq!(config.admin_token, Some(Secret::new("12345")));
}

#[test]
fn a_person_is_a_name_with_or_without_an_address() {
    let person = |text: &str| {
        let set = [("SLUICE__WORKSPACE__PERSON", text)];
        load("", &set).unwrap().person.unwrap()
    };
    let ada = person("Ada Lovelace <ada@example.org>");
    assert_eq!(
        (ada.name.as_str(), ada.email.as_str()),
        ("Ada Lovelace", "ada@example.org")
    );
    // As the commits of a token of that name.
    assert_eq!(person("Ada").email, "ada@sluice.invalid");
    for wrong in ["<ada@example.org>", "Ada <>", "Ada <a", "A\nB <a@b>"] {
        let said = error("", &[("SLUICE__WORKSPACE__PERSON", wrong)]);
        assert!(said.contains("Ada Lovelace <ada@example.org>"), "{said}");
    }
}

#[test]
fn a_switch_is_true_or_false() {
    assert!(load("", &[]).unwrap().watch);
    assert!(!load("[workspace]\nwatch = false\n", &[]).unwrap().watch);
    let off = [("SLUICE__WORKSPACE__WATCH", "false")];
    assert!(!load("", &off).unwrap().watch);
    for said in [
        error("[workspace]\nwatch = \"yes\"\n", &[]),
        error("", &[("SLUICE__WORKSPACE__WATCH", "on")]),
    ] {
        assert!(
            said.contains("workspace.watch takes true or false"),
            "{said}"
        );
    }
}

#[test]
fn an_empty_variable_takes_the_default() {
    let config = load(
        "[log]\nfilter = \"debug\"\n",
        &[("SLUICE__LOG__FILTER", "")],
    )
    .unwrap();
    assert_eq!(config.log_filter, "warn");
}

#[test]
fn unknown_keys_are_named() {
    insta::assert_snapshot!(
        [
            error("[server]\nlisten_on = \"x\"\n", &[]),
            error("[serve]\nlisten = \"x\"\n", &[]),
            error("port = 1\n", &[]),
            error("[agents.claude]\nkey = \"k\"\n", &[]),
            error("[agents.\"Big Name\"]\nkind = \"outside\"\n", &[]),
            error("", &[("SLUICE__GITHUB__TOKN", "ghp_secret")]),
            error("", &[("SLUICE__SERVER", "x")]),
            error("", &[("SLUICE__", "x")]),
        ]
        .join("\n"),
        @r#"
    sluice.toml: there is no key `server.listen_on` | did you mean `server.listen`?
    sluice.toml: there is no key `serve` | did you mean `server`?
    sluice.toml: there is no key `port` | docs/configuration.md lists every key
    sluice.toml: there is no key `agents.claude.key` | did you mean `agents.claude.kind`?
    sluice.toml: there is no key `agents.Big Name` | names of agents are lower-case letters, digits, `-` and `_`, not "Big Name"
    SLUICE__GITHUB__TOKN: there is no key `github.tokn` | did you mean `github.token`?
    SLUICE__SERVER: `server` is a table; set a key in it
    SLUICE__: there is no key `` | docs/configuration.md lists every key
    "#
    );
}

#[test]
fn wrong_values_are_named_and_secrets_are_not_quoted() {
    insta::assert_snapshot!(
        [
            error("[server]\nlisten = \"localhost\"\n", &[]),
            error("[engine]\nslots = 0\n", &[]),
            error("[engine]\nslots = \"many\"\n", &[]),
            error("", &[("SLUICE__ENGINE__SLOTS", "many")]),
            error("[engine]\ndefault = \"lxc\"\n", &[]),
            error("server = 1\n", &[]),
            error("[github]\ntoken = 12345\n", &[]),
            error("[github]\ntoken = \"ghp_secret\n", &[]),
            error("[log]\nformat = \"xml\"\n", &[]),
            error("[agents.a]\nkind = \"recorded\"\n", &[]),
            error("[agents.a]\nkind = \"command\"\n", &[]),
            error("[agents.a]\ngates = [\"g10\"]\n", &[]),
            error("", &[("SLUICE__AGENTS__A__ARGV", "claude -p")]),
        ]
        .join("\n"),
        @r#"
    sluice.toml: server.listen takes an address and a port, as in 127.0.0.1:7700, not "localhost"
    sluice.toml: engine.slots takes a number from 1 to 256, not 0
    sluice.toml: engine.slots takes a whole number, not text
    SLUICE__ENGINE__SLOTS: engine.slots takes a whole number, not what it is set to
    sluice.toml: engine.default is one of auto, docker, podman, native, not "lxc"
    sluice.toml: server is a table, as in `[server]`, not a whole number
    sluice.toml: github.token takes text, not a whole number
    sluice.toml:2: not TOML: invalid basic string, expected `"`
    sluice.toml: log.format is one of text, json, not "xml"
    sluice.toml: agents.a.dir is missing; an agent of kind recorded needs it
    sluice.toml: agents.a.argv is missing; an agent of kind command needs it
    sluice.toml: agents.a.gates takes gates g0 to g9, not "g10"
    SLUICE__AGENTS__A__ARGV: agents.a.argv takes a JSON array of texts, as in ["program","argument"], not what it is set to
    "#
    );
}

#[test]
fn agents_are_read_from_both_places() {
    let file = "[agents.claude-code]\nkind = \"command\"\nargv = [\"claude\", \"-p\"]\ngates = [\"g5\"]\nwall_s = 60\n\
                [agents.demo]\nkind = \"recorded\"\ndir = \"replies\"\n[agents.backend]\nmodel = \"m\"\n";
    let config = load(
        file,
        &[
            ("SLUICE__AGENTS__CLAUDE_CODE__API_KEY", "k"),
            ("SLUICE__AGENTS__DEMO__GATES", "g0,g1"),
        ],
    )
    .unwrap();
    let [backend, claude, demo] = config.agents.as_slice() else {
        panic!("{:?}", config.agents)
    };
    assert_eq!(claude.name, "claude-code");
    assert_eq!(claude.kind, Some(AgentKind::Command));
    assert_eq!(claude.wall, Duration::from_secs(60));
    assert_eq!(claude.api_key, Some(Secret::new("k")));
    assert_eq!(demo.gates, ["g0", "g1"]);
    assert!(demo.dir.as_ref().unwrap().is_absolute());
    assert_eq!((backend.kind, backend.model.as_deref()), (None, Some("m")));
    let shown = format!("{:?} {:?}", config.set, config.agents);
    assert!(
        shown.contains("(set)") && !shown.contains("\"k\""),
        "{shown}"
    );
}

#[test]
fn three_lines_make_a_model_agent() {
    let file = "[agents.local]\nbase_url = \"http://127.0.0.1:8080/v1\"\nmodel = \"small\"\n";
    let variables = [
        ("SLUICE__AGENTS__LOCAL__API_KEY", "hush"),
        ("SLUICE__AGENTS__LOCAL__MONEY_PER_RUN", "2.5"),
        ("SLUICE__AGENTS__OTHER__BASE_URL", "https://api.example.com"),
        ("SLUICE__AGENTS__OTHER__FALLBACK", "local, local/large"),
    ];
    let config = load(file, &variables).unwrap();
    let [local, other] = config.agents.as_slice() else {
        panic!("{:?}", config.agents)
    };
    assert_eq!(local.kind, Some(AgentKind::Model));
    assert_eq!(local.base_url.as_deref(), Some("http://127.0.0.1:8080/v1"));
    assert_eq!(local.model.as_deref(), Some("small"));
    assert_eq!(local.api_key, Some(Secret::new("hush")));
    assert_eq!(
        (local.money, local.max_tokens, local.retries),
        (Some(2.5), None, 3)
    );
    assert_eq!(local.max_reply_bytes, 16 << 20);
    assert!(local.gates.is_empty());
    assert_eq!(other.kind, Some(AgentKind::Model));
    assert_eq!(other.fallback, ["local", "local/large"]);
    let shown = format!("{:?} {:?}", config.set, config.agents);
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_wrong_model_agent_is_named() {
    insta::assert_snapshot!(
        [
            error("[agents.a]\nkind = \"model\"\nmodel = \"m\"\n", &[]),
            error("[agents.a]\nkind = \"replay\"\n", &[]),
            error("[agents.a]\ndialect = \"gemini\"\n", &[]),
            error("[agents.a]\nmoney_per_run = -1\n", &[]),
            error("[agents.a]\nmoney_per_run = \"much\"\n", &[]),
            error("", &[("SLUICE__AGENTS__A__MONEY_PER_RUN", "NaN")]),
            error("[agents.a]\nmax_tokens = 0\n", &[]),
            error("[agents.a]\nfallback = [\"/m\"]\n", &[]),
        ]
        .join("\n"),
        @"
    sluice.toml: agents.a.base_url is missing; an agent of kind model needs it
    sluice.toml: agents.a.dir is missing; an agent of kind replay needs it
    sluice.toml: agents.a.dialect is one of openai, anthropic, not \"gemini\"
    sluice.toml: agents.a.money_per_run takes a number from 0 to 1000000, not -1
    sluice.toml: agents.a.money_per_run takes a number, not text
    SLUICE__AGENTS__A__MONEY_PER_RUN: agents.a.money_per_run takes a number from 0 to 1000000, not NaN
    sluice.toml: agents.a.max_tokens takes a number from 1 to 10000000, not 0
    sluice.toml: agents.a.fallback takes AGENT or AGENT/MODEL, as in \"local\" or \"openrouter/maker/model\", not \"/m\"
    "
    );
}

#[test]
fn certificates_of_the_environment_are_used_when_none_are_configured() {
    let config = load("", &[("SSL_CERT_FILE", "/ca.pem")]).unwrap();
    assert_eq!(config.extra_ca, Some(PathBuf::from("/ca.pem")));
    assert!(config.extra_ca_from_environment);
    let config = load(
        "[network]\nextra_ca = \"/own.pem\"\n",
        &[("SSL_CERT_FILE", "/ca.pem")],
    )
    .unwrap();
    assert_eq!(config.extra_ca, Some(PathBuf::from("/own.pem")));
    assert!(!config.extra_ca_from_environment);
}

#[test]
fn the_machines_proxy_is_a_key_or_a_variable_and_never_shown() {
    assert!(load("", &[]).unwrap().upstream.origin.is_none());
    let environment = [("https_proxy", "http://ada:hunter2@proxy.test:3128")];
    let config = load("", &environment).unwrap();
    assert_eq!(config.upstream.origin, Some("HTTPS_PROXY, HTTP_PROXY"));
    assert!(config.upstream.resolver().upstream().is_some());
    assert!(!format!("{:?} {:?}", config.upstream, config.set).contains("hunter2"));
    let none = load("[network]\nupstream_proxy = \"none\"\n", &environment).unwrap();
    assert!(none.upstream.resolver().upstream().is_none());
    let key = "[network]\nupstream_proxy = \"http://ada:hunter2@proxy.test\"\n";
    let config = load(key, &[]).unwrap();
    assert_eq!(config.upstream.origin, Some("network.upstream_proxy"));
    assert!(!format!("{:?} {:?}", config.upstream, config.set).contains("hunter2"));
    // Meant for many programs: what this one cannot use stops nothing that needs no registry.
    let socks = [("HTTPS_PROXY", "socks5://ada:hunter2@proxy.test")];
    let fault = load("", &socks).unwrap().upstream.fault.unwrap();
    assert!(
        fault.contains("network.upstream_proxy") && !fault.contains("hunter2"),
        "{fault}"
    );
    let wrong = load(&key.replace("http://", "socks5://"), &[]).unwrap_err();
    let words = format!("{wrong:?}");
    assert!(
        words.contains("network.upstream_proxy") && !words.contains("hunter2"),
        "{words}"
    );
}

#[test]
fn webhooks_are_read_from_both_places_and_never_shown() {
    let file = "[webhooks.team-chat]\nurl = \"https://hooks.example/T0/hunter2\"\nevents = [\"gate.decided\"]\n\
                projects = [\"guestbook\"]\n[webhooks.b]\nurl = \"http://10.0.0.1/\"\nsecret_file = \"b.secret\"\n\
                allow_private = true\n";
    let config = load(
        file,
        &[("SLUICE__WEBHOOKS__TEAM_CHAT__SECRET", "whsec_hunter2")],
    )
    .unwrap();
    let [b, chat] = config.webhooks.as_slice() else {
        panic!("{:?}", config.webhooks);
    };
    assert_eq!((b.name.as_str(), b.allow_private), ("b", true));
    assert!(b.secret.is_none() && b.secret_file.as_ref().unwrap().ends_with("b.secret"));
    assert_eq!(
        (chat.name.as_str(), chat.allow_private),
        ("team-chat", false)
    );
    assert_eq!(chat.events, ["gate.decided"]);
    assert_eq!(chat.projects, ["guestbook"]);
    assert_eq!(chat.secret, Some(Secret::new("whsec_hunter2")));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_wrong_webhook_is_named() {
    let url = "url = \"https://hooks.example/hunter2\"\n";
    let of = |rest: &str| error(&format!("[webhooks.a]\n{rest}"), &[]);
    insta::assert_snapshot!(
        [
            of("secret = \"whsec_\"\n"),
            of(url),
            of(&format!("{url}secret = \"s\"\nsecret_file = \"f\"\n")),
            of(&format!("{url}secret = \"s\"\nevents = [\"gate.open\"]\n")),
            of(&format!("{url}secret = \"s\"\nprojects = [\"../up\"]\n")),
            of("urls = \"x\"\n"),
            error("[webhooks.\"Big Name\"]\nurl = \"x\"\n", &[]),
            error("[[webhooks]]\nurl = \"x\"\n", &[]),
        ]
        .join("\n"),
        @r#"
    webhooks.a.url is missing | say where it is, as in https://hooks.example/sluice
    webhooks.a.secret is missing | set one of secret and secret_file; docs/webhooks.md says how a secret is made
    webhooks.a.secret is set, and secret_file too; one of them is enough | set one of secret and secret_file; docs/webhooks.md says how a secret is made
    sluice.toml: webhooks.a.events takes gate.awaiting_approval, gate.held, gate.decided, gate.ruled, gate.sealed, escalation.opened, escalation.answered, question.asked, not "gate.open"
    sluice.toml: webhooks.a.projects takes names of projects, and "../up" is none
    sluice.toml: there is no key `webhooks.a.urls` | did you mean `webhooks.a.url`?
    sluice.toml: there is no key `webhooks.Big Name` | names of webhooks are lower-case letters, digits, `-` and `_`, not "Big Name"
    sluice.toml: webhooks is a table, as in `[webhooks]`, not a list
    "#
    );
}

#[test]
fn every_key_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = fs::read_to_string(docs.join("configuration.md")).unwrap();
    for (key, kind) in KEYS {
        let key = key.replace('*', "<name>");
        assert!(
            page.contains(&format!("`{key}`")),
            "{key} is not in configuration.md"
        );
        if let Kind::Word(words) = kind {
            for word in *words {
                assert!(
                    page.contains(word),
                    "{key} = {word} is not in configuration.md"
                );
            }
        }
    }
}

/// The least that an issuer needs.
const ISSUER: &str = "[oidc]\nissuer = \"https://login.example.org\"\naudience = \"sluice\"\n\
                      roles = { approver = [\"leads\"] }\n";

#[test]
fn an_issuer_is_read() {
    assert_eq!(load("", &[]).unwrap().oidc, None);
    let variables = [
        ("SLUICE__OIDC__ROLES__VIEWER", "a, b"),
        ("SLUICE__OIDC__LEEWAY_S", "0"),
        ("SLUICE__OIDC__ROLE_CLAIM", "realm_access.roles"),
    ];
    let oidc = load(ISSUER, &variables).unwrap().oidc.unwrap();
    assert_eq!(oidc.issuer, "https://login.example.org");
    assert_eq!((oidc.audience.as_str(), oidc.jwks_url), ("sluice", None));
    assert_eq!(oidc.role_claim, "realm_access.roles");
    assert_eq!((oidc.leeway, oidc.allow_private), (Duration::ZERO, false));
    let words = |role: sluice_factory::Role| {
        let found = oidc.roles.iter().find(|(one, _)| *one == role);
        found.unwrap().1.clone()
    };
    assert_eq!(words(sluice_factory::Role::Viewer), ["a", "b"]);
    assert_eq!(words(sluice_factory::Role::Approver), ["leads"]);
    let local = "[oidc]\nissuer = \"http://127.0.0.1:8080/r\"\naudience = \"s\"\nallow_private = true\n\
                 roles.admin = [\"a\"]\n";
    assert!(load(local, &[]).unwrap().oidc.is_some());
}

#[test]
fn a_wrong_issuer_is_named() {
    let with = |key: &str, value: &str| error(ISSUER, &[(key, value)]);
    for (said, wanted) in [
        (
            error("[oidc]\naudience = \"sluice\"\n", &[]),
            "oidc.audience is set, and oidc.issuer is not",
        ),
        (
            error("[oidc]\nissuer = \"https://a.example\"\n", &[]),
            "oidc.audience is not set",
        ),
        (
            error(
                "[oidc]\nissuer = \"https://a.example\"\naudience = \"s\"\n",
                &[],
            ),
            "oidc.roles is not set",
        ),
        (
            error(
                "[oidc]\nissuer = \"https://a.example\"\nroles.owner = [\"a\"]\n",
                &[],
            ),
            "there is no key `oidc.roles.owner`",
        ),
        (
            with("SLUICE__OIDC__ISSUER", "login.example.org"),
            "oidc.issuer is an https URL",
        ),
        (
            with("SLUICE__OIDC__ISSUER", "http://login.example.org"),
            "oidc.issuer is an https URL",
        ),
        (
            with("SLUICE__OIDC__ISSUER", "https://u:p@login.example.org"),
            "oidc.issuer is an https URL",
        ),
        (
            with("SLUICE__OIDC__ISSUER", "http://127.0.0.1:8080"),
            "needs oidc.allow_private = true",
        ),
        (
            with("SLUICE__OIDC__JWKS_URL", "file:///etc/passwd"),
            "oidc.jwks_url is an https URL",
        ),
        (
            with("SLUICE__OIDC__LEEWAY_S", "301"),
            "oidc.leeway_s takes a number from 0 to 300, not 301",
        ),
    ] {
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn the_example_is_valid_with_and_without_its_comment_signs() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let example = fs::read_to_string(docs.join("sluice.example.toml")).unwrap();
    load(&example, &[]).unwrap();
    // A line `#key = …` is a key that is switched off; `# …` is words.
    let on: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = load(&on, &[]).unwrap();
    for (key, _) in KEYS {
        let (first, last) = key.split_once("*").unwrap_or((key, ""));
        let is_it = |set: &str| set.starts_with(first) && set.ends_with(last);
        assert!(
            config.set.iter().any(|set| is_it(&set.key)),
            "{key} is not in the example"
        );
    }
}
