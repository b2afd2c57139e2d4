//! The images that jobs run in: found by name, pulled where the user named one, built from our recipes on first
//! use.

mod base;
mod build;
mod lock;
mod recipe;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bollard::models::ImageInspect;
use tokio::sync::Mutex as AsyncMutex;

use super::api::Api;
use crate::SandboxError;
use recipe::{RECIPES, Recipe};

/// A build that failed is not tried again for so long, so that many checks at once fail once.
const REST: Duration = Duration::from_secs(60);

/// Which images there are for jobs, and how ours are made.
#[derive(Debug, Clone, Default)]
pub struct ImageConfig {
    /// One image for every job, by name or digest, instead of one for each toolchain.
    pub all: Option<String>,
    /// Images by toolchain, by name or digest, instead of ours.
    pub by_toolchain: BTreeMap<String, String>,
    /// How ours are built on this machine.
    pub build: BuildConfig,
    /// Hears what takes long.
    pub say: Say,
}

impl ImageConfig {
    /// One image for every job.
    pub fn one(image: impl Into<String>) -> ImageConfig {
        ImageConfig {
            all: Some(image.into()),
            ..ImageConfig::default()
        }
    }
}

/// What building an image takes on this machine.
#[derive(Debug, Clone)]
pub struct BuildConfig {
    /// The image that ours stand on: a Debian bookworm.
    pub base: String,
    /// A folder for locks, the same for all processes of this user.
    pub locks: PathBuf,
    /// Certificates to trust besides the usual ones.
    pub extra_ca: Option<PathBuf>,
    /// Build arguments: `HTTPS_PROXY` and its like, which engines keep out of an image's history, and
    /// `PIP_INDEX_URL`, `NPM_CONFIG_REGISTRY`, which they do not: without credentials.
    pub arguments: BTreeMap<String, String>,
}

impl BuildConfig {
    /// The base that is known by this name everywhere.
    pub const BASE: &str = "debian:bookworm-slim";
}

impl Default for BuildConfig {
    fn default() -> BuildConfig {
        BuildConfig {
            base: BuildConfig::BASE.to_owned(),
            locks: std::env::temp_dir().join("sluice-images"),
            extra_ca: None,
            arguments: BTreeMap::new(),
        }
    }
}

/// Takes lines for a person who waits.
#[derive(Clone)]
pub struct Say(Arc<dyn Fn(&str) + Send + Sync>);

impl Say {
    /// Passes each line on to `hear`.
    pub fn to(hear: impl Fn(&str) + Send + Sync + 'static) -> Say {
        Say(Arc::new(hear))
    }

    pub(super) fn line(&self, text: &str) {
        (self.0)(text);
    }
}

impl Default for Say {
    fn default() -> Say {
        Say::to(|_| {})
    }
}

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Say")
    }
}

/// How the image of a toolchain stands on this engine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ImageState {
    /// The toolchain, such as `node`; `base` for what ours stand on.
    pub toolchain: String,
    /// The image's name.
    pub image: String,
    /// Whether it is one that we build.
    pub ours: bool,
    /// Whether it is there, and if it is ours, built from this program's recipe.
    pub ready: bool,
    /// Its id, a digest over its configuration and layers, where it is there.
    pub id: Option<String>,
    /// Its size in bytes, with what it shares with others.
    pub bytes: Option<u64>,
    /// When it was made (RFC 3339).
    pub created: Option<String>,
}

/// Finds images and makes them, each once.
pub(super) struct Images {
    config: ImageConfig,
    known: Mutex<BTreeMap<String, Slot>>,
}

/// What is known of one image; locked while it is looked for or made.
type Slot = Arc<AsyncMutex<Option<Known>>>;

enum Known {
    Id(String),
    Failed(Instant, SandboxError),
}

/// What a job is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    Ours(&'static Recipe),
    Named(&'a str),
}

impl Wanted<'_> {
    fn name(&self) -> &str {
        match self {
            Wanted::Ours(recipe) => recipe.name,
            Wanted::Named(name) => name,
        }
    }
}

impl Images {
    pub(super) fn new(config: ImageConfig) -> Images {
        Images {
            config,
            known: Mutex::default(),
        }
    }

    /// The id of the image for a toolchain; found, pulled or built the first time.
    pub(super) async fn get(
        &self,
        api: &Api,
        toolchain: Option<&str>,
    ) -> Result<String, SandboxError> {
        let wanted = self.wanted(toolchain)?;
        let slot = self.slot(wanted.name());
        let mut known = slot.lock().await;
        match &*known {
            Some(Known::Id(id)) => return Ok(id.clone()),
            Some(Known::Failed(at, fault)) if at.elapsed() < REST => {
                if let Some(again) = repeat(fault) {
                    return Err(again);
                }
            }
            _ => {}
        }
        let made = self.make(api, wanted).await;
        *known = match &made {
            Ok(id) => Some(Known::Id(id.clone())),
            Err(fault) => repeat(fault).map(|fault| Known::Failed(Instant::now(), fault)),
        };
        made
    }

    /// An image that was known is not there any more.
    pub(super) fn forget(&self) {
        self.known
            .lock()
            .unwrap_or_else(|held| held.into_inner())
            .clear();
    }

    /// The id of any image that is there, for errands of our own.
    pub(super) async fn any(&self, api: &Api) -> Result<String, SandboxError> {
        let named = self
            .config
            .all
            .iter()
            .chain(self.config.by_toolchain.values());
        let ours = RECIPES.iter().map(|recipe| recipe.name);
        for name in named.map(String::as_str).chain(ours) {
            if let Some(id) = inspect(api, name).await?.and_then(|found| found.id) {
                return Ok(id);
            }
        }
        Err(super::api::image_missing(RECIPES[0].name))
    }

    /// The id of the image for jobs that name no toolchain, if it is there already.
    pub(super) async fn default_id(&self, api: &Api) -> Result<Option<String>, SandboxError> {
        let wanted = self.wanted(None)?;
        let found = inspect(api, wanted.name()).await?;
        let id = found.as_ref().and_then(|found| found.id.clone());
        let is_current = |found: &ImageInspect| match wanted {
            Wanted::Ours(recipe) => is_from(found, recipe, &self.config),
            Wanted::Named(_) => true,
        };
        // What was just seen need not be asked for again.
        if let Some(Ok(usable)) = found
            .filter(is_current)
            .map(|found| usable(found, wanted.name()))
        {
            *self.slot(wanted.name()).lock().await = Some(Known::Id(usable));
        }
        Ok(id)
    }

    /// How all of them stand.
    pub(super) async fn list(&self, api: &Api) -> Result<Vec<ImageState>, SandboxError> {
        let mut all = vec![
            self.state(api, "base", &self.config.build.base, None)
                .await?,
        ];
        for recipe in RECIPES {
            let wanted = self.wanted(Some(recipe.toolchain))?;
            let ours = match wanted {
                Wanted::Ours(recipe) => Some(recipe),
                Wanted::Named(_) => None,
            };
            all.push(
                self.state(api, recipe.toolchain, wanted.name(), ours)
                    .await?,
            );
        }
        Ok(all)
    }

    async fn state(
        &self,
        api: &Api,
        toolchain: &str,
        image: &str,
        ours: Option<&'static Recipe>,
    ) -> Result<ImageState, SandboxError> {
        let found = inspect(api, image).await?;
        let is_current = |found: &ImageInspect| match ours {
            Some(recipe) => is_from(found, recipe, &self.config),
            None => true,
        };
        Ok(ImageState {
            toolchain: toolchain.to_owned(),
            image: image.to_owned(),
            ours: ours.is_some(),
            ready: found.as_ref().is_some_and(is_current),
            bytes: found
                .as_ref()
                .and_then(|found| u64::try_from(found.size?).ok()),
            created: found.as_ref().and_then(|found| found.created.clone()),
            id: found.and_then(|found| found.id),
        })
    }

    /// Builds our image for a toolchain, where it is not there; `fresh` builds it in any case.
    pub(super) async fn build(
        &self,
        api: &Api,
        toolchain: &str,
        fresh: bool,
    ) -> Result<String, SandboxError> {
        match self.wanted(Some(toolchain))? {
            Wanted::Ours(recipe) => {
                let id = build::build(api, recipe, &self.config, fresh).await?;
                self.forget();
                Ok(id)
            }
            Wanted::Named(_) => self.get(api, Some(toolchain)).await,
        }
    }

    /// Makes the base where no registry of images answers; tells whether there was none.
    pub(super) async fn bootstrap(&self, api: &Api) -> Result<(String, bool), SandboxError> {
        base::bootstrap(api, &self.config).await
    }

    fn wanted(&self, toolchain: Option<&str>) -> Result<Wanted<'_>, SandboxError> {
        let toolchain = toolchain.unwrap_or(RECIPES[0].toolchain);
        let named = self.config.all.as_ref();
        match named.or_else(|| self.config.by_toolchain.get(toolchain)) {
            Some(name) => Ok(recipe::named(name).map_or(Wanted::Named(name), Wanted::Ours)),
            None => {
                recipe::of(toolchain)
                    .map(Wanted::Ours)
                    .ok_or_else(|| SandboxError::ImageMissing {
                        image: format!("for {toolchain}"),
                        mend: "we have no recipe for one: name one in engine.image".to_owned(),
                    })
            }
        }
    }

    fn slot(&self, name: &str) -> Slot {
        let mut known = self.known.lock().unwrap_or_else(|held| held.into_inner());
        Arc::clone(known.entry(name.to_owned()).or_default())
    }

    async fn make(&self, api: &Api, wanted: Wanted<'_>) -> Result<String, SandboxError> {
        let recipe = match wanted {
            Wanted::Named(name) => return self.named(api, name).await,
            Wanted::Ours(recipe) => recipe,
        };
        if let Some(id) = current(api, recipe, &self.config).await? {
            return Ok(id);
        }
        let built = build::build(api, recipe, &self.config, false).await;
        let (Err(fault), Some(older)) = (&built, inspect(api, recipe.name).await?) else {
            return built;
        };
        // It has the same toolchain and holds as much; reports and proofs name it by its digest.
        self.config.say.line(&format!(
            "{} is from another recipe than this program's, and is used as it is: {fault}",
            recipe.name
        ));
        usable(older, recipe.name)
    }

    async fn named(&self, api: &Api, name: &str) -> Result<String, SandboxError> {
        if let Some(found) = inspect(api, name).await? {
            return usable(found, name);
        }
        // An id names what was here, not what a registry has.
        let why = match name.starts_with("sha256:") {
            true => None,
            false => base::pull(api, &self.config, name).await?,
        };
        match inspect(api, name).await? {
            Some(found) => usable(found, name),
            None => Err(SandboxError::ImageMissing {
                image: name.to_owned(),
                mend: format!(
                    "it could not be pulled ({}); name one that is there in engine.image or engine.images, or leave \
                     the keys out for images that we build",
                    why.unwrap_or_else(|| "no registry has it".to_owned())
                ),
            }),
        }
    }
}

async fn inspect(api: &Api, image: &str) -> Result<Option<ImageInspect>, SandboxError> {
    api.find("looking for the image", api.client.inspect_image(image))
        .await
}

/// The id of our image, if it is there and from this program's recipe.
async fn current(
    api: &Api,
    recipe: &Recipe,
    config: &ImageConfig,
) -> Result<Option<String>, SandboxError> {
    match inspect(api, recipe.name).await? {
        Some(found) if is_from(&found, recipe, config) => usable(found, recipe.name).map(Some),
        _ => Ok(None),
    }
}

fn is_from(found: &ImageInspect, recipe: &Recipe, config: &ImageConfig) -> bool {
    let labels = found
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    let built_from = labels.and_then(|labels| labels.get(build::RECIPE));
    built_from == Some(&recipe.digest(&config.build.base))
}

/// The id, a digest over the image's configuration and layers.
fn usable(found: ImageInspect, image: &str) -> Result<String, SandboxError> {
    let volumes = found
        .config
        .and_then(|config| config.volumes)
        .unwrap_or_default();
    if !volumes.is_empty() {
        return Err(SandboxError::Forbidden {
            what: format!("the image {image}, whose VOLUME would be writable without bound"),
            mend: "use an image without VOLUME".to_owned(),
        });
    }
    found.id.ok_or_else(|| super::api::image_missing(image))
}

/// The same fault once more, where it will be the same for a while.
fn repeat(fault: &SandboxError) -> Option<SandboxError> {
    match fault {
        SandboxError::ImageMissing { image, mend } => Some(SandboxError::ImageMissing {
            image: image.clone(),
            mend: mend.clone(),
        }),
        SandboxError::ImageBuild { image, why, mend } => Some(SandboxError::ImageBuild {
            image: image.clone(),
            why: why.clone(),
            mend: mend.clone(),
        }),
        _ => None,
    }
}
