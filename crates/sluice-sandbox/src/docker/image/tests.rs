//! Real builds on the real engine, of recipes that are small.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::recipe::{RECIPES, Recipe};
use super::{BuildConfig, ImageConfig, Images, Say, build, inspect};
use crate::SandboxError;
use crate::docker::api::Api;
use crate::docker::{Docker, DockerKind};

/// An engine, a folder for locks, and all that was said.
struct Yard {
    api: Api,
    config: ImageConfig,
    said: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Yard {
    async fn new() -> Yard {
        let folder = tempfile::tempdir().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&said);
        let config = ImageConfig {
            build: BuildConfig {
                locks: folder.path().to_owned(),
                ..BuildConfig::default()
            },
            say: Say::to(move |line| hear.lock().unwrap().push(line.to_owned())),
            ..ImageConfig::default()
        };
        let api = Api::connect(DockerKind::Docker, None).await.unwrap();
        Yard {
            api,
            config,
            said,
            _folder: folder,
        }
    }

    fn said(&self, word: &str) -> usize {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line.contains(word)).count()
    }

    async fn remove(&self, image: &str) {
        let options = None::<bollard::query_parameters::RemoveImageOptions>;
        let _ = self.api.client.remove_image(image, options, None).await;
    }
}

/// A recipe of our form with a name of its own.
fn recipe(steps: &str) -> Recipe {
    let name = format!("sluice-test/image:{}", uuid::Uuid::new_v4().simple());
    let dockerfile =
        format!("ARG BASE\nFROM ${{BASE}}\nCOPY trust.sh ca.pem /sluice/build/\n{steps}\n");
    Recipe {
        toolchain: "node",
        name: name.leak(),
        dockerfile: dockerfile.leak(),
    }
}

#[tokio::test]
async fn a_recipe_is_built_once_also_by_several_at_once() {
    let yard = Yard::new().await;
    let recipe = recipe("RUN echo made >/made");
    let builds = (0..3).map(|_| build::build(&yard.api, &recipe, &yard.config, false));
    let ids = futures::future::join_all(builds).await;
    let ids: Vec<String> = ids.into_iter().map(Result::unwrap).collect();
    assert!(
        ids[0].starts_with("sha256:") && ids[1] == ids[0] && ids[2] == ids[0],
        "{ids:?}"
    );
    assert_eq!(yard.said("building the image"), 1);
    assert_eq!(yard.said("another process makes"), 2);
    assert!(yard.said(": Step ") >= 3);

    let again = build::build(&yard.api, &recipe, &yard.config, false)
        .await
        .unwrap();
    assert_eq!(
        (again, yard.said("building the image")),
        (ids[0].clone(), 1)
    );
    // An image that somebody gave another name stays, one that nobody knows goes.
    let kept = format!("{}-kept", recipe.name);
    let (repository, tag) = kept.split_once(':').unwrap();
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
    };
    let tagged = yard.api.client.tag_image(&ids[0], Some(options)).await;
    tagged.unwrap();
    let fresh = build::build(&yard.api, &recipe, &yard.config, true)
        .await
        .unwrap();
    assert!(inspect(&yard.api, &ids[0]).await.unwrap().is_some());
    yard.remove(&kept).await;
    assert_eq!(yard.said("building the image"), 2);
    let labels = inspect(&yard.api, recipe.name).await.unwrap().unwrap();
    assert_eq!(labels.id.as_deref(), Some(fresh.as_str()));
    let labels = labels.config.unwrap().labels.unwrap();
    assert_eq!(labels["sluice.recipe"], recipe.digest(BuildConfig::BASE));
    assert!(labels["sluice.base"].starts_with("sha256:"), "{labels:?}");

    // Another recipe of the same name is another image.
    let changed = Recipe {
        dockerfile: "ARG BASE\nFROM ${BASE}\nRUN echo other >/made\n",
        ..recipe
    };
    let other = build::build(&yard.api, &changed, &yard.config, false)
        .await
        .unwrap();
    assert_ne!(other, fresh);
    assert!(inspect(&yard.api, &fresh).await.unwrap().is_none());
    yard.remove(recipe.name).await;
}

#[tokio::test]
async fn a_step_that_fails_is_told_with_its_output() {
    let yard = Yard::new().await;
    let recipe = recipe("RUN echo 'E: no such package' >&2; exit 100");
    let fault = build::build(&yard.api, &recipe, &yard.config, false)
        .await
        .unwrap_err();
    let text = fault.to_string();
    assert!(fault.is_missing(), "{fault:?}");
    for part in [
        recipe.name,
        "E: no such package",
        "100",
        "network.extra_ca",
        "engine.images.node",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(inspect(&yard.api, recipe.name).await.unwrap().is_none());
}

#[tokio::test]
async fn a_build_that_is_broken_off_leaves_nothing_under_the_name() {
    let yard = Yard::new().await;
    let recipe = recipe("RUN sleep 1000");
    let mut broken_off = Box::pin(build::build(&yard.api, &recipe, &yard.config, false));
    loop {
        let step = std::time::Duration::from_millis(50);
        let ended = tokio::time::timeout(step, &mut broken_off).await;
        assert!(ended.is_err(), "{ended:?}");
        if yard.said("sleep 1000") > 0 {
            break;
        }
    }
    drop(broken_off);
    assert!(inspect(&yard.api, recipe.name).await.unwrap().is_none());
    // The lock is free again.
    let mended = Recipe {
        dockerfile: "ARG BASE\nFROM ${BASE}\nRUN true\n",
        ..recipe
    };
    build::build(&yard.api, &mended, &yard.config, false)
        .await
        .unwrap();
    yard.remove(recipe.name).await;
}

#[tokio::test]
async fn certificates_and_settings_reach_the_steps() {
    let yard = Yard::new().await;
    let authorities = yard.config.build.locks.join("ca.pem");
    std::fs::write(&authorities, "-----BEGIN CERTIFICATE-----\nours\n").unwrap();
    let mut config = yard.config.clone();
    config.build.extra_ca = Some(authorities);
    config.build.arguments = BTreeMap::from([
        (
            "HTTPS_PROXY".to_owned(),
            "http://proxy.example:3128".to_owned(),
        ),
        (
            "PIP_INDEX_URL".to_owned(),
            "https://index.example/simple".to_owned(),
        ),
    ]);
    let recipe = recipe(
        "ARG PIP_INDEX_URL\nRUN . /sluice/build/trust.sh && grep -q ours $PIP_CERT && grep -q ours $NODE_EXTRA_CA_CERTS \\\n\
         && grep -q /sluice/build/all.pem /etc/apt/apt.conf.d/sluice \\\n\
         && [ \"$HTTPS_PROXY $PIP_INDEX_URL\" = 'http://proxy.example:3128 https://index.example/simple' ]",
    );
    build::build(&yard.api, &recipe, &config, false)
        .await
        .unwrap();
    yard.remove(recipe.name).await;

    config.build.extra_ca = Some("/nowhere/ca.pem".into());
    let fault = build::build(&yard.api, &recipe, &config, true)
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("certificates"), "{fault}");
}

#[tokio::test]
async fn a_base_that_is_nowhere_is_told_with_the_way_to_make_it() {
    let yard = Yard::new().await;
    let mut config = yard.config.clone();
    config.build.base = "localhost:1/sluice-test/no-such-base:1".to_owned();
    let fault = build::build(&yard.api, &recipe("RUN true"), &config, false)
        .await
        .unwrap_err();
    let text = fault.to_string();
    assert!(
        matches!(fault, SandboxError::ImageMissing { .. }),
        "{fault:?}"
    );
    assert!(
        text.contains("no-such-base") && text.contains("sluice image bootstrap"),
        "{text}"
    );
}

#[tokio::test]
async fn images_follow_the_toolchain_and_what_the_user_names() {
    let yard = Yard::new().await;
    let name = |config: ImageConfig, toolchain: Option<&str>| {
        Images::new(config)
            .wanted(toolchain)
            .map(|wanted| wanted.name().to_owned())
    };
    let ours = ImageConfig::default;
    for recipe in RECIPES {
        assert_eq!(name(ours(), Some(recipe.toolchain)).unwrap(), recipe.name);
    }
    assert_eq!(name(ours(), None).unwrap(), Docker::NODE_IMAGE);
    let fault = name(ours(), Some("cobol")).unwrap_err();
    assert!(fault.to_string().contains("engine.image"), "{fault}");

    let named = ImageConfig {
        by_toolchain: BTreeMap::from([("go".to_owned(), "mine/go:1".to_owned())]),
        ..ours()
    };
    assert_eq!(name(named.clone(), Some("go")).unwrap(), "mine/go:1");
    assert_eq!(
        name(named.clone(), Some("rust")).unwrap(),
        "sluice/rust:stable"
    );
    let all = ImageConfig {
        all: Some("mine/all:1".to_owned()),
        ..named
    };
    assert_eq!(name(all, Some("go")).unwrap(), "mine/all:1");

    // One that is there is used; one that is nowhere is an error, and stays one without asking again at once.
    let base = ImageConfig::one(BuildConfig::BASE);
    let images = Images::new(base);
    let id = images.get(&yard.api, Some("rust")).await.unwrap();
    assert!(id.starts_with("sha256:"));
    assert_eq!(images.any(&yard.api).await.unwrap(), id);
    let nowhere = ImageConfig {
        say: yard.config.say.clone(),
        ..ImageConfig::one("localhost:1/sluice-test/nowhere")
    };
    let images = Images::new(nowhere);
    for _ in 0..2 {
        let fault = images.get(&yard.api, None).await.unwrap_err();
        let text = fault.to_string();
        assert!(
            text.contains("nowhere") && text.contains("engine.images"),
            "{text}"
        );
    }
    assert_eq!(yard.said("pulling the image"), 1);
}

#[tokio::test]
async fn a_base_is_not_made_where_one_is_there() {
    let yard = Yard::new().await;
    let images = Images::new(yard.config.clone());
    let (id, made) = images.bootstrap(&yard.api).await.unwrap();
    assert!(id.starts_with("sha256:") && !made);
    let list = images.list(&yard.api).await.unwrap();
    let names: Vec<&str> = list.iter().map(|one| one.toolchain.as_str()).collect();
    assert_eq!(names, ["base", "node", "python", "rust", "go"]);
    assert_eq!(list[0].id, Some(id));
    assert!(list[0].ready && !list[0].ours && list[1].ours);
}

#[test]
fn a_digest_follows_recipe_and_base() {
    let [a, b, ..] = RECIPES;
    assert_ne!(a.digest("x"), b.digest("x"));
    assert_ne!(a.digest("x"), a.digest("y"));
    assert_eq!(a.digest("x"), a.digest("x"));
    let _: PathBuf = BuildConfig::default().locks;
}
