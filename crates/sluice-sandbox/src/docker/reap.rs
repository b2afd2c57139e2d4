//! Removes everything that a job made on the engine and on the host, now or after a crash.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bollard::query_parameters::{ListContainersOptions, ListVolumesOptions};

use super::api::Api;
use super::image::Images;
use super::spec::{self, DAEMON, JOB};
use super::stage::Place;
use super::{Docker, Running, broom};
use crate::SandboxError;

/// What one job may have left. Dropped while armed, as when the task of the job is aborted, it removes it all
/// in a task of its own.
pub(super) struct Remains {
    api: Api,
    place: Place,
    job: String,
    name: String,
    images: Arc<Images>,
    labels: HashMap<String, String>,
    running: Option<Running>,
    armed: bool,
}

impl Remains {
    pub(super) fn of(docker: &Docker, job: &str) -> Remains {
        Remains {
            api: docker.api.clone(),
            place: docker.place.clone(),
            job: job.to_owned(),
            name: docker.name_of(job),
            images: Arc::clone(&docker.images),
            labels: spec::labels(&docker.daemon_id, job),
            running: None,
            armed: false,
        }
    }

    /// Keeps the job's name taken until all is removed.
    pub(super) fn held_by(mut self, running: Running) -> Remains {
        self.running = Some(running);
        self
    }

    /// From now on there is something to remove.
    pub(super) fn arm(&mut self) {
        self.armed = true;
    }

    /// Leaves it all for a repeat of the job or for the next reaping.
    pub(super) fn leave(&mut self) {
        self.armed = false;
    }

    /// Removes it all, unless it is to be left.
    pub(super) async fn finish(&mut self) -> Result<(), SandboxError> {
        if self.armed {
            self.clear().await
        } else {
            Ok(())
        }
    }

    /// Removes the container, then the volume that it held, then the folder that both stood on.
    pub(super) async fn clear(&mut self) -> Result<(), SandboxError> {
        self.clear_engine().await?;
        if let Err(fault) = self.place.clear(&self.job).await {
            // Root finds nothing there that it cannot remove itself.
            let work = self.place.work(&self.job);
            let Some(work) = work.filter(|_| !rustix::process::geteuid().is_root()) else {
                return Err(fault);
            };
            let image = self.images.any(&self.api).await?;
            broom::sweep(&self.api, &self.name, &image, self.labels.clone(), &work).await?;
            self.place.clear(&self.job).await?;
        }
        self.armed = false;
        Ok(())
    }

    /// Removes the container and the volume.
    pub(super) async fn clear_engine(&self) -> Result<(), SandboxError> {
        self.api.remove_container(&self.name).await?;
        self.api.remove_volume(&self.name).await?;
        Ok(())
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        // Without a runtime the process is about to end, and the next one reaps.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let mut rest = Remains {
                api: self.api.clone(),
                place: self.place.clone(),
                job: std::mem::take(&mut self.job),
                name: std::mem::take(&mut self.name),
                images: Arc::clone(&self.images),
                labels: std::mem::take(&mut self.labels),
                running: self.running.take(),
                armed: false,
            };
            runtime.spawn(async move {
                if let Err(fault) = rest.clear().await {
                    tracing::warn!(job = rest.job, %fault, "a dropped job could not be removed");
                }
            });
        }
    }
}

/// Removes what an earlier process of the same daemon left; returns how many jobs were found.
pub(super) async fn reap(docker: &Docker) -> Result<usize, SandboxError> {
    let ours = HashMap::from([(
        "label".to_owned(),
        vec![format!("{DAEMON}={}", docker.daemon_id)],
    )]);
    let api = &docker.api;
    let containers = ListContainersOptions {
        all: true,
        filters: Some(ours.clone()),
        ..Default::default()
    };
    let containers = api
        .call(
            "listing containers",
            api.client.list_containers(Some(containers)),
        )
        .await?;
    let volumes = ListVolumesOptions {
        filters: Some(ours),
    };
    let volumes = api
        .call("listing volumes", api.client.list_volumes(Some(volumes)))
        .await?;

    let labels = containers
        .into_iter()
        .filter_map(|found| found.labels)
        .chain(
            volumes
                .volumes
                .unwrap_or_default()
                .into_iter()
                .map(|found| found.labels),
        );
    let mut jobs: BTreeSet<String> = labels.filter_map(|mut found| found.remove(JOB)).collect();
    jobs.extend(docker.place.list()?);

    let mut reaped = 0;
    for job in jobs {
        // A job that runs in this process is no remain.
        if let Some(running) = docker.begin(&job) {
            Remains::of(docker, &job).held_by(running).clear().await?;
            reaped += 1;
        }
    }
    Ok(reaped)
}
