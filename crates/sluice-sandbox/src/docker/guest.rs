//! What a container gets from this host beside its job.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{DockerKind, seccomp};
use crate::SandboxError;

/// Where Docker's init program may be; only programs that take `-- PROGRAM ARGUMENT...`.
const INITS: [&str; 4] = [
    "/usr/bin/docker-init",
    "/usr/libexec/docker/docker-init",
    "/usr/local/bin/docker-init",
    "/usr/bin/tini-static",
];
/// The word in an ELF program header that asks for a loader: such a program needs the image's libraries.
const PT_INTERP: u32 = 3;

/// Found once, the same for every job.
#[derive(Debug, Clone, Default)]
pub(super) struct Guest {
    /// A copy of the init program that can be executed and not read. The kernel makes the process of such a
    /// program untraceable, so that a command cannot stop or rewrite the first process of its container.
    /// Without it the engine's own is used.
    pub(super) init: Option<PathBuf>,
    /// The option that puts containers under our filter of system calls.
    pub(super) seccomp: String,
    /// Whether the host knows IPv6, so that a container can have `::1`.
    pub(super) ipv6: bool,
}

impl Guest {
    /// Prepares it in the state folder.
    pub(super) fn prepare(state: &Path, kind: DockerKind) -> Result<Guest, SandboxError> {
        let found = INITS.iter().map(Path::new).find(|path| is_static(path));
        let init = state.join("container-init");
        let kept = match found {
            Some(program) => keep(program, state, &init).map(|()| Some(init.clone())),
            None => Ok(None),
        };
        Ok(Guest {
            init: kept.map_err(|source| SandboxError::Io {
                step: "copying the init program",
                path: init,
                source,
            })?,
            seccomp: filter(state, kind)?,
            ipv6: Path::new("/proc/sys/net/ipv6/conf/lo").exists(),
        })
    }
}

/// Docker takes the profile itself, Podman the name of a file.
fn filter(state: &Path, kind: DockerKind) -> Result<String, SandboxError> {
    let profile = seccomp::profile();
    if kind == DockerKind::Docker {
        return Ok(format!("seccomp={profile}"));
    }
    let path = state.join("seccomp.json");
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(state)?;
        file.write_all(profile.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        io::Result::Ok(())
    };
    fs::create_dir_all(state)
        .and_then(|()| write())
        .map_err(|source| SandboxError::Io {
            step: "writing the filter of system calls",
            path: path.clone(),
            source,
        })?;
    Ok(format!("seccomp={}", path.display()))
}

fn keep(program: &Path, state: &Path, init: &Path) -> io::Result<()> {
    fs::create_dir_all(state)?;
    let mut copy = tempfile::NamedTempFile::new_in(state)?;
    copy.write_all(&fs::read(program)?)?;
    copy.as_file()
        .set_permissions(Permissions::from_mode(0o111))?;
    copy.as_file().sync_all()?;
    copy.persist(init)?;
    Ok(())
}

/// Whether a file is a 64-bit little-endian ELF program that needs no loader.
fn is_static(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    let number = |at: usize, size: usize| {
        let bytes = head.get(at..at + size)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    let headers = || {
        let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        (0..count)
            .map(|n| number(start + n * size, 4))
            .collect::<Option<Vec<_>>>()
    };
    read.is_ok()
        && head.starts_with(b"\x7fELF\x02\x01")
        && headers().is_some_and(|all| !all.contains(&(PT_INTERP as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_without_a_loader_are_static() {
        assert!(!is_static(Path::new("/bin/sh")));
        assert!(!is_static(Path::new("/etc/passwd")));
        assert!(!is_static(Path::new("/nowhere/at/all")));
        // This machine's engine came with one.
        assert!(INITS.iter().any(|path| is_static(Path::new(path))));
    }
}
