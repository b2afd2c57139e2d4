//! Measures how long the native engine takes from start to end of `true`: `start_time [RUNS]`.

use std::io::Write;
use std::time::Duration;

use sluice_sandbox::{Job, Limits, Native, NativeConfig, Network, Sandbox, Stdin, Upper};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let runs = words
        .get(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(50);
    let dir = tempfile::tempdir()?;
    let helper = std::env::current_exe()?
        .with_file_name("..")
        .join("sluice-sandbox-init");
    let engine = Native::new(NativeConfig::new(
        dir.path().join("state"),
        vec![helper.into()],
    ))?;
    let mut times: Vec<Duration> = Vec::new();
    for run in 0..runs {
        let job = Job {
            name: format!("run-{run}"),
            lower: vec![dir.path().to_owned()],
            upper: Upper::Discard,
            toolchain: None,
            workdir: String::new(),
            argv: vec!["/usr/bin/true".to_owned()],
            env: std::collections::BTreeMap::new(),
            binds: Vec::new(),
            out: None,
            network: Network::None,
            registries: sluice_egress::Policy::default(),
            stdin: Stdin::Empty,
            limits: Limits::step(),
        };
        let ended = engine
            .run(&job, &mut Vec::new(), &CancellationToken::new())
            .await?;
        assert_eq!(ended.end.exit_code(), Some(0));
        times.push(ended.wall);
    }
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    writeln!(
        std::io::stdout(),
        "{runs} runs of true: median {:.1} ms, p95 {:.1} ms, least {:.1} ms",
        at(50),
        at(95),
        at(0)
    )?;
    Ok(())
}
