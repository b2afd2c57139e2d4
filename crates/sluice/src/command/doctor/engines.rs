//! Which engines answer, and whether they hold.

use sluice_checks::Toolchain;
use sluice_sandbox::{DockerKind, Native, SandboxError, SelfTest};

use super::{Item, State};
use crate::config::Config;
use crate::engine::{self, EngineHome};
use crate::exit::chain;

/// What there is to run sandboxes with.
pub(super) struct Found {
    /// A container engine that has the image.
    pub(super) container: Option<&'static str>,
    /// Whether the native engine holds.
    pub(super) native: bool,
    /// What was found about each.
    pub(super) items: Vec<Item>,
}

/// Looks at all engines.
pub(super) async fn look(config: &Config, home: EngineHome<'_>) -> Found {
    let mut found = Found {
        container: None,
        native: false,
        items: Vec::new(),
    };
    for kind in [DockerKind::Docker, DockerKind::Podman] {
        found
            .items
            .push(match engine::container(kind, config, home).await {
                Ok(sandbox) => {
                    found.container = found.container.or(Some(kind.as_str()));
                    let info = sandbox.engine();
                    Item::new(
                        kind.as_str(),
                        State::Ok,
                        format!("{}, image {} ({})", info.version, config.image, info.image),
                    )
                }
                Err(error) => missing(kind.as_str(), &error, &config.image),
            });
    }
    found.items.push(match native(home).await {
        Ok(test) => {
            found.native = test.failed.is_empty();
            native_item(&test)
        }
        Err(error) => missing("native", &error, &config.image),
    });
    if found.container.is_some() || found.native {
        // One engine is enough.
        for item in &mut found.items {
            if item.state == State::Missing {
                item.state = State::Warning;
            }
        }
    }
    found
}

async fn native(home: EngineHome<'_>) -> Result<SelfTest, SandboxError> {
    Native::new(engine::native_config(home, &Toolchain::ALL).await?)?
        .probe()
        .await
}

fn native_item(test: &SelfTest) -> Item {
    if !test.failed.is_empty() {
        let detail = format!("a sandbox does not hold here: {}", test.failed.join(", "));
        return Item::new("native", State::Missing, detail)
            .fix("use a container engine, or another machine");
    }
    if test.unenforced.is_empty() {
        return Item::new("native", State::Ok, "a sandbox that tested itself holds");
    }
    let detail = format!(
        "a sandbox that tested itself holds; limits that cannot be enforced: {}",
        test.unenforced.join(", ")
    );
    Item::new("native", State::Warning, detail).fix(
        "hand a control group to this user (systemd-run --user --scope -p Delegate=yes sluice …), or run as root \
         with /sys/fs/cgroup writable",
    )
}

/// An engine that is not there; what to do is part of its error, except for an image of ours.
fn missing(name: &'static str, error: &SandboxError, image: &str) -> Item {
    let (detail, fix) = match error {
        SandboxError::Unavailable { engine, mend } => {
            (format!("{engine} is not reachable"), mend.clone())
        }
        SandboxError::Forbidden { what, mend } => {
            (format!("this machine does not allow {what}"), mend.clone())
        }
        SandboxError::ImageMissing { mend, .. } if image == crate::config::DEFAULT_IMAGE => (
            format!("it answers, but the image {image} is not there"),
            format!("run scripts/base-image.sh of the Sluice repository ({mend})"),
        ),
        SandboxError::ImageMissing { mend, .. } => (
            format!("it answers, but the image {image} is not there"),
            mend.clone(),
        ),
        other => (
            chain(other),
            "see the message; then run `sluice doctor` again".to_owned(),
        ),
    };
    Item::new(name, State::Missing, detail).fix(fix)
}
