//! The workspace and the folders around it.

use std::fs;
use std::path::Path;

use sluice_sandbox::{Bind, End, SandboxError, Upper};

use super::Fixture;

/// What lies below a folder, as `path=content` lines.
fn list(top: &Path) -> String {
    let mut lines = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(top).unwrap().display();
                let text = fs::read_to_string(&path).unwrap_or_default();
                lines.push(format!("{name}={}", text.trim_end()));
            }
        }
    }
    lines.sort();
    lines.join(" ")
}

const SNAPSHOT: &str = "a.txt=a dir/one=1 dir/two=2 other/three=3";

pub(crate) async fn snapshot_is_not_changed(f: &Fixture) {
    let job = f.sh("rm -rf a.txt dir && echo new > other/three && echo x > new && chmod -R 777 .");
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    assert_eq!(list(&job.lower[0]), SNAPSHOT);
}

pub(crate) async fn workspace_can_be_changed(f: &Fixture) {
    // What package managers do with folders of the snapshot.
    let script = "set -e
        mv dir moved && mkdir dir && echo 4 > dir/four
        rm -rf other && mkdir -p other/deep && mv moved/one other/deep/one
        rm -rf moved && mv a.txt b.txt && chmod 700 dir && ln -s b.txt link && ln b.txt hard
        cat dir/four other/deep/one link hard; ls dir other | tr '\\n' ' '";
    let ran = f.run(&f.sh(script)).await;
    assert_eq!(ran.err(), "");
    assert_eq!(ran.out(), "4\n1\na\na\ndir: four  other: deep ");
}

pub(crate) async fn later_layers_lie_below(f: &Fixture) {
    let mut job = f.sh("cat a.txt dir/one; ls");
    let above = f.folder("above");
    fs::write(above.join("a.txt"), "above\n").unwrap();
    let middle = f.folder("middle");
    fs::write(middle.join("a.txt"), "middle\n").unwrap();
    fs::create_dir(middle.join("dir")).unwrap();
    fs::write(middle.join("dir/one"), "middle one\n").unwrap();
    job.lower.insert(0, middle);
    job.lower.insert(0, above);
    let ran = f.run(&job).await;
    assert_eq!(ran.out(), "above\nmiddle one\na.txt\ndir\nother\n");
}

pub(crate) async fn layer_is_kept(f: &Fixture) {
    let kept = f.dir.path().join("kept");
    let mut job =
        f.sh("mkdir -p node_modules/x && echo dep > node_modules/x/index && echo b > a.txt");
    job.upper = Upper::Keep(kept.clone());
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    assert!(kept.is_dir());
    let mut job = f.sh("cat node_modules/x/index a.txt dir/one; echo more >> node_modules/x/index");
    job.lower.insert(0, kept.clone());
    assert_eq!(f.run(&job).await.out(), "dep\nb\n1\n");
    // The layer itself is read-only for the jobs above it.
    let mut job = f.sh("cat node_modules/x/index");
    job.lower.insert(0, kept);
    assert_eq!(f.run(&job).await.out(), "dep\n");
}

pub(crate) async fn kept_layer_hides_what_was_deleted(f: &Fixture) {
    let kept = f.dir.path().join("kept");
    let mut job =
        f.sh("rm a.txt && rm -rf dir && mkdir dir && echo 5 > dir/five && mv other renamed");
    job.upper = Upper::Keep(kept.clone());
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    let mut job = f.sh("ls; ls dir renamed");
    job.lower.insert(0, kept.clone());
    let first = f.run(&job).await;
    assert_eq!(first.out(), "dir\nrenamed\ndir:\nfive\n\nrenamed:\nthree\n");
    // A second layer over the first.
    let second = f.dir.path().join("second");
    let mut job = f.sh("rm -rf renamed dir/five && echo 6 > dir/six");
    job.lower.insert(0, kept.clone());
    job.upper = Upper::Keep(second.clone());
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    let mut job = f.sh("ls; cat dir/*");
    job.lower.insert(0, kept);
    job.lower.insert(0, second);
    assert_eq!(f.run(&job).await.out(), "dir\n6\n");
}

pub(crate) async fn kept_layer_must_be_empty(f: &Fixture) {
    let kept = f.folder("kept");
    fs::write(kept.join("mine"), "precious").unwrap();
    let mut job = f.sh("echo x > y");
    job.upper = Upper::Keep(kept.clone());
    let refused = f.try_run(&job).await;
    assert!(matches!(refused, Err(SandboxError::InvalidJob { .. })));
    assert_eq!(list(&kept), "mine=precious");
    // An empty one is taken.
    fs::remove_file(kept.join("mine")).unwrap();
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
}

pub(crate) async fn out_folder_is_written(f: &Fixture) {
    let out = f.folder("out");
    let mut job =
        f.sh("mkdir /sluice/out/deep && echo report > /sluice/out/deep/r.json; ls /sluice/out");
    job.out = Some(out.clone());
    let ran = f.run(&job).await;
    assert_eq!(ran.out(), "deep\n");
    assert_eq!(list(&out), "deep/r.json=report");
}

pub(crate) async fn starts_in_its_folder(f: &Fixture) {
    assert_eq!(f.run(&f.sh("pwd")).await.out(), "/workspace\n");
    let mut job = f.sh("pwd; cat one");
    job.workdir = "dir".to_owned();
    assert_eq!(f.run(&job).await.out(), "/workspace/dir\n1\n");
}

pub(crate) async fn odd_names_are_only_names(f: &Fixture) {
    let odd = f.folder("a:b,c\\d 'e\" =x");
    fs::write(odd.join("file"), "odd\n").unwrap();
    let kept = f.dir.path().join("kept:upper,\\x");
    let out = f.folder("out:,\\y");
    let mut job = f.sh("cat file a.txt; echo k > k; echo o > /sluice/out/o");
    job.lower.insert(0, odd);
    job.upper = Upper::Keep(kept.clone());
    job.out = Some(out.clone());
    assert_eq!(f.run(&job).await.out(), "odd\na\n");
    assert_eq!(
        (list(&kept), list(&out)),
        ("k=k".to_owned(), "o=o".to_owned())
    );
}

pub(crate) async fn binds_are_read_only(f: &Fixture) {
    let bound = f.folder("bound");
    fs::write(bound.join("ca.pem"), "certificate\n").unwrap();
    let mut job =
        f.sh("cat /extra/ca.pem; echo x > /extra/ca.pem; echo x > /extra/new; rm -f /extra/ca.pem");
    job.binds.push(Bind {
        host: bound.clone(),
        inside: "/extra".to_owned(),
    });
    assert_eq!(f.run(&job).await.out(), "certificate\n");
    assert_eq!(list(&bound), "ca.pem=certificate");
}

pub(crate) async fn two_jobs_do_not_see_each_other(f: &Fixture) {
    let marker = super::marker();
    let first = f.sh(&format!(
        "echo secret > /tmp/first; echo secret > first; echo secret > /dev/shm/first; \
         echo ready; sleep {marker}"
    ));
    let second =
        f.sh("ls /tmp /workspace /dev/shm | tr '\\n' ' '; cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    let (ended, ran) = f.run_while(&first, f.run(&second)).await;
    assert_eq!(ended.end, End::Killed);
    assert_eq!(ran.ended.end, End::Exited(0));
    assert!(ran.out().contains("a.txt"), "{}", ran.out());
    assert!(!ran.out().contains("first"), "{}", ran.out());
    assert!(!ran.out().contains(&marker), "{}", ran.out());
}

pub(crate) async fn same_name_again(f: &Fixture) {
    let job =
        f.sh("test ! -e left && test ! -e /tmp/left; code=$?; touch left /tmp/left; exit $code");
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
}

pub(crate) async fn much_rewritten(f: &Fixture) {
    // Many folders renamed into place, as an installer does.
    let script = "set -e
        for i in $(seq 100); do mkdir -p .tmp/p$i && echo $i > .tmp/p$i/f && mv .tmp/p$i dir/p$i; done
        rm -rf dir/p1* && mv dir x && mv x dir && ls dir | wc -l";
    let ran = f.run(&f.sh(script)).await;
    assert_eq!((ran.out().trim(), ran.err().as_str()), ("90", ""));
}
