//! `sluice backup` and `sluice restore`: a daemon's data, out and back.

use sluice_factory::{BackupError, DataDir, Manifest};
use sluice_store::{RowsError, Store, StoreError};

use crate::cli::{Backup, Restore};
use crate::config::{Config, Secret};
use crate::exit::{Exit, chain};
use crate::output::Output;

/// Makes a backup. The daemon may run.
pub(super) async fn backup(args: &Backup, config: &Config, output: Output) -> Result<(), Exit> {
    let folder = args.data.as_deref().unwrap_or(&config.data);
    let data = DataDir::existing(folder).map_err(|_| {
        Exit::usage(format!("{} is no data directory", folder.display()))
            .mend("name it with --data, as for `sluice serve`")
    })?;
    // The file must be there: an empty one would be an empty backup.
    let inside = data.database_url().replace("mode=rwc", "mode=rw");
    let url = database(args.database.as_deref(), config).unwrap_or(&inside);
    let store = Store::open_as_is(url)
        .await
        .map_err(|error| ended(&error.into()))?;
    let made = sluice_factory::backup(&data, &store, &args.to, !args.without_key).await;
    let manifest = made.map_err(|error| ended(&error))?;
    if !output.is_json() {
        output.note(&format!(
            "backed up {} in {}",
            counts(&manifest),
            args.to.display()
        ));
        if manifest.key {
            output.note("the signing key is in it: keep it as you keep that");
        }
        return Ok(());
    }
    output.document(&manifest)
}

/// Makes a data directory from a backup.
pub(super) async fn restore(args: &Restore, config: &Config, output: Output) -> Result<(), Exit> {
    let to = args.data.as_deref().unwrap_or(&config.data);
    let url = database(args.database.as_deref(), config);
    let restored = sluice_factory::restore(&args.from, to, url).await;
    let restored = restored.map_err(|error| ended(&error))?;
    if !output.is_json() {
        output.note(&format!(
            "restored {} in {}; start `sluice serve --data {}`",
            counts(&restored.manifest),
            to.display(),
            to.display()
        ));
        return Ok(());
    }
    output.document(&restored.manifest)
}

fn database<'a>(option: Option<&'a str>, config: &'a Config) -> Option<&'a str> {
    option.or_else(|| config.database.as_ref().map(Secret::expose))
}

fn counts(manifest: &Manifest) -> String {
    let rows: u64 = manifest.rows.values().sum();
    let projects = manifest.projects.len();
    let s = if projects == 1 { "" } else { "s" };
    format!(
        "{projects} project{s} and {rows} rows, as of {}",
        manifest.at
    )
}

/// What was named wrongly is a matter of usage; the rest is the work that failed.
fn ended(error: &BackupError) -> Exit {
    let said = chain(error);
    match error {
        BackupError::Taken { .. }
        | BackupError::Rows(
            RowsError::NotEmpty
            | RowsError::Store(
                StoreError::Url { .. } | StoreError::Open { .. } | StoreError::OtherSchema,
            ),
        ) => Exit::usage(said),
        _ => Exit::failed(said),
    }
}
