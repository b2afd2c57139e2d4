//! `sluice image`: what there is, and what is said when a base cannot be had.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::World;

/// A name that no engine has and no registry serves.
const NOWHERE: (&str, &str) = ("SLUICE__ENGINE__BASE", "localhost:1/sluice-test/no-base:1");

#[test]
fn images_are_listed_with_their_state() {
    let world = World::new();
    let variables = [
        NOWHERE,
        ("SLUICE__ENGINE__IMAGES__GO", "localhost:1/mine/go:1"),
    ];
    let ran = world.run_with(&variables, &["image", "list", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    let state = |toolchain: &str| {
        let images = document["images"].as_array().unwrap();
        let mut found = images.iter();
        found
            .find(|one| one["toolchain"] == toolchain)
            .cloned()
            .unwrap()
    };
    assert_eq!(state("base")["id"], serde_json::Value::Null);
    assert_eq!(state("go")["image"], "localhost:1/mine/go:1");
    assert_eq!(
        (&state("go")["ours"], &state("go")["ready"]),
        (&false.into(), &false.into())
    );
    assert_eq!(state("rust")["image"], "sluice/rust:stable");
    let ran = world.run_with(&variables, &["image", "list"]);
    assert!(ran.out.contains("to be pulled"), "{}", ran.out);
}

#[test]
fn a_base_that_cannot_be_had_is_3_with_the_way_to_get_it() {
    let world = World::new();
    let ran = world.run_with(&[NOWHERE], &["image", "build", "python"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("sluice image bootstrap"), "{}", ran.err);

    let empty = world.path("empty");
    fs::create_dir(&empty).unwrap();
    let path = ("PATH", empty.to_str().unwrap());
    let ran = world.run_with(&[NOWHERE, path], &["image", "bootstrap"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.err.contains("apt-get install mmdebstrap"),
        "{}",
        ran.err
    );

    // A maker that fails in the middle of its archive.
    let maker = empty.join("mmdebstrap");
    let script =
        "#!/bin/sh\n/usr/bin/head -c 5000000 /dev/zero\necho 'E: no mirror' >&2\nexit 25\n";
    fs::write(&maker, script).unwrap();
    fs::set_permissions(&maker, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = world.run_with(&[NOWHERE, path], &["image", "bootstrap"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("E: no mirror"), "{}", ran.err);
    let ran = world.run_with(&[NOWHERE], &["image", "list", "--json"]);
    assert_eq!(ran.json()["images"][0]["id"], serde_json::Value::Null);
}

#[test]
fn the_native_engine_has_no_images() {
    let world = World::new();
    let native = ("SLUICE__ENGINE__DEFAULT", "native");
    let ran = world.run_with(&[native], &["image", "list"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("--engine docker"), "{}", ran.err);
    let ran = world.run(&["image", "build", "cobol"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}
