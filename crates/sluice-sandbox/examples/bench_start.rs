//! Times sandboxes from start to end of one command, against other programs, in turns.
//!
//! Reads `{"rounds", "folder", "argv", "contenders": {NAME: {..}}, "layers": {NAME: [FOLDER..]}}` from standard
//! input, where a contender is `{"native": [HELPER..]}`, `{"docker": IMAGE}` or `{"command": [ARGV..]}`, and layers lie
//! over the folder of an engine of that name; writes `{NAME: [MILLISECONDS..]}`. Each round starts with another
//! contender.
//! `tests/bench/measure.py` starts it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use serde::Deserialize;
use sluice_sandbox::{
    Docker, DockerConfig, DockerKind, ImageConfig, Job, Limits, Native, NativeConfig, Network,
    Sandbox, Stdin, Upper,
};
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Spec {
    rounds: usize,
    folder: PathBuf,
    argv: Vec<String>,
    contenders: BTreeMap<String, Kind>,
    #[serde(default)]
    layers: BTreeMap<String, Vec<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Native(Vec<String>),
    Docker(String),
    Command(Vec<String>),
}

enum Contender {
    Engine(Box<dyn Sandbox>),
    Command(Vec<String>),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let spec: Spec = serde_json::from_reader(io::stdin())?;
    let state = tempfile::tempdir()?;
    let mut contenders = Vec::new();
    for (number, (name, kind)) in spec.contenders.into_iter().enumerate() {
        let state = state.path().join(number.to_string());
        contenders.push((name, contender(kind, &state).await?));
    }
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // The first round warms the caches of the kernel and is not counted.
    for round in 0..=spec.rounds {
        contenders.rotate_left(1);
        for (name, contender) in &contenders {
            let mut job = job(format!("bench-{round}"), &spec.folder, &spec.argv);
            if let Some(layers) = spec.layers.get(name) {
                job.lower.splice(0..0, layers.iter().cloned());
            }
            let start = Instant::now();
            once(contender, &job).await?;
            let took = start.elapsed().as_secs_f64() * 1e3;
            if round > 0 {
                times.entry(name.clone()).or_default().push(took);
            }
        }
    }
    writeln!(io::stdout(), "{}", serde_json::to_string(&times)?)?;
    Ok(())
}

async fn contender(kind: Kind, state: &Path) -> Result<Contender, Failure> {
    Ok(match kind {
        Kind::Native(helper) => {
            let helper = helper.into_iter().map(Into::into).collect();
            let engine = Native::new(NativeConfig::new(state.join("native"), helper))?;
            Contender::Engine(Box::new(engine))
        }
        Kind::Docker(image) => {
            let engine = Docker::connect(DockerConfig {
                kind: DockerKind::Docker,
                socket: None,
                images: ImageConfig::one(image),
                daemon_id: format!("bench-{}", std::process::id()),
                state: state.join("docker"),
                resolver: std::sync::Arc::new(sluice_egress::System),
            });
            Contender::Engine(Box::new(engine.await?))
        }
        Kind::Command(argv) => Contender::Command(argv),
    })
}

async fn once(contender: &Contender, job: &Job) -> Result<(), Failure> {
    match contender {
        Contender::Engine(engine) => {
            let mut log = Vec::new();
            let ended = engine.run(job, &mut log, &CancellationToken::new()).await?;
            if ended.end.exit_code() != Some(0) {
                return Err(format!("{:?}: {}", ended.end, String::from_utf8_lossy(&log)).into());
            }
        }
        Contender::Command(argv) => {
            let (program, words) = argv.split_first().ok_or("an empty command")?;
            let output = tokio::process::Command::new(program)
                .args(words)
                .stdin(Stdio::null())
                .output()
                .await?;
            if !output.status.success() {
                return Err(format!(
                    "{program}: {}: {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                )
                .into());
            }
        }
    }
    Ok(())
}

fn job(name: String, folder: &Path, argv: &[String]) -> Job {
    Job {
        name,
        lower: vec![folder.to_owned()],
        upper: Upper::Discard,
        toolchain: None,
        workdir: String::new(),
        argv: argv.to_vec(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        binds: Vec::new(),
        out: None,
        network: Network::None,
        registries: sluice_egress::Policy::default(),
        stdin: Stdin::Empty,
        limits: Limits::step(),
    }
}
