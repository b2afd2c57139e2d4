//! What the machine itself has: toolchains, kernel, disk, certificates.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sluice_checks::{HostToolchains, Toolchain};
use sluice_factory::{GateSet, Prompts, Roles};
use tokio::process::Command;

use sluice_workspace::watch::Watch;

use super::{Item, State};
use crate::command::check::{SANDBOX_PATH, is_in};
use crate::config::Config;
use crate::exit;

/// Less free space than this is worth a word, in bytes.
const LITTLE: u64 = 2 << 30;
/// Fewer watches than this are soon used up.
const FEW: u64 = 8192;
/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs, what they are for, and how to get them.
const PROGRAMS: [(&str, &str); 2] = [
    ("git", "only for people and for tests: apt-get install git"),
    (
        "ssh-keygen",
        "only to verify signatures without us: apt-get install openssh-client",
    ),
];

/// The system.
pub(super) fn system() -> Item {
    let system = rustix::system::uname();
    let user = if rustix::process::geteuid().is_root() {
        "root"
    } else {
        "an ordinary user"
    };
    let detail = format!(
        "{} {} on {}, as {user}; sluice {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        env!("CARGO_PKG_VERSION")
    );
    Item::new("system", State::Ok, detail)
}

/// Which file was read.
pub(super) fn configuration(config: &Config) -> Item {
    let detail = match &config.file {
        Some(file) => file.display().to_string(),
        None => "no file (./sluice.toml, /etc/sluice/sluice.toml); none is needed".to_owned(),
    };
    Item::new("configuration", State::Ok, detail)
}

/// The toolchains that the native engine shows to sandboxes, and tools for people.
pub(super) async fn toolchains() -> Vec<Item> {
    let path = env::var("PATH").unwrap_or_default();
    let mut search = HostToolchains::find(&Toolchain::ALL, &path).await.search;
    search.extend(env::split_paths(SANDBOX_PATH));
    let search = env::join_paths(search).unwrap_or_default();
    let search = search.to_string_lossy();
    let mut items = Vec::new();
    for toolchain in Toolchain::ALL {
        for name in toolchain.programs() {
            let fix = match toolchain {
                Toolchain::Node => toolchain.mend().to_owned(),
                other => format!("only for {} projects: {}", other.as_str(), other.mend()),
            };
            items.push(program(name, &fix, &search).await);
        }
    }
    for (name, fix) in PROGRAMS {
        items.push(program(name, fix, &search).await);
    }
    items
}

async fn program(program: &'static str, fix: &str, search: &str) -> Item {
    let is_needed = matches!(program, "node" | "npm");
    let worst = if is_needed {
        State::Missing
    } else {
        State::Warning
    };
    let path = env::var("PATH").unwrap_or_default();
    if !is_in(search, program) {
        return match is_in(&path, program) {
            true => Item::new(
                program,
                worst,
                "on your PATH, but not where sandboxes of the native engine look",
            )
            .fix(format!(
                "install it below /usr, or let it say where its toolchain lies. {fix}"
            )),
            false => Item::new(program, worst, "not installed").fix(fix),
        };
    }
    match version(program, search).await {
        Some(version) if program == "node" && major(&version) < 20 => {
            Item::new(program, State::Warning, format!("{version}, which is old")).fix(fix)
        }
        Some(version) => Item::new(program, State::Ok, version),
        None => Item::new(program, worst, "it does not say its version").fix(fix),
    }
}

async fn version(program: &str, search: &str) -> Option<String> {
    // The one program without a version option.
    if program == "ssh-keygen" {
        return Some("installed".to_owned());
    }
    let word = match program {
        "go" => "version",
        _ => "--version",
    };
    let file = env::split_paths(search)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())?;
    let output = Command::new(file)
        .arg(word)
        .env("PATH", search)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn major(version: &str) -> u32 {
    let digits = version.trim_start_matches('v').split('.').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Whether the kernel has the file system that workspaces are laid over.
pub(super) fn overlay() -> Item {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    match known
        .lines()
        .any(|line| line.trim_end().ends_with("overlay"))
    {
        true => Item::new("overlay", State::Ok, "the kernel has it"),
        false => Item::new("overlay", State::Warning, "the kernel does not list it")
            .fix("load it as root: modprobe overlay"),
    }
}

/// Whether an ordinary user may make namespaces.
pub(super) fn namespaces() -> Item {
    let number = |path: &str| -> Option<u64> { fs::read_to_string(path).ok()?.trim().parse().ok() };
    let most = number("/proc/sys/user/max_user_namespaces");
    let closed = |path: &str, value: u64| number(path) == Some(value);
    let item = |state, detail: &str| Item::new("namespaces", state, detail);
    if most == Some(0) {
        return item(State::Warning, "user namespaces are switched off")
            .fix("as root: sysctl user.max_user_namespaces=15000");
    }
    if closed("/proc/sys/kernel/unprivileged_userns_clone", 0) {
        return item(State::Warning, "only root may make user namespaces")
            .fix("as root: sysctl kernel.unprivileged_userns_clone=1");
    }
    if closed("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1) {
        return item(State::Warning, "AppArmor keeps ordinary users from user namespaces")
            .fix("as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for sluice");
    }
    item(State::Ok, "user namespaces are allowed")
}

/// Which control groups there are.
pub(super) fn cgroups() -> Item {
    let root = Path::new("/sys/fs/cgroup");
    let kind = if root.join("cgroup.controllers").is_file() {
        "version 2"
    } else if root.join("memory").is_dir() {
        "version 1"
    } else {
        return Item::new("cgroups", State::Warning, "none are mounted")
            .fix("mount them, or accept that native sandboxes bound memory by other means");
    };
    Item::new(
        "cgroups",
        State::Ok,
        format!("{kind}; the line `native` says what they enforce"),
    )
}

/// Whether the kernel tells of changes in working trees: each daemon takes an instance, each folder a watch.
pub(super) fn watches(folder: &Path) -> Item {
    let limit = |name: &str| -> Option<u64> {
        let path = Path::new("/proc/sys/fs/inotify").join(name);
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    if let Err(error) = Watch::start(folder, |_| {}) {
        let detail = format!(
            "{}; `sluice serve` looks at the working trees every 2 s instead",
            exit::chain(&error)
        );
        return Item::new("file watches", State::Warning, detail)
            .fix("as root: sysctl fs.inotify.max_user_instances=1024");
    }
    match limit("max_user_watches") {
        Some(most) if most < FEW => Item::new(
            "file watches",
            State::Warning,
            format!(
                "{most} folders at most; with more of them `sluice serve` looks every 2 s instead"
            ),
        )
        .fix("as root: sysctl fs.inotify.max_user_watches=524288"),
        Some(most) => Item::new("file watches", State::Ok, format!("up to {most} folders")),
        None => Item::new("file watches", State::Ok, "the kernel gives them"),
    }
}

/// How much room there is.
pub(super) fn disk(cache: &Path) -> Item {
    let Ok(found) = rustix::fs::statvfs(cache) else {
        return Item::new(
            "disk",
            State::Warning,
            format!("{} cannot be read", cache.display()),
        );
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let detail = format!(
        "{:.1} GiB free in {}",
        free as f64 / f64::from(1 << 30),
        cache.display()
    );
    match free < LITTLE {
        true => Item::new("disk", State::Warning, detail).fix(
            "dependencies of one project can take 1 GiB; free some space or set XDG_CACHE_HOME",
        ),
        false => Item::new("disk", State::Ok, detail),
    }
}

/// The certificates that toolchains in sandboxes get.
pub(super) fn certificates(config: &Config) -> Item {
    let Some(file) = &config.extra_ca else {
        return Item::new(
            "certificates",
            State::Ok,
            "none besides those of the toolchains",
        );
    };
    let origin = if config.extra_ca_from_environment {
        "SSL_CERT_FILE"
    } else {
        "network.extra_ca"
    };
    let detail = format!("{} ({origin})", file.display());
    match fs::read(file) {
        Ok(bytes) if has_certificate(&bytes) => Item::new("certificates", State::Ok, detail),
        Ok(_) => Item::new(
            "certificates",
            State::Missing,
            format!("{detail} holds no certificate"),
        )
        .fix("name a PEM file, with -----BEGIN CERTIFICATE----- in it"),
        Err(error) => Item::new("certificates", State::Missing, format!("{detail}: {error}"))
            .fix("name a file that is there and may be read"),
    }
}

fn has_certificate(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// The files of gates, agents and prompts that are configured; one that is broken keeps a daemon from starting, and
/// one that runs goes on with what it had.
pub(super) fn files(config: &Config) -> Option<Item> {
    let below = |name: &str| {
        let folder = config.templates.as_ref()?.join(name);
        folder.exists().then_some(folder)
    };
    let gates = config.gates.as_ref().map(|folder| {
        let read = GateSet::from_folder(folder).map(|_| ());
        read.map_err(|error| exit::chain(&error))
    });
    let words = |error| format!("{error:#}");
    let roles =
        below("agents").map(|folder| Roles::from_folder(&folder).map(|_| ()).map_err(words));
    let prompts =
        below("prompts").map(|folder| Prompts::from_folder(&folder).map(|_| ()).map_err(words));
    let found: Vec<_> = [("gates", gates), ("agents", roles), ("prompts", prompts)]
        .into_iter()
        .filter_map(|(name, read)| Some((name, read?)))
        .collect();
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let faults: Vec<String> = found
        .into_iter()
        .filter_map(|(_, read)| read.err())
        .collect();
    match (names.is_empty(), faults.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Item::new(
            "files",
            State::Ok,
            format!("of your own, valid: {names}"),
        )),
        (false, false) => Some(
            Item::new("files", State::Missing, faults.join("; "))
                .fix("correct it; until then a daemon goes on with what it had, and none starts"),
        ),
    }
}

/// The proxy that registries are reached through; nothing is asked over the network.
pub(super) fn proxy(config: &Config) -> Item {
    let proxy = &config.upstream;
    match (&proxy.fault, proxy.origin) {
        (Some(fault), _) => Item::new("proxy", State::Warning, fault.clone())
            .fix("set network.upstream_proxy in sluice.toml: a proxy, or \"none\""),
        (None, Some(origin)) => {
            let detail = format!("registries are reached through the one in {origin}");
            Item::new("proxy", State::Ok, detail)
        }
        (None, None) => Item::new("proxy", State::Ok, "none: registries are reached directly"),
    }
}

/// Where npm in sandboxes gets packages from; nothing is asked over the network.
pub(super) fn registry() -> Item {
    let detail = match sluice_checks::host_registry() {
        Some(url) => format!("{url}, as npm on this machine is configured"),
        None => "npm's default".to_owned(),
    };
    Item::new("npm registry", State::Ok, detail)
}
