//! The native engine: namespaces on the host's own toolchains, for a machine without a container engine.
//!
//! The daemon starts its own program again, as `sluice sandbox-init`; for each job that forks a helper, which makes
//! the namespaces, builds the root, drops every privilege and starts the command. Nothing here falls back to
//! less: where the kernel refuses a step the job is refused with what a person can do about it.

mod cgroup;
mod fence;
mod filter;
mod follow;
mod forked;
mod host;
mod init;
mod inside;
mod nursery;
mod owners;
mod place;
mod rootfs;
mod selftest;
mod spec;
mod sys;
mod validate;

pub(crate) use filter::PERSONALITIES;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sluice_egress::{Policy, Resolve, System};
use tokio_util::sync::CancellationToken;

use crate::{End, Ended, EngineInfo, Job, Limits, LogSink, Network, Sandbox, SandboxError};
use crate::{Stdin, Upper};
use cgroup::Cgroups;
use follow::{Followed, Stopped};
use forked::Helpers;
use host::View;
pub use nursery::init_main;
use place::Place;
pub use selftest::SelfTest;
use spec::{Action, Bounds, Fault, Report, Spec};

/// The first kernel that has all system calls and mount options that are used, and that counts processes
/// per user namespace, so that a limit on them is the job's own.
const KERNEL_MIN: (u32, u32) = (5, 14);
/// The first kernel whose tmpfs keeps the attributes that an overlay's upper layer needs.
const KERNEL_TMPFS_LAYER: (u32, u32) = (6, 6);
/// How much longer than the daemon's own clock the helper waits before it ends a job by itself.
const BACKSTOP: Duration = Duration::from_secs(4);

/// How long what was seen at the start stands for the first run.
const FIRST_LOOK_HOLDS: Duration = Duration::from_secs(1);

/// How the native engine is set up.
#[derive(Debug, Clone)]
pub struct NativeConfig {
    /// A folder of ours for what jobs have on the host while they run; made if absent.
    pub state: PathBuf,
    /// The program and first arguments that call [`init_main`], such as this program and `sandbox-init`.
    pub helper: Vec<OsString>,
    /// Further host folders and files of toolchains outside `/usr`, shown read-only where they are.
    ///
    /// ## Security
    /// Every command can read all that lies in them: name a toolchain's own folder, never a home.
    pub extra_paths: Vec<PathBuf>,
    /// Folders in them, or of them, with programs.
    pub search: Vec<PathBuf>,
    /// The host's user and group that commands run as where the daemon is root: one that nothing else
    /// uses.
    pub outer_id: u32,
    /// Whether what a job writes into its workspace lies on the disk of `state` and not in memory. Then it
    /// does not count as the job's memory, but nothing bounds it either, and the result says so. Kernels
    /// before 6.6 leave no choice.
    pub layer_on_disk: bool,
    /// A control group that was handed to this user, relative to where control groups are mounted.
    pub cgroup: Option<String>,
    /// Finds the registries of jobs with [`Network::Registries`].
    pub resolver: Arc<dyn Resolve>,
}

impl NativeConfig {
    /// The usual setup.
    pub fn new(state: impl Into<PathBuf>, helper: Vec<OsString>) -> NativeConfig {
        NativeConfig {
            state: state.into(),
            helper,
            extra_paths: Vec::new(),
            search: Vec::new(),
            outer_id: 100_000,
            layer_on_disk: false,
            cgroup: None,
            resolver: Arc::new(System),
        }
    }
}

/// Runs commands in namespaces of this host.
pub struct Native {
    config: NativeConfig,
    info: EngineInfo,
    view: View,
    cgroups: Cgroups,
    helpers: Helpers,
    /// The digest that was made at the start, for the first who asks.
    first_look: Mutex<Option<(Instant, String)>>,
    kernel: (u32, u32),
    /// The user that commands run as outside, where it is not this process's own.
    outer: Option<u32>,
}

impl Native {
    /// Looks at the host; starts nothing. Call [`Native::probe`] before the first untrusted command.
    ///
    /// # Errors
    /// When the state folder cannot be made or the kernel is too old.
    pub fn new(config: NativeConfig) -> Result<Native, SandboxError> {
        let kernel = host::kernel();
        if kernel < KERNEL_MIN {
            return Err(SandboxError::Forbidden {
                what: format!("native sandboxes: its kernel is {}.{}", kernel.0, kernel.1),
                mend: "use Linux 5.14 or newer, or a container engine (`--engine docker`)"
                    .to_owned(),
            });
        }
        std::fs::create_dir_all(&config.state).map_err(|source| SandboxError::Io {
            step: "make the state folder",
            path: config.state.clone(),
            source,
        })?;
        let state = config
            .state
            .canonicalize()
            .map_err(|source| SandboxError::Io {
                step: "find the state folder",
                path: config.state.clone(),
                source,
            })?;
        let digest = Sha256::digest(state.as_os_str().as_encoded_bytes());
        let group = format!("sluice-{}-", hex::encode(&digest[..6]));
        let cgroups = Cgroups::find(&group, config.cgroup.as_deref());
        let is_root = rustix::process::geteuid().is_root();
        let outer = (is_root && host::is_mapped(config.outer_id)).then_some(config.outer_id);
        let image = host::toolchain_digest(&config.extra_paths);
        Ok(Native {
            first_look: Mutex::new(Some((Instant::now(), image.clone()))),
            info: EngineInfo {
                name: "native".to_owned(),
                version: format!(
                    "{}+linux-{}.{}",
                    env!("CARGO_PKG_VERSION"),
                    kernel.0,
                    kernel.1
                ),
                image,
                search: config.search.clone(),
            },
            view: View::of_host(&config.extra_paths),
            cgroups,
            kernel,
            helpers: Helpers::new(config.helper.clone(), outer),
            outer,
            config: NativeConfig { state, ..config },
        })
    }

    /// Makes a sandbox that looks at itself from inside.
    ///
    /// # Errors
    /// [`SandboxError::Forbidden`], with the mend, where the machine does not allow what is needed.
    pub async fn probe(&self) -> Result<SelfTest, SandboxError> {
        let snapshot = tempfile::tempdir_in(&self.config.state)
            .and_then(|dir| {
                std::fs::create_dir(dir.path().join(selftest::FOLDER))?;
                std::fs::write(dir.path().join(selftest::FOLDER).join("file"), "x")?;
                Ok(dir)
            })
            .map_err(|source| SandboxError::Io {
                step: "make a snapshot for the self-test",
                path: self.config.state.clone(),
                source,
            })?;
        let job = Job {
            name: format!("self-test-{}", uuid::Uuid::new_v4().simple()),
            lower: vec![snapshot.path().to_owned()],
            upper: Upper::Discard,
            toolchain: None,
            workdir: String::new(),
            argv: vec!["self-test".to_owned()],
            env: std::collections::BTreeMap::new(),
            binds: Vec::new(),
            out: None,
            network: Network::None,
            registries: Policy::default(),
            stdin: Stdin::Empty,
            limits: Limits {
                wall: Duration::from_secs(10),
                ..Limits::step()
            },
        };
        let mut said = Vec::new();
        let cancel = CancellationToken::new();
        let ended = self
            .run_action(&job, Action::SelfTest, &mut said, &cancel)
            .await?;
        let failed = match ended.end {
            End::Exited(0) => serde_json::from_slice(&said).ok(),
            _ => None,
        };
        Ok(SelfTest {
            failed: failed.unwrap_or_else(|| vec![format!("the self-test ended: {:?}", ended.end)]),
            unenforced: ended.unenforced,
        })
    }

    async fn run_action(
        &self,
        job: &Job,
        action: Action,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        let started = Instant::now();
        job.check()?;
        validate::layer_is_free(job)?;
        let place = self.place(job).await?;
        let unenforced = self.unenforced(&place);
        let spec = self.spec(job, action, &place);
        let with = (&self.helpers, &self.config.resolver);
        let followed = follow::follow(with, &spec, job, log, cancel, started).await?;
        let end = end(&followed, &place);
        let peak_memory = place.groups.peak_memory();
        // Removing waits for the kernel to let go of the groups.
        let end = blocking(move || match end {
            Ok(end) => place.finish().map(|()| end),
            // After a fault nobody knows what state a layer is in: dropping the place removes it.
            Err(error) => Err(error),
        })
        .await?;
        Ok(Ended {
            end,
            wall: started.elapsed(),
            peak_memory,
            unenforced,
            requests: followed.requests,
        })
    }

    /// Makes the job's things on the host, which may first have to wait for an earlier start's to go.
    async fn place(&self, job: &Job) -> Result<Place, SandboxError> {
        let (state, cgroups, job) = (self.config.state.clone(), self.cgroups.clone(), job.clone());
        let on_disk = self.config.layer_on_disk || self.kernel < KERNEL_TMPFS_LAYER;
        let outer = self.outer;
        blocking(move || Place::make(&state, &job, &cgroups, on_disk, outer)).await
    }

    fn spec(&self, job: &Job, action: Action, place: &Place) -> Spec {
        let limits = &job.limits;
        let open = job.network == Network::Open;
        let mut binds = self.view.binds.clone();
        for bind in &job.binds {
            binds.push((bind.host.clone(), bind.inside.clone()));
        }
        let mut env = job.env.clone();
        for (key, value) in [
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            ("HOME", "/tmp/home"),
        ] {
            env.entry(key.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        Spec {
            outer: self.outer,
            action,
            env: env.into_iter().collect(),
            workdir: job.workdir.clone(),
            lower: job.lower.clone(),
            layer: place.layer().map(PathBuf::from),
            out: job.out.clone(),
            binds,
            links: self.view.links.clone(),
            files: self.view.files(open),
            network: job.network,
            bounds: Bounds {
                open_files: limits.open_files,
                file_bytes: limits.file_bytes,
                disk_bytes: limits.disk_bytes,
                inodes: limits.inodes,
                pids: u64::from(limits.pids),
                data_bytes: (!place.groups.has_memory()).then_some(limits.memory_bytes),
            },
            cgroups: place.groups.procs(),
            backstop_ms: (follow::sane(limits.wall) + BACKSTOP)
                .as_millis()
                .try_into()
                .unwrap_or(u64::MAX),
        }
    }

    /// The limits that are not enforced for the job at `place`.
    fn unenforced(&self, place: &Place) -> Vec<String> {
        let groups = &place.groups;
        let layer_is_bounded = place.layer().is_none();
        [
            ("memory_bytes", groups.has_memory()),
            ("cpus", groups.has_cpu),
            ("disk_bytes", layer_is_bounded),
            ("inodes", layer_is_bounded),
        ]
        .into_iter()
        .filter(|(_, enforced)| !enforced)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

/// Does what may wait for the disk or the kernel, away from the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| SandboxError::Setup {
            why: format!("it was broken off: {error}"),
        })?
}

/// What the end of a job is called.
fn end(followed: &Followed, place: &Place) -> Result<End, SandboxError> {
    if let Some(Report::Fault(fault)) = &followed.report {
        return Err(refused(fault));
    }
    match followed.stopped {
        Some(Stopped::TimedOut) => return Ok(End::TimedOut),
        Some(Stopped::Silent) => return Ok(End::Silent),
        Some(Stopped::OutputLimit) => return Ok(End::OutputLimit),
        Some(Stopped::Cancelled) => return Ok(End::Killed),
        None => {}
    }
    if place.groups.ran_out_of_memory() {
        return Ok(End::OutOfMemory);
    }
    match followed.report {
        Some(Report::Exited(code)) => Ok(End::Exited(code)),
        Some(Report::Signalled(_) | Report::Killed) => Ok(End::Killed),
        _ => Err(SandboxError::Setup {
            why: "the helper ended without a report".to_owned(),
        }),
    }
}

/// A step of making the sandbox that the machine refused, as an error that says what to do.
fn refused(fault: &Fault) -> SandboxError {
    let forbidden = |mend: String| SandboxError::Forbidden {
        what: format!("a native sandbox ({fault})"),
        mend,
    };
    let is_own = |start: &str| fault.step.starts_with(start);
    match fault.errno {
        libc::EINVAL | libc::EOPNOTSUPP | libc::EPERM if is_own(owners::STEP) => forbidden(
            "put the data folder on ext4, xfs, btrfs or tmpfs, or start sluice as an ordinary user"
                .to_owned(),
        ),
        // A folder of the job that this user may not open is no fault of the machine's settings.
        libc::EPERM | libc::EACCES | libc::ENOSYS if !is_own(rootfs::TAKE) => {
            forbidden(host::mend())
        }
        libc::ENOSPC | libc::EUSERS if is_own(init::NAMESPACES) => forbidden(host::mend()),
        _ => SandboxError::Setup {
            why: fault.to_string(),
        },
    }
}

#[async_trait]
impl Sandbox for Native {
    fn engine(&self) -> &EngineInfo {
        &self.info
    }

    /// Looked at anew each time: programs of this host may be replaced while this process lives.
    async fn image(&self, _toolchain: Option<&str>) -> Result<String, SandboxError> {
        let first = {
            let first = self.first_look.lock();
            first.unwrap_or_else(PoisonError::into_inner).take()
        };
        if let Some((at, digest)) = first
            && at.elapsed() < FIRST_LOOK_HOLDS
        {
            return Ok(digest);
        }
        let extra = self.config.extra_paths.clone();
        blocking(move || Ok(host::toolchain_digest(&extra))).await
    }

    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        self.run_action(job, Action::Exec(job.argv.clone()), log, cancel)
            .await
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        let (state, cgroups) = (self.config.state.clone(), self.cgroups.clone());
        blocking(move || place::reap(&state, &cgroups)).await
    }
}
