//! The container engine under the conformance suite.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use sluice_sandbox::{Docker, DockerConfig, DockerKind, End, ImageConfig};

use crate::conformance::egress::{self, Names, way_out};
use crate::conformance::{Fixture, run_here};
use crate::native::{ORDINARY, again, is_root};

pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (registry, registries) = way_out();
    let config = DockerConfig {
        kind: DockerKind::Docker,
        socket: None,
        images: ImageConfig::one(Docker::NODE_IMAGE),
        daemon_id: format!("conformance-{}", uuid::Uuid::new_v4().simple()),
        state: dir.path().join("state"),
        resolver: Arc::new(Names),
    };
    let docker = match Docker::connect(config).await {
        Ok(docker) => docker,
        Err(fault) => panic!(
            "this suite needs Docker: run scripts/engine.sh and scripts/base-image.sh ({fault})"
        ),
    };
    Fixture {
        sandbox: Arc::new(docker),
        dir,
        registry,
        registries,
        lets: &[],
        // A layer that is kept lies on a disk that others share.
        may_not_enforce: &["disk_bytes", "inodes"],
    }
}

mod suite {
    crate::conformance::suite!(super::fixture, super::run);
}

/// Runs a case, but for the one that this engine cannot know the answer of: it reports a signal as 128 and its
/// number, so that `exit 137` looks like a process that was killed.
fn run(name: &str, case: impl Future<Output = ()>) {
    if name.ends_with("::exit_code_is_kept") {
        run_here(name, exit_codes_are_kept_up_to_those_of_signals());
    } else {
        run_here(name, case);
    }
}

async fn exit_codes_are_kept_up_to_those_of_signals() {
    let f = fixture().await;
    for code in [0, 1, 42, 128, 200, 255] {
        let ran = f.run(&f.sh(&format!("exit {code}"))).await;
        assert_eq!(ran.ended.end, End::Exited(code));
    }
    for script in ["exit 137", "kill -KILL $$"] {
        assert_eq!(f.run(&f.sh(script)).await.ended.end, End::Killed);
    }
}

/// Such a daemon cannot enter a container's network, like one that is in a container itself.
#[test]
fn an_ordinary_user_of_the_engine_has_the_same_way_out() {
    let name = concat!(
        module_path!(),
        "::an_ordinary_user_of_the_engine_has_the_same_way_out"
    );
    if is_root() {
        let socket = std::fs::metadata("/var/run/docker.sock").unwrap();
        let groups = format!("--groups={}", socket.gid());
        let user = ["setpriv", "--reuid", ORDINARY, "--regid", ORDINARY, &groups];
        let status = again(&user, name).status().unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    run_here(name, async {
        egress::a_registry_is_reached(&fixture().await).await;
        egress::nobody_else_is_reached(&fixture().await).await;
        egress::there_is_no_way_beside_it(&fixture().await).await;
        egress::without_it_there_is_no_proxy(&fixture().await).await;
        egress::the_end_closes_it(&fixture().await).await;
    });
}
