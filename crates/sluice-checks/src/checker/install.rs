//! Installations: a fetch from the registries, then steps without any network on what it left, all in one layer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use sluice_sandbox::Upper;

use super::ahead::{Ahead, Made};
use super::answer::{about_the_lockfile, about_the_manifest, cached, millis, result, skipped};
use super::{Checker, Ground as On, Outcome, Run, job};
use crate::cache::{Entry, Key};
use crate::layer::{Layer, Owner, Staged};
use crate::meters;
use crate::node::{allowed, fallback, not_allowed, scripted};
use crate::rust::ahead;
use crate::toolchain::COMPILED;
use crate::{
    Action, CheckError, CheckResult, Command, Further, Ground, Project, Ran, Step, Toolchain,
    Verdict, disk,
};

/// The result of an installation, its layer when green, and where that lies when it is for this run only.
pub(super) type Installed = (CheckResult, Option<Layer>, Vec<Staged>);

/// What the steps of an installation came to so far.
struct Course {
    outcome: Outcome,
    ran: Vec<Ran>,
    logs: Vec<crate::Log>,
}

impl Checker {
    /// The installation of a project.
    pub(super) async fn install(
        &self,
        run: &Run<'_>,
        project: &Project,
    ) -> Result<Installed, CheckError> {
        let step = &project.install;
        let command = match &step.action {
            Action::Run(command) => command,
            Action::Skip {
                verdict,
                note,
                place,
            } => {
                let place = place.as_ref();
                return Ok((skipped(run, step, *verdict, note, place), None, Vec::new()));
            }
        };
        let image = match self.image(run, step).await? {
            Ok(image) => image,
            Err(note) => {
                let result = skipped(run, step, Verdict::Unknown, &note, None);
                return Ok((result, None, Vec::new()));
            }
        };
        let (below, made) = match &project.ahead {
            None => (None, Made::default()),
            Some(command) => match self.ahead(run, step, command, &image).await? {
                Ahead::There(layer, made) => (Some(layer), made),
                Ahead::Failed(outcome) => {
                    let result = result(step, command, image, *outcome);
                    run.watch.finished(&result);
                    return Ok((result, None, Vec::new()));
                }
            },
        };
        let key = self.install_key(project, command, &image);
        let owner = Owner {
            dir: &step.dir,
            toolchain: step.toolchain,
        };
        let _lock = self.layers.lock(&key, &run.cancel).await?;
        let kept = match run.request.use_cache {
            true => {
                let layers = &self.layers;
                let kept = layers.fetch(&key, owner, &self.logs, &run.cancel).await?;
                meters::looked(meters::LAYERS, kept.is_some());
                kept
            }
            false => None,
        };
        if let Some((layer, entry)) = kept {
            let layer = told(layer, step, &entry.result).above(below);
            return Ok((cached(run, entry), Some(layer), Vec::new()));
        }
        // The lock guards a place that is named by the key; a run without the cache has a place of its own.
        let place = if run.request.use_cache {
            key.clone()
        } else {
            job::name(run.request, &step.name)
        };
        let staged = self.layers.stage(&place)?;
        let (command, mut course) = self.fetched(run, step, command, &staged).await?;
        if let Some((ran, log)) = made.ran {
            course.ran.insert(0, ran);
            course.logs.insert(0, log);
        }
        if course.outcome.judged.verdict == Verdict::Pass {
            let mut further = project.further.clone();
            if step.toolchain == Toolchain::Node {
                let (found, policy) = (scripted(&staged.trees()), &self.settings.install_scripts);
                let told = not_allowed(&step.dir, &found, policy);
                course.outcome.judged.findings.extend(told);
                further.extend(allowed(run.tree, &step.dir, &found, policy));
            }
            for one in &further {
                self.go_on(run, step, one, &staged, &mut course).await?;
                if course.outcome.judged.verdict != Verdict::Pass {
                    break;
                }
            }
        }
        let log = self.logs.join(&course.logs)?;
        let wall_ms = course.ran.iter().map(|ran| ran.wall_ms).sum();
        let mut result = result(step, &command, image, course.outcome);
        (result.log, result.wall_ms) = (log, wall_ms);
        if course.ran.len() > 1 {
            result.steps = course.ran;
        }
        run.watch.finished(&result);
        if result.verdict != Verdict::Pass {
            return Ok((result, None, Vec::new()));
        }
        if !run.request.use_cache {
            let layer = told(staged.layer(owner)?, step, &result).above(below);
            let places = made.staged.into_iter().chain([staged]).collect();
            return Ok((result, Some(layer), places));
        }
        let entry = Entry {
            run: run.request.run_id.clone(),
            result,
        };
        let layer = self.layers.keep(staged, &key, owner, &entry, &self.logs)?;
        let layer = told(layer, step, &entry.result).above(below);
        Ok((entry.result, Some(layer), Vec::new()))
    }

    /// The digest of all that decides what an installation leaves: every step of it, and the policy.
    fn install_key(&self, project: &Project, command: &Command, image: &str) -> String {
        let step = &project.install;
        let mut key = self
            .key(step, command, image)
            .with("note", command.note.as_deref().unwrap_or(""));
        for (path, digest) in &project.install_inputs {
            key = key.with(path, digest);
        }
        for further in &project.further {
            let one = self.key(step, &further.command, image);
            key = key
                .with("further", one.done())
                .with("ground", format!("{:?}", further.ground));
        }
        if step.toolchain == Toolchain::Node {
            let mut policy = self.settings.install_scripts.clone();
            policy.sort();
            key = policy
                .iter()
                .fold(key, |key: Key, name| key.with("script", name));
        }
        key.done()
    }

    /// The first step, with the registries; with its other command where a lockfile does not fit.
    async fn fetched(
        &self,
        run: &Run<'_>,
        step: &Step,
        command: &Command,
        staged: &Staged,
    ) -> Result<(Command, Course), CheckError> {
        let mut command = command.clone();
        let mut outcome = self
            .execute(run, step, &command, On::first(staged.upper()))
            .await?;
        if outcome.judged.verdict == Verdict::Fail
            && let Some((argv, note)) = fallback(&command.argv, &outcome.output)
        {
            command.argv = argv;
            command.note = Some(note);
            staged.empty()?;
            outcome = self
                .execute(run, step, &command, On::first(staged.upper()))
                .await?;
        }
        if step.toolchain == Toolchain::Node {
            about_the_lockfile(run.tree, &step.dir, &command, &mut outcome.judged);
            about_the_manifest(run.tree, &step.dir, &mut outcome.judged);
        }
        let course = Course {
            ran: vec![ran(&command, &outcome)],
            logs: vec![outcome.log.clone()],
            outcome,
        };
        Ok((command, course))
    }

    /// One of the other steps.
    async fn go_on(
        &self,
        run: &Run<'_>,
        step: &Step,
        further: &Further,
        staged: &Staged,
        course: &mut Course,
    ) -> Result<(), CheckError> {
        let below = Layer {
            trees: staged.trees(),
            digest: String::new(),
        };
        let files = match further.ground {
            Ground::Tree => None,
            Ground::Skeleton => Some(Files::lay_out(
                self.settings
                    .state
                    .join("skeletons")
                    .join(job::name(run.request, &step.name)),
                &ahead::skeleton(run.tree),
            )?),
        };
        let on = On {
            layers: std::slice::from_ref(&below),
            files: files.as_ref().map(|files| files.folder.clone()),
            upper: Upper::Keep(staged.upper()),
        };
        let outcome = self.execute(run, step, &further.command, on).await?;
        course.ran.push(ran(&further.command, &outcome));
        course.logs.push(outcome.log.clone());
        let so_far = &mut course.outcome;
        so_far.ended.unenforced.extend(
            outcome
                .ended
                .unenforced
                .iter()
                .filter(|limit| !so_far.ended.unenforced.contains(limit))
                .cloned()
                .collect::<Vec<_>>(),
        );
        match &further.otherwise {
            Some(note) if outcome.judged.verdict != Verdict::Pass => {
                staged.take_back()?;
                let said = so_far.judged.note.take();
                so_far.judged.note = Some(match said {
                    Some(said) => format!("{said}; {note}"),
                    None => note.clone(),
                });
            }
            _ => {
                so_far.judged.verdict = outcome.judged.verdict;
                so_far.judged.findings.extend(outcome.judged.findings);
                if let Some(note) = outcome.judged.note {
                    so_far.judged.note = Some(note);
                }
                so_far.ended.end = outcome.ended.end;
                if further.ground == Ground::Skeleton {
                    only_others(run, step, staged)?;
                }
            }
        }
        Ok(())
    }
}

/// Removes what was made of the project's own packages, whose sources were not there.
fn only_others(run: &Run<'_>, step: &Step, staged: &Staged) -> Result<(), CheckError> {
    let trees = staged.trees();
    let path = match step.dir.as_str() {
        "" => "Cargo.lock".to_owned(),
        dir => format!("{dir}/Cargo.lock"),
    };
    let made = || {
        trees
            .iter()
            .find_map(|tree| crate::tree::read_plain(&tree.join(&path), 64 << 20))
    };
    let lock = run.tree.read(&path).or_else(made).unwrap_or_default();
    let others = ahead::others(run.tree, &lock);
    for tree in &trees {
        ahead::strip(&tree.join(&step.dir).join(COMPILED), &step.dir, &others)?;
    }
    Ok(())
}

/// The layer with the scripts that ran in it: packages are other packages after that.
fn told(layer: Layer, step: &Step, result: &CheckResult) -> Layer {
    if step.toolchain != Toolchain::Node || result.steps.is_empty() {
        return layer;
    }
    let mut digest = Sha256::new();
    digest.update(&layer.digest);
    for ran in &result.steps[1..] {
        digest.update(ran.command.join("\0"));
    }
    Layer {
        digest: hex::encode(digest.finalize()),
        ..layer
    }
}

pub(super) fn ran(command: &Command, outcome: &Outcome) -> Ran {
    Ran {
        command: command.argv.clone(),
        network: command.network.as_str().to_owned(),
        exit_code: outcome.ended.end.exit_code(),
        end: outcome.ended.end.as_str().to_owned(),
        wall_ms: millis(outcome.ended.wall),
    }
}

/// Files for one step, removed when it is over.
pub(super) struct Files {
    pub(super) folder: PathBuf,
}

impl Files {
    pub(super) fn lay_out(
        folder: PathBuf,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Files, CheckError> {
        disk::empty_folder(&folder)?;
        let made = Files { folder };
        for (path, content) in files {
            disk::lay(&made.folder, path, content)?;
        }
        disk::open(&made.folder)?;
        Ok(made)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.folder) {
            tracing::warn!(path = %self.folder.display(), %error, "files of a step stay");
        }
    }
}
