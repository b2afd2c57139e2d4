//! Finds the toolchains of this machine that lie outside of `/usr`: rustup's, pyenv's, nvm's, an unpacked Go.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::Toolchain;

/// How long a program may take to say where it lies.
const PATIENCE: Duration = Duration::from_secs(20);
/// Folders that every sandbox of the native engine shows anyway.
const SHOWN: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];
/// Folders that are too much to show.
const TOO_MUCH: [&str; 11] = [
    "/", "/boot", "/dev", "/etc", "/home", "/opt", "/proc", "/root", "/srv", "/tmp", "/var",
];

/// What the native engine is to show besides `/usr`, read-only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostToolchains {
    /// The toolchains' own folders, and single programs; never a home.
    pub mounts: Vec<PathBuf>,
    /// Where their programs are.
    pub search: Vec<PathBuf>,
}

impl HostToolchains {
    /// Looks for `toolchains` along the search path `path`, as a shell would. A program that lies below
    /// `/usr` needs nothing; any other is asked where its toolchain is.
    pub async fn find(toolchains: &[Toolchain], path: &str) -> HostToolchains {
        let looks = toolchains.iter().map(|toolchain| home_of(*toolchain, path));
        let mut found = HostToolchains::default();
        for home in futures::future::join_all(looks).await.into_iter().flatten() {
            found.add(home.clone(), home.join("bin"));
        }
        if toolchains.contains(&Toolchain::Python) {
            found.add_uv(path);
        }
        found
    }

    fn add(&mut self, mount: PathBuf, search: PathBuf) {
        if is_too_much(&mount) {
            return;
        }
        if !self.mounts.contains(&mount) {
            self.mounts.push(mount);
        }
        if !self.search.contains(&search) {
            self.search.push(search);
        }
    }

    /// uv is one program, often in a folder of many others: it is shown alone.
    fn add_uv(&mut self, path: &str) {
        if self.search.iter().any(|folder| folder.join("uv").is_file()) {
            return;
        }
        let Some(program) = first(path, "uv").filter(|program| !is_shown(program)) else {
            return;
        };
        let is_binary = fs::File::open(&program).is_ok_and(|mut file| {
            let mut magic = [0; 4];
            std::io::Read::read_exact(&mut file, &mut magic).is_ok() && magic == *b"\x7fELF"
        });
        if let (true, Some(folder)) = (is_binary, program.parent()) {
            self.add(program.clone(), folder.to_owned());
        }
    }
}

/// The first program of this name on a search path.
fn first(path: &str, program: &str) -> Option<PathBuf> {
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn is_shown(path: &Path) -> bool {
    SHOWN.iter().any(|shown| path.starts_with(shown))
}

/// Whether more than a toolchain lies in a folder.
fn is_too_much(path: &Path) -> bool {
    let home = env::var_os("HOME").map(PathBuf::from);
    !path.is_absolute()
        || TOO_MUCH.iter().any(|folder| path == Path::new(folder))
        || home.is_some_and(|home| home.starts_with(path))
}

async fn home_of(toolchain: Toolchain, path: &str) -> Option<PathBuf> {
    let program = first(path, toolchain.programs()[0]).filter(|program| !is_shown(program))?;
    let ask = |name: &str, words: &[&str]| {
        let mut command = Command::new(program.with_file_name(name));
        command.args(words);
        command
    };
    let mut command = match toolchain {
        Toolchain::Node => ask("node", &["-p", "process.execPath"]),
        Toolchain::Python => ask(
            "python3",
            &["-I", "-c", "import sys; print(sys.base_prefix)"],
        ),
        Toolchain::Rust => ask("rustc", &["--print", "sysroot"]),
        Toolchain::Go => ask("go", &["env", "GOROOT"]),
        Toolchain::Ruby => ask("ruby", &["-e", "print RbConfig::CONFIG['prefix']"]),
    };
    // In a folder of the user's a file could choose, or fetch, another toolchain.
    command
        .current_dir("/")
        .env("PATH", path)
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .ok()?
        .ok()?;
    let said = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let home = match toolchain {
        Toolchain::Node => said.parent()?.parent()?.to_owned(),
        _ => said,
    };
    let home = home.canonicalize().ok()?;
    (output.status.success() && home.join("bin").is_dir() && !is_shown(&home)).then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_never_shown() {
        let home = PathBuf::from(env::var_os("HOME").expect("a home"));
        assert!(is_too_much(&home) && is_too_much(home.parent().expect("a parent")));
        assert!(is_too_much(Path::new("/opt")) && is_too_much(Path::new("relative")));
        assert!(!is_too_much(&home.join(".rustup/toolchains/stable")));
    }

    #[tokio::test]
    async fn what_lies_below_usr_needs_nothing() {
        let found = HostToolchains::find(&Toolchain::ALL, "/usr/bin:/bin").await;
        assert_eq!(found, HostToolchains::default());
    }

    #[tokio::test]
    async fn a_toolchain_elsewhere_is_asked_where_it_lies() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().canonicalize().expect("a path");
        fs::create_dir(home.join("bin")).expect("a folder");
        let program = home.join("bin/go");
        fs::write(&program, format!("#!/bin/sh\necho {}\n", home.display())).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("permissions");
        let path = home.join("bin").display().to_string();
        let found = HostToolchains::find(&[Toolchain::Go, Toolchain::Rust], &path).await;
        assert_eq!(found.mounts, std::slice::from_ref(&home));
        assert_eq!(found.search, [home.join("bin")]);
    }
}
