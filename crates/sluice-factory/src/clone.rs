//! A project's git data for clones and fetches: read only, over git's own protocol.

use sluice_workspace::WireProtocol;
use tokio::sync::mpsc;

use crate::factory::Factory;
use crate::git_names::PRIVATE;
use crate::refusal::{Asked, Refusal};

/// Pieces of a pack that wait for a slow client; a piece has about 256 KiB.
const WAITING: usize = 8;

impl Factory {
    /// What a git client hears first: the refs, or what it may ask. `git_protocol` is the header
    /// `Git-Protocol`.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn clone_advertise(
        &self,
        project: &str,
        git_protocol: Option<&str>,
    ) -> Asked<Vec<u8>> {
        self.project_record(project).await?;
        let protocol = WireProtocol::of_header(git_protocol);
        let told = self.git(project, move |repo| {
            Ok(repo.upload_pack_advertise(protocol, PRIVATE)?)
        });
        Ok(told.await?)
    }

    /// The answer to a git client's request, piece by piece, made as fast as the client takes it. When it cannot
    /// be made to its end, the pieces stop and the log says why.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn clone_answer(
        &self,
        project: &str,
        git_protocol: Option<&str>,
        request: Vec<u8>,
    ) -> Asked<mpsc::Receiver<Vec<u8>>> {
        self.project_record(project).await?;
        let repo = self
            .data
            .repo(project)
            .map_err(|error| Refusal::from(anyhow::Error::from(error)))?;
        let protocol = WireProtocol::of_header(git_protocol);
        let (pieces, answer) = mpsc::channel(WAITING);
        let name = project.to_owned();
        // Not awaited: it ends with its last piece, or as soon as nobody takes them any more.
        tokio::task::spawn_blocking(move || {
            let mut out = |piece: Vec<u8>| piece.is_empty() || pieces.blocking_send(piece).is_ok();
            if let Err(error) = repo.upload_pack(protocol, PRIVATE, &request, &mut out) {
                let error = anyhow::Error::from(error);
                tracing::error!(
                    project = name,
                    error = format!("{error:#}"),
                    "a clone failed"
                );
            }
        });
        Ok(answer)
    }
}
