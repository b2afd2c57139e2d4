//! One table of cases that every engine must pass alike.
//!
//! An engine joins with `conformance::suite!(its_fixture);`, where `its_fixture` is an `async fn() -> Fixture`:
//! each case becomes a test of its own in the module that says so. A second argument, `fn(&str, impl Future)`,
//! runs the case of that name in another way than [`run_here`], such as for another user.

pub(crate) mod bounds;
pub(crate) mod clocks;
pub(crate) mod egress;
pub(crate) mod ends;
pub(crate) mod folders;
pub(crate) mod inside;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluice_egress::Policy;
use sluice_sandbox::{
    Bind, Ended, Job, Limits, LogSink, Network, Sandbox, SandboxError, Stdin, Stream, Upper,
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Where the probe program appears inside.
pub(crate) const PROBE: &str = "/probe/sluice-sandbox-probe";

/// What a case stands on.
pub(crate) struct Fixture {
    /// The engine.
    pub(crate) sandbox: Arc<dyn Sandbox>,
    /// A host folder whose content the engine can mount; gone after the test.
    pub(crate) dir: tempfile::TempDir,
    /// Attempts of the probe (see `conformance/inside.rs`) that this engine is known not to refuse; each
    /// with its reason where the fixture is made.
    pub(crate) lets: &'static [&'static str],
    /// The port of the registry that jobs with a way out can reach.
    pub(crate) registry: u16,
    /// Who those jobs can reach.
    pub(crate) registries: Policy,
    /// Limits that this engine may name in `unenforced`; any other there fails a case.
    pub(crate) may_not_enforce: &'static [&'static str],
}

impl Fixture {
    /// A fresh, empty folder below the fixture's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// A snapshot with a few files: `a.txt`, `dir/one`, `dir/two`, `other/three`.
    pub(crate) fn snapshot(&self) -> PathBuf {
        let top = self.folder("snapshot");
        for (name, text) in [
            ("a.txt", "a\n"),
            ("dir/one", "1\n"),
            ("dir/two", "2\n"),
            ("other/three", "3\n"),
        ] {
            let path = top.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        top
    }

    /// A job over a snapshot, with bounds that suit a test.
    pub(crate) fn job(&self, argv: &[&str]) -> Job {
        let snapshot = self.dir.path().join("snapshot");
        if !snapshot.exists() {
            self.snapshot();
        }
        Job {
            name: format!("test-{}", uuid::Uuid::new_v4().simple()),
            lower: vec![snapshot],
            upper: Upper::Discard,
            toolchain: None,
            workdir: String::new(),
            argv: argv.iter().map(|word| word.to_string()).collect(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
            binds: vec![Bind {
                host: probe_program(),
                inside: PROBE.to_owned(),
            }],
            out: None,
            network: Network::None,
            registries: self.registries.clone(),
            stdin: Stdin::Empty,
            limits: Limits {
                wall: Duration::from_secs(30),
                silence: None,
                memory_bytes: 256 << 20,
                cpus: 1.0,
                pids: 64,
                open_files: 256,
                file_bytes: 64 << 20,
                disk_bytes: 32 << 20,
                inodes: 2_000,
                output_bytes: 4 << 20,
            },
        }
    }

    /// A job that runs a shell script.
    pub(crate) fn sh(&self, script: &str) -> Job {
        self.job(&["/bin/sh", "-c", script])
    }

    /// A job that runs the probe program.
    pub(crate) fn probe(&self, arguments: &[&str]) -> Job {
        let mut argv = vec![PROBE];
        argv.extend(arguments);
        self.job(&argv)
    }

    /// Runs a job to its end.
    pub(crate) async fn run(&self, job: &Job) -> Ran {
        self.try_run(job).await.unwrap()
    }

    /// Runs a job to its end or to a fault of the machinery.
    pub(crate) async fn try_run(&self, job: &Job) -> Result<Ran, SandboxError> {
        let mut log = Recorded::default();
        let cancel = CancellationToken::new();
        let ended = self.sandbox.run(job, &mut log, &cancel).await?;
        for limit in &ended.unenforced {
            assert!(
                self.may_not_enforce.contains(&limit.as_str()),
                "{limit} is not enforced"
            );
        }
        Ok(Ran { ended, log })
    }

    /// Runs a job that prints `ready` when it is where the case wants it, does `then`, and cancels it.
    pub(crate) async fn run_while<F: Future>(&self, job: &Job, then: F) -> (Ended, F::Output) {
        let (ready, mut is_ready) = tokio::sync::mpsc::unbounded_channel();
        let mut log = Recorded {
            ready: Some(ready),
            ..Recorded::default()
        };
        let cancel = CancellationToken::new();
        let (ended, output) = tokio::join!(self.sandbox.run(job, &mut log, &cancel), async {
            is_ready
                .recv()
                .await
                .expect("the job ended before it was ready");
            let output = then.await;
            cancel.cancel();
            output
        });
        (ended.unwrap(), output)
    }
}

/// A job that ended, with what it printed.
pub(crate) struct Ran {
    pub(crate) ended: Ended,
    pub(crate) log: Recorded,
}

impl Ran {
    /// Standard output as text.
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.log.out).into_owned()
    }

    /// Standard error as text.
    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.log.err).into_owned()
    }
}

/// Takes output and says when a job is ready.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    ready: Option<UnboundedSender<()>>,
}

impl LogSink for Recorded {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Out => self.out.extend_from_slice(bytes),
            Stream::Err => self.err.extend_from_slice(bytes),
        }
        if let Some(ready) = &self.ready
            && self.out.windows(5).any(|window| window == b"ready")
        {
            let _ = ready.send(());
        }
    }
}

/// The probe program of this crate.
pub(crate) fn probe_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sluice-sandbox-probe"))
}

/// A number that no other process of this machine has among its arguments.
pub(crate) fn marker() -> String {
    // Digits, so that `sleep` takes it.
    format!(
        "9{:015}",
        uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000_000
    )
}

/// Whether any process of the host has `marker` among its arguments.
pub(crate) fn runs(marker: &str) -> bool {
    let has = |pid: &Path| {
        fs::read(pid.join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|entry| has(&entry.path()))
}

/// Runs a case in this process.
pub(crate) fn run_here(_name: &str, case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(case);
}

/// Waits until `holds`, for ten seconds at most.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes one test of every case.
macro_rules! suite {
    ($fixture:path) => {
        $crate::conformance::suite!($fixture, $crate::conformance::run_here);
    };
    ($fixture:path, $run:path) => {
        $crate::conformance::suite!(@ $fixture, $run,
            inside: [
                is_nobody, refuses_every_attempt, has_what_programs_need, has_its_environment_alone,
                has_no_descriptor_of_ours, sees_no_process_of_the_host, cannot_read_the_host,
                cannot_reach_the_host, abstract_sockets_of_the_host_are_not_there,
                signals_stay_inside, names_are_its_own,
            ],
            ends: [
                exit_code_is_kept, signal_is_killed, missing_program_is_127, program_that_cannot_run_is_126,
                both_streams_are_kept, streams_can_be_opened_by_name, stdin_is_given, empty_stdin_ends, much_input_and_output,
                cancelled_is_killed, cancelled_before_start, first_process_can_be_killed_by_itself,
                malformed_jobs_are_refused,
            ],
            egress: [
                a_registry_is_reached, nobody_else_is_reached, there_is_no_way_beside_it,
                without_it_there_is_no_proxy, the_end_closes_it,
            ],
            clocks: [
                wall_ends_it, wall_ends_what_never_stops_printing, clocks_may_be_far_away, silence_ends_it, output_resets_silence, sigterm_cannot_be_ignored,
                orphans_are_gone, orphans_do_not_hold_it, stopped_processes_are_gone,
            ],
            bounds: [
                memory_is_bounded, memory_of_all_processes_is_bounded, processes_are_bounded,
                processor_time_is_bounded, disk_is_bounded, tmp_is_bounded, inodes_are_bounded,
                file_size_is_bounded, open_files_are_bounded, no_core_file, output_is_capped,
            ],
            folders: [
                snapshot_is_not_changed, workspace_can_be_changed, later_layers_lie_below, layer_is_kept,
                kept_layer_hides_what_was_deleted, kept_layer_must_be_empty, out_folder_is_written,
                starts_in_its_folder, odd_names_are_only_names, binds_are_read_only,
                two_jobs_do_not_see_each_other, same_name_again, much_rewritten,
            ],
        );
    };
    (@ $fixture:path, $run:path, $($module:ident: [$($case:ident,)*],)*) => {
        $($(
            #[test]
            fn $case() {
                $run(concat!(module_path!(), "::", stringify!($case)), async {
                    $crate::conformance::$module::$case(&$fixture().await).await;
                });
            }
        )*)*
    };
}
pub(crate) use suite;
