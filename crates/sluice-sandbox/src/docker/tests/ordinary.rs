//! The same engine under a daemon that is not root: some of these tests once more, as an ordinary user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

/// Tests whose outcome does not depend on who the daemon is.
const ALIKE: [&str; 9] = [
    "a_kept_layer_is_seen_by_the_next_job",
    "a_repeat_finds_the_first_start_and_starts_clean",
    "a_second_process_reaps_the_first_and_nobody_elses",
    "an_aborted_task_cleans_up_behind_itself",
    "folders_with_any_name_can_be_mounted",
    "jobs_at_once_share_a_snapshot_and_no_writes",
    "reports_come_out_as_plain_files_only",
    "stdin_is_given_whole_or_not_at_all",
    "the_snapshot_can_be_changed_and_never_is",
];

#[test]
fn an_ordinary_user_of_the_engine_gets_the_same() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test here has shown it already.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let group = fs::metadata("/var/run/docker.sock").unwrap().gid();
    let output = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", &format!("--groups={group}")])
        .arg(&program)
        .args(ALIKE)
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains(&format!("{} passed; 0 failed", ALIKE.len())),
        "{said}"
    );
}
