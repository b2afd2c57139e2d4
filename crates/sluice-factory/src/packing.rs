//! Packs the git data of projects in the background, so that it stays fast to read.

use std::sync::PoisonError;
use std::time::Duration;

use sluice_workspace::{PackFrom, Packed, WorkspaceError};

use crate::factory::Factory;

/// How often the projects that were worked on are looked at.
const EVERY: Duration = Duration::from_secs(60);

impl Factory {
    /// Packs, one project after the other, until told to shut down.
    pub(crate) async fn pack_now_and_then(&self) {
        while !self.closing.is_cancelled() {
            self.pack_touched().await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// Packs the projects whose git data was opened since the last time, as far as it is worth it.
    async fn pack_touched(&self) {
        let touched = {
            let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *touched)
        };
        for project in touched {
            match self.pack(&project).await {
                Ok(Packed::NotDue | Packed::Busy | Packed::Stopped) => {}
                Ok(Packed::Done {
                    objects,
                    loose,
                    packs,
                }) => tracing::info!(project, objects, loose, packs, "packed the git data"),
                // Deleted meanwhile.
                Err(WorkspaceError::NoRepository { .. }) => {}
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(project, error, "the git data cannot be packed");
                }
            }
        }
    }

    /// Nobody waits for it and it waits for nobody: the repository is whole at every moment.
    async fn pack(&self, project: &str) -> Result<Packed, WorkspaceError> {
        let path = self.data.git(project);
        let (data, name) = (self.data.clone(), project.to_owned());
        let closing = self.closing.clone();
        let work = move || {
            data.repo(&name)?
                .pack(PackFrom::default(), &|| !closing.is_cancelled())
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|ended| {
                Err(WorkspaceError::Io {
                    what: "pack",
                    path,
                    source: ended.into(),
                })
            })
    }
}
