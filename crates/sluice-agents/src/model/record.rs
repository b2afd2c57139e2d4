//! Over the network, with every exchange kept in a file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use super::cassette::{Asked, Cassette, End};
use super::key::Key;
use super::transport::{Came, Transport, Wanted};
use super::trouble::Trouble;

/// An exchange that is longer is kept up to here only, in bytes.
const KEPT: usize = 64 << 20;

/// Records what another transport carries.
pub(super) struct Record {
    inner: Box<dyn Transport>,
    folder: PathBuf,
    key: Option<Key>,
}

impl Record {
    /// Records into a folder, which is made.
    pub(super) fn new(
        inner: Box<dyn Transport>,
        folder: PathBuf,
        key: Option<Key>,
    ) -> Result<Record, String> {
        fs::create_dir_all(&folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        Ok(Record { inner, folder, key })
    }
}

#[async_trait]
impl Transport for Record {
    async fn send(&self, wanted: &Wanted) -> Result<Came, Trouble> {
        let began = Instant::now();
        let came = self.inner.send(wanted).await?;
        let tape = Tape {
            cassette: Cassette {
                asked: Asked::new(&wanted.url, &wanted.body),
                status: came.status,
                headers: came.headers.clone(),
                pieces: Vec::new(),
                end: End::Left,
            },
            bytes: 0,
            began,
            folder: self.folder.clone(),
            key: self.key.clone(),
        };
        Ok(Came {
            pieces: tape.over(came.pieces).boxed(),
            ..came
        })
    }
}

/// What is recorded so far. It is written when the exchange ends, however it ends.
struct Tape {
    cassette: Cassette,
    bytes: usize,
    began: Instant,
    folder: PathBuf,
    key: Option<Key>,
}

impl Tape {
    fn over(
        self,
        pieces: impl Stream<Item = Result<Bytes, Trouble>> + Send + Unpin + 'static,
    ) -> impl Stream<Item = Result<Bytes, Trouble>> + Send + 'static {
        stream::unfold((self, pieces), async |(mut tape, mut pieces)| {
            let piece = pieces.next().await;
            match &piece {
                Some(Ok(bytes)) => {
                    tape.bytes += bytes.len();
                    if tape.bytes <= KEPT {
                        let ms = tape.began.elapsed().as_millis();
                        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
                        tape.cassette.pieces.push((ms, bytes.to_vec()));
                    }
                }
                Some(Err(trouble)) => {
                    let what = match trouble {
                        Trouble::Passing { what, .. }
                        | Trouble::Broken(what)
                        | Trouble::Wrong(what) => what.clone(),
                        Trouble::TooLong => "too long".to_owned(),
                    };
                    tape.cassette.end = End::Broken { what };
                }
                None => tape.cassette.end = End::Whole,
            }
            Some((piece?, (tape, pieces)))
        })
    }

    /// Beside, synced, renamed: a file under its own name is whole.
    fn write(&self) -> io::Result<()> {
        let text = self.cassette.to_text(self.key.as_ref().map(Key::expose));
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        let mut n = count(&self.folder)?;
        loop {
            let name = format!("{n:04}-{}.jsonl", &self.cassette.asked.sha256[..8]);
            match file.persist_noclobber(self.folder.join(name)) {
                Ok(_) => return Ok(()),
                Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = failed.file;
                    n += 1;
                }
                Err(failed) => return Err(failed.error),
            }
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if let Err(error) = self.write() {
            let folder = self.folder.display();
            tracing::error!(%folder, %error, "an exchange with a model could not be recorded");
        }
    }
}

/// How many cassettes a folder has.
fn count(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let is_one = entry?.path().extension() == Some("jsonl".as_ref());
        count += usize::from(is_one);
    }
    Ok(count)
}
