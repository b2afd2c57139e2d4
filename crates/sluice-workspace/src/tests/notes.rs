//! Notes are read by the git program, put once whatever is repeated, and not lost to each other.

use super::{Fixture, identity, new_commit, write};
use crate::{Moved, Oid};

const NOTES: &str = "refs/notes/receipts";

fn put(fixture: &Fixture, of: &Oid, text: &str) -> Moved {
    let by = identity();
    let put = fixture
        .repo
        .note_put(NOTES, of, text.as_bytes(), &by, 1_700_000_000);
    put.unwrap()
}

#[test]
fn git_shows_a_note_that_was_put_and_a_repeat_changes_nothing() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let of = fixture.commit.to_string();
    assert_eq!(
        fixture.repo.note_read(NOTES, &fixture.commit).unwrap(),
        None
    );
    assert_eq!(put(&fixture, &fixture.commit, "one\n"), Moved::Done);
    let head = fixture.repo.ref_get(NOTES).unwrap();
    assert_eq!(put(&fixture, &fixture.commit, "one\n"), Moved::Already);
    assert_eq!(fixture.repo.ref_get(NOTES).unwrap(), head);
    let show = |of: &str| fixture.git(&["notes", "--ref=receipts", "show", of]);
    assert_eq!(show(&of), "one\n");
    assert_eq!(put(&fixture, &fixture.commit, "two\n"), Moved::Done);
    assert_eq!(show(&of), "two\n");
    // Beside one that git keeps.
    let second = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[fixture.commit], "second"), None)
        .unwrap();
    fixture.git(&[
        "notes",
        "--ref=receipts",
        "add",
        "-m",
        "git's",
        &second.to_string(),
    ]);
    assert_eq!(show(&of), "two\n");
    assert_eq!(show(&second.to_string()), "git's\n");
    let read = fixture.repo.note_read(NOTES, &fixture.commit).unwrap();
    assert_eq!(read.as_deref(), Some(b"two\n".as_slice()));
    assert_eq!(put(&fixture, &second, "ours\n"), Moved::Done);
    assert_eq!(show(&second.to_string()), "ours\n");
    fixture.fsck();
}

#[test]
fn notes_that_are_put_at_one_time_are_all_kept() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let commits: Vec<Oid> = (0..6)
        .map(|n| {
            let new = new_commit(fixture.tree, &[], &format!("number {n}"));
            fixture.repo.commit(&new, None).unwrap()
        })
        .collect();
    std::thread::scope(|scope| {
        for of in &commits {
            scope.spawn(|| put(&fixture, of, &of.to_string()));
        }
    });
    for of in &commits {
        let read = fixture.repo.note_read(NOTES, of).unwrap().unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), of.to_string());
    }
    fixture.fsck();
}
