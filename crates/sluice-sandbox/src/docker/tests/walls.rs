//! What a command sees of the world.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::Bench;
use crate::{Bind, End, Network, Upper};

#[tokio::test]
async fn privileges_are_gone() {
    let bench = Bench::new().await;
    let (ended, log) = bench
        .run(&bench.shell("id -u; id -g; id -G; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ulimit -c; ulimit -n"))
        .await;
    assert_eq!(ended.end, End::Exited(0), "{log}");
    let lines: Vec<String> = log
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "1000",
            "1000",
            "1000",
            "CapInh: 0000000000000000",
            "CapPrm: 0000000000000000",
            "CapEff: 0000000000000000",
            "CapBnd: 0000000000000000",
            "CapAmb: 0000000000000000",
            "NoNewPrivs: 1",
            "Seccomp: 2",
            "0",
            "4096",
        ]
    );
}

#[tokio::test]
async fn no_network_no_host_no_writable_root() {
    let bench = Bench::new().await;
    let script = r#"
        ls /sys/class/net
        node -e "require('net').connect(80,'192.0.2.1').on('error',e=>console.log(e.code))"
        node -e "require('dns').lookup('localhost.invalid',e=>console.log(e.code))"
        node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log('loopback');s.close()})"
        for p in / /etc /usr /home/sluice /sluice /proc/sys /sys; do touch $p/x 2>/dev/null && echo "wrote $p"; done
        ls /var/run/docker.sock /run/docker.sock 2>/dev/null
        unshare -U true 2>/dev/null && echo 'made a namespace'
        mount -t tmpfs none /tmp 2>/dev/null && echo mounted
        env | cut -d= -f1 | sort | tr '\n' ' '
    "#;
    let mut job = bench.shell(script);
    job.env = BTreeMap::from([("GREETING".to_owned(), "a b=c".to_owned())]);
    let (_, log) = bench.run(&job).await;
    assert_eq!(
        log,
        "lo\nENETUNREACH\nEAI_AGAIN\nloopback\nGREETING HOME HOSTNAME PATH PWD "
    );
}

#[tokio::test]
async fn binds_are_read_only_and_tmp_runs_programs() {
    let bench = Bench::new().await;
    let host = bench.path("ca.pem");
    fs::write(&host, "certificate").unwrap();
    let mut job = bench.shell("cat /sluice/ca.pem; echo x > /sluice/ca.pem && echo wrote; cp /bin/true /tmp/t && /tmp/t && echo ran");
    job.binds = vec![Bind {
        host: host.clone(),
        inside: "/sluice/ca.pem".to_owned(),
    }];
    let (_, log) = bench.run(&job).await;
    assert!(
        log.contains("certificate") && log.contains("ran\n") && !log.contains("wrote"),
        "{log}"
    );
    assert_eq!(fs::read_to_string(host).unwrap(), "certificate");
}

#[tokio::test]
async fn jobs_at_once_share_a_snapshot_and_no_writes() {
    let bench = Bench::new().await;
    bench.file("shared", "same");
    let jobs: Vec<_> = (0..4)
        .map(|n| {
            let mut job = bench.shell(&format!(
                "echo {n} > mine; rm shared; sleep 1; cat mine; ls"
            ));
            job.name = format!("job-{n}");
            job
        })
        .collect();
    let runs = jobs.iter().map(|job| async {
        let mut log = Vec::new();
        let ended = crate::Sandbox::run(&bench.docker, job, &mut log, &Default::default())
            .await
            .unwrap();
        assert_eq!(ended.end, End::Exited(0));
        String::from_utf8(log).unwrap()
    });
    let logs = futures::future::join_all(runs).await;
    assert_eq!(logs, ["0\nmine\n", "1\nmine\n", "2\nmine\n", "3\nmine\n"]);
    bench.assert_clean().await;
}

#[tokio::test]
async fn an_open_network_installs_from_the_registry() {
    let bench = Bench::new().await;
    bench.file(
        "package.json",
        r#"{"name":"t","version":"1.0.0","dependencies":{"is-number":"7.0.0"}}"#,
    );
    let authorities = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    let mut job = bench.job(&[
        "npm",
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]);
    job.network = Network::Open;
    job.upper = Upper::Keep(bench.path("deps"));
    job.env = BTreeMap::from([
        ("HOME".to_owned(), "/tmp".to_owned()),
        (
            "NODE_EXTRA_CA_CERTS".to_owned(),
            authorities.to_str().unwrap().to_owned(),
        ),
    ]);
    job.binds = vec![Bind {
        host: authorities.clone(),
        inside: authorities.to_str().unwrap().to_owned(),
    }];
    job.limits.memory_bytes = 1 << 30;
    job.limits.disk_bytes = 256 << 20;
    let (ended, log) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(0), "{log}");

    // With the lockfile that it wrote, from scratch, and used without a network.
    fs::copy(
        bench.path("deps/package-lock.json"),
        bench.path("snapshot/package-lock.json"),
    )
    .unwrap();
    job.argv[1] = "ci".to_owned();
    job.upper = Upper::Keep(bench.path("locked"));
    let (ended, log) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(0), "{log}");
    let mut check = bench.job(&["node", "-p", "require('is-number')(7)"]);
    check.lower.insert(0, bench.path("locked"));
    assert_eq!(bench.run(&check).await.1, "true\n");
}
