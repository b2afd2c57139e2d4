//! Runs a plan in sandboxes: the installations first, then everything else at once, each on its own overlay.

mod job;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use sluice_sandbox::{Ended, Network, Sandbox, Upper};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::cache::{Entry, Key};
use crate::finding::{Draft, Paths};
use crate::judge::{Judged, Seen, judge};
use crate::layer::{Layer, Layers, upper};
use crate::logs::Text;
use crate::node::{LockState, fallback, lock_state};
use crate::signature::worst;
use crate::{
    Action, Cache, CheckError, CheckReport, CheckResult, Command, Folder, Kind, Level, Log, Logs,
    Plan, Project, Settings, Step, Tree, Verdict, Watch, disk, plan,
};

/// Part of every cache key: raised when results of the same run would be read differently.
const READING: &str = "1";

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names the run; the same for a repeat of the same run.
    pub run_id: String,
    /// The git tree of the snapshot.
    pub tree: String,
    /// The folder with the files of that tree, without git data. It is not written to.
    pub snapshot: PathBuf,
    /// The checks by name (`test` for those of all projects, `test:api` for one); `None` for all but those
    /// that must be named, such as `smoke`. Installations that they need come with them.
    pub only: Option<Vec<String>>,
    /// Whether earlier answers may be given, and dependencies be reused.
    pub use_cache: bool,
    /// The routes of which one must answer a `smoke` check with 2xx; empty for `/health` and `/healthz`.
    pub health: Vec<String>,
}

/// Runs checks in the sandboxes of one engine.
pub struct Checker {
    sandbox: Arc<dyn Sandbox>,
    cache: Cache,
    logs: Logs,
    layers: Layers,
    settings: Settings,
    slots: Semaphore,
}

/// What all parts of one run share.
struct Run<'a> {
    request: &'a Request,
    tree: Folder,
    watch: &'a dyn Watch,
    cancel: CancellationToken,
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
            layers: Layers::new(settings.layers.clone()),
            slots: Semaphore::new(settings.parallel.max(1)),
            settings,
        }
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
        let start = Instant::now();
        let run = Run {
            request,
            tree: Folder::open(&request.snapshot),
            watch,
            cancel: cancel.child_token(),
        };
        let mut plan = plan(&run.tree);
        select(&mut plan, request.only.as_deref())?;
        let mut borrowed = Vec::new();
        let checks = self.all(&run, &plan, &mut borrowed).await;
        for staged in borrowed {
            disk::remove(&staged)?;
        }
        let mut checks = checks?;
        if plan.projects.is_empty() {
            checks = nothing_known(&plan, request.only.as_deref());
        }
        let engine = self.sandbox.engine();
        Ok(CheckReport {
            verdict: worst(checks.iter().map(|check| check.verdict)),
            engine: engine.name.clone(),
            tree: request.tree.clone(),
            toolchain: plan.toolchain,
            image: engine.image.clone(),
            wall_ms: millis(start.elapsed()),
            checks,
        })
    }

    async fn all(
        &self,
        run: &Run<'_>,
        plan: &Plan,
        borrowed: &mut Vec<PathBuf>,
    ) -> Result<Vec<CheckResult>, CheckError> {
        let installs = plan
            .projects
            .iter()
            .map(|project| self.guarded(run, self.install(run, project)));
        let installed = every(join_all(installs).await)?;
        borrowed.extend(installed.iter().filter_map(|(_, _, staged)| staged.clone()));
        // A script of one project may use another's dependencies, as it could in one working folder.
        let layers: Vec<Layer> = installed
            .iter()
            .filter_map(|(_, layer, _)| layer.clone())
            .collect();
        let layers = &layers;
        let steps =
            plan.projects
                .iter()
                .zip(&installed)
                .flat_map(|(project, (result, layer, _))| {
                    project.steps.iter().map(move |step| {
                        self.guarded(run, async move {
                            if layer.is_some() || matches!(step.action, Action::Skip { .. }) {
                                self.step(run, step, layers).await
                            } else {
                                let note = format!("{} is not green", result.name);
                                Ok(skipped(run, step, Verdict::Unknown, &note))
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

    /// The installation of a project: its result, its layer when green, and a folder to be removed afterwards.
    async fn install(
        &self,
        run: &Run<'_>,
        project: &Project,
    ) -> Result<(CheckResult, Option<Layer>, Option<PathBuf>), CheckError> {
        let step = &project.install;
        let Action::Run(command) = &step.action else {
            return Ok((
                skipped(run, step, Verdict::Unknown, "nothing to install"),
                None,
                None,
            ));
        };
        let mut key = self.key(step, command);
        for (path, digest) in &project.install_inputs {
            key = key.with(path, digest);
        }
        let key = key.done();
        let _lock = self.layers.lock(&key, &run.cancel).await?;
        if run.request.use_cache
            && let Some((layer, entry)) = self.layers.fetch(&key, &step.dir)?
        {
            let result = cached(run, entry);
            return Ok((result, Some(layer), None));
        }
        // The lock guards a place that is named by the key; a run without the cache has a place of its own.
        let place = if run.request.use_cache {
            key.clone()
        } else {
            job::name(run.request, &step.name)
        };
        let staged = self.layers.stage(&place)?;
        let mut command = command.clone();
        let mut outcome = self
            .execute(run, step, &command, &[], Upper::Keep(upper(&staged)))
            .await?;
        if outcome.judged.verdict == Verdict::Fail
            && let Some(argv) = fallback(&command.argv, &outcome.output)
        {
            command.argv = argv;
            command.note =
                Some("`npm ci` found the lockfile incomplete, so `npm install` was run".to_owned());
            disk::empty_folder(&staged)?;
            outcome = self
                .execute(run, step, &command, &[], Upper::Keep(upper(&staged)))
                .await?;
        }
        about_the_lockfile(&run.tree, &step.dir, &mut outcome.judged);
        let result = result(step, &command, outcome);
        run.watch.finished(&result);
        if result.verdict != Verdict::Pass {
            disk::remove(&staged)?;
            return Ok((result, None, None));
        }
        if !run.request.use_cache {
            let layer = self.layers.borrow(&staged, &step.dir)?;
            return Ok((result, Some(layer), Some(staged)));
        }
        let entry = Entry {
            run: run.request.run_id.clone(),
            result,
        };
        let layer = self.layers.keep(&staged, &key, &step.dir, &entry)?;
        Ok((entry.result, Some(layer), None))
    }

    /// Any other check.
    async fn step(
        &self,
        run: &Run<'_>,
        step: &Step,
        layers: &[Layer],
    ) -> Result<CheckResult, CheckError> {
        let command = match &step.action {
            Action::Skip { verdict, note } => return Ok(skipped(run, step, *verdict, note)),
            Action::Run(command) => job::complete(command, step, run.request),
        };
        let mut key = self.key(step, &command).with("tree", &run.request.tree);
        for layer in layers {
            key = key.with("layer", &layer.digest);
        }
        let key = key.done();
        // What the network answers is another answer tomorrow, so an audit is asked for anew each time.
        let lasting = command.network == Network::None;
        if lasting
            && run.request.use_cache
            && let Some(entry) = self.cache.fetch(&key)
        {
            return Ok(cached(run, entry));
        }
        let outcome = self
            .execute(run, step, &command, layers, Upper::Discard)
            .await?;
        let ended = outcome.ended.end.exit_code().is_some();
        let result = result(step, &command, outcome);
        run.watch.finished(&result);
        let entry = Entry {
            run: run.request.run_id.clone(),
            result,
        };
        if lasting && ended && entry.result.verdict != Verdict::Unknown {
            self.cache.store(&key, &entry)?;
        }
        Ok(entry.result)
    }

    /// What every key has: the engine, the command with everything that bounds it.
    fn key(&self, step: &Step, command: &Command) -> Key {
        let engine = self.sandbox.engine();
        let mut key = Key::default()
            .with("reading", READING)
            .with("engine", &engine.name)
            .with("version", &engine.version)
            .with("image", &engine.image)
            .with("step", &step.name)
            .with("dir", &step.dir)
            .with("network", command.network.as_str())
            .with("report", format!("{:?}", command.report))
            .with("limits", format!("{:?}", job::limits(step.kind)));
        for word in &command.argv {
            key = key.with("argv", word);
        }
        for (name, value) in &job::environment(&self.settings, command) {
            key = key.with(name, value);
        }
        key
    }

    /// Runs a command once and judges it.
    async fn execute(
        &self,
        run: &Run<'_>,
        step: &Step,
        command: &Command,
        layers: &[Layer],
        upper: Upper,
    ) -> Result<Outcome, CheckError> {
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| CheckError::Cancelled)?;
        if run.cancel.is_cancelled() {
            return Err(CheckError::Cancelled);
        }
        let (job, out) = job::job(&self.settings, run.request, step, command, layers, upper)?;
        run.watch.started(&step.name, &command.argv);
        let answers = command.report == crate::Report::NpmAudit;
        let mut log = self.logs.open(&step.name, run.watch, answers)?;
        let ended = self.sandbox.run(&job, &mut log, &run.cancel).await;
        let ended = ended.map_err(|source| CheckError::Sandbox {
            check: step.name.clone(),
            source,
        });
        if run.cancel.is_cancelled() {
            disk::remove(&out)?;
            return Err(ended.err().unwrap_or(CheckError::Cancelled));
        }
        let ended = ended?;
        let Text {
            log,
            output,
            answer,
        } = self.logs.close(log)?;
        let judged = judge(&Seen {
            step,
            command,
            end: ended.end,
            output: &output,
            stdout: &answer,
            out: &out,
            paths: &Paths::new(&run.tree, &step.dir),
        });
        disk::remove(&out)?;
        Ok(Outcome {
            ended,
            log,
            output,
            judged,
        })
    }
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

/// Leaves in the plan what was asked for.
fn select(plan: &mut Plan, only: Option<&[String]>) -> Result<(), CheckError> {
    let mut known: Vec<String> = ["install", "build", "test", "lint", "audit", "smoke"]
        .map(str::to_owned)
        .to_vec();
    known.extend(plan.projects.iter().flat_map(|p| {
        p.steps
            .iter()
            .chain([&p.install])
            .map(|step| step.name.clone())
    }));
    if let Some(name) = only
        .into_iter()
        .flatten()
        .find(|name| !known.contains(name))
    {
        known.sort();
        known.dedup();
        return Err(CheckError::UnknownCheck {
            name: name.clone(),
            known: known.join(", "),
        });
    }
    let wanted = |step: &Step| match only {
        None => step.kind != Kind::Smoke,
        Some(names) => names
            .iter()
            .any(|name| *name == step.name || name == step.kind.as_str()),
    };
    for project in &mut plan.projects {
        project.steps.retain(wanted);
    }
    plan.projects
        .retain(|project| !project.steps.is_empty() || wanted(&project.install));
    Ok(())
}

/// Where no toolchain is known every check is unknown, and says so.
fn nothing_known(plan: &Plan, only: Option<&[String]>) -> Vec<CheckResult> {
    let all = ["install", "build", "test", "lint", "audit"].map(str::to_owned);
    let names = only.map_or(all.to_vec(), <[String]>::to_vec);
    names
        .into_iter()
        .map(|name| blank(name, Verdict::Unknown, &plan.notes.join("; ")))
        .collect()
}

fn about_the_lockfile(tree: &dyn Tree, dir: &str, judged: &mut Judged) {
    let draft = match lock_state(tree, dir) {
        LockState::Broken { path } => {
            let message = format!("{path} is no JSON object; remove it or restore it");
            Draft::error("npm", "lockfile-broken", message).at(Some(path), 0, 0)
        }
        LockState::Disagrees { path, packages } => {
            let message = format!("{path} does not fit package.json: {}", packages.join(", "));
            Draft::error("npm", "lockfile-disagrees", message)
                .level(Level::Warning)
                .at(Some(path), 0, 0)
        }
        LockState::Absent | LockState::Fits => return,
    };
    judged.findings.push(draft.done());
}

fn result(step: &Step, command: &Command, outcome: Outcome) -> CheckResult {
    let Judged {
        verdict,
        findings,
        tests,
        coverage,
        note,
    } = outcome.judged;
    CheckResult {
        verdict,
        exit_code: outcome.ended.end.exit_code(),
        end: outcome.ended.end.as_str().to_owned(),
        wall_ms: millis(outcome.ended.wall),
        command: command.argv.clone(),
        log: outcome.log,
        findings,
        tests,
        coverage,
        network: command.network.as_str().to_owned(),
        unenforced: outcome.ended.unenforced,
        note,
        ..blank(step.name.clone(), verdict, "")
    }
}

fn cached(run: &Run<'_>, entry: Entry) -> CheckResult {
    let result = CheckResult {
        cached: true,
        source_run: Some(entry.run),
        ..entry.result
    };
    run.watch.finished(&result);
    result
}

fn skipped(run: &Run<'_>, step: &Step, verdict: Verdict, note: &str) -> CheckResult {
    let result = blank(step.name.clone(), verdict, note);
    run.watch.finished(&result);
    result
}

fn blank(name: String, verdict: Verdict, note: &str) -> CheckResult {
    CheckResult {
        name,
        verdict,
        exit_code: None,
        end: "skipped".to_owned(),
        cached: false,
        source_run: None,
        wall_ms: 0,
        command: Vec::new(),
        log: Log::default(),
        findings: Vec::new(),
        tests: None,
        coverage: None,
        network: Network::None.as_str().to_owned(),
        unenforced: Vec::new(),
        note: (!note.is_empty()).then(|| note.to_owned()),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a path is usable as a file to be bound into a sandbox.
fn is_file(path: &Path) -> bool {
    path.is_absolute() && path.is_file()
}
