//! The base that our images stand on: pulled where a registry of images answers, else made with mmdebstrap.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptions;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use super::{ImageConfig, lock};
use crate::SandboxError;
use crate::docker::api::Api;

/// The program that makes a Debian system from Debian's packages alone.
const MAKER: &str = "mmdebstrap";
/// Debian's release, that of the base's usual name.
const RELEASE: &str = "bookworm";
/// How long the engine may be silent while it pulls or imports.
const SILENCE: Duration = Duration::from_secs(600);
/// How much of what the program said is kept, in bytes.
const SAID: usize = 2000;
/// What of the environment the program needs, for the way to Debian's packages.
const PASSED: [&str; 12] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
];

/// The base's id; pulled where it is not there.
pub(super) async fn ready(api: &Api, config: &ImageConfig) -> Result<String, SandboxError> {
    let base = &config.build.base;
    if let Some(id) = id(api, base).await? {
        return Ok(id);
    }
    let pulled = pull(api, config, base).await?;
    match (id(api, base).await?, pulled) {
        (Some(id), _) => Ok(id),
        (None, why) => Err(SandboxError::ImageMissing {
            image: base.clone(),
            mend: format!(
                "it could not be pulled ({}); where no registry of images answers, `sluice image bootstrap` \
                 makes it",
                why.unwrap_or_else(|| "the engine does not say why".to_owned())
            ),
        }),
    }
}

/// The id of an image that is there.
async fn id(api: &Api, image: &str) -> Result<Option<String>, SandboxError> {
    let found = api
        .find("looking for an image", api.client.inspect_image(image))
        .await?;
    Ok(found.and_then(|found| found.id))
}

/// Pulls an image; `Some` says why that did not work.
pub(super) async fn pull(
    api: &Api,
    config: &ImageConfig,
    image: &str,
) -> Result<Option<String>, SandboxError> {
    config.say.line(&format!("pulling the image {image}"));
    // Without a tag the engine would pull every one that there is.
    let last = image.rsplit('/').next().unwrap_or(image);
    let tag = (!last.contains([':', '@'])).then(|| "latest".to_owned());
    let options = CreateImageOptions {
        from_image: Some(image.to_owned()),
        tag,
        ..Default::default()
    };
    let mut client = api.client.clone();
    client.set_timeout(SILENCE);
    let mut answers = Box::pin(client.create_image(Some(options), None, None));
    loop {
        match timeout(SILENCE, answers.next()).await {
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(fault))) => return Ok(Some(super::build::words(&fault))),
            Ok(None) => return Ok(None),
            Err(_) => return Ok(Some(format!("no word for {} s", SILENCE.as_secs()))),
        }
    }
}

/// Makes the base with mmdebstrap, unless one is there; returns its id and whether it was made.
pub(super) async fn bootstrap(
    api: &Api,
    config: &ImageConfig,
) -> Result<(String, bool), SandboxError> {
    let base = &config.build.base;
    let _lock = lock::lock(&config.build.locks, "base", &config.say).await?;
    if let Some(id) = id(api, base).await? {
        return Ok((id, false));
    }
    let program = find(env::var_os("PATH")).ok_or_else(|| SandboxError::ImageMissing {
        image: base.clone(),
        mend: format!(
            "{MAKER} would make it and is not installed: apt-get install {MAKER}, then run \
             `sluice image bootstrap` again"
        ),
    })?;
    config.say.line(&format!(
        "making {base} with {MAKER} from Debian's packages, which takes a minute"
    ));
    import(api, base, &program).await?;
    match id(api, base).await? {
        Some(id) => Ok((id, true)),
        None => Err(not_made(base, "the engine did not keep it")),
    }
}

fn find(path: Option<std::ffi::OsString>) -> Option<PathBuf> {
    env::split_paths(&path.unwrap_or_default())
        .map(|folder| folder.join(MAKER))
        .find(|file| file.is_file())
}

fn not_made(base: &str, why: &str) -> SandboxError {
    SandboxError::ImageBuild {
        image: base.to_owned(),
        why: why.to_owned(),
        mend: format!("{MAKER} needs Debian's packages: look whether `apt-get update` works here"),
    }
}

/// Hands the program's archive to the engine while it is written, so that nothing is left half made.
async fn import(api: &Api, base: &str, program: &Path) -> Result<(), SandboxError> {
    let mut made = command(program)
        .spawn()
        .map_err(|error| not_made(base, &format!("{MAKER} does not start: {error}")))?;
    let errors = made.stderr.take();
    let said = tokio::spawn(async move {
        let mut text = Vec::new();
        if let Some(mut errors) = errors {
            let _ = errors.read_to_end(&mut text).await;
        }
        let tail = text.len().saturating_sub(SAID);
        String::from_utf8_lossy(&text[tail..]).trim().to_owned()
    });
    // A colon before the last slash is that of a registry's port.
    let (name, tag) = match base.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (base, "latest"),
    };
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(name.to_owned()),
        tag: Some(tag.to_owned()),
        changes: vec![
            "CMD [\"bash\"]".to_owned(),
            format!("LABEL sluice.made-with={MAKER}"),
        ],
        ..Default::default()
    };
    let mut client = api.client.clone();
    client.set_timeout(SILENCE);
    let archive = bollard::body_try_stream(archive(made));
    let mut answers = Box::pin(client.create_image(Some(options), Some(archive), None));
    while let Some(answer) = answers.next().await {
        if let Err(fault) = answer {
            drop(answers);
            let said = said.await.unwrap_or_default();
            // What the program said explains what the engine only felt.
            let felt = super::build::words(&fault);
            let why = if said.is_empty() { felt } else { said };
            return Err(not_made(base, &why));
        }
    }
    Ok(())
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "--quiet",
            "--format=tar",
            "--variant=minbase",
            "--include=ca-certificates",
        ])
        .args(
            ["doc", "man", "info", "locale"]
                .map(|folder| format!("--dpkgopt=path-exclude=/usr/share/{folder}/*")),
        )
        .args([RELEASE, "-"])
        .env_clear()
        .envs(
            PASSED
                .iter()
                .filter_map(|name| Some((*name, env::var_os(name)?))),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The archive, which breaks off with an error when its program failed: the engine then keeps nothing of it.
fn archive(mut made: Child) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let bytes = made.stdout.take().map(ReaderStream::new);
    let end = futures::stream::once(async move {
        match made.wait().await {
            Ok(status) if status.success() => Ok(Bytes::new()),
            Ok(status) => Err(std::io::Error::other(format!("{MAKER}: {status}"))),
            Err(error) => Err(error),
        }
    });
    futures::stream::iter(bytes).flatten().chain(end)
}
