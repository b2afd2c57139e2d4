//! Where the tests stand: a snapshot of a fixture, a checker over the native engine, and short answers.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sluice_checks::{
    CheckError, CheckReport, CheckResult, Checker, Folder, HostToolchains, Quiet, Request,
    Settings, Toolchain, Tree, Verdict,
};
use sluice_sandbox::{
    BuildConfig, Docker, DockerConfig, DockerKind, ImageConfig, Native, NativeConfig, Sandbox,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A fixture and a checker with a cache of its own; dependency layers are shared by all tests.
pub(crate) struct Bench {
    home: TempDir,
    pub(crate) checker: Checker,
    pub(crate) sandbox: Arc<dyn Sandbox>,
}

/// The helper of the native engine.
const HELPER: &str = env!("CARGO_BIN_EXE_sluice-checks-sandbox-init");

/// Where this machine keeps what tests install once; not below a temporary folder, which sandboxes have their own of.
pub(crate) fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map_or("/var/cache".into(), PathBuf::from);
    cache.join("sluice")
}

/// The search path of this machine, with the Go that scripts/go.sh installs.
pub(crate) fn path() -> String {
    let go = env::var_os("SLUICE_GO").map_or(cache().join("go"), PathBuf::from);
    let path = env::var("PATH").unwrap_or_default();
    format!("{path}:{}", go.join("go/bin").display())
}

/// A folder that the users of sandboxes can reach.
fn home() -> TempDir {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    home
}

/// Each toolchain's own image, built where it is not there.
fn images() -> ImageConfig {
    ImageConfig {
        build: BuildConfig {
            locks: Path::new(env!("CARGO_TARGET_TMPDIR")).join("images"),
            extra_ca: extra_ca(),
            ..BuildConfig::default()
        },
        ..ImageConfig::default()
    }
}

fn extra_ca() -> Option<PathBuf> {
    env::var_os("NODE_EXTRA_CA_CERTS").map(PathBuf::from)
}

impl Bench {
    /// A checker on the native engine, and a snapshot of these fixtures laid over each other.
    pub(crate) fn new(fixtures: &[&str]) -> Bench {
        let home = home();
        let native = NativeConfig::new(home.path().join("native"), vec![HELPER.into()]);
        let sandbox = Native::new(native).expect("a kernel for native sandboxes");
        Bench::on(home, Arc::new(sandbox), fixtures)
    }

    /// The same, with this machine's toolchains that lie outside of `/usr`.
    pub(crate) async fn with(toolchains: &[Toolchain], fixtures: &[&str]) -> Bench {
        Bench::on_path(toolchains, fixtures, &path()).await
    }

    /// The same, with toolchains that are looked for in other folders than this machine's.
    pub(crate) async fn on_path(toolchains: &[Toolchain], fixtures: &[&str], path: &str) -> Bench {
        let home = home();
        let found = HostToolchains::find(toolchains, path).await;
        let native = NativeConfig {
            extra_paths: found.mounts,
            search: found.search,
            ..NativeConfig::new(home.path().join("native"), vec![HELPER.into()])
        };
        let sandbox = Native::new(native).expect("a kernel for native sandboxes");
        Bench::on(home, Arc::new(sandbox), fixtures)
    }

    /// The same, with programs of a folder of ours as if this machine had them: what is to be shown, and where
    /// in it they are.
    pub(crate) fn with_programs(mounts: &[PathBuf], search: &[PathBuf]) -> Bench {
        let home = home();
        let native = NativeConfig {
            extra_paths: mounts.to_vec(),
            search: search.to_vec(),
            ..NativeConfig::new(home.path().join("native"), vec![HELPER.into()])
        };
        let sandbox = Native::new(native).expect("a kernel for native sandboxes");
        Bench::on(home, Arc::new(sandbox), &[])
    }

    /// The same on Docker.
    pub(crate) async fn docker(fixtures: &[&str]) -> Bench {
        Bench::docker_with(images(), fixtures).await
    }

    /// The same on Docker, with images of one's own.
    pub(crate) async fn docker_with(images: ImageConfig, fixtures: &[&str]) -> Bench {
        let home = home();
        let name = home
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .to_lowercase();
        let config = DockerConfig {
            kind: DockerKind::Docker,
            socket: None,
            images,
            daemon_id: format!(
                "checks-{}",
                name.replace(|c: char| !c.is_ascii_alphanumeric(), "")
            ),
            state: home.path().join("docker"),
            resolver: Arc::new(sluice_egress::System),
        };
        let docker = Docker::connect(config).await;
        let sandbox = docker.unwrap_or_else(|fault| {
            panic!(
                "this test needs Docker: run scripts/engine.sh and scripts/base-image.sh ({fault})"
            )
        });
        Bench::on(home, Arc::new(sandbox), fixtures)
    }

    /// Where a checker in this folder keeps its things.
    fn settings(home: &Path) -> Settings {
        Settings {
            layers: Path::new(env!("CARGO_TARGET_TMPDIR")).join("layers"),
            toolchains: Path::new(env!("CARGO_TARGET_TMPDIR")).join("layers"),
            extra_ca: extra_ca(),
            known: Path::new(env!("CARGO_TARGET_TMPDIR")).join("known"),
            ..Settings::below(home)
        }
    }

    /// Another checker over the same things.
    pub(crate) fn checker_with(&self, change: impl FnOnce(&mut Settings)) -> Checker {
        let mut settings = Bench::settings(self.home.path());
        change(&mut settings);
        Checker::new(Arc::clone(&self.sandbox), settings)
    }

    fn on(home: TempDir, sandbox: Arc<dyn Sandbox>, fixtures: &[&str]) -> Bench {
        let checker = Checker::new(Arc::clone(&sandbox), Bench::settings(home.path()));
        let bench = Bench {
            home,
            checker,
            sandbox,
        };
        fs::create_dir(bench.snapshot()).expect("a snapshot");
        for fixture in fixtures {
            let projects = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/projects");
            copy(&projects.join(fixture), &bench.snapshot());
        }
        bench
    }

    /// Where its checkers keep what is their own.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn snapshot(&self) -> PathBuf {
        self.home.path().join("snapshot")
    }

    /// Writes a file into the snapshot.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.snapshot().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.snapshot().join(path)).expect("the file was there");
    }

    pub(crate) fn request(&self, only: &[&str]) -> Request {
        let tree = Folder::open(&self.snapshot());
        let mut hash = Sha256::new();
        for path in tree.paths() {
            hash.update(&path);
            hash.update(tree.read(&path).unwrap_or_default());
        }
        Request {
            run_id: format!(
                "run-{}",
                self.home.path().file_name().expect("a name").display()
            ),
            tree: hex::encode(hash.finalize()),
            source: Arc::new(tree),
            only: (!only.is_empty()).then(|| only.iter().map(|name| (*name).to_owned()).collect()),
            use_cache: true,
            health: Vec::new(),
            client: sluice_checks::Client::default(),
            fail_fast: false,
        }
    }

    pub(crate) async fn try_check(&self, request: &Request) -> Result<CheckReport, CheckError> {
        self.checker
            .run(request, &Quiet, &CancellationToken::new())
            .await
    }

    /// Runs checks of the snapshot as it is now.
    pub(crate) async fn check(&self, only: &[&str]) -> CheckReport {
        self.try_check(&self.request(only))
            .await
            .expect("no fault of the machinery")
    }

    /// What a check printed.
    pub(crate) fn log(&self, check: &CheckResult) -> String {
        let bytes = self
            .checker
            .logs()
            .log_read(&check.log.sha256)
            .expect("the log is stored");
        assert_eq!(bytes.len() as u64, check.log.bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails with the log of the check when its verdict is another.
    #[track_caller]
    pub(crate) fn expect<'a>(
        &self,
        report: &'a CheckReport,
        name: &str,
        verdict: Verdict,
    ) -> &'a CheckResult {
        let found = report.checks.iter().find(|check| check.name == name);
        let check = found.unwrap_or_else(|| panic!("no {name} in {:?}", names(report)));
        if check.verdict != verdict {
            let log = if check.log.sha256.is_empty() {
                String::new()
            } else {
                self.log(check)
            };
            panic!("{name} is not {verdict:?}: {check:#?}\n{log}");
        }
        check
    }
}

/// The names of the checks in a report.
pub(crate) fn names(report: &CheckReport) -> Vec<&str> {
    report
        .checks
        .iter()
        .map(|check| check.name.as_str())
        .collect()
}

/// `path:line rule` of each finding.
pub(crate) fn places(check: &CheckResult) -> Vec<String> {
    let place = |finding: &sluice_checks::Finding| {
        let path = finding.path.as_deref().unwrap_or("-");
        format!("{path}:{} {}", finding.line.unwrap_or(0), finding.rule)
    };
    check.findings.iter().map(place).collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file");
        }
    }
}
