//! An image that holds nothing at all: no shell, no loader, no users.

use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions};
use futures::StreamExt;

use super::{Bench, config};
use crate::docker::{Docker, ImageConfig};
use crate::{End, Sandbox};

#[tokio::test]
async fn an_image_without_a_shell_says_that_the_program_is_missing() {
    let mut bench = Bench::new().await;
    let name = format!("sluice-test/bare:{}", uuid::Uuid::new_v4().simple());
    let (repo, tag) = name.split_once(':').unwrap();
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        ..Default::default()
    };
    let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
    let client = bench.docker.api.client.clone();
    let body = bollard::body_full(empty.into());
    let mut answers = Box::pin(client.create_image(Some(options), Some(body), None));
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }

    let mut settings = config(&bench.folder);
    settings.images = ImageConfig::one(&name);
    bench.docker = Docker::connect(settings).await.unwrap();
    assert!(
        bench
            .docker
            .image(None)
            .await
            .unwrap()
            .starts_with("sha256:")
    );
    for argv in [&["sh", "-c", "true"][..], &["/bin/sh"], &["npm", "test"]] {
        let (ended, log) = bench.run(&bench.job(argv)).await;
        assert_eq!(ended.end, End::Exited(127), "{argv:?}: {log}");
    }
    client
        .remove_image(&name, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}
