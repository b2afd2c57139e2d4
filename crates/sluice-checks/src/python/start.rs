//! Finds how the service of a Python project is started.

use std::sync::LazyLock;

use regex::Regex;

use crate::Tree;
use crate::find::{is_below, is_foreign, join};
use crate::plan::words;
use crate::smoke::PORT;

/// Folders whose files are not the service.
const ASIDE: [&str; 9] = [
    "tests",
    "test",
    "docs",
    "doc",
    "examples",
    "scripts",
    "migrations",
    "alembic",
    "build",
];
/// The files in which applications are made, the likeliest first.
const FILES: [&str; 8] = [
    "main.py",
    "app.py",
    "asgi.py",
    "wsgi.py",
    "api.py",
    "server.py",
    "run.py",
    "__init__.py",
];
/// How deep below the project an application may be made, in folders.
const DEEPEST: usize = 3;

/// `app = FastAPI(…)`, `app: Flask = flask.Flask(…)`, `app = create_app()` at the start of a line.
static APPLICATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=[ \t]*(?:\w+\.)*(FastAPI|Starlette|Litestar|Quart|Flask|(?:create|make|build)_app)\(",
    )
    .expect("a constant pattern")
});

/// The words behind `python` that start the service, where something says which they are.
pub(super) fn start(tree: &dyn Tree, dir: &str, names_flask: bool) -> Option<Vec<String>> {
    let mut paths: Vec<String> = tree
        .paths()
        .into_iter()
        .filter(|path| path.ends_with(".py") && is_below(path, dir) && !is_foreign(path))
        .map(|path| {
            path.strip_prefix(&join(dir, ""))
                .unwrap_or(&path)
                .to_owned()
        })
        .filter(|path| !path.split('/').any(|part| ASIDE.contains(&part)))
        .filter(|path| path.matches('/').count() <= DEEPEST)
        .collect();
    let likelihood = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        FILES.iter().position(|known| *known == name)
    };
    paths.sort_by_key(|path| (path.matches('/').count(), likelihood(path), path.clone()));

    let runs = |path: &&String| {
        let folder = path.strip_suffix("/__main__.py").unwrap_or_default();
        let package = folder.strip_prefix("src/").unwrap_or(folder);
        !package.is_empty() && !package.contains('/')
    };
    if let Some(package) = paths.iter().find(runs) {
        return Some(vec!["-m".to_owned(), module(package)?]);
    }
    if paths.iter().any(|path| path == "manage.py") {
        let address = format!("127.0.0.1:{PORT}");
        return Some(words(["manage.py", "runserver", "--noreload", &address]));
    }
    for path in paths.iter().filter(|path| likelihood(path).is_some()) {
        let text = tree.read(&join(dir, path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let Some((found, module)) = APPLICATION.captures(&text).zip(module(path)) else {
            continue;
        };
        let named = format!("{module}:{}", &found[1]);
        let is_flask = match &found[2] {
            "Flask" => true,
            maker => maker.ends_with("_app") && names_flask,
        };
        let listen = ["--host", "127.0.0.1", "--port", PORT];
        let [host, address, port, number] = listen;
        return Some(match is_flask {
            true => words([
                "-m", "flask", "--app", &named, "run", host, address, port, number,
            ]),
            false => words(["-m", "uvicorn", &named, host, address, port, number]),
        });
    }
    let alone = ["main.py", "app.py", "server.py", "run.py", "src/main.py"];
    let alone = alone
        .iter()
        .find(|name| paths.iter().any(|path| path == *name));
    alone.map(|name| vec![(*name).to_owned()])
}

/// The name under which a file is imported; `src` is on the path.
fn module(path: &str) -> Option<String> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let name = path.strip_suffix(".py")?;
    let name = name.strip_suffix("/__main__").unwrap_or(name);
    let name = name.strip_suffix("/__init__").unwrap_or(name);
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    name.split('/').all(is_name).then(|| name.replace('/', "."))
}
