//! `sluice check` on real npm projects, in the native engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::World;

/// Copies a project of the checks' own tests; later names are laid over earlier ones.
fn project(world: &World, names: &[&str]) -> PathBuf {
    let projects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sluice-checks/testdata/projects");
    let to = world.path("project");
    fs::create_dir(&to).unwrap();
    for name in names {
        let from = format!("{}/.", projects.join(name).display());
        let copied = Command::new("cp")
            .args(["-r", &from])
            .arg(&to)
            .status()
            .unwrap();
        assert!(copied.success());
    }
    to
}

/// What npm needs to reach its registry, as the machine is set up.
fn registry() -> Vec<(String, String)> {
    let is_wanted =
        |name: &str| name.to_lowercase().starts_with("npm_config_") || name == "SSL_CERT_FILE";
    let mut found: Vec<(String, String)> = std::env::vars()
        .filter(|(name, _)| is_wanted(name))
        .collect();
    let home = std::env::var("HOME").unwrap_or_default();
    if let Ok(npmrc) = fs::read_to_string(Path::new(&home).join(".npmrc"))
        && let Some(url) = npmrc
            .lines()
            .find_map(|line| line.strip_prefix("registry="))
    {
        found.push(("npm_config_registry".to_owned(), url.trim().to_owned()));
    }
    found
}

fn check(world: &World, arguments: &[&str]) -> crate::world::Ran {
    let registry = registry();
    let variables: Vec<(&str, &str)> = registry
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    world.run_with(&variables, arguments)
}

fn named<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

#[test]
fn a_project_without_dependencies_passes_and_the_document_is_the_contracts() {
    let world = World::new();
    let to = project(&world, &["node-test"]);
    fs::write(
        to.join("test/a.test.js"),
        "import test from 'node:test';\ntest('holds', () => {});\n",
    )
    .unwrap();
    let before = crate::world::state(&world.path("project"));
    let ran = check(
        &world,
        &[
            "check", "project", "--only", "test", "--engine", "native", "--json",
        ],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    for (key, wanted) in [
        ("verdict", "pass"),
        ("engine", "native"),
        ("toolchain", "node"),
    ] {
        assert_eq!(report[key], wanted);
    }
    assert_eq!(report["tree"].as_str().unwrap().len(), 40);
    assert!(report["wall_ms"].is_u64());
    let test = named(&report, "test");
    for key in [
        "verdict",
        "exit_code",
        "end",
        "cached",
        "wall_ms",
        "command",
        "findings",
    ] {
        assert!(!test[key].is_null(), "{key}: {test}");
    }
    assert_eq!(test["log"]["sha256"].as_str().unwrap().len(), 64);
    assert!(test["tests"]["passed"].as_u64().unwrap() > 0);
    assert!(ran.err.contains("engine: native"), "{}", ran.err);
    assert_eq!(
        before,
        crate::world::state(&world.path("project")),
        "the folder itself is untouched"
    );

    let again = check(
        &world,
        &[
            "check", "project", "--only", "test", "--engine", "native", "--json",
        ],
    )
    .json();
    assert_eq!(named(&again, "test")["cached"], true);
    assert_eq!(again["tree"], report["tree"]);
    let anew = check(
        &world,
        &[
            "check",
            "project",
            "--only",
            "test",
            "--engine",
            "native",
            "--no-cache",
            "--json",
        ],
    );
    assert_eq!(named(&anew.json(), "test")["cached"], false);
    let left: Vec<_> = fs::read_dir(world.path("cache/sluice/runs"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_type_error_is_1_with_its_place() {
    let world = World::new();
    project(&world, &["green", "type-error"]);
    let ran = check(
        &world,
        &["check", "project", "--only", "build", "--engine", "native"],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("build    FAIL"), "{}", ran.out);
    assert!(
        ran.out.contains("src/add.ts:2:3 error tsc TS2322"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("FAIL    build"), "{}", ran.err);
    let report = check(
        &world,
        &[
            "check", "project", "--only", "build", "--engine", "native", "--json",
        ],
    )
    .json();
    let finding = &named(&report, "build")["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["line"]),
        (&Value::from("TS2322"), &Value::from(2))
    );
}

#[test]
fn a_folder_with_nothing_to_check_is_no_pass() {
    let world = World::new();
    world.write("project/notes.txt", "x");
    let ran = world.run(&["check", "project", "--engine", "native", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["verdict"], "unknown");
    assert!(ran.err.contains("no package.json was found"), "{}", ran.err);
}

#[test]
fn a_check_that_there_is_not_is_wrong_usage() {
    let world = World::new();
    project(&world, &["node-test"]);
    let ran = world.run(&["check", "project", "--only", "biuld", "--engine", "native"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(
        ran.err.contains("there is no check \"biuld\""),
        "{}",
        ran.err
    );
}

#[test]
fn an_engine_that_is_not_there_is_3_with_the_mend() {
    let world = World::new();
    project(&world, &["node-test"]);
    let ran = world.run_with(
        &[("SLUICE__ENGINE__IMAGE", "sluice/none:0")],
        &["check", "project", "--engine", "docker", "--json"],
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(ran.json()["error"]["exit"], 3);
    assert!(ran.err.contains("--engine native"), "{}", ran.err);
}

#[test]
fn an_engine_that_is_named_but_does_not_answer_is_not_replaced_by_another() {
    let world = World::new();
    project(&world, &["node-test"]);
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let ran = world.run_with(
            &[("DOCKER_HOST", host)],
            &["check", "project", "--engine", "docker"],
        );
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{host}: {ran:?}");
        assert!(ran.err.contains("not reachable"), "{host}: {}", ran.err);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_3() {
    let world = World::new();
    project(&world, &["node-test"]);
    world.write("file", "x");
    let cache = world.path("file").display().to_string();
    let ran = world.run_with(&[("XDG_CACHE_HOME", &cache)], &["check", "project"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("XDG_CACHE_HOME"), "{}", ran.err);
}

#[test]
fn what_a_killed_run_left_goes_with_the_next() {
    let world = World::new();
    let to = project(&world, &["node-test"]);
    fs::write(
        to.join("test/a.test.js"),
        "import test from 'node:test';\ntest('slow', () => new Promise((done) => setTimeout(done, 60000)));\n",
    )
    .unwrap();
    let mut child = world
        .command(&["check", "project", "--only", "test", "--engine", "native"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    assert!(
        told.any(|line| line.unwrap().starts_with("start   test")),
        "the test starts"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let runs = || {
        fs::read_dir(world.path("cache/sluice/runs"))
            .unwrap()
            .count()
    };
    assert!(runs() > 0, "it was killed in the middle");
    assert_eq!(world.run(&["doctor"]).code, 0);
    assert_eq!(runs(), 0);
}

#[test]
fn processes_share_a_cache_that_is_bounded() {
    let world = World::new();
    let first = project(&world, &["node-test"]);
    fs::write(
        first.join("test/a.test.js"),
        "import test from 'node:test';\ntest('holds', () => {});\n",
    )
    .unwrap();
    let names = ["one", "two"];
    for name in names {
        let to = world.path(name);
        let copied = Command::new("cp").arg("-r").arg(&first).arg(&to).status();
        assert!(copied.unwrap().success());
        // Another project, so with a layer of its own.
        let manifest = fs::read_to_string(to.join("package.json")).unwrap();
        let manifest = manifest.replace("node-test", &format!("node-test-{name}"));
        fs::write(to.join("package.json"), manifest).unwrap();
    }
    let mut variables = registry();
    for key in ["SLUICE__CACHE__RESULTS_MIB", "SLUICE__CACHE__LAYERS_MIB"] {
        variables.push((key.to_owned(), "1".to_owned()));
    }
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    // More than the bound, and not used for a long time.
    let filled = |name: &str| {
        let path = world.path("cache/sluice/checks/logs/aa").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![0; 2 << 20]).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        path
    };
    let old = ["aa".repeat(32), "ab".repeat(32)].map(|name| filled(&name));
    std::thread::scope(|scope| {
        for name in names {
            let (world, variables) = (&world, &variables);
            scope.spawn(move || {
                for round in 0..3 {
                    let words = [
                        "check", name, "--only", "test", "--engine", "native", "--json",
                    ];
                    let ran = world.run_with(variables, &words);
                    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
                    let report: Value = serde_json::from_str(&ran.out).unwrap();
                    assert_eq!(
                        named(&report, "test")["cached"],
                        round > 0,
                        "{name} {round}"
                    );
                }
            });
        }
    });
    for path in old {
        assert!(!path.exists(), "{}", path.display());
    }
}

#[test]
fn a_folder_that_may_be_a_strangers_does_not_open_the_way_out() {
    let world = World::new();
    let text = "[network]\nprivate_registries = [\"10.0.0.1\"]\nextra_ca = \"id_ed25519\"\n\
                [install]\nscripts = [\"evil\"]\n";
    world.write("sluice.toml", text);
    let said = "./sluice.toml is not asked for install.scripts, network.extra_ca, network.private_registries";
    let ran = world.run(&["check", "--engine", "native"]);
    assert!(ran.err.contains(said), "{ran:?}");
    let named = ["check", "--engine", "native", "--config", "sluice.toml"];
    let ran = world.run(&named);
    assert!(!ran.err.contains("is not asked for"), "{ran:?}");
    let ran = world.run_with(&[("SLUICE_CONFIG", "sluice.toml")], &named[..3]);
    assert!(!ran.err.contains("is not asked for"), "{ran:?}");
}
