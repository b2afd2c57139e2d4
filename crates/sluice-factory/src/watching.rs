//! Watches the working trees and takes in what people change in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use sluice_workspace::watch::{Covered, Touched, Watch};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::factory::Factory;

/// A working tree in which something changes all the time is looked at after this many times the quiet time.
const LONGEST: u32 = 10;
/// How often a file that is being written is waited for before the others go on without it.
const PATIENCE: u32 = 10;
/// The wait after a fault.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// How often the trees are looked at where the machine does not tell.
const POLL: Duration = Duration::from_secs(2);

/// When a working tree is looked at.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    latest: Instant,
    /// How often a file was being written.
    unsettled: u32,
}

impl Factory {
    /// Takes in what people change in working trees until told to shut down: as soon as nothing has changed for
    /// `quiet`.
    pub async fn watch(self: Arc<Self>, quiet: Duration) {
        let (tell, mut told) = mpsc::unbounded_channel();
        let root = self.data.work_trees();
        let watch = Watch::start(&root, move |touched| {
            // Nobody listens any more at the shutdown.
            let _ = tell.send(touched);
        });
        let mut watching = Watching {
            factory: self,
            watch: None,
            quiet,
            due: BTreeMap::new(),
        };
        match watch {
            Ok(watch) => watching.watch = Some(watch),
            Err(error) => watching.poll(&anyhow::Error::from(error)),
        }
        watching.all().await;
        loop {
            let next = watching.due.values().map(|due| due.at).min();
            let poll = watching.watch.is_none().then(|| Instant::now() + POLL);
            let wake = next.into_iter().chain(poll).min();
            tokio::select! {
                touched = told.recv(), if watching.watch.is_some() => match touched {
                    Some(Touched::One(project)) => watching.touch(project, quiet),
                    Some(Touched::All) => watching.all().await,
                    None => watching.poll(&anyhow!("the watch ended")),
                },
                () = sleep_until(wake) => {
                    if next.is_none_or(|next| next > Instant::now()) {
                        watching.all().await;
                    }
                    watching.look().await;
                }
                () = watching.factory.shutdown.cancelled() => return,
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Watching {
    factory: Arc<Factory>,
    /// `None` when the machine does not tell of changes.
    watch: Option<Watch>,
    quiet: Duration,
    due: BTreeMap<String, Due>,
}

impl Watching {
    fn touch(&mut self, project: String, after: Duration) {
        let now = Instant::now();
        let latest = now + self.quiet * LONGEST;
        let due = self.due.entry(project).or_insert(Due {
            at: now,
            latest,
            unsettled: 0,
        });
        due.at = (now + after).min(due.latest);
    }

    /// Every working tree is looked at.
    async fn all(&mut self) {
        let mut cursor = None;
        loop {
            let page = self
                .factory
                .store
                .project_list(cursor.as_deref(), 200)
                .await;
            let Ok(page) = page else {
                // The next event, or the next poll, tries again.
                return;
            };
            for project in page.items {
                self.touch(project.name, Duration::ZERO);
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return,
            }
        }
    }

    /// Looks at the working trees that are due.
    async fn look(&mut self) {
        let now = Instant::now();
        let due: Vec<(String, Due)> = self
            .due
            .iter()
            .filter(|(_, due)| due.at <= now)
            .map(|(project, due)| (project.clone(), *due))
            .collect();
        for (project, due) in due {
            self.due.remove(&project);
            let is_patient = due.unsettled < PATIENCE;
            match self.factory.edits_look(&project, is_patient).await {
                Ok(Some(settled)) => {
                    if settled.is_unsettled {
                        let wait = self.quiet.max(Duration::from_millis(10));
                        let at = Instant::now() + wait;
                        let unsettled = due.unsettled + 1;
                        let again = Due {
                            at,
                            latest: at,
                            unsettled,
                        };
                        self.due.entry(project.clone()).or_insert(again);
                    }
                    self.cover(&project, &settled.folders);
                }
                Ok(None) => self.cover(&project, &[]),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(project, error, "a working tree could not be looked at");
                    let at = Instant::now() + AFTER_FAULT;
                    let again = Due {
                        at,
                        latest: at,
                        unsettled: 0,
                    };
                    self.due.entry(project).or_insert(again);
                }
            }
        }
    }

    fn cover(&mut self, project: &str, folders: &[String]) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        match watch.cover(project, folders) {
            Ok(Covered::Already) => {}
            // What happened in them before they were watched.
            Ok(Covered::More) => self.touch(project.to_owned(), Duration::ZERO),
            Ok(Covered::NoWatchesLeft) => {
                self.poll(&anyhow!("no watches are left"));
            }
            Err(error) => self.poll(&anyhow::Error::from(error)),
        }
    }

    /// Looks every now and then instead. Said once.
    fn poll(&mut self, why: &anyhow::Error) {
        tracing::warn!(
            why = format!("{why:#}"),
            every_s = POLL.as_secs(),
            "changes of working trees are looked for, not told of; `sluice doctor` says what to raise"
        );
        self.watch = None;
    }
}
