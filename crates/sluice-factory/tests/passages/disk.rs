//! A full disk: a clear fault, nothing lost, and on it goes once there is space.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sluice_factory::{Gate, Precondition, Refusal};

use crate::proof::expect_verified;
use crate::world::{GATE, GOOD, PROJECT, World, no_sandbox, open, operator};

/// A small disk of its own, gone at the end of the test.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(size: &str) -> Disk {
        let folder = tempfile::tempdir().unwrap();
        let options = std::ffi::CString::new(format!("size={size}")).unwrap();
        mount(
            "tmpfs",
            folder.path(),
            "tmpfs",
            MountFlags::NODEV | MountFlags::NOSUID,
            Some(options.as_c_str()),
        )
        .expect("this test mounts a tmpfs, so it runs as root");
        Disk(folder)
    }

    /// Fills it up, but for a few bytes.
    fn fill(&self, left: u64) {
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        let mut block = 64 << 10;
        while block > 0 {
            match file.write(&vec![0; block]) {
                Ok(0) | Err(_) => block /= 2,
                Ok(_) => {}
            }
        }
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(left)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Open files of the store keep it busy; detached, it goes with them.
        unmount(self.0.path(), UnmountFlags::DETACH).ok();
    }
}

fn fsck(git: &Path) {
    let checked = Command::new("git")
        .args(["fsck", "--full", "--strict"])
        .current_dir(git)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}");
    assert!(
        !said.contains("missing") && !said.contains("corrupt"),
        "{said}"
    );
}

/// Works until the gate is at a state; the last fault is what a test fails with when it never is.
async fn go_on(world: &World, state: &str) {
    let start = Instant::now();
    let mut last = String::new();
    while world.gate(Gate::G0).await.state != state {
        if let Err(error) = world.factory.tick().await {
            last = format!("{error:#}");
        }
        let view = world.gate(Gate::G0).await;
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{} with {:?} and {last:?}",
            view.state,
            view.fault
        );
        tokio::task::yield_now().await;
    }
}

/// Everything that a run of ticks on a full disk complains of, with what the gate shows.
async fn complaints(world: &World) -> String {
    let mut said = Vec::new();
    for _ in 0..20 {
        match world.factory.tick().await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => said.push(format!("{error:#}")),
        }
    }
    said.extend(world.gate(Gate::G0).await.fault);
    said.join("\n")
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_stops_a_passage_and_loses_nothing() {
    // From nothing at all to enough for the store's own line, so that each of the steps is hit.
    for left in [0, 16 << 10, 96 << 10, 256 << 10] {
        let disk = Disk::new("24m");
        let folder = tempfile::tempdir_in(disk.0.path()).unwrap();
        let world = World::on(folder, GATE, true, no_sandbox()).await;
        let big = "A line that takes its place on the disk and is said again. ".repeat(20_000);
        let reply = GOOD.replace("at once", &format!("at once. {big}"));
        world.script.says(&reply);
        world
            .factory
            .gate_start(PROJECT, Gate::G0, &operator())
            .await
            .unwrap();
        disk.fill(left);
        let said = complaints(&world).await.to_lowercase();
        assert!(
            ["full", "no space", "space left"]
                .iter()
                .any(|word| said.contains(word)),
            "with {left} bytes left it says {said:?}"
        );
        let view = world.gate(Gate::G0).await;
        assert!(
            ["working", "checking"].contains(&view.state.as_str()),
            "{}",
            view.state
        );
        let asked = world.script.asked.lock().unwrap().len();
        if view.state == "working" && asked == 1 {
            // The reply could not be kept: the agent is asked for it again.
            world.script.says(&reply);
        }
        disk.free();
        go_on(&world, "awaiting_approval").await;
        assert_eq!(world.attempts(Gate::G0).await, [(0, "green".to_owned())]);
        assert_eq!(world.gate(Gate::G0).await.fault, None);
        world.approve(Gate::G0).await;
        expect_verified(&world);
        fsck(&world.factory.data().git(PROJECT));
        assert_eq!(
            world.on_disk("docs/SCOPE.md"),
            world.text("docs/SCOPE.md").await
        );
        // The store is whole: another start reads all of it.
        let factory = open(world.folder.path(), GATE, Some(&world.script)).await;
        let view = factory.gate_fetch(PROJECT, Gate::G0).await.unwrap();
        assert_eq!(view.state, "approved");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_while_a_decision_is_sealed_keeps_the_decision() {
    let disk = Disk::new("24m");
    let folder = tempfile::tempdir_in(disk.0.path()).unwrap();
    let world = World::on(folder, GATE, true, no_sandbox()).await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let decide = world.decide(Gate::G0).await;
    world
        .factory
        .gate_approve(PROJECT, Gate::G0, decide, &crate::world::approver())
        .await
        .unwrap();
    disk.fill(0);
    let said = complaints(&world).await.to_lowercase();
    assert!(said.contains("full") || said.contains("space"), "{said}");
    assert_eq!(world.gate(Gate::G0).await.state, "sealing");
    let when = Precondition::Absent;
    let large = vec![b'x'; 1 << 20];
    let work = world.at("refs/heads/work");
    let other = world
        .factory
        .file_write(PROJECT, "a", large, when, &operator())
        .await;
    // There is no room for it, not even to hold it.
    assert!(matches!(other, Err(Refusal::Machinery(_))), "{other:?}");
    assert_eq!(world.at("refs/heads/work"), work);
    disk.free();
    go_on(&world, "approved").await;
    expect_verified(&world);
    fsck(&world.factory.data().git(PROJECT));
}

#[tokio::test]
async fn an_edit_that_finds_no_space_is_no_edit() {
    let disk = Disk::new("24m");
    let folder = tempfile::tempdir_in(disk.0.path()).unwrap();
    let world = World::on(folder, GATE, true, no_sandbox()).await;
    let work = world.at("refs/heads/work");
    disk.fill(0);
    let write = |text: Vec<u8>| {
        let factory = world.factory.clone();
        async move {
            let when = Precondition::Absent;
            factory
                .file_write(PROJECT, "a.md", text, when, &operator())
                .await
        }
    };
    let text: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| n.to_string().into_bytes())
        .collect();
    match write(text.clone()).await {
        Err(Refusal::Machinery(error)) => {
            let said = format!("{error:#}").to_lowercase();
            assert!(said.contains("full") || said.contains("space"), "{said}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.at("refs/heads/work"), work);
    disk.free();
    let written = write(text).await.unwrap();
    assert_eq!(world.at("refs/heads/work"), Some(written.commit));
    fsck(&world.factory.data().git(PROJECT));
}
