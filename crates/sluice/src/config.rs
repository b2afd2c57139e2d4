//! The configuration: `sluice.toml`, then environment variables, each key known by name.

pub(crate) mod agent;
mod key;
pub(crate) mod oidc;
mod read;
mod secret;
pub(crate) mod telemetry;
mod upstream;
mod values;
mod webhook;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluice_checks::Toolchain;
use sluice_egress::Policy;
use sluice_factory::Person;
use sluice_server::Limits;

use crate::cli::EngineChoice;
use crate::exit::Exit;

pub(crate) use agent::{AgentConfig, AgentKind};
pub(crate) use oidc::OidcConfig;
pub(crate) use secret::Secret;
pub(crate) use telemetry::TelemetryConfig;
pub(crate) use upstream::MachineProxy;
use values::Values;
pub(crate) use webhook::WebhookConfig;

/// What a file must be named for: it decides what a sandbox may reach, and what of this machine it sees.
const GUARDED: [&str; 5] = [
    "audit.database",
    "install.scripts",
    "network.extra_ca",
    "network.private_registries",
    "network.upstream_proxy",
];

/// Everything that can be configured, in effect.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "read by `serve` and `demo`, which are still to come"
)]
pub(crate) struct Config {
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// Keys of the file that were not taken.
    pub(crate) left_out: Vec<&'static str>,
    /// Where the daemon listens.
    pub(crate) listen: SocketAddr,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Host names that clients may use besides loopback names and the listen address.
    pub(crate) allowed_hosts: Vec<String>,
    /// How much a client may ask.
    pub(crate) limits: Limits,
    /// How long a client may take to read what it is sent.
    pub(crate) stall: Duration,
    /// How long requests and work may go on at a stop.
    pub(crate) last_work: Duration,
    /// The database; SQLite in the data directory by default.
    pub(crate) database: Option<Secret>,
    /// Which engine runs the sandboxes.
    pub(crate) engine: EngineChoice,
    /// The one image that all jobs run in, with a container engine; without it each toolchain has its own.
    pub(crate) image: Option<String>,
    /// Images by toolchain, instead of the ones that we build.
    pub(crate) images: BTreeMap<String, String>,
    /// What the images that we build stand on.
    pub(crate) base: Option<String>,
    /// Proxies on the way out, as this process's environment names them.
    pub(crate) proxies: BTreeMap<String, String>,
    /// How many checks run at once.
    pub(crate) slots: usize,
    /// Of a hundred remembered answers, how many are asked for again and compared.
    pub(crate) verify_percent: u8,
    /// How much remembered results and logs may take, in bytes.
    pub(crate) results_bytes: u64,
    /// How much dependency layers may take, in bytes.
    pub(crate) layers_bytes: u64,
    /// The packages whose install scripts may run, by name.
    pub(crate) install_scripts: Vec<String>,
    /// A folder with databases of advisories, for audits without a network.
    pub(crate) advisories: Option<PathBuf>,
    /// Certificates that every toolchain is to trust besides its own.
    pub(crate) extra_ca: Option<PathBuf>,
    /// Whether `extra_ca` was taken from `SSL_CERT_FILE`.
    pub(crate) extra_ca_from_environment: bool,
    /// The registries that an installation may reach besides those that the machine is set to.
    pub(crate) registries: Policy,
    /// The proxy that this machine itself has to go through.
    pub(crate) upstream: MachineProxy,
    /// The folder of the gate files; the built-in ones by default.
    pub(crate) gates: Option<PathBuf>,
    /// The folder of the templates; the built-in ones by default.
    pub(crate) templates: Option<PathBuf>,
    /// Whose the edits of working trees are; without it, see `docs/edits.md`.
    pub(crate) person: Option<Person>,
    /// The name of the user that this process runs as.
    pub(crate) login: String,
    /// Whether working trees are watched.
    pub(crate) watch: bool,
    /// Edits of a working tree are taken in when nothing has changed for this long.
    pub(crate) quiet: Duration,
    /// The GitHub API.
    pub(crate) github_api: String,
    /// The GitHub token.
    pub(crate) github_token: Option<Secret>,
    /// A price file in place of the built-in one.
    pub(crate) prices: Option<PathBuf>,
    /// The agents, by name.
    pub(crate) agents: Vec<AgentConfig>,
    /// Who is told what happens, by name.
    pub(crate) webhooks: Vec<WebhookConfig>,
    /// The OpenID Connect issuer whose people are let in.
    pub(crate) oidc: Option<OidcConfig>,
    /// The administrator's token, instead of a made one.
    pub(crate) admin_token: Option<Secret>,
    /// Where traces are sent.
    pub(crate) telemetry: Option<TelemetryConfig>,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
    pub(crate) log_filter: String,
    /// Whether the log is JSON lines.
    pub(crate) log_json: bool,
    /// Every key that is set with its value, to tell whether it changed.
    pub(crate) exact: BTreeMap<String, Secret>,
    /// Key, value and origin of everything that is set, secrets hidden.
    pub(crate) set: Vec<Setting>,
}

/// One key that is set, for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Setting {
    /// The key, as in `server.listen`.
    pub(crate) key: String,
    /// Its value; of a secret only that there is one.
    pub(crate) value: String,
    /// The file or the environment variable that sets it.
    pub(crate) origin: String,
}

impl Config {
    /// Reads the configuration: `file`, else `./sluice.toml`, else `/etc/sluice/sluice.toml`, else nothing,
    /// with this process's environment over it.
    pub(crate) fn load(file: Option<&Path>) -> Result<Config, Exit> {
        let file = match file {
            Some(file) => Some(file.to_owned()),
            None => ["sluice.toml", "/etc/sluice/sluice.toml"]
                .map(PathBuf::from)
                .into_iter()
                .find(|file| file.is_file()),
        };
        Config::from(file.as_deref(), env::vars_os())
    }

    /// As [`Config::load`] without a file, for a command that works on the current folder, which may be a
    /// stranger's: a `./sluice.toml` that merely lies there does not open the way out of the sandboxes, and does
    /// not lead files of this machine into them.
    pub(crate) fn load_in_project() -> Result<Config, Exit> {
        let found = Path::new("sluice.toml");
        if !found.is_file() {
            return Config::load(None);
        }
        Config::read(Some(found), env::vars_os(), &GUARDED)
    }

    /// Nothing configured.
    pub(crate) fn defaults() -> Config {
        Config::from(None, std::iter::empty()).expect("defaults are valid")
    }

    /// From a given file and environment.
    fn from(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Config, Exit> {
        Config::read(file, environment, &[])
    }

    /// The same without what the file says of some keys.
    fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
        guarded: &[&'static str],
    ) -> Result<Config, Exit> {
        let environment: Vec<(OsString, OsString)> = environment.collect();
        let mut values = Values::default();
        if let Some(file) = file {
            read::file(file, &mut values)?;
        }
        let mut left_out = guarded.to_vec();
        left_out.retain(|key| values.unset(key));
        read::environment(&environment, &mut values)?;

        let certificates = environment
            .iter()
            .find(|(name, value)| name == "SSL_CERT_FILE" && !value.is_empty())
            .map(|(_, value)| PathBuf::from(value));
        let extra_ca = values.path("network.extra_ca");
        Ok(Config {
            file: file.map(Path::to_owned),
            left_out,
            listen: values.parsed(
                "server.listen",
                "127.0.0.1:7700",
                "an address and a port, as in 127.0.0.1:7700",
            )?,
            data: values
                .path("server.data")
                .unwrap_or_else(|| PathBuf::from("workspaces")),
            allowed_hosts: values.list("server.allowed_hosts"),
            limits: limits(&values)?,
            stall: Duration::from_secs(values.number("server.stall_s", 30, 1..=3600)?),
            last_work: Duration::from_secs(values.number("server.shutdown_s", 8, 0..=3600)?),
            database: values.secret("database.url"),
            engine: match values.text("engine.default").as_deref() {
                Some("docker") => EngineChoice::Docker,
                Some("podman") => EngineChoice::Podman,
                Some("native") => EngineChoice::Native,
                _ => EngineChoice::Auto,
            },
            image: values.text("engine.image"),
            images: Toolchain::ALL
                .iter()
                .filter_map(|toolchain| {
                    let name = toolchain.as_str();
                    Some((
                        name.to_owned(),
                        values.text(&format!("engine.images.{name}"))?,
                    ))
                })
                .collect(),
            base: values.text("engine.base"),
            proxies: proxies(&environment),
            slots: values.number("engine.slots", 8, 1..=256)?,
            verify_percent: values.number("cache.verify_percent", 0, 0..=100)?,
            results_bytes: values.number("cache.results_mib", 1 << 10, 1..=1 << 20)? << 20,
            layers_bytes: values.number("cache.layers_mib", 10 << 10, 1..=1 << 24)? << 20,
            install_scripts: values.list("install.scripts"),
            advisories: values.path("audit.database"),
            extra_ca_from_environment: extra_ca.is_none() && certificates.is_some(),
            extra_ca: extra_ca.or(certificates),
            registries: registries(&values)?,
            upstream: upstream::read(&values, &proxies(&environment))?,
            gates: values.path("gates.dir"),
            templates: values.path("templates.dir"),
            person: match values.text("workspace.person") {
                None => None,
                Some(text) => Some(text.parse().map_err(|error| {
                    values.wrong("workspace.person", &format!("is {error}: {text:?}"))
                })?),
            },
            login: login(&environment),
            watch: values.switch("workspace.watch", true),
            quiet: Duration::from_millis(values.number(
                "workspace.debounce_ms",
                300,
                10..=60_000,
            )?),
            github_api: values
                .text("github.api_url")
                .unwrap_or_else(|| "https://api.github.com".to_owned()),
            github_token: values.secret("github.token"),
            prices: values.path("prices.file"),
            agents: agent::agents(&values)?,
            webhooks: webhook::webhooks(&values)?,
            oidc: oidc::read(&values)?,
            admin_token: values.secret("admin_token"),
            telemetry: telemetry::read(&values)?,
            log_filter: values
                .text("log.filter")
                .unwrap_or_else(|| "warn".to_owned()),
            log_json: values.text("log.format").as_deref() == Some("json"),
            exact: values.exact(),
            set: values.shown(),
        })
    }
}

/// How much a client may ask.
fn limits(values: &Values) -> Result<Limits, Exit> {
    const MOST: u32 = 1_000_000;
    let usual = Limits::default();
    let number = |key: &str, usual: u32| values.number(key, usual, 1..=MOST);
    Ok(Limits {
        per_second: number("server.rate_per_second", usual.per_second)?,
        burst: number("server.rate_burst", usual.burst)?,
        anonymous_per_second: number("server.anonymous_per_second", usual.anonymous_per_second)?,
        anonymous_burst: number("server.anonymous_burst", usual.anonymous_burst)?,
        streams: values.number("server.streams_per_token", usual.streams, 1..=512)?,
    })
}

/// The variables by which programs are told of proxies.
fn proxies(environment: &[(OsString, OsString)]) -> BTreeMap<String, String> {
    const NAMES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
    let all = environment.iter().filter_map(|(name, value)| {
        let (name, value) = (name.to_str()?, value.to_str()?);
        let is_one = NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
        (is_one && !value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    });
    all.collect()
}

/// Whom installations may reach besides the registries that the machine is set to.
fn registries(values: &Values) -> Result<Policy, Exit> {
    let mut policy = Policy::default();
    for (key, is_private) in [
        ("network.registries", false),
        ("network.private_registries", true),
    ] {
        for registry in values.list(key) {
            let allowed = policy.allow(&registry, is_private);
            allowed.map_err(|error| values.wrong(key, &error.to_string()))?;
        }
    }
    let patience = values.number("network.first_byte_s", 30, 1..=600)?;
    policy.set_patience(Duration::from_secs(patience));
    Ok(policy)
}

/// The name of the user that this process runs as.
fn login(environment: &[(OsString, OsString)]) -> String {
    let named = ["LOGNAME", "USER"].into_iter().find_map(|wanted| {
        let (_, value) = environment.iter().find(|(name, _)| name == wanted)?;
        let value = value.to_str()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    });
    named.unwrap_or_else(|| format!("user-{}", rustix::process::geteuid().as_raw()))
}

#[cfg(test)]
mod tests;
