//! What stays of compiled packages.

use std::collections::BTreeMap;
use std::fs;

use super::*;

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    files.iter().map(owned).collect()
}

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"itoa\"\n\
                    version = \"1.0.0\"\nsource = \"registry+x\"\n\n[[package]]\nname = \"twin\"\nversion = \"1.0.0\"\n\
                    source = \"registry+x\"\n";

#[test]
fn a_name_that_the_tree_has_too_is_nobody_elses() {
    let tree = tree(&[
        ("Cargo.toml", "[package]\nname = \"app\"\n"),
        ("twin/Cargo.toml", "[package]\nname = \"twin\"\n"),
        ("broken/Cargo.toml", "["),
    ]);
    let others = others(&tree, LOCK.as_bytes());
    assert_eq!(others.into_iter().collect::<Vec<_>>(), ["itoa"]);
}

#[test]
fn a_skeleton_has_manifests_and_no_sources() {
    let tree = tree(&[
        ("Cargo.toml", "[package]\nname = \"app\"\n"),
        ("Cargo.lock", LOCK),
        (".cargo/config.toml", "[build]\n"),
        ("src/lib.rs", "pub fn a() {}"),
        ("src/main.rs", "fn main() { panic!() }"),
        ("build.rs", "fn main() { panic!() }"),
        ("README.md", "# a"),
    ]);
    let skeleton = skeleton(&tree);
    let names: Vec<&str> = skeleton.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ".cargo/config.toml",
            "Cargo.lock",
            "Cargo.toml",
            "build.rs",
            "src/lib.rs",
            "src/main.rs"
        ]
    );
    assert!(
        skeleton
            .values()
            .all(|content| !content.windows(5).any(|part| part == b"panic"))
    );
}

#[test]
fn nothing_is_compiled_ahead_where_there_is_nothing_of_others() {
    let alone = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n";
    let manifest = ("Cargo.toml", "[package]\nname = \"app\"\n");
    assert_eq!(further(&tree(&[manifest, ("Cargo.lock", alone)]), ""), []);
    assert_eq!(further(&tree(&[manifest]), ""), []);
    let [one] = further(&tree(&[manifest, ("Cargo.lock", LOCK)]), "")
        .try_into()
        .unwrap();
    assert_eq!(one.ground, Ground::Skeleton);
    assert_eq!(one.command.network, sluice_sandbox::Network::None);
    assert!(one.otherwise.is_some());
}

#[test]
fn only_what_is_made_of_others_stays() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("target");
    let (theirs, ours, script, reads) = (
        "0123456789abcdef",
        "fedcba9876543210",
        "00000000000000aa",
        "00000000000000bb",
    );
    let kept = [
        "CACHEDIR.TAG".to_owned(),
        ".rustc_info.json".to_owned(),
        format!("debug/.fingerprint/itoa-{theirs}/lib-itoa"),
        format!("debug/.fingerprint/itoa-{script}/run"),
        format!("debug/build/itoa-{script}/output"),
        format!("debug/deps/libitoa-{theirs}.rlib"),
        format!("debug/deps/itoa-{theirs}.d"),
        format!("wasm32/release/.fingerprint/itoa-{theirs}/lib-itoa"),
    ];
    let gone = [
        "debug/app".to_owned(),
        "debug/incremental/app/x".to_owned(),
        "tmp/x".to_owned(),
        "other".to_owned(),
        format!("debug/.fingerprint/app-{ours}/lib-app"),
        format!("debug/.fingerprint/itoa-{reads}/run"),
        "debug/.fingerprint/itoa-short/lib".to_owned(),
        format!("debug/build/app-{ours}/output"),
        format!("debug/build/itoa-{reads}/output"),
        format!("debug/deps/libapp-{ours}.rlib"),
        "debug/deps/itoa.d".to_owned(),
        format!("wasm32/release/deps/libapp-{ours}.rlib"),
    ];
    for path in kept.iter().chain(&gone) {
        let path = target.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let said = |hash: &str, path: &str| {
        let output = target.join(format!("debug/build/itoa-{hash}/output"));
        fs::write(output, format!("cargo:rerun-if-changed={path}\n")).unwrap();
    };
    said(
        script,
        "/workspace/a/.sluice-packages/cargo/registry/src/x/build.rs",
    );
    said(reads, "/workspace/a/config.txt");
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "x").unwrap();
    std::os::unix::fs::symlink(&outside, target.join("link")).unwrap();
    std::os::unix::fs::symlink(&outside, target.join("wasm32/release/build")).unwrap();

    strip(&target, "a", &BTreeSet::from(["itoa".to_owned()])).unwrap();

    for path in &kept {
        assert!(target.join(path).is_file(), "{path}");
    }
    for path in gone.iter().map(String::as_str).chain(["link"]) {
        assert!(fs::symlink_metadata(target.join(path)).is_err(), "{path}");
    }
    assert!(outside.join("file").is_file());
}
