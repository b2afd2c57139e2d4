//! `sluice check`: finds the toolchain of a folder and runs its checks in sandboxes.

mod files;
mod progress;
mod show;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_checks::{CheckReport, Checker, Client, Request, Settings, Toolchain, Verdict};
use sluice_sandbox::EngineInfo;
use sluice_workspace::Skipped;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use crate::cli::Check;
use crate::config::Config;
use crate::engine::{self, Stay, Work};
use crate::exit::{self, Exit};
use crate::output::{Output, one_line};
use files::Files;
use progress::Progress;

/// Where programs are looked for inside every sandbox.
pub(super) const SANDBOX_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often a folder that changes is listed before that is given up.
const MOST_LISTINGS: usize = 5;
/// How many left-out files are named.
const NAMED: usize = 10;

/// Runs the command.
pub(super) async fn run(args: Check, config: &Config, output: Output) -> Result<(), Exit> {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    if !dir.is_dir() {
        return Err(Exit::usage(format!("{}: not a folder", dir.display())));
    }
    let cache = engine::cache_folder()?;
    Stay::reap(&cache, config).await;
    let stay = Stay::new(&cache)?;
    let mut files = list(&dir, stay.path(), 0).await?;
    skipped(files.skipped(), output);
    let mut plan = sluice_checks::plan(files.as_ref());
    let toolchains = plan.toolchains();
    let chosen = engine::choose(
        args.engine,
        config,
        stay.home(),
        Work::Remembered(&toolchains),
        output,
    )
    .await?;
    stay.note_engine(&chosen.sandbox.engine().name);
    output.note(&chosen.said);
    needs_toolchain(&toolchains, chosen.sandbox.engine())?;
    let settings = Settings {
        state: stay.path().join("checks"),
        install_scripts: config.install_scripts.clone(),
        extra_ca: config.extra_ca.clone(),
        advisories: config.advisories.clone(),
        registries: config.registries.clone(),
        parallel: config.slots,
        verify_percent: match args.verify_cache {
            true => 100,
            false => config.verify_percent,
        },
        results_bytes: config.results_bytes,
        layers_bytes: config.layers_bytes,
        ..Settings::below(cache.join("checks"))
    };
    let only: Vec<String> = args
        .only
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let checker = Checker::new(Arc::clone(&chosen.sandbox), settings);
    let cancel = CancellationToken::new();
    let _watching = interrupt::cancels(cancel.clone());
    let mut listed = 1;
    let report = loop {
        let request = Request {
            run_id: stay.name().to_owned(),
            tree: files.tree(),
            source: files.clone(),
            only: (!only.is_empty()).then(|| only.clone()),
            use_cache: !args.no_cache,
            health: Vec::new(),
            client: Client::default(),
            fail_fast: args.fail_fast,
        };
        let report = checker
            .run_plan(plan, &request, &Progress::new(output, args.follow), &cancel)
            .await;
        // What was listed and what is there must be one tree, or the report would be of neither.
        if !files.has_moved_on() || cancel.is_cancelled() {
            if report.is_err() {
                engine::forget(chosen.sandbox.engine());
            }
            break report?;
        }
        if listed == MOST_LISTINGS {
            return Err(Exit::failed(format!(
                "{} changes all the time, so there is no tree to check",
                dir.display()
            ))
            .mend("try again when nothing writes there"));
        }
        files = list(&dir, stay.path(), listed).await?;
        plan = sluice_checks::plan(files.as_ref());
        listed += 1;
    };
    finish(&report, &checker, &dir, output)
}

/// Lists the folder. Its files are copied when something runs, so that nothing changes under the checks.
async fn list(dir: &Path, below: &Path, number: usize) -> Result<Arc<Files>, Exit> {
    let (dir, place) = (dir.to_owned(), below.join(format!("snapshot-{number}")));
    let files = tokio::task::spawn_blocking(move || Files::open(&dir, place)).await;
    let files = files
        .map_err(|error| Exit::failed(format!("reading the folder was broken off: {error}")))?;
    Ok(Arc::new(files?))
}

fn skipped(skipped: &[Skipped], output: Output) {
    for one in skipped.iter().take(NAMED) {
        output.note(&one_line(&format!(
            "left out: {} ({:?})",
            one.path, one.reason
        )));
    }
    if skipped.len() > NAMED {
        output.note(&format!("left out: {} more", skipped.len() - NAMED));
    }
}

/// The native engine runs this host's own toolchains: without any of them there is nothing to check with. Where
/// one of several is missing its own checks say so.
fn needs_toolchain(toolchains: &[Toolchain], engine: &EngineInfo) -> Result<(), Exit> {
    if engine.name != "native" {
        return Ok(());
    }
    let missing = |toolchain: &Toolchain| {
        let programs = toolchain.programs().iter();
        programs
            .copied()
            .find(|program| !is_in(&sandbox_path(engine), program))
    };
    let mut absent = Vec::new();
    for toolchain in toolchains {
        match missing(toolchain) {
            Some(program) => absent.push((*toolchain, program)),
            None => return Ok(()),
        }
    }
    let Some((toolchain, program)) = absent.first() else {
        return Ok(());
    };
    let mend = match env::var("PATH").is_ok_and(|path| is_in(&path, program)) {
        true => format!(
            "{program} is on your PATH, but does not say where its toolchain lies: install it below /usr, or use \
             --engine docker"
        ),
        false => format!("{}, or use --engine docker", toolchain.mend()),
    };
    Err(Exit::missing(format!(
        "this folder needs {program}, which this machine does not have"
    ))
    .mend(mend))
}

/// Where programs are looked for in the sandboxes of an engine.
pub(super) fn sandbox_path(engine: &EngineInfo) -> String {
    let mut folders: Vec<PathBuf> = engine.search.clone();
    folders.extend(env::split_paths(SANDBOX_PATH));
    let joined = env::join_paths(folders).unwrap_or_default();
    joined.to_string_lossy().into_owned()
}

/// Whether a search path leads to a program.
pub(super) fn is_in(path: &str, program: &str) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn finish(report: &CheckReport, checker: &Checker, dir: &Path, output: Output) -> Result<(), Exit> {
    if output.is_json() {
        output.document(report)?;
    } else {
        output.text(&show::text(report, checker.logs()))?;
    }
    match report.verdict {
        Verdict::Pass => Ok(()),
        Verdict::Fail => Err(Exit::said(exit::FAILED)),
        Verdict::Unknown => {
            if report.toolchain == "none" {
                output.note(&format!(
                    "sluice: nothing to check in {}: no package.json was found in it, no pyproject.toml, requirements.txt, Cargo.toml or go.mod",
                    dir.display()
                ));
            } else {
                let unknown = report
                    .checks
                    .iter()
                    .filter(|one| one.verdict == Verdict::Unknown);
                let names: Vec<&str> = unknown.map(|one| one.name.as_str()).collect();
                output.note(&one_line(&format!(
                    "sluice: no answer from {}, which is not a pass; --only leaves checks out",
                    names.join(", ")
                )));
            }
            Err(Exit::said(exit::FAILED))
        }
    }
}
