//! Every way to change a watched folder is told of; looking at it is not.

use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{Covered, Touched, Watch};

const DEADLINE: Duration = Duration::from_secs(10);

fn until(told: &Receiver<Touched>, name: &str) {
    loop {
        match told.recv_timeout(DEADLINE) {
            Ok(Touched::One(one)) if one == name => return,
            Ok(_) => {}
            Err(_) => panic!("nobody told of {name}"),
        }
    }
}

#[test]
fn a_change_is_told_of_and_a_look_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (tell, told) = channel();
    let mut watch = Watch::start(root, move |touched| {
        let _ = tell.send(touched);
    })
    .unwrap();
    fs::create_dir(root.join("p")).unwrap();
    until(&told, "p");
    let folders = ["".to_owned(), "src".to_owned()];
    fs::create_dir(root.join("p/src")).unwrap();
    assert_eq!(watch.cover("p", &folders).unwrap(), Covered::More);
    assert_eq!(watch.cover("p", &folders).unwrap(), Covered::Already);
    fs::write(root.join("p/src/a"), "a").unwrap();
    until(&told, "p");
    // A folder that is made anew under its old name is watched again.
    fs::remove_dir_all(root.join("p/src")).unwrap();
    fs::create_dir(root.join("p/src")).unwrap();
    until(&told, "p");
    let mut again = watch.cover("p", &folders).unwrap();
    let start = std::time::Instant::now();
    while again == Covered::Already && start.elapsed() < DEADLINE {
        again = watch.cover("p", &folders).unwrap();
    }
    assert_eq!(again, Covered::More);
    fs::create_dir(root.join("q")).unwrap();
    until(&told, "q");
    fs::write(root.join("p/src/b"), "b").unwrap();
    until(&told, "p");
    // Drained: what is told from here on is of what follows.
    fs::write(root.join("p/src/end"), "").unwrap();
    until(&told, "p");
    fs::create_dir(root.join("mark-1")).unwrap();
    until(&told, "mark-1");
    assert_eq!(fs::read_dir(root.join("p/src")).unwrap().count(), 2);
    assert_eq!(fs::read(root.join("p/src/b")).unwrap(), b"b");
    fs::create_dir(root.join("mark-2")).unwrap();
    loop {
        match told.recv_timeout(DEADLINE).unwrap() {
            Touched::One(name) if name == "mark-2" => break,
            Touched::One(name) if name == "mark-1" => {}
            other => panic!("reading was taken for a change: {other:?}"),
        }
    }
    assert_eq!(watch.cover("p", &[]).unwrap(), Covered::Already);
    assert!(watch.is_empty());
}

#[test]
fn a_folder_that_is_gone_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut watch = Watch::start(folder.path(), |_| {}).unwrap();
    let outcome = watch.cover("nowhere", &["".to_owned()]).unwrap();
    assert_eq!((outcome, watch.len()), (Covered::Already, 0));
}
