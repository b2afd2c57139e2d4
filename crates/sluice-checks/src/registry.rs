//! Where package managers on this machine are configured to get packages from, read when we run.

use std::env;
use std::fs;
use std::path::PathBuf;

use toml::{Table, Value};

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

fn home(name: &str) -> Option<PathBuf> {
    env::var_os("HOME").map(|home| PathBuf::from(home).join(name))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The index that pip on this machine is configured for; `None` when it is left at pip's default.
pub(crate) fn pip() -> Option<String> {
    let named = env::var_os("PIP_CONFIG_FILE").map(PathBuf::from);
    let files = named
        .into_iter()
        .chain(home(".config/pip/pip.conf"))
        .chain(home(".pip/pip.conf"))
        .chain([PathBuf::from("/etc/pip.conf")]);
    let mut texts = files.filter_map(|file| fs::read_to_string(file).ok());
    variable("PIP_INDEX_URL")
        .or_else(|| texts.find_map(|text| index_of(&text)))
        .map(|url| without_user(&url))
}

fn index_of(pip_conf: &str) -> Option<String> {
    let mut is_global = false;
    pip_conf.lines().find_map(|line| {
        let line = line.trim();
        if line.starts_with('[') {
            is_global = line == "[global]" || line == "[install]";
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let is_it = is_global && matches!(key.trim(), "index-url" | "index_url");
        (is_it && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

/// The proxy that go on this machine is configured for; `None` when it is left at go's default.
pub(crate) fn go() -> Option<String> {
    let named = env::var_os("GOENV").map(PathBuf::from);
    let file = named.or_else(|| home(".config/go/env"))?;
    let of_file = || {
        let text = fs::read_to_string(file).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("GOPROXY="))?;
        (!line.trim().is_empty()).then(|| line.trim().to_owned())
    };
    let value = variable("GOPROXY").or_else(of_file)?;
    let urls: Vec<String> = value.split(',').map(without_user).collect();
    Some(urls.join(","))
}

/// What cargo's configuration on this machine says of registries; `None` when it says nothing.
pub(crate) fn cargo() -> Option<String> {
    let folder = env::var_os("CARGO_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| home(".cargo"))?;
    let text = ["config.toml", "config"]
        .iter()
        .find_map(|name| fs::read_to_string(folder.join(name)).ok())?;
    registries_of(&text)
}

/// The sources and registries of a cargo configuration, without tokens and programs.
fn registries_of(config: &str) -> Option<String> {
    let config: Table = config.parse().ok()?;
    let mut kept = Table::new();
    for (table, keys) in [
        (
            "source",
            &["registry", "replace-with", "branch", "tag", "rev", "git"][..],
        ),
        ("registries", &["index", "protocol"][..]),
    ] {
        let named = config
            .get(table)
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        let mut all = Table::new();
        for (name, one) in named {
            let fields = one
                .as_table()
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| {
                    let value = without_user(value.as_str()?);
                    keys.contains(&key.as_str())
                        .then(|| (key.clone(), Value::String(value)))
                });
            all.insert(name.clone(), Value::Table(fields.collect()));
        }
        if !all.is_empty() {
            kept.insert(table.to_owned(), Value::Table(all));
        }
    }
    (!kept.is_empty()).then(|| kept.to_string())
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
    use super::{index_of, registries_of, registry_of, without_user};

    #[test]
    fn a_registry_is_read_without_its_secrets() {
        let npmrc = "fund = false\n@a:registry=https://scoped.example/\nregistry = \"https://u:p@r.example/npm/\"\n";
        let url = registry_of(npmrc).expect("a registry");
        assert_eq!(without_user(&url), "https://r.example/npm/");
        assert_eq!(without_user("http://r.example"), "http://r.example");
        assert_eq!(registry_of("registry=\n"), None);
    }

    #[test]
    fn an_index_of_python_packages_is_read() {
        let pip = "[freeze]\nindex-url = https://no.example\n[global]\ncert = /x\nindex-url = https://yes.example/simple\n";
        assert_eq!(index_of(pip).as_deref(), Some("https://yes.example/simple"));
        assert_eq!(index_of("[global]\nindex-url =\n"), None);
    }

    #[test]
    fn cargos_registries_are_read_without_tokens_and_programs() {
        let config = "[build]\nrustc-wrapper = \"evil\"\n[source.crates-io]\nreplace-with = \"near\"\n\
                      [source.near]\nregistry = \"sparse+https://u:p@near.example/\"\ndirectory = \"/root\"\n\
                      [registries.own]\nindex = \"https://own.example\"\ntoken = \"secret\"\n";
        let kept = registries_of(config).expect("registries");
        assert!(kept.contains("sparse+https://near.example/"), "{kept}");
        assert!(kept.contains("https://own.example"), "{kept}");
        for gone in ["evil", "secret", "u:p", "/root"] {
            assert!(!kept.contains(gone), "{kept}");
        }
        assert_eq!(registries_of("[build]\njobs = 1\n"), None);
    }
}
