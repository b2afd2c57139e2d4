//! What a checker is told about the machine that it runs on.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Where a checker keeps its things, and what it passes on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Remembered results.
    pub cache: PathBuf,
    /// Dependency layers; on a file system that can be an overlay's lower.
    pub layers: PathBuf,
    /// Stored logs.
    pub logs: PathBuf,
    /// Folders that live as long as a run, and our own files for the sandboxes.
    pub state: PathBuf,
    /// A file of certificates that every toolchain is to trust besides its own.
    pub extra_ca: Option<PathBuf>,
    /// The npm registry to use instead of npm's own default, without credentials.
    pub npm_registry: Option<String>,
    /// How many checks run at once.
    pub parallel: usize,
}

impl Settings {
    /// Everything below one folder; eight checks at once; the registry that this machine's npm is configured for.
    pub fn below(folder: impl Into<PathBuf>) -> Settings {
        let folder = folder.into();
        Settings {
            cache: folder.join("cache"),
            layers: folder.join("layers"),
            logs: folder.join("logs"),
            state: folder.join("state"),
            extra_ca: None,
            npm_registry: host_registry(),
            parallel: 8,
        }
    }
}

/// The registry that npm on this machine is configured for, from its environment and configuration files;
/// `None` when it is left at npm's default. A user name and password in it are left out.
pub fn host_registry() -> Option<String> {
    let from_environment = env::vars()
        .find(|(name, value)| name.eq_ignore_ascii_case("npm_config_registry") && !value.is_empty())
        .map(|(_, value)| value);
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".npmrc"));
    let files = home
        .into_iter()
        .chain(["/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"].map(PathBuf::from));
    let mut texts = files.filter_map(|file| fs::read_to_string(file).ok());
    from_environment
        .or_else(|| texts.find_map(|text| registry_of(&text)))
        .map(|url| without_user(&url))
}

fn registry_of(npmrc: &str) -> Option<String> {
    npmrc.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (key.trim() == "registry" && !value.is_empty()).then(|| value.to_owned())
    })
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::{registry_of, without_user};

    #[test]
    fn a_registry_is_read_without_its_secrets() {
        let npmrc = "fund = false\n@a:registry=https://scoped.example/\nregistry = \"https://u:p@r.example/npm/\"\n";
        let url = registry_of(npmrc).expect("a registry");
        assert_eq!(without_user(&url), "https://r.example/npm/");
        assert_eq!(without_user("http://r.example"), "http://r.example");
        assert_eq!(registry_of("registry=\n"), None);
    }
}
