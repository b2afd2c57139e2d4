//! Makes the sandbox job of a step: its name, environment, limits, mounts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sluice_egress::Policy;
use sluice_sandbox::{Bind, EngineInfo, Job, Limits, Network, PROXY, Stdin, Upper};

use super::Request;
use crate::layer::Layer;
use crate::plan::DATABASE;
use crate::{
    Action, CheckError, Command, Kind, Report, Settings, Step, Toolchain, disk, script, smoke,
};

/// Where npm's configuration of ours appears in the sandbox.
const NPMRC: &str = "/sluice/npmrc";
/// Where cargo's configuration of ours appears: cargo looks for it in every folder above the workspace.
const CARGO_CONFIG: &str = "/.cargo/config.toml";
/// Where the extra certificates appear in the sandbox.
const CA: &str = "/sluice/ca.pem";
/// Where programs are in any image and on any machine.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where distributions keep the certificates that everybody trusts.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// The variables by which toolchains are told of further certificates.
const CA_VARIABLES: [&str; 6] = [
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
];
/// The only way out. Where a project names another proxy, or hosts that need none, these win.
const WAY_OUT: [(&str, &str); 14] = [
    ("HTTP_PROXY", PROXY),
    ("HTTPS_PROXY", PROXY),
    ("http_proxy", PROXY),
    ("https_proxy", PROXY),
    ("NO_PROXY", ""),
    ("no_proxy", ""),
    ("NPM_CONFIG_PROXY", PROXY),
    ("NPM_CONFIG_HTTPS_PROXY", PROXY),
    // npm takes an empty one for none.
    ("NPM_CONFIG_NOPROXY", "sluice.invalid"),
    ("YARN_HTTP_PROXY", PROXY),
    ("YARN_HTTPS_PROXY", PROXY),
    ("PIP_PROXY", PROXY),
    ("CARGO_HTTP_PROXY", PROXY),
    ("GONOSUMDB", ""),
];
/// How npm is set up.
const NPM: [(&str, &str); 9] = [
    ("NPM_CONFIG_USERCONFIG", NPMRC),
    // There is none.
    ("NPM_CONFIG_GLOBALCONFIG", "/sluice/npmrc.global"),
    ("NPM_CONFIG_CACHE", "/tmp/.npm"),
    ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
    // A project's .npmrc could name a program of its own, which runs although scripts are off.
    ("NPM_CONFIG_GIT", "git"),
    // npm's own pauses, 10 and 60 seconds, make a short fault of the registry a long one.
    ("NPM_CONFIG_FETCH_RETRIES", "2"),
    ("NPM_CONFIG_FETCH_RETRY_MINTIMEOUT", "500"),
    ("NPM_CONFIG_FETCH_RETRY_FACTOR", "3"),
    ("NPM_CONFIG_FETCH_RETRY_MAXTIMEOUT", "10000"),
];
/// How Python and pip are set up; no configuration file of a project or user is read.
const PIP: [(&str, &str); 8] = [
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
    ("PIP_CACHE_DIR", "/tmp/pip"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONUNBUFFERED", "1"),
    ("UV_NO_CONFIG", "1"),
];
const NPMRC_TEXT: &str = "audit=false\nfund=false\nprogress=false\nupdate-notifier=false\n";

/// The name of the job for a check of a run: readable, unique, the same in a repeat.
pub(super) fn name(request: &Request, check: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{}\0{check}", request.run_id)));
    let readable = format!("{}-{check}", request.run_id).to_lowercase();
    let readable = readable.replace(
        |c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit(),
        "-",
    );
    let readable = readable.trim_matches('-');
    let readable = &readable[..readable.len().min(48)];
    format!("{}-{}", readable.trim_end_matches('-'), &digest[..12])
        .trim_start_matches('-')
        .to_owned()
}

/// The bounds of a step.
pub(super) fn limits(step: &Step) -> Limits {
    let limits = of_kind(step);
    match &step.action {
        Action::Run(Command {
            wall: Some(wall), ..
        }) => Limits {
            wall: *wall,
            silence: limits.silence.map(|silence| silence.max(*wall)),
            ..limits
        },
        _ => limits,
    }
}

fn of_kind(step: &Step) -> Limits {
    match step.kind {
        // npm is silent until it is done, and its cache lies in /tmp.
        Kind::Install => Limits {
            wall: match step.toolchain {
                Toolchain::Rust | Toolchain::Go => Duration::from_secs(900),
                _ => Duration::from_secs(600),
            },
            silence: None,
            disk_bytes: 4 << 30,
            inodes: 1_000_000,
            memory_bytes: match step.toolchain {
                // The packages of others are compiled there.
                Toolchain::Rust | Toolchain::Go => 8 << 30,
                _ => Limits::step().memory_bytes,
            },
            ..Limits::step()
        },
        Kind::Audit => Limits {
            wall: Duration::from_secs(120),
            ..Limits::step()
        },
        // A compiler works long without a word, and all that it makes lies in memory.
        _ if matches!(step.toolchain, Toolchain::Rust | Toolchain::Go) => Limits {
            wall: Duration::from_secs(900),
            silence: Some(Duration::from_secs(300)),
            memory_bytes: 8 << 30,
            disk_bytes: 4 << 30,
            ..Limits::step()
        },
        _ => Limits::step(),
    }
}

/// The whole environment of a step.
pub(super) fn environment(
    settings: &Settings,
    engine: &EngineInfo,
    step: &Step,
    command: &Command,
) -> BTreeMap<String, String> {
    let mut env = owned([
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("CI", "true"),
        ("NO_COLOR", "1"),
    ]);
    env.insert("PATH".to_owned(), path(engine));
    env.extend(match step.toolchain {
        Toolchain::Node => owned(NPM),
        Toolchain::Python => owned(PIP),
        Toolchain::Rust | Toolchain::Go | Toolchain::Ruby => BTreeMap::new(),
    });
    if ca(settings).is_some() {
        for name in CA_VARIABLES {
            env.insert(name.to_owned(), CA.to_owned());
        }
    }
    if command.network == Network::Registries {
        env.extend(owned(WAY_OUT));
        // The proxy gives up first, and says why.
        let timeout = (settings.registries.patience() + Duration::from_secs(15)).as_millis();
        if step.toolchain == Toolchain::Node {
            env.insert("NPM_CONFIG_FETCH_TIMEOUT".to_owned(), timeout.to_string());
        }
        let named = [
            (
                "NPM_CONFIG_REGISTRY",
                &settings.npm_registry,
                Toolchain::Node,
            ),
            ("YARN_REGISTRY", &settings.npm_registry, Toolchain::Node),
            (
                "YARN_NPM_REGISTRY_SERVER",
                &settings.npm_registry,
                Toolchain::Node,
            ),
            ("PIP_INDEX_URL", &settings.pip_index, Toolchain::Python),
            ("UV_DEFAULT_INDEX", &settings.pip_index, Toolchain::Python),
            ("GOPROXY", &settings.go_proxy, Toolchain::Go),
        ];
        for (name, value, toolchain) in named {
            if let (Some(value), true) = (value, toolchain == step.toolchain) {
                env.insert(name.to_owned(), value.clone());
            }
        }
    }
    env.extend(command.env.clone());
    if let (Network::Registries, Toolchain::Node, Some(host)) =
        (command.network, step.toolchain, plain_host(settings))
    {
        // Newer versions of yarn refuse what is not encrypted, also where the machine is set to it.
        env.insert("YARN_UNSAFE_HTTP_WHITELIST".to_owned(), host);
    }
    if step.toolchain == Toolchain::Node {
        // Node sees the machine's memory, not the sandbox's bound: left alone, it would be killed where it
        // could have collected its garbage.
        let heap_mib = limits(step).memory_bytes / 4 * 3 / (1 << 20);
        let heap = format!("--max-old-space-size={heap_mib}");
        let options = env.entry("NODE_OPTIONS".to_owned()).or_default();
        *options = format!("{heap} {options}").trim_end().to_owned();
    }
    env
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The host of the npm registry where that is spoken to without TLS.
fn plain_host(settings: &Settings) -> Option<String> {
    let rest = settings.npm_registry.as_deref()?.strip_prefix("http://")?;
    let host = rest.split('/').next()?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    Some(host.to_owned())
}

/// Where programs are looked for: first where this machine keeps toolchains outside of the usual folders.
fn path(engine: &EngineInfo) -> String {
    let folders = engine
        .search
        .iter()
        .map(|folder| folder.display().to_string());
    folders
        .chain([USUAL_PATH.to_owned()])
        .collect::<Vec<_>>()
        .join(":")
}

/// The command with what only the request knows.
pub(super) fn complete(command: &Command, step: &Step, request: &Request) -> Command {
    let mut command = command.clone();
    if step.kind == Kind::Smoke {
        command
            .env
            .insert("PORT".to_owned(), smoke::PORT.to_owned());
        if !request.health.is_empty() {
            command
                .env
                .insert(smoke::HEALTH.to_owned(), request.health.join(","));
        }
    }
    command
}

/// The job, and its empty folder for report files.
pub(super) fn job(
    (settings, engine): (&Settings, &EngineInfo),
    (request, snapshot): (&Request, PathBuf),
    step: &Step,
    command: &Command,
    layers: &[Layer],
    upper: Upper,
) -> Result<(Job, PathBuf), CheckError> {
    let name = name(request, &step.name);
    let out = settings.state.join("out").join(&name);
    disk::empty_folder(&out)?;
    // The command runs as another user.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777))
        .map_err(CheckError::io("opening", &out))?;
    let mut lower: Vec<PathBuf> = layers
        .iter()
        .flat_map(|layer| layer.trees.clone())
        .collect();
    lower.push(snapshot);
    let job = Job {
        name,
        lower,
        upper,
        toolchain: Some(step.toolchain.as_str().to_owned()),
        workdir: step.dir.clone(),
        argv: command.argv.clone(),
        env: environment(settings, engine, step, command),
        binds: binds(settings, step, command)?,
        out: Some(out.clone()),
        network: command.network,
        registries: Policy::default(),
        stdin: Stdin::Empty,
        limits: limits(step),
    };
    Ok((job, out))
}

/// The files of ours that a step needs.
pub(super) fn binds(
    settings: &Settings,
    step: &Step,
    command: &Command,
) -> Result<Vec<Bind>, CheckError> {
    let mut binds = vec![own_file(settings, "npmrc", NPMRC, NPMRC_TEXT)?];
    for script in script::ALL {
        if command
            .argv
            .iter()
            .any(|word| word.ends_with(script.inside))
        {
            binds.push(own_file(settings, script.name, script.inside, script.text)?);
        }
    }
    if let (Toolchain::Rust, Some(text)) = (step.toolchain, &settings.cargo_config) {
        binds.push(own_file(settings, "cargo.toml", CARGO_CONFIG, text)?);
    }
    if matches!(command.report, Report::Advisories(tool) if tool.is_local()) {
        binds.extend(advisories(settings).map(|host| Bind {
            host,
            inside: DATABASE.to_owned(),
        }));
    }
    if let Some(host) = ca(settings) {
        // For most tools the file takes the place of their own certificates.
        let bundle = BUNDLES
            .iter()
            .find_map(|path| fs::read_to_string(path).ok());
        let extra = fs::read_to_string(&host).unwrap_or_default();
        binds.push(match bundle {
            Some(bundle) if command.network == Network::Registries && bundle != extra => {
                own_file(settings, "ca.pem", CA, &format!("{extra}\n{bundle}"))?
            }
            _ => Bind {
                host,
                inside: CA.to_owned(),
            },
        });
    }
    Ok(binds)
}

/// The databases of advisories, where there are any.
pub(super) fn advisories(settings: &Settings) -> Option<PathBuf> {
    settings
        .advisories
        .clone()
        .filter(|path| path.is_absolute() && path.is_dir())
}

/// A file of ours for the sandboxes, named by its content so that no running job sees it change.
fn own_file(
    settings: &Settings,
    name: &str,
    inside: &str,
    content: &str,
) -> Result<Bind, CheckError> {
    let digest = hex::encode(Sha256::digest(content));
    let host = settings
        .state
        .join("files")
        .join(format!("{}-{name}", &digest[..12]));
    if fs::read(&host).ok().as_deref() != Some(content.as_bytes()) {
        disk::write(&host, content.as_bytes())?;
    }
    Ok(Bind {
        host,
        inside: inside.to_owned(),
    })
}

fn ca(settings: &Settings) -> Option<PathBuf> {
    settings
        .extra_ca
        .clone()
        .filter(|path| path.is_absolute() && path.is_file())
}

#[cfg(test)]
mod tests;
