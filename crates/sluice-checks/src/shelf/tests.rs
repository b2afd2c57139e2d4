//! What stays in a bounded folder, and what goes.

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    shelf: Shelf,
    home: PathBuf,
}

impl Place {
    fn new(bound: u64) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let shelf = Shelf::new(home.clone(), bound);
        Place {
            _folder: folder,
            shelf,
            home,
        }
    }

    /// Files of 10 bytes, the first one used last long ago.
    fn fill(&self, names: &[&str]) {
        let ago = SystemTime::now() - Duration::from_secs(3_600);
        for (at, name) in (0..).zip(names) {
            let path = self.home.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "0123456789").unwrap();
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(ago + Duration::from_secs(at)).unwrap();
        }
    }

    fn sweep(&self) -> Vec<String> {
        let mut gone = Vec::new();
        let remove = |item: &Item| {
            gone.push(
                item.path
                    .strip_prefix(&self.home)
                    .unwrap()
                    .display()
                    .to_string(),
            );
            disk::remove(&item.path)
        };
        self.shelf.sweep(files(&self.home), remove).unwrap();
        gone.sort();
        gone
    }
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let place = Place::new(30);
    place.fill(&["aa/1", "bb/2", "cc/3"]);
    assert_eq!(place.sweep(), Vec::<String>::new());
    place.fill(&["aa/1", "bb/2", "cc/3", "cc/4", "dd/5"]);
    assert!(mark(&place.home.join("aa/1")));
    assert_eq!(place.sweep(), ["bb/2", "cc/3"]);
    assert!(!mark(&place.home.join("bb/2")));
}

#[tokio::test]
async fn what_a_run_uses_stays_past_the_bound() {
    let place = Place::new(0);
    place.fill(&["aa/1", "bb/2"]);
    let going = place.shelf.begin(&never()).await.unwrap();
    assert!(mark(&place.home.join("aa/1")));
    assert_eq!(place.sweep(), ["bb/2"]);
    // A later run does not end the protection of the earlier one's.
    let later = place.shelf.begin(&never()).await.unwrap();
    drop(later);
    assert_eq!(place.sweep(), Vec::<String>::new());
    drop(going);
    assert_eq!(place.sweep(), ["aa/1"]);
}

#[tokio::test]
async fn what_was_used_since_it_was_listed_stays() {
    let place = Place::new(0);
    place.fill(&["aa/1"]);
    let listed = files(&place.home);
    let going = place.shelf.begin(&never()).await.unwrap();
    assert!(mark(&place.home.join("aa/1")));
    let none = |item: &Item| panic!("{item:?} was in use");
    place.shelf.sweep(listed.clone(), none).unwrap();
    drop(going);
    place.shelf.sweep(listed, none).unwrap();
    assert_eq!(place.sweep(), ["aa/1"]);
}

#[tokio::test]
async fn the_mark_of_a_killed_run_protects_nothing() {
    let place = Place::new(0);
    place.fill(&["aa/1"]);
    let going = place.shelf.begin(&never()).await.unwrap();
    assert!(mark(&place.home.join("aa/1")));
    // As if the process had been killed: the file stays, and its lock goes.
    let (file, path) = going._file.keep().unwrap();
    drop(file);
    assert_eq!(place.sweep(), ["aa/1"]);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_was_being_written_by_a_killed_run_goes() {
    let place = Place::new(1_000);
    place.fill(&["aa/1", "aa/.tmpX", ".tmpY"]);
    let going = place.shelf.begin(&never()).await.unwrap();
    fs::write(place.home.join(".tmpZ"), "of this run").unwrap();
    assert_eq!(place.sweep(), [".tmpY", "aa/.tmpX"]);
    drop(going);
    assert_eq!(place.sweep(), [".tmpZ"]);
}

#[tokio::test]
async fn nothing_goes_while_it_is_looked_up() {
    let place = Place::new(0);
    place.fill(&["aa/1"]);
    let reading = place.shelf.reading(&never()).await.unwrap();
    let others = place.shelf.reading(&never()).await.unwrap();
    drop(others);
    let cancel = never();
    let swept = std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| place.sweep());
        while place.shelf.lock_file().unwrap().try_lock_shared().is_err() {
            std::thread::yield_now();
        }
        assert!(place.home.join("aa/1").exists());
        drop(reading);
        sweeping.join().unwrap()
    });
    assert_eq!(swept, ["aa/1"]);
    drop(place.shelf.reading(&cancel).await.unwrap());
}
