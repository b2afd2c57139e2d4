//! Whom installations and audits may reach: the registries that this machine's package managers are set to, else
//! the tools' own. The tools are asked for those in a sandbox of their own, with nothing of a project in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluice_egress::{Outcome, Policy};
use sluice_sandbox::{End, Ended, Job, Limits, LogSink, Network, Stdin, Stream, Upper};

use super::{Checker, Run, job};
use crate::cache::Key;
use crate::plan::words;
use crate::{CheckError, Command, Kind, Report, Step, Toolchain, disk};

/// Prints where pip gets packages from when nobody tells it.
const PIP: &str = include_str!("../script/pip_registries.py");
/// Answers are asked for anew after this long.
const LASTING: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The longest answer that is read, in bytes.
const ANSWER: usize = 64 << 10;
/// How often cargo is let try: for its index, for the place of the crates, and once more where either moves on.
const TRIES: usize = 3;
/// A package that needs one crate. Which one does not matter, as long as every registry has it.
const MANIFEST: &str = "[package]\nname = \"ask\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\ncfg-if = \"1\"\n";

/// Whom a command may reach, and what it must be told for that.
#[derive(Debug, Clone, Default)]
pub(super) struct WayOut {
    pub(super) registries: Policy,
    pub(super) env: BTreeMap<String, String>,
}

/// What the tools said to each question.
pub(super) type Said = tokio::sync::Mutex<BTreeMap<Vec<String>, Vec<String>>>;

/// A tool's answer, as it is kept on the disk.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    registries: Vec<String>,
}

impl Checker {
    /// Whom the commands of a toolchain may reach.
    pub(super) async fn way_out(
        &self,
        run: &Run<'_>,
        step: &Step,
        command: &Command,
    ) -> Result<WayOut, CheckError> {
        let toolchain = step.toolchain;
        let settings = &self.settings;
        let own = match toolchain {
            Toolchain::Node => settings.npm_registry.clone(),
            Toolchain::Python => settings.pip_index.clone(),
            Toolchain::Rust => settings.cargo_config.clone(),
            Toolchain::Go => settings.go_proxy.clone(),
            // Nothing is installed for it.
            Toolchain::Ruby => return Ok(WayOut::default()),
        };
        let said = match (toolchain, &own) {
            // What npm is set to is the whole answer.
            (Toolchain::Node, Some(_)) => Vec::new(),
            _ => self.said(run, step, question(toolchain, command)).await?,
        };
        let mut way_out = WayOut {
            registries: settings.registries.clone(),
            env: BTreeMap::new(),
        };
        let mut allowed: Vec<String> = said.clone();
        if let (Toolchain::Node | Toolchain::Python, Some(own)) = (toolchain, &own) {
            // An index of Python packages may keep the files elsewhere: the default one does.
            let mut known = Policy::default();
            for registry in &said {
                let _ = known.allow(registry, false);
            }
            if !known.allows(own) {
                allowed.clear();
            }
            allowed.push(own.clone());
        }
        for registry in &allowed {
            // What a person wrote down as an address is meant as one; a name may lead elsewhere tomorrow.
            let is_own = own.as_ref().is_some_and(|own| {
                host_of(registry).is_some_and(|host| own.contains(&format!("//{host}")))
            });
            if let Err(error) = way_out.registries.allow_named(registry, is_own) {
                tracing::warn!(toolchain = toolchain.as_str(), %error, "a registry of this machine is left out");
            }
        }
        if toolchain == Toolchain::Go {
            let proxies: Vec<&str> = said
                .iter()
                .filter(|one| one.contains("://"))
                .map(String::as_str)
                .collect();
            // Without `direct`: nothing but the proxies can be reached.
            if !proxies.is_empty() {
                let proxies = proxies.join(",");
                way_out.env.insert("GOPROXY".to_owned(), proxies);
            }
        }
        Ok(way_out)
    }

    /// What a tool says, asked once.
    async fn said(
        &self,
        run: &Run<'_>,
        step: &Step,
        question: Command,
    ) -> Result<Vec<String>, CheckError> {
        let toolchain = step.toolchain;
        let image = self.image(run, step).await?.unwrap_or_default();
        let mut all = self.said.lock().await;
        if let Some(said) = all.get(&question.argv) {
            return Ok(said.clone());
        }
        let argv = question.argv.clone();
        let path = self.kept_at(&image, &argv);
        if let Some(kept) = kept(&path) {
            all.insert(argv, kept.clone());
            return Ok(kept);
        }
        let said = match toolchain {
            Toolchain::Rust => self.watched(run, question).await?,
            _ => self.asked(run, toolchain, question).await?,
        };
        // A tool that is not there says nothing; the command that needs it says so itself.
        if !said.is_empty() {
            let text = serde_json::to_vec(&Kept {
                registries: said.clone(),
            });
            disk::write(&path, &text.unwrap_or_default())?;
            all.insert(argv, said.clone());
        }
        Ok(said)
    }

    fn kept_at(&self, image: &str, argv: &[String]) -> PathBuf {
        let (engine, settings) = (self.sandbox.engine(), &self.settings);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut key = Key::default()
            .with("engine", &engine.name)
            .with("version", &engine.version)
            .with("image", image)
            .with("cargo", text(&settings.cargo_config))
            .with("go", text(&settings.go_proxy));
        for word in argv {
            key = key.with("argv", word);
        }
        settings.known.join(format!("{}.json", key.done()))
    }

    /// Asks a tool for its settings, without any network.
    async fn asked(
        &self,
        run: &Run<'_>,
        toolchain: Toolchain,
        mut question: Command,
    ) -> Result<Vec<String>, CheckError> {
        if let (Toolchain::Go, Some(proxy)) = (toolchain, &self.settings.go_proxy) {
            question.env.insert("GOPROXY".to_owned(), proxy.clone());
        }
        let (ended, out) = self
            .ask(run, toolchain, question, &Policy::default(), &[])
            .await?;
        if ended.end != End::Exited(0) {
            return Ok(Vec::new());
        }
        let text = String::from_utf8_lossy(&out).into_owned();
        let said = text.split([',', '|', '\n']).map(str::trim);
        // The database of checksums may have its key and its address behind its name.
        let said = said.filter_map(|one| one.split_whitespace().last());
        let said = said.filter(|one| !matches!(*one, "direct" | "off" | "undefined" | "null"));
        Ok(said.map(str::to_owned).collect())
    }

    /// Learns from what cargo asks for, as it does not say where its registry is.
    async fn watched(&self, run: &Run<'_>, question: Command) -> Result<Vec<String>, CheckError> {
        let files = [("Cargo.toml", MANIFEST), ("src/lib.rs", "")];
        let mut policy = Policy::default();
        let mut said = BTreeSet::new();
        for _ in 0..TRIES {
            let (ended, _) = self
                .ask(run, Toolchain::Rust, question.clone(), &policy, &files)
                .await?;
            let refused: Vec<String> = ended
                .requests
                .iter()
                .filter(|one| one.outcome == Outcome::NotAllowed)
                .map(|one| format!("https://{}:{}", one.host, one.port))
                .collect();
            let is_answered = refused.is_empty() && ended.end == End::Exited(0);
            for registry in refused {
                if policy.allow_named(&registry, true).is_ok() {
                    said.insert(registry);
                }
            }
            if is_answered || said.len() == TRIES {
                return Ok(said.into_iter().collect());
            }
        }
        // Nobody could be reached: another time.
        Ok(Vec::new())
    }

    /// Runs a command on files of ours alone.
    async fn ask(
        &self,
        run: &Run<'_>,
        toolchain: Toolchain,
        command: Command,
        registries: &Policy,
        files: &[(&str, &str)],
    ) -> Result<(Ended, Vec<u8>), CheckError> {
        let name = format!("registries@{}", toolchain.as_str());
        let step = Step {
            name: name.clone(),
            kind: Kind::Install,
            toolchain,
            dir: String::new(),
            action: crate::Action::Run(command.clone()),
            inputs: crate::Inputs::All,
        };
        let name = job::name(run.request, &name);
        let folder = self.settings.state.join("questions").join(&name);
        disk::empty_folder(&folder)?;
        for (path, text) in files {
            disk::write(&folder.join(path), text.as_bytes())?;
        }
        let job = Job {
            name,
            toolchain: Some(toolchain.as_str().to_owned()),
            lower: vec![folder.clone()],
            upper: Upper::Discard,
            workdir: String::new(),
            argv: command.argv.clone(),
            env: job::environment(&self.settings, self.sandbox.engine(), &step, &command),
            binds: job::binds(&self.settings, &step, &command)?,
            out: None,
            network: command.network,
            registries: registries.clone(),
            stdin: Stdin::Empty,
            limits: Limits {
                wall: Duration::from_secs(60),
                ..Limits::step()
            },
        };
        let mut out = Out::default();
        let ended = self.sandbox.run(&job, &mut out, &run.stop).await;
        disk::remove(&folder)?;
        let ended = ended.map_err(|source| CheckError::Sandbox {
            check: step.name,
            source,
        })?;
        if run.stop.is_cancelled() {
            return Err(CheckError::Cancelled);
        }
        tracing::debug!(toolchain = toolchain.as_str(), end = ?ended.end, said = %String::from_utf8_lossy(&out.0), "asked for registries");
        Ok((ended, out.0))
    }
}

/// What a tool is asked.
fn question(toolchain: Toolchain, command: &Command) -> Command {
    let program = command.argv.first().map_or("npm", String::as_str);
    let is_berry = command.env.contains_key("YARN_RC_FILENAME");
    let argv = match toolchain {
        Toolchain::Node if is_berry => words(["yarn", "config", "get", "npmRegistryServer"]),
        Toolchain::Node => words([program, "config", "get", "registry"]),
        Toolchain::Python => words(["python3", "-I", "-c", PIP]),
        Toolchain::Go => words(["go", "env", "GOPROXY", "GOSUMDB"]),
        Toolchain::Rust => words(["cargo", "fetch"]),
        Toolchain::Ruby => words(["gem", "sources"]),
    };
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let (network, env) = match toolchain {
        Toolchain::Node => (Network::None, command.env.clone()),
        Toolchain::Go => (Network::None, [("GOENV", "off")].map(owned).into()),
        Toolchain::Python | Toolchain::Ruby => (Network::None, BTreeMap::new()),
        Toolchain::Rust => (
            Network::Registries,
            [("CARGO_HOME", "/tmp/cargo"), ("CARGO_NET_RETRY", "0")]
                .map(owned)
                .into(),
        ),
    };
    Command {
        env,
        network,
        ..Command::new(argv, Report::Text)
    }
}

/// An answer that is young enough; a damaged one is asked for anew.
fn kept(path: &std::path::Path) -> Option<Vec<String>> {
    let age = fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    let text = fs::read(path).ok().filter(|_| age < LASTING)?;
    let kept: Kept = serde_json::from_slice(&text).ok()?;
    Some(kept.registries)
}

/// The host in a URL, or the text itself.
fn host_of(registry: &str) -> Option<&str> {
    let rest = registry
        .split_once("://")
        .map_or(registry, |(_, rest)| rest);
    rest.split('/').next().filter(|host| !host.is_empty())
}

/// Standard output, up to a bound.
#[derive(Default)]
struct Out(Vec<u8>);

impl LogSink for Out {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Out {
            let room = ANSWER.saturating_sub(self.0.len()).min(bytes.len());
            self.0.extend_from_slice(&bytes[..room]);
        }
    }
}
