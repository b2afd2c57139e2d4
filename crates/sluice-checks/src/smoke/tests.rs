//! How the services of each toolchain are built and started, from the files of a project.

use std::collections::BTreeMap;

use crate::{Action, Kind, plan};

/// The words behind the script, or why nothing is started.
fn started(files: &[(&str, &str)]) -> String {
    let tree: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect();
    let plan = plan(&tree);
    let mut steps = plan.projects.iter().flat_map(|project| &project.steps);
    let smoke = steps
        .find(|step| step.kind == Kind::Smoke)
        .expect("a service");
    match &smoke.action {
        Action::Run(command) => {
            assert_eq!(command.argv[..2], ["bash", "/sluice/smoke.sh"]);
            command.argv[2..].join(" ")
        }
        Action::Skip { note, .. } => note.clone(),
    }
}

#[track_caller]
fn python(files: &[(&str, &str)], expect: &str) {
    let mut all = vec![("requirements.txt", "flask\n")];
    all.extend(files);
    let wanted = match expect.starts_with("there is nothing") {
        true => expect.to_owned(),
        false => format!("0 /workspace/.venv/bin/python {expect}"),
    };
    assert!(started(&all).starts_with(&wanted), "{}", started(&all));
}

#[test]
fn a_python_service_is_started_as_its_files_say() {
    let fast = "from fastapi import FastAPI\n\napp = FastAPI()\n";
    python(&[("app/__main__.py", ""), ("app/main.py", fast)], "-m app");
    python(
        &[("src/shop/__main__.py", ""), ("manage.py", "")],
        "-m shop",
    );
    python(
        &[("manage.py", ""), ("shop/wsgi.py", "application = get()\n")],
        "manage.py runserver --noreload 127.0.0.1:3000",
    );
    let listen = "--host 127.0.0.1 --port 3000";
    python(
        &[("app/main.py", fast), ("tests/main.py", fast)],
        &format!("-m uvicorn app.main:app {listen}"),
    );
    python(
        &[
            ("main.py", "import app\n"),
            (
                "src/shop/__init__.py",
                "api: FastAPI = fastapi.FastAPI(title='x')\n",
            ),
        ],
        &format!("-m uvicorn shop:api {listen}"),
    );
    python(
        &[
            ("app.py", "app = Flask(__name__)\n"),
            ("main.py", "print()\n"),
        ],
        &format!("-m flask --app app:app run {listen}"),
    );
    python(
        &[("wsgi.py", "app = shop.create_app()\n")],
        &format!("-m flask --app wsgi:app run {listen}"),
    );
    python(&[("main.py", "def f():\n    app = FastAPI()\n")], "main.py");
    python(&[("9/main.py", fast)], "there is nothing to start");
    python(&[("shop/__init__.py", "")], "there is nothing to start");
}

#[test]
fn a_rust_service_is_the_program_that_cargo_chooses() {
    let manifest = ("Cargo.toml", "[package]\nname = \"shop\"\n");
    let run = "4 cargo build --locked --bins cargo run --locked --quiet";
    assert_eq!(started(&[manifest, ("src/main.rs", "")]), run);
    let library = started(&[manifest, ("src/lib.rs", "")]);
    assert!(
        library.starts_with("there is nothing to start"),
        "{library}"
    );
    let named = "[package]\nname = \"shop\"\n[[bin]]\nname = \"shop\"\npath = \"shop.rs\"\n";
    assert_eq!(started(&[("Cargo.toml", named), ("shop.rs", "")]), run);
    let workspace = ("Cargo.toml", "[workspace]\nmembers = [\"api\"]\n");
    let member = ("api/Cargo.toml", "[package]\nname = \"api\"\n");
    assert_eq!(started(&[workspace, member, ("api/src/main.rs", "")]), run);
}

#[track_caller]
fn go(files: &[(&str, &str)], expect: &str) {
    let mut all = vec![("go.mod", "module example.com/shop\n")];
    all.extend(files);
    let seen = started(&all);
    let built = seen
        .strip_prefix("5 go build -o /tmp/sluice-service ")
        .and_then(|seen| seen.strip_suffix(" /tmp/sluice-service"));
    assert!(
        built.map_or(seen.starts_with(expect), |folder| folder == expect),
        "{seen}"
    );
}

#[test]
fn a_go_service_is_the_only_program_or_the_one_whose_name_says_so() {
    let main = "// Command shop sells.\npackage main\n\nfunc main() {}\n";
    let library = "package shop // not package main\n";
    go(&[("main.go", main)], ".");
    go(
        &[("shop.go", library), ("cmd/shop/main.go", main)],
        "./cmd/shop",
    );
    go(
        &[("cmd/api/main.go", main), ("cmd/tool/main.go", main)],
        "./cmd/api",
    );
    go(&[("main.go", main), ("cmd/server/main.go", main)], ".");
    go(
        &[("cmd/a/main.go", main), ("cmd/b/main.go", main)],
        "there are several programs (cmd/a, cmd/b) and nothing says",
    );
    let by_hand = "//go:build ignore\n\npackage main\n";
    go(
        &[("shop.go", library), ("make.go", by_hand)],
        "there is nothing",
    );
    go(
        &[
            ("main_test.go", main),
            ("_old/main.go", main),
            ("tool/go.mod", ""),
            ("tool/main.go", main),
        ],
        "there is nothing",
    );
}
