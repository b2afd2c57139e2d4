//! Lists the files of `templates/projects/`, so that the program carries them with it.

use std::error::Error;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    const FOLDER: &str = "../../templates/projects";
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut list = String::from("[\n");
    // The templates are ordinary folders that people install and build in: what they ignore stays out.
    let mut walk = WalkBuilder::new(FOLDER);
    walk.standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .sort_by_file_path(Path::cmp);
    for entry in walk.build() {
        let entry = entry?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path().strip_prefix(FOLDER)?;
        let path = path.to_str().ok_or("a template's path is no UTF-8")?;
        let Some((template, file)) = path.split_once('/') else {
            continue;
        };
        let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
        writeln!(
            list,
            "    ({template:?}, {file:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{path}\")), {executable}),"
        )?;
    }
    list.push_str("]\n");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("templates.rs"), list)?;
    Ok(())
}
