//! Histories of 10,000 commits, page by page, beside what git says of them.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::{git, git_command, new_commit, rel, write};
use crate::{Blame, HistoryCursor, Oid, Repo, WorkspaceError};

/// A repository with branches and merges, clocks that ran backwards, and commits of one second.
/// Made without a working tree, by `git fast-import`.
fn imported(dir: &Path, commits: usize, skewed: bool) -> Repo {
    let repo = Repo::create(&dir.join("large.git")).unwrap();
    let mut child = git_command(repo.git_dir(), &["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut side: Option<usize> = None;
    let mut tip = 0;
    // A fixed sequence that looks like chance.
    let mut chance = 12345_u64;
    let mut below = |limit: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (chance >> 33) % limit
    };
    for mark in 1..=commits {
        let on_side = side.is_some() && below(3) == 0;
        let branch = if on_side { "side" } else { "main" };
        let back = if skewed && below(60) == 0 { 5_000 } else { 0 };
        let time = 1_700_000_000 + mark as i64 / 3 * 10 - back;
        text += &format!(
            "commit refs/heads/{branch}\nmark :{mark}\ncommitter T <t@localhost> {time} +0000\ndata 2\nc\n"
        );
        match (on_side, side) {
            (true, Some(at)) => text += &format!("from :{at}\n"),
            (false, Some(at)) if below(4) == 0 => {
                text += &format!("from :{tip}\nmerge :{at}\n");
                side = None;
            }
            _ if tip > 0 => text += &format!("from :{tip}\n"),
            _ => {}
        }
        let (folder, file) = (below(20), below(30));
        let body = format!("{}\n{mark}\n", below(4));
        text += &format!(
            "M 100644 inline d{folder}/f{file}\ndata {}\n{body}\n",
            body.len()
        );
        if below(500) == 0 {
            text += "D d3/f3\n";
        }
        if on_side {
            side = Some(mark);
        } else {
            tip = mark;
            if side.is_none() && below(5) == 0 {
                side = Some(mark);
            }
        }
    }
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    repo
}

struct Large {
    repo: Repo,
    main: Oid,
    _dir: tempfile::TempDir,
}

fn made(commits: usize, skewed: bool) -> Large {
    let dir = tempfile::tempdir().unwrap();
    let repo = imported(dir.path(), commits, skewed);
    let main = repo.ref_get("refs/heads/main").unwrap().unwrap();
    Large {
        repo,
        main,
        _dir: dir,
    }
}

/// All pages, handed on as text as a client does.
fn pages(large: &Large, path: Option<&str>, limit: usize) -> Vec<Vec<Oid>> {
    let path = path.map(rel);
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let at = cursor.map(|text| text.parse::<HistoryCursor>().unwrap());
        let page = large
            .repo
            .history(&large.main, path.as_ref(), at.as_ref(), limit)
            .unwrap();
        assert!(page.commits.len() <= limit);
        pages.push(page.commits.iter().map(|commit| commit.oid).collect());
        cursor = page.next.map(|next| next.to_string());
        if cursor.is_none() {
            return pages;
        }
    }
}

fn said_by_git(large: &Large, path: Option<&str>) -> HashSet<Oid> {
    let mut args = vec!["log", "--format=%H", "main"];
    args.extend(path.map(|path| ["--", path]).into_iter().flatten());
    let text = git(large.repo.git_dir(), &args);
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[track_caller]
fn is_what_git_says(large: &Large, path: Option<&str>, limit: usize) -> usize {
    let pages = pages(large, path, limit);
    let all: Vec<Oid> = pages.iter().flatten().copied().collect();
    let set: HashSet<Oid> = all.iter().copied().collect();
    assert_eq!(set.len(), all.len(), "a commit comes twice");
    assert!(set == said_by_git(large, path), "{path:?}");
    pages.len()
}

#[test]
fn ten_thousand_commits_are_shown_page_by_page() {
    let large = made(10_000, false);
    the_pages_are_together_what_git_shows(&large);
    a_late_page_costs_no_more_than_an_early_one(&large);
    for path in ["d3/f3", "d7", "no/where", "d3/f3/below"] {
        is_what_git_says(&large, Some(path), 7);
    }
    assert!(said_by_git(&large, Some("d3/f3")).len() > 10);
    for path in ["d3/f4", "d7/f7"] {
        let said = blamed_by_git(&large.repo, "main", path);
        assert_eq!(
            blamed(&large.repo, &large.main, path, 0..100),
            said,
            "{path}"
        );
    }
}

fn the_pages_are_together_what_git_shows(large: &Large) {
    let count = is_what_git_says(large, None, 97);
    assert!(count > 90, "{count} pages");
    // Newest first, and the same whatever the size of a page.
    let by_time: Vec<Oid> = pages(large, None, 200).concat();
    assert_eq!(by_time, pages(large, None, 333).concat());
    let times: Vec<i64> = by_time
        .iter()
        .step_by(50)
        .map(|oid| large.repo.commit_read(oid).unwrap().time)
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
}

#[test]
fn clocks_that_ran_backwards_make_no_gap_and_no_double() {
    let large = made(2_000, true);
    is_what_git_says(&large, None, 90);
    assert_eq!(
        pages(&large, None, 90).concat(),
        pages(&large, None, 20_000).concat()
    );
    for path in ["d0/f0", "d19"] {
        is_what_git_says(&large, Some(path), 7);
    }
    for path in ["d3/f4", "d7/f7"] {
        let said = blamed_by_git(&large.repo, "main", path);
        assert_eq!(
            blamed(&large.repo, &large.main, path, 0..100),
            said,
            "{path}"
        );
    }
}

fn a_late_page_costs_no_more_than_an_early_one(large: &Large) {
    let first = large.repo.history(&large.main, None, None, 9_000).unwrap();
    let late = first.next.unwrap();
    // What the page does not need is not there: the walk cannot have gone through it.
    let text = late.to_string();
    let start = text.split('.').next().unwrap();
    assert_eq!(start, large.main.to_string());
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("cut.git");
    Repo::create(&copy).unwrap();
    // The tip and the last thousand, nothing between.
    let below = &text.split('.').collect::<Vec<_>>()[5..];
    let mut objects = git_command(large.repo.git_dir(), &["rev-list", "--objects"])
        .args(below)
        .output()
        .unwrap()
        .stdout;
    objects.extend(format!("{start}\n").as_bytes());
    let mut pack = git_command(large.repo.git_dir(), &["pack-objects", "--stdout", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = pack.stdin.take().unwrap();
    let writing = std::thread::spawn(move || input.write_all(&objects));
    let index = git_command(&copy, &["index-pack", "--stdin"])
        .stdin(pack.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status();
    writing.join().unwrap().unwrap();
    assert!(pack.wait().unwrap().success() && index.unwrap().success());
    let cut = Repo::open(&copy).unwrap();
    let page = cut.history(&large.main, None, Some(&late), 50).unwrap();
    let whole = large
        .repo
        .history(&large.main, None, Some(&late), 50)
        .unwrap();
    assert_eq!(page.commits, whole.commits);
}

#[test]
fn cursors_that_were_not_given_out_are_refused() {
    let large = made(100, true);
    let page = large.repo.history(&large.main, None, None, 5).unwrap();
    let good = page.next.unwrap().to_string();
    let zero = "0".repeat(40);
    for bad in [
        "".to_owned(),
        ".".to_owned(),
        large.main.to_string(),
        format!("{good}."),
        format!("{good}.{zero}"),
        good.replace('.', ","),
        good.replacen(".5.", ".-5.", 1),
        good.replacen(".5.", ".99999999999999.", 1),
        format!("{}.0.5.x.{}", large.main, large.main),
        format!("{good}{}", format!(".{}", large.main).repeat(1000)),
        "\0".repeat(200),
        "é".repeat(200),
    ] {
        let parsed = bad.parse::<HistoryCursor>();
        // One that can be read may still name what is not there.
        if let Ok(cursor) = parsed {
            let asked = large.repo.history(&large.main, None, Some(&cursor), 5);
            assert!(
                matches!(asked, Err(WorkspaceError::Missing { .. })),
                "{bad}: {asked:?}"
            );
        }
    }
    let cursor: HistoryCursor = good.parse().unwrap();
    let other = large
        .repo
        .history(&large.main, Some(&rel("d1")), Some(&cursor), 5);
    assert!(
        matches!(other, Err(WorkspaceError::OtherCursor)),
        "{other:?}"
    );
    // Behind the end there is nothing.
    let far = format!("{}.0.4000000000.x", large.main).parse().unwrap();
    let end = large
        .repo
        .history(&large.main, None, Some(&far), 5)
        .unwrap();
    assert!(end.commits.is_empty() && end.next.is_none());
}

/// The commit of each line, as git says it.
fn blamed_by_git(repo: &Repo, rev: &str, path: &str) -> Vec<Oid> {
    let text = git(
        repo.git_dir(),
        &["blame", "--line-porcelain", rev, "--", path],
    );
    let is_head = |line: &&str| {
        let words: Vec<&str> = line.split(' ').collect();
        words.len() >= 3
            && words[0].len() == 40
            && words[1..].iter().all(|w| w.parse::<u32>().is_ok())
    };
    text.lines()
        .filter(is_head)
        .map(|line| line[..40].parse().unwrap())
        .collect()
}

fn blamed(repo: &Repo, from: &Oid, path: &str, wanted: std::ops::Range<usize>) -> Vec<Oid> {
    let Blame::Lines {
        ranges, commits, ..
    } = repo.blame(from, &rel(path), wanted).unwrap()
    else {
        panic!("no lines");
    };
    let mut lines = Vec::new();
    let mut next = ranges.first().map_or(0, |range| range.first);
    for range in ranges {
        assert_eq!(range.first, next, "no gap");
        next += range.lines;
        let commit = range.commit.unwrap();
        assert_eq!(commits[&commit].oid, commit);
        lines.extend(std::iter::repeat_n(commit, range.lines));
    }
    lines
}

#[test]
fn a_line_is_blamed_on_the_commit_that_git_blames() {
    let here = super::Fixture::new(&[write("a.txt", &numbered(0..60))]);
    let mut lines: Vec<String> = numbered(0..60).lines().map(|l| format!("{l}\n")).collect();
    let mut tips = vec![here.commit, here.commit];
    let mut time = 1_700_000_001;
    for round in 0..80_usize {
        let which = round % 2;
        let at = (round * 37 + which * 11) % lines.len();
        match round % 5 {
            0 => lines.insert(at, format!("inserted {round}\n")),
            1 => {
                lines.remove(at);
            }
            2 => lines.truncate(lines.len() - 1),
            3 => lines.insert(0, format!("first {round}\n")),
            _ => lines[at] = format!("changed {round}\n"),
        }
        let mut parents = vec![tips[which]];
        if round % 9 == 8 {
            parents.push(tips[1 - which]);
        }
        let tree = here
            .repo
            .tree_build(None, &[write("a.txt", &lines.concat())])
            .unwrap();
        let mut new = new_commit(tree, &parents, &format!("round {round}"));
        time += 7;
        new.time = time;
        tips[which] = here.repo.commit(&new, None).unwrap();
    }
    for tip in tips {
        let said = blamed_by_git(&here.repo, &tip.to_string(), "a.txt");
        assert!(said.iter().collect::<HashSet<_>>().len() > 15);
        assert_eq!(blamed(&here.repo, &tip, "a.txt", 0..usize::MAX), said);
        assert_eq!(blamed(&here.repo, &tip, "a.txt", 10..30), said[10..30]);
    }
}

fn numbered(range: std::ops::Range<usize>) -> String {
    range.map(|i| format!("line {i}\n")).collect()
}

#[test]
fn what_has_no_lines_is_not_blamed() {
    let here = super::Fixture::new(&[
        write("empty", ""),
        write("binary", "a\0b"),
        write("large", &"x\n".repeat(2 << 20)),
        write("folder/x", "no end"),
    ]);
    let blame = |path: &str| here.repo.blame(&here.commit, &rel(path), 0..10).unwrap();
    assert!(matches!(blame("empty"), Blame::Lines { total: 0, ranges, .. } if ranges.is_empty()));
    assert_eq!(blame("binary"), Blame::NotText);
    assert_eq!(blame("large"), Blame::NotText);
    assert_eq!(blame("folder"), Blame::NoFile);
    assert_eq!(blame("folder/y"), Blame::NoFile);
    assert!(matches!(blame("folder/x"), Blame::Lines { total: 1, .. }));
    let far = here
        .repo
        .blame(&here.commit, &rel("folder/x"), 5..9)
        .unwrap();
    assert!(matches!(far, Blame::Lines { total: 1, ranges, .. } if ranges.is_empty()));
}

#[test]
fn a_ladder_of_merges_is_blamed_in_time() {
    // Two ways at each rung: a search that goes each way apart would take two to the power of 100.
    let here = super::Fixture::new(&[write("a", &numbered(0..200))]);
    let mut lines: Vec<String> = numbered(0..200).lines().map(|l| format!("{l}\n")).collect();
    let commit = |lines: &[String], parents: &[Oid], time: i64| {
        let tree = here
            .repo
            .tree_build(None, &[write("a", &lines.concat())])
            .unwrap();
        let mut new = new_commit(tree, parents, "rung");
        new.time = time;
        here.repo.commit(&new, None).unwrap()
    };
    let mut tip = here.commit;
    for rung in 0..100 {
        let time = 1_700_000_000 + rung as i64 * 10;
        let sides = [0, 1].map(|which| {
            let mut changed = lines.clone();
            changed[rung * 2 + which] = format!("{rung} {which}\n");
            commit(&changed, &[tip], time + which as i64)
        });
        for which in 0..2 {
            lines[rung * 2 + which] = format!("{rung} {which}\n");
        }
        tip = commit(&lines, &sides, time + 5);
    }
    let found = blamed(&here.repo, &tip, "a", 0..200);
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), 200);
    assert_eq!(found, blamed_by_git(&here.repo, &tip.to_string(), "a"));
}
