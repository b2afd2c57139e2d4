//! Good diffs are applied as `git apply` applies them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{World, fenced};

fn git(dir: &Path, args: &[&str]) -> String {
    let out = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "core.autocrlf=false",
        ])
        .args(args)
        .output()
        .expect("git runs");
    assert!(
        out.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn a_diff_of_git_leads_to_what_git_apply_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    git(dir, &["init", "--quiet"]);
    let long: String = (0..60).map(|n| format!("line {}\n", n % 7)).collect();
    let before = [
        ("plain.txt", long.clone()),
        ("crlf.txt", "a\r\nb\r\nc\r\nd\r\n".to_owned()),
        ("open.txt", "a\nb\nc".to_owned()),
        ("gone.txt", "x\ny\n".to_owned()),
        ("old name.txt", long.clone()),
        ("ü/ß.txt", "one\ntwo\nthree\n".to_owned()),
        ("sql.sql", "-- one\nselect 1;\n-- two\n".to_owned()),
    ];
    for (path, text) in &before {
        fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        fs::write(dir.join(path), text).unwrap();
    }
    git(dir, &["add", "."]);
    git(dir, &["commit", "--quiet", "-m", "before"]);
    let mut changed: Vec<String> = long.lines().map(str::to_owned).collect();
    changed[3] = "new".to_owned();
    changed.remove(30);
    changed.insert(50, "put in".to_owned());
    fs::write(dir.join("plain.txt"), changed.join("\n") + "\n").unwrap();
    fs::write(dir.join("crlf.txt"), "a\r\nB\r\nc\r\nd\r\n").unwrap();
    fs::write(dir.join("open.txt"), "a\nb\nc\nd\n").unwrap();
    fs::remove_file(dir.join("gone.txt")).unwrap();
    fs::rename(dir.join("old name.txt"), dir.join("new name.txt")).unwrap();
    fs::write(
        dir.join("new name.txt"),
        long.replacen("line 1", "first", 1),
    )
    .unwrap();
    fs::write(dir.join("ü/ß.txt"), "one\nzwei\nthree\n").unwrap();
    fs::write(dir.join("sql.sql"), "++ one\nselect 1;\n").unwrap();
    fs::write(dir.join("made.txt"), "made").unwrap();
    git(dir, &["add", "--all"]);
    let tree = git(dir, &["write-tree"]);
    for style in [
        vec![],
        vec!["--no-prefix"],
        vec!["-U1"],
        vec!["-U10", "--patience"],
        vec!["--no-renames"],
    ] {
        let mut args = vec!["diff", "--cached", "-M"];
        args.extend(style.iter());
        let diff = git(dir, &args);
        let mut world = World::default();
        for (path, text) in &before {
            world.put(path, text.as_bytes(), false);
        }
        let files = world.after(&fenced("diff", &diff));
        let listed = git(dir, &["ls-tree", "-r", "-z", "--name-only", tree.trim()]);
        let names: Vec<&str> = listed.split('\0').filter(|name| !name.is_empty()).collect();
        assert_eq!(files.len(), names.len(), "{style:?}");
        for name in names {
            let blob = git(dir, &["show", &format!("{}:{name}", tree.trim())]);
            assert_eq!(files[name], blob, "{style:?} {name}\n{diff}");
        }
    }
}
