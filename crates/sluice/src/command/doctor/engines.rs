//! Which engines answer, and whether they hold.

use sluice_checks::Toolchain;
use sluice_sandbox::{DockerKind, ImageState, Native, Sandbox, SandboxError, Say, SelfTest};

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
        found.items.push(
            match engine::container(kind, config, home, Say::default()).await {
                Ok(docker) => match docker.images().await {
                    Ok(images) => {
                        let item = images_item(kind.as_str(), &docker.engine().version, &images);
                        if item.state != State::Missing {
                            found.container = found.container.or(Some(kind.as_str()));
                        }
                        item
                    }
                    Err(error) => missing(kind.as_str(), &error),
                },
                Err(error) => missing(kind.as_str(), &error),
            },
        );
    }
    found.items.push(match native(home).await {
        Ok(test) => {
            found.native = test.failed.is_empty();
            native_item(&test)
        }
        Err(error) => missing("native", &error),
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

/// A container engine that answers, and the images that it has.
fn images_item(name: &'static str, version: &str, images: &[ImageState]) -> Item {
    let (base, images) = match images.split_first() {
        Some((base, rest)) => (base.id.is_some(), rest),
        None => (false, images),
    };
    let told: Vec<String> = images
        .iter()
        .map(|one| match (&one.id, one.ready) {
            (Some(id), true) => {
                let id: String = id.chars().take("sha256:".len() + 12).collect();
                format!("{} ({id})", one.image)
            }
            (Some(_), false) => format!("{} (of an older recipe)", one.image),
            (None, _) => format!("{} (not there)", one.image),
        })
        .collect();
    let detail = format!("{version}; images: {}", told.join(", "));
    if images.iter().all(|one| one.ready) {
        return Item::new(name, State::Ok, detail);
    }
    if base || images.iter().any(|one| one.id.is_some()) {
        let detail = format!("{detail}; the others are built or pulled on first use");
        return Item::new(name, State::Ok, detail);
    }
    Item::new(name, State::Missing, detail).fix(
        "sluice image build; where no registry of images answers: sluice image bootstrap first",
    )
}

/// An engine that is not there; what to do is part of its error.
fn missing(name: &'static str, error: &SandboxError) -> Item {
    let (detail, fix) = match error {
        SandboxError::Unavailable { engine, mend } => {
            (format!("{engine} is not reachable"), mend.clone())
        }
        SandboxError::Forbidden { what, mend } => {
            (format!("this machine does not allow {what}"), mend.clone())
        }
        SandboxError::ImageMissing { image, mend } => (
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
