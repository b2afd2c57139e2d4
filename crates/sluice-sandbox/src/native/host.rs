//! What of this machine is shown inside, and what this machine can do.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::INNER_ID;

/// Host folders of toolchains and data, bound where they are; those that are links are linked.
const TOP: [&str; 6] = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];
/// Files and folders of `/etc` that programs need and that hold no secret.
const ETC: [&str; 13] = [
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "ca-certificates/extracted",
    "mime.types",
    "services",
    "protocols",
    "fonts",
];
/// Beginnings of further names in `/etc` that toolchains link to.
const ETC_BEGINNINGS: [&str; 2] = ["java-", "python3"];
/// Where programs are listed for the digest of the toolchains.
const TOOL_FOLDERS: [&str; 6] = [
    "/usr/bin",
    "/usr/lib",
    "/usr/lib/node_modules",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/lib/node_modules",
];

/// What every sandbox shows of the host.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Read-only host paths and where they appear.
    pub(super) binds: Vec<(PathBuf, String)>,
    /// Links: name and target.
    pub(super) links: Vec<(String, String)>,
    /// Small files: name and content.
    files: Vec<(String, String)>,
}

impl View {
    /// Looks at the host once; `extra` are further host folders, shown where they are.
    pub(super) fn of_host(extra: &[PathBuf]) -> View {
        let mut view = View {
            binds: vec![("/usr".into(), "/usr".to_owned())],
            links: vec![("var/tmp".to_owned(), "/tmp".to_owned())],
            files: files(),
        };
        for name in TOP {
            let path = Path::new("/").join(name);
            match fs::read_link(&path) {
                Ok(target) => view
                    .links
                    .push((name.to_owned(), target.to_string_lossy().into_owned())),
                Err(_) if path.is_dir() => view.bind(path),
                Err(_) => {}
            }
        }
        for name in ETC {
            view.bind(Path::new("/etc").join(name));
        }
        for entry in fs::read_dir("/etc").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if ETC_BEGINNINGS.iter().any(|start| name.starts_with(start)) {
                view.bind(entry.path());
            }
        }
        if let Ok(target) = fs::read_link("/etc/localtime") {
            view.links.push((
                "etc/localtime".to_owned(),
                target.to_string_lossy().into_owned(),
            ));
        }
        for path in extra {
            if !path.starts_with("/usr") {
                view.bind(path.clone());
            }
        }
        view
    }

    fn bind(&mut self, path: PathBuf) {
        if path.exists() {
            let inside = path.to_string_lossy().into_owned();
            self.binds.push((path, inside));
        }
    }

    /// The small files for a job with or without the host's network.
    pub(super) fn files(&self, network_open: bool) -> Vec<(String, String)> {
        let mut files = self.files.clone();
        let alone = || "127.0.0.1 localhost sluice\n::1 localhost\n".to_owned();
        if network_open {
            for name in ["etc/hosts", "etc/resolv.conf"] {
                let host = fs::read_to_string(Path::new("/").join(name));
                files.push((name.to_owned(), host.unwrap_or_default()));
            }
        } else {
            files.push(("etc/hosts".to_owned(), alone()));
        }
        files
    }
}

fn files() -> Vec<(String, String)> {
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin";
    [
        (
            "etc/passwd",
            format!(
                "root:x:0:0:root:/root:/usr/sbin/nologin\n\
                 sluice:x:{INNER_ID}:{INNER_ID}:sluice:/tmp/home:/bin/sh\n{nobody}\n"
            ),
        ),
        (
            "etc/group",
            format!("root:x:0:\nsluice:x:{INNER_ID}:\nnogroup:x:65534:\n"),
        ),
        ("etc/hostname", "sluice\n".to_owned()),
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n".to_owned(),
        ),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .to_vec()
}

/// A digest over the toolchains that the sandbox shows: the names, sizes and times of programs and of the list of
/// installed packages. Cheap, and another one after every upgrade.
pub(super) fn toolchain_digest(extra: &[PathBuf]) -> String {
    let mut digest = Sha256::new();
    let lists = ["/var/lib/dpkg/status", "/etc/os-release"].map(PathBuf::from);
    let files = extra.iter().filter(|path| path.is_file());
    for file in lists.iter().chain(files) {
        stamp(
            &mut digest,
            file.as_os_str(),
            fs::metadata(file).ok().as_ref(),
        );
    }
    let folders = TOOL_FOLDERS.iter().map(PathBuf::from);
    let extra = extra
        .iter()
        .flat_map(|path| [path.clone(), path.join("bin"), path.join("lib")]);
    for folder in folders.chain(extra) {
        let mut entries: Vec<(OsString, Option<fs::Metadata>)> = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                // A folder's own time changes whenever anything is put into it; a package's manifest
                // changes when the package does.
                let data = match data.is_dir() {
                    true => fs::metadata(entry.path().join("package.json")).ok(),
                    false => Some(data),
                };
                Some((entry.file_name(), data))
            })
            .collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        digest.update(folder.as_os_str().as_bytes());
        digest.update((entries.len() as u64).to_le_bytes());
        for (name, data) in entries {
            stamp(&mut digest, &name, data.as_ref());
        }
    }
    format!("sha256:{}", hex::encode(digest.finalize()))
}

/// Adds one program. The time of its last change of any kind is part of it: package managers set the other time to
/// that of the package, so that a program of the same size could be replaced without a trace.
fn stamp(digest: &mut Sha256, name: &OsStr, data: Option<&fs::Metadata>) {
    digest.update((name.len() as u64).to_le_bytes());
    digest.update(name.as_bytes());
    let numbers = data.map_or([0; 5], |data| {
        let (written, changed) = (data.mtime(), data.ctime());
        let size = data.size().cast_signed();
        [size, written, data.mtime_nsec(), changed, data.ctime_nsec()]
    });
    let mut bytes = [0; 40];
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    digest.update(bytes);
}

/// The kernel's version as two numbers, such as `(6, 1)`.
pub(super) fn kernel() -> (u32, u32) {
    let release = rustix::system::uname();
    let release = release.release().to_string_lossy().into_owned();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether this process's user namespace knows the user `id`: the root of a container may know no other
/// user than itself, and is then treated as the ordinary user that it is outside.
pub(super) fn is_mapped(id: u32) -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|maps| {
        maps.lines().any(|line| {
            let numbers: Vec<u64> = line
                .split_whitespace()
                .filter_map(|number| number.parse().ok())
                .collect();
            matches!(numbers[..], [first, _, count] if (first..first + count).contains(&u64::from(id)))
        })
    })
}

/// What a person can do where the kernel refused to make a namespace or a mount in it.
pub(super) fn mend() -> String {
    let setting = |name: &str| {
        fs::read_to_string(Path::new("/proc/sys").join(name))
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    if setting("user/max_user_namespaces") == Some(0) {
        return "allow user namespaces with `sysctl -w user.max_user_namespaces=16384`".to_owned();
    }
    if setting("kernel/unprivileged_userns_clone") == Some(0) {
        return "allow user namespaces with `sysctl -w kernel.unprivileged_userns_clone=1`"
            .to_owned();
    }
    if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return "give the sluice program an AppArmor profile with `userns,`, or allow all programs \
                with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
            .to_owned();
    }
    "where this is itself a container, start it with user namespaces and an unmasked /proc allowed \
     (`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`), or use a container \
     engine (`--engine docker`)"
        .to_owned()
}
