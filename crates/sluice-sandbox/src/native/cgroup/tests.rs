//! Control groups of both versions, on folders that stand for them.

use std::fs;

use super::*;

const MOUNTS: &str = "\
36 35 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
37 35 0:31 /docker /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
38 35 0:32 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
";
const OWN: &str = "4:memory:/user\n3:cpu,cpuacct:/\n0::/system.slice/sluice.service\n";

#[test]
fn finds_each_hierarchy_by_its_controls() {
    let found = |control| hierarchy(MOUNTS, OWN, control);
    assert_eq!(
        found(Some(Control::Memory)),
        Some(("/sys/fs/cgroup/memory".into(), "/user".to_owned()))
    );
    assert_eq!(
        found(Some(Control::Cpu)),
        Some(("/sys/fs/cgroup/cpu,cpuacct".into(), "/".to_owned()))
    );
    assert_eq!(found(Some(Control::Pids)), None);
    assert_eq!(
        found(None),
        Some((
            "/sys/fs/cgroup/unified".into(),
            "/system.slice/sluice.service".to_owned()
        ))
    );
}

#[test]
fn version_2_writes_every_limit() {
    let top = tempfile::tempdir().unwrap();
    let seats = Control::ALL.map(|control| Seat {
        control,
        unified: true,
        parent: top.path().to_owned(),
        prefix: "ours-".to_owned(),
    });
    let cgroups = Cgroups {
        seats: seats.to_vec(),
    };
    let limits = Limits {
        memory_bytes: 64 << 20,
        pids: 32,
        cpus: 0.5,
        ..Limits::step()
    };
    let groups = cgroups.make("job", &limits);
    let read = |file: &str| fs::read_to_string(top.path().join("ours-job").join(file)).unwrap();
    assert_eq!(read("memory.max"), (64 << 20).to_string());
    assert_eq!(read("pids.max"), "33");
    assert_eq!(read("cpu.max"), "50000 100000");
    assert!(groups.has_memory() && groups.has_pids && groups.has_cpu);
    assert_eq!(groups.procs().len(), 1);
    fs::write(
        top.path().join("ours-job/memory.events"),
        "oom 1\noom_kill 2\n",
    )
    .unwrap();
    fs::write(top.path().join("ours-job/memory.peak"), "4096\n").unwrap();
    assert!(groups.ran_out_of_memory());
    assert_eq!(groups.peak_memory(), Some(4096));
    fs::create_dir(top.path().join("theirs-job")).unwrap();
    assert_eq!(cgroups.jobs(), ["job"]);
}

#[test]
fn a_limit_that_cannot_be_written_is_not_claimed() {
    let cgroups = Cgroups {
        seats: vec![Seat {
            control: Control::Memory,
            unified: true,
            parent: "/proc/none".into(),
            prefix: String::new(),
        }],
    };
    assert!(!cgroups.make("job", &Limits::step()).has_memory());
}
