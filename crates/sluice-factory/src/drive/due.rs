//! What is to be done next, and who does it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sluice_store::{CheckRecord, RunRecord};

use crate::factory::{Factory, now};

/// So many of each kind are looked at; more than that wait anyway.
const LOOKED_AT: u64 = 512;

/// A piece of work.
pub(super) enum Due {
    Check(Box<CheckRecord>),
    Run(Box<RunRecord>),
}

impl Due {
    pub(super) fn id(&self) -> String {
        match self {
            Due::Check(check) => check.id.to_string(),
            Due::Run(run) => run.id.to_string(),
        }
    }

    pub(super) fn project(&self) -> &str {
        match self {
            Due::Check(check) => &check.project,
            Due::Run(run) => &run.project,
        }
    }

    /// Whether it mends a red attempt.
    fn heals(&self) -> bool {
        match self {
            Due::Check(_) => false,
            Due::Run(run) => run.run.attempt().is_some_and(|attempt| attempt.0 > 0),
        }
    }

    fn since(&self) -> Timestamp {
        match self {
            Due::Check(check) => check.created_at,
            Due::Run(run) => run.due_at.unwrap_or(Timestamp::MAX),
        }
    }
}

impl Factory {
    /// What is to be done, the next first: what heals before all that is fresh, then what belongs to the projects of
    /// which least is being worked on, then what has waited longest.
    pub(super) async fn due(&self) -> anyhow::Result<Vec<Due>> {
        let checks = self.store.check_list_due(LOOKED_AT).await?;
        let runs = self.store.run_list_due(now(), LOOKED_AT).await?;
        let mut due: Vec<Due> = checks
            .into_iter()
            .map(|check| Due::Check(Box::new(check)))
            .collect();
        due.extend(runs.into_iter().map(|run| Due::Run(Box::new(run))));
        let busy = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sort(&mut due, &busy);
        Ok(due)
    }
}

fn sort(due: &mut [Due], busy: &BTreeMap<String, String>) {
    let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
    for project in busy.values() {
        *shares.entry(project).or_default() += 1;
    }
    let share = |project: &str| shares.get(project).copied().unwrap_or(0);
    due.sort_by_cached_key(|due| (!due.heals(), share(due.project()), due.since()));
}

/// Keeps a run, or checks, to one task of this process.
pub(super) struct Busy<'a> {
    all: &'a Mutex<BTreeMap<String, String>>,
    id: String,
}

impl<'a> Busy<'a> {
    /// `None` when another task has it.
    pub(super) fn claim(all: &'a Mutex<BTreeMap<String, String>>, due: &Due) -> Option<Busy<'a>> {
        let id = due.id();
        let mut all_now = all.lock().unwrap_or_else(PoisonError::into_inner);
        if all_now.contains_key(&id) {
            return None;
        }
        all_now.insert(id.clone(), due.project().to_owned());
        Some(Busy { all, id })
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
