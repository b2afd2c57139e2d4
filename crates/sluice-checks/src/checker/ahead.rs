//! What a toolchain compiles of its own, in a layer that all projects share.

use std::collections::BTreeMap;

use sluice_sandbox::Upper;

use super::answer::result;
use super::install::{Files, ran};
use super::{Checker, Ground as On, Outcome, Run, job};
use crate::cache::Entry;
use crate::layer::{Layer, Owner, Staged};
use crate::{CheckError, Command, Log, Ran, Step, Verdict};

/// What was done for a layer that was not there.
#[derive(Default)]
pub(super) struct Made {
    /// The command, if it ran just now.
    pub(super) ran: Option<(Ran, Log)>,
    /// Where the layer lies when it is for this run only.
    pub(super) staged: Option<Staged>,
}

/// What came of it.
pub(super) enum Ahead {
    /// It is there.
    There(Layer, Made),
    /// The toolchain cannot compile what belongs to it.
    Failed(Box<Outcome>),
}

impl Checker {
    /// The layer of a toolchain. No file of a project is there when it is made, so that none can leave something
    /// for another.
    pub(super) async fn ahead(
        &self,
        run: &Run<'_>,
        step: &Step,
        command: &Command,
        image: &str,
    ) -> Result<Ahead, CheckError> {
        let owner = Owner {
            dir: "",
            toolchain: step.toolchain,
        };
        // The same for every project.
        let general = Step {
            name: "ahead".to_owned(),
            dir: String::new(),
            ..step.clone()
        };
        let key = self.key(&general, command, image).done();
        let _lock = self.toolchains.lock(&key, &run.cancel).await?;
        if run.request.use_cache {
            let found = self
                .toolchains
                .fetch(&key, owner, &self.logs, &run.cancel)
                .await?;
            if let Some((layer, _)) = found {
                return Ok(Ahead::There(layer, Made::default()));
            }
        }
        let name = job::name(run.request, &format!("{}-ahead", step.name));
        let place = if run.request.use_cache { &key } else { &name };
        let staged = self.toolchains.stage(place)?;
        let folder = self.settings.state.join("ahead").join(&name);
        let files = Files::lay_out(folder, &BTreeMap::new())?;
        let shown = Step {
            name: step.name.clone(),
            ..general
        };
        let on = On {
            layers: &[],
            files: Some(files.folder.clone()),
            upper: Upper::Keep(staged.upper()),
        };
        let outcome = self.execute(run, &shown, command, on).await?;
        if outcome.judged.verdict != Verdict::Pass {
            return Ok(Ahead::Failed(Box::new(outcome)));
        }
        let ran = Some((ran(command, &outcome), outcome.log.clone()));
        if !run.request.use_cache {
            let (layer, staged) = (staged.layer(owner)?, Some(staged));
            return Ok(Ahead::There(layer, Made { ran, staged }));
        }
        let entry = Entry {
            run: run.request.run_id.clone(),
            result: result(&shown, command, image.to_owned(), outcome),
        };
        let layer = self
            .toolchains
            .keep(staged, &key, owner, &entry, &self.logs)?;
        let made = Made { ran, staged: None };
        Ok(Ahead::There(layer, made))
    }
}
