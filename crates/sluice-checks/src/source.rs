//! Where the files that are checked come from.

use std::path::PathBuf;

use async_trait::async_trait;

use crate::{Folder, Tree};

/// Why the files could not be laid out.
pub type SourceFault = Box<dyn std::error::Error + Send + Sync>;

/// The files of one tree: their names and contents at once, a folder of them when something must run.
#[async_trait]
pub trait Source: Send + Sync {
    /// The files.
    fn files(&self) -> &dyn Tree;

    /// A folder with these files and without git data, which is not written to. It is asked for once for each
    /// command that runs, and is the same each time.
    ///
    /// # Errors
    /// When the folder cannot be made, or the files are not there as they were any more.
    async fn folder(&self) -> Result<PathBuf, SourceFault>;
}

#[async_trait]
impl Source for Folder {
    fn files(&self) -> &dyn Tree {
        self
    }

    async fn folder(&self) -> Result<PathBuf, SourceFault> {
        Ok(self.root().to_owned())
    }
}
