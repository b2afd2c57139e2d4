//! Runs a plan in sandboxes: the installations first, then everything else at once, each on its own overlay.

mod ahead;
mod answer;
mod install;
mod job;
mod select;
mod verify;
mod way_out;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use answer::{
    about_the_way_out, blocked, cached, millis, names_registry, nothing_known, result, skipped,
};
use futures::future::{join_all, poll_immediate};
use select::select;
use sluice_sandbox::{Ended, Network, Sandbox, SandboxError, Upper};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use way_out::{Said, WayOut};

use crate::cache::{Entry, Key};
use crate::finding::Paths;
use crate::judge::{Judged, Seen, judge};
use crate::layer::{Layer, Layers};
use crate::logs::Text;
use crate::meters::{self, During};
use crate::shelf::Shelf;
use crate::signature::worst;
use crate::turns::{Turn, Turns};
use crate::{
    Action, Cache, CheckError, CheckReport, CheckResult, Client, Command, Kind, Log, Logs, Plan,
    Queued, Report, Settings, Source, Step, Toolchain, Tree, Verdict, Watch, disk, plan,
};

/// Part of every cache key: raised when results of the same run would be read differently.
const READING: &str = "6";

/// What is to be checked.
#[derive(Clone)]
pub struct Request {
    /// Names the run; the same for a repeat of the same run.
    pub run_id: String,
    /// The git tree of the snapshot.
    pub tree: String,
    /// The files of that tree.
    pub source: Arc<dyn Source>,
    /// The checks by name (`test` for those of all projects, `test:api` for one); `None` for all but those
    /// that must be named, such as `smoke`. Installations that they need come with them.
    pub only: Option<Vec<String>>,
    /// Whether earlier answers may be given, and dependencies be reused.
    pub use_cache: bool,
    /// The routes of which one must answer a `smoke` check with 2xx; empty for `/health` and `/healthz`.
    pub health: Vec<String>,
    /// For whom it is.
    pub client: Client,
    /// Whether the first red check ends the others. They are `unknown` then, and the findings are not all there are.
    pub fail_fast: bool,
}

/// Runs checks in the sandboxes of one engine.
pub struct Checker {
    sandbox: Arc<dyn Sandbox>,
    cache: Cache,
    logs: Logs,
    /// Results and logs together.
    shelf: Shelf,
    layers: Layers,
    /// The layers of toolchains.
    toolchains: Layers,
    settings: Settings,
    turns: Turns,
    said: Said,
}

/// What all parts of one run share.
struct Run<'a> {
    request: &'a Request,
    tree: &'a dyn Tree,
    watch: &'a dyn Watch,
    cancel: CancellationToken,
    /// Ends the commands: when it is cancelled, and at the first red check if that is wanted.
    stop: CancellationToken,
    images: Images,
}

/// What each toolchain of a run runs in, by digest, or a note on what the machine lacks: one answer for the whole run.
#[derive(Default)]
struct Images([OnceCell<Result<String, String>>; Toolchain::ALL.len()]);

impl Images {
    fn of(&self, toolchain: Toolchain) -> &OnceCell<Result<String, String>> {
        &self.0[toolchain as usize]
    }
}

/// What a command runs on.
struct Ground<'a> {
    layers: &'a [Layer],
    /// In place of the files of the request.
    files: Option<PathBuf>,
    upper: Upper,
}

impl Ground<'_> {
    /// The files of the request alone; what is written is kept in this folder.
    fn first(kept: PathBuf) -> Self {
        Ground {
            layers: &[],
            files: None,
            upper: Upper::Keep(kept),
        }
    }
}

/// What came of one command.
struct Outcome {
    ended: Ended,
    log: Log,
    output: String,
    judged: Judged,
}

impl Checker {
    /// A checker that runs in `sandbox`.
    pub fn new(sandbox: Arc<dyn Sandbox>, settings: Settings) -> Checker {
        Checker {
            sandbox,
            cache: Cache::new(&settings.cache),
            logs: Logs::new(&settings.logs),
            shelf: Shelf::new(settings.cache.clone(), settings.results_bytes),
            layers: Layers::new(settings.layers.clone(), settings.layers_bytes),
            toolchains: Layers::new(settings.toolchains.clone(), settings.layers_bytes),
            turns: Turns::new(settings.parallel, settings.memory_bytes),
            said: Said::default(),
            settings,
        }
    }

    /// The checks of all runs that wait for their turn, the next one first.
    pub fn queue(&self) -> Vec<Queued> {
        self.turns.queue()
    }

    /// The stored logs.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Runs the checks on a snapshot.
    ///
    /// # Errors
    /// A fault of the machinery, a check that does not exist, or a cancelled run; it says nothing about the
    /// files. A repeat with the same [`Request::run_id`] starts clean.
    pub async fn run(
        &self,
        request: &Request,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Result<CheckReport, CheckError> {
        self.run_plan(plan(request.source.files()), request, watch, cancel)
            .await
    }

    /// As [`Checker::run`], for whoever made the plan of these files already.
    ///
    /// # Errors
    /// As [`Checker::run`].
    pub async fn run_plan(
        &self,
        mut plan: Plan,
        request: &Request,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Result<CheckReport, CheckError> {
        let start = Instant::now();
        let cancel = cancel.child_token();
        let run = Run {
            request,
            tree: request.source.files(),
            watch,
            stop: cancel.child_token(),
            cancel,
            images: Images::default(),
        };
        select(&mut plan, request.only.as_deref())?;
        let going = (
            self.shelf.begin(&run.cancel).await?,
            self.layers.begin(&run.cancel).await?,
            self.toolchains.begin(&run.cancel).await?,
        );
        let mut checks = self.all(&run, &plan).await?;
        if checks
            .iter()
            .any(|check| !check.cached && check.end != "skipped")
        {
            self.sweep().await;
        }
        drop(going);
        if plan.projects.is_empty() {
            checks = nothing_known(&plan, request.only.as_deref());
        }
        let engine = self.sandbox.engine();
        let ran_in = checks.iter().map(|check| &check.image);
        let image = ran_in.into_iter().find(|image| !image.is_empty());
        let report = CheckReport {
            verdict: worst(checks.iter().map(|check| check.verdict)),
            engine: engine.name.clone(),
            tree: request.tree.clone(),
            toolchain: plan.toolchain,
            image: image.unwrap_or(&engine.image).clone(),
            wall_ms: millis(start.elapsed()),
            checks,
        };
        meters::ran(&report);
        Ok(report)
    }

    async fn all(&self, run: &Run<'_>, plan: &Plan) -> Result<Vec<CheckResult>, CheckError> {
        let installs = plan.projects.iter().map(|project| {
            let span = tracing::info_span!("check", check = project.install.name);
            self.guarded(run, self.install(run, project).instrument(span))
        });
        let installed = every(join_all(installs).await)?;
        // A script of one project may use another's dependencies, as it could in one working folder; those of
        // another toolchain are only files that its linters would stumble over.
        let mut layers: BTreeMap<Toolchain, Vec<Layer>> = BTreeMap::new();
        for (project, (_, layer, _)) in plan.projects.iter().zip(&installed) {
            layers
                .entry(project.toolchain)
                .or_default()
                .extend(layer.clone());
        }
        let layers = &layers;
        let steps =
            plan.projects
                .iter()
                .zip(&installed)
                .flat_map(|(project, (result, layer, _))| {
                    project.steps.iter().map(move |step| {
                        self.guarded(run, async move {
                            let is_ready = layer.is_some() || result.verdict == Verdict::Pass;
                            if is_ready || matches!(step.action, Action::Skip { .. }) {
                                let span = tracing::info_span!("check", check = step.name);
                                let result = self.step(run, step, &layers[&step.toolchain]);
                                let result = result.instrument(span).await;
                                stopped(run, step, result)
                            } else {
                                Ok(blocked(run, step, &result.name))
                            }
                        })
                    })
                });
        let mut results = every(join_all(steps).await)?.into_iter();
        let mut checks = Vec::new();
        for (project, (install, ..)) in plan.projects.iter().zip(installed) {
            checks.push(install);
            checks.extend(results.by_ref().take(project.steps.len()));
        }
        Ok(checks)
    }

    /// After a fault of the machinery the others of the run need not go on; they still clean up.
    async fn guarded<T>(
        &self,
        run: &Run<'_>,
        work: impl Future<Output = Result<T, CheckError>>,
    ) -> Result<T, CheckError> {
        let result = work.await;
        if result.is_err() {
            run.cancel.cancel();
        }
        result
    }

    /// Any other check.
    async fn step(
        &self,
        run: &Run<'_>,
        step: &Step,
        layers: &[Layer],
    ) -> Result<CheckResult, CheckError> {
        let command = match &step.action {
            Action::Skip {
                verdict,
                note,
                place,
            } => return Ok(skipped(run, step, *verdict, note, place.as_ref())),
            Action::Run(command) => job::complete(command, step, run.request),
        };
        if let Report::Advisories(tool) = command.report
            && tool.is_local()
            && job::advisories(&self.settings).is_none()
        {
            let note = format!(
                "{} needs a database of advisories on this machine; name its folder in audit.database of Sluice's \
                 configuration",
                tool.as_str()
            );
            return Ok(skipped(run, step, Verdict::Unknown, &note, None));
        }
        let image = match self.image(run, step).await? {
            Ok(image) => image,
            Err(note) => return Ok(skipped(run, step, Verdict::Unknown, &note, None)),
        };
        let key = self.key(step, &command, &image);
        let mut key = match step.inputs.digest(run.tree) {
            Some(digest) => key.with("inputs", digest),
            None => key.with("tree", &run.request.tree),
        };
        for layer in layers {
            key = key.with("layer", &layer.digest);
        }
        let key = key.done();
        // What the network answers is another answer tomorrow, so an audit is asked for anew each time.
        let lasting = command.network == Network::None && step.kind != Kind::Audit;
        let mut before = None;
        if lasting
            && run.request.use_cache
            && let Some(entry) = self.remembered(run, &key).await?
        {
            if !verify::is_due(self.settings.verify_percent, &run.request.run_id, &key) {
                return Ok(cached(run, entry));
            }
            before = Some(entry);
        }
        let outcome = self
            .execute(
                run,
                step,
                &command,
                Ground {
                    layers,
                    files: None,
                    upper: Upper::Discard,
                },
            )
            .await?;
        let ended = outcome.ended.end.exit_code().is_some();
        let mut result = result(step, &command, image, outcome);
        if let Some(before) = &before {
            let difference = verify::difference(&before.result, &result);
            if let Some(difference) = &difference {
                tracing::warn!(check = %step.name, run = %before.run, difference, "a remembered answer does not hold");
                self.cache.drop_entry(&key)?;
            }
            verify::compared(&mut result, before, difference.as_deref());
        }
        run.watch.finished(&result);
        let entry = Entry {
            run: run.request.run_id.clone(),
            result,
        };
        // What was compared is there already, or is not to be relied on; what the machine lacked it may have
        // tomorrow.
        let is_ours = before.is_none() && !entry.result.is_the_environments();
        if lasting && ended && is_ours && entry.result.verdict != Verdict::Unknown {
            self.cache.store(&key, &entry)?;
        }
        Ok(entry.result)
    }

    /// An earlier answer with its log.
    async fn remembered(&self, run: &Run<'_>, key: &str) -> Result<Option<Entry>, CheckError> {
        let _reading = self.shelf.reading(&run.cancel).await?;
        let entry = self.cache.fetch(key, &self.logs);
        meters::looked(meters::RESULTS, entry.is_some());
        Ok(entry)
    }

    /// Removes what is too much. A fault is no fault of the run.
    async fn sweep(&self) {
        let (shelf, cache, logs) = (self.shelf.clone(), self.cache.clone(), self.logs.clone());
        let (layers, toolchains) = (self.layers.clone(), self.toolchains.clone());
        let swept = tokio::task::spawn_blocking(move || {
            let items = [cache.items(), logs.items()].concat();
            meters::takes(meters::RESULTS, items.iter().map(|item| item.bytes).sum());
            shelf.sweep(items, |item| {
                meters::evicted(meters::RESULTS);
                disk::remove(&item.path)
            })?;
            layers.sweep()?;
            toolchains.sweep()
        });
        match swept.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what is remembered could not be bounded"),
            Err(error) => tracing::warn!(%error, "bounding what is remembered was broken off"),
        }
    }

    /// What a step runs in, by digest; the inner error is a note on what the machine lacks.
    async fn image(
        &self,
        run: &Run<'_>,
        step: &Step,
    ) -> Result<Result<String, String>, CheckError> {
        let look = || async {
            match self.sandbox.image(Some(step.toolchain.as_str())).await {
                Ok(image) => Ok(Ok(image)),
                Err(
                    fault @ (SandboxError::ImageMissing { .. } | SandboxError::ImageBuild { .. }),
                ) => Ok(Err(fault.to_string())),
                Err(source) => Err(CheckError::Sandbox {
                    check: step.name.clone(),
                    source,
                }),
            }
        };
        tokio::select! {
            found = run.images.of(step.toolchain).get_or_try_init(look) => found.cloned(),
            () = run.cancel.cancelled() => Err(CheckError::Cancelled),
        }
    }

    /// What every key has: the engine, the image, the command with everything that bounds it.
    fn key(&self, step: &Step, command: &Command, image: &str) -> Key {
        let engine = self.sandbox.engine();
        let mut key = Key::default()
            .with("reading", READING)
            .with("engine", &engine.name)
            .with("version", &engine.version)
            .with("image", image)
            .with("step", &step.name)
            .with("dir", &step.dir)
            .with("network", command.network.as_str())
            .with("report", format!("{:?}", command.report))
            .with("limits", format!("{:?}", job::limits(step)));
        if command.network == Network::Registries {
            let registries = serde_json::to_vec(&self.settings.registries).unwrap_or_default();
            let cargo = self.settings.cargo_config.as_deref().unwrap_or_default();
            key = key.with("registries", registries).with("cargo", cargo);
        }
        for word in &command.argv {
            key = key.with("argv", word);
        }
        for (name, value) in &job::environment(&self.settings, engine, step, command) {
            key = key.with(name, value);
        }
        key
    }

    /// Waits until it is this check's turn, and says so when it has to wait.
    async fn turn(&self, run: &Run<'_>, step: &Step) -> Turn<'_> {
        let (request, memory) = (run.request, job::limits(step).memory_bytes / 4);
        let turn = self
            .turns
            .take(&request.client, memory, &request.run_id, &step.name);
        let mut turn = pin!(turn);
        if let Some(turn) = poll_immediate(turn.as_mut()).await {
            return turn;
        }
        let _waiting = During::new(&meters::WAITING);
        let is_this = |one: &Queued| one.run_id == request.run_id && one.check == step.name;
        if let Some(place) = self.queue().into_iter().find(is_this) {
            run.watch.queued(&step.name, place.ahead);
        }
        turn.await
    }

    /// Runs a command once and judges it.
    async fn execute(
        &self,
        run: &Run<'_>,
        step: &Step,
        command: &Command,
        ground: Ground<'_>,
    ) -> Result<Outcome, CheckError> {
        let asked = Instant::now();
        let _turn = tokio::select! {
            biased;
            () = run.stop.cancelled() => return Err(CheckError::Cancelled),
            turn = self.turn(run, step) => turn,
        };
        meters::WAIT_SECONDS.observe(asked.elapsed().as_secs_f64());
        let _running = During::new(&meters::RUNNING);
        let way_out = match command.network {
            Network::Registries => self.way_out(run, step, command).await?,
            Network::None | Network::Open => WayOut::default(),
        };
        let snapshot = match ground.files {
            Some(files) => files,
            None => {
                let laid_out = run.request.source.folder().await;
                laid_out.map_err(|source| CheckError::Source { source })?
            }
        };
        let (mut job, out) = job::job(
            (&self.settings, self.sandbox.engine()),
            (run.request, snapshot),
            step,
            command,
            ground.layers,
            ground.upper,
        )?;
        job.registries = way_out.registries;
        // Where a project names a registry of its own, that one is asked, and reached if it is allowed: packages
        // of another registry under the same names would be other packages.
        if step.toolchain == Toolchain::Node && names_registry(run.tree, &step.dir) {
            job.env.remove("NPM_CONFIG_REGISTRY");
        }
        job.env.extend(way_out.env);
        run.watch.started(&step.name, &command.argv);
        let answers = command.report.is_on_stdout();
        let mut log = self.logs.open(&step.name, run.watch, answers)?;
        let span = tracing::info_span!(
            "sandbox.run",
            job = job.name,
            engine = self.sandbox.engine().name
        );
        let ended = self.sandbox.run(&job, &mut log, &run.stop);
        let ended = ended.instrument(span).await;
        let ended = match ended.map_err(|source| CheckError::Sandbox {
            check: step.name.clone(),
            source,
        }) {
            Ok(ended) if !run.stop.is_cancelled() => ended,
            other => {
                disk::remove(&out)?;
                return Err(other.err().unwrap_or(CheckError::Cancelled));
            }
        };
        let Text {
            log,
            output,
            answer,
        } = self.logs.close(log)?;
        let mut judged = judge(&Seen {
            step,
            command,
            end: ended.end,
            output: &output,
            stdout: &answer,
            out: &out,
            paths: &Paths::new(run.tree, &step.dir),
        });
        about_the_way_out(run.tree, step, &ended.requests, &mut judged);
        disk::remove(&out)?;
        Ok(Outcome {
            ended,
            log,
            output,
            judged,
        })
    }
}

/// What becomes of a result where the first red one ends the others.
fn stopped(
    run: &Run<'_>,
    step: &Step,
    result: Result<CheckResult, CheckError>,
) -> Result<CheckResult, CheckError> {
    match &result {
        Ok(result) if run.request.fail_fast && result.verdict == Verdict::Fail => run.stop.cancel(),
        Err(CheckError::Cancelled) if run.stop.is_cancelled() && !run.cancel.is_cancelled() => {
            let note = "stopped, since another check is red";
            return Ok(skipped(run, step, Verdict::Unknown, note, None));
        }
        _ => {}
    }
    result
}

/// All results, or the first fault that is not only the echo of another one.
fn every<T>(results: Vec<Result<T, CheckError>>) -> Result<Vec<T>, CheckError> {
    let (good, mut bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    bad.sort_by_key(|result| matches!(result, Err(CheckError::Cancelled)));
    match bad.into_iter().next() {
        Some(Err(error)) => Err(error),
        _ => Ok(good.into_iter().flatten().collect()),
    }
}
