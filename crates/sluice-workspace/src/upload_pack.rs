//! Serves clone and fetch: git's upload-pack, protocols 0 and 2, as one request and one answer of smart HTTP.
//!
//! Written after gitprotocol-http(5), gitprotocol-pack(5) and gitprotocol-v2(5). Nothing of the repository is
//! changed, no program is started, and what is not under a visible ref cannot be had.

mod history;
mod negotiate;
mod pack;
mod pkt;
mod refs;
mod request;

use crate::{Repo, WorkspaceError};

use history::{Depth, History};
use negotiate::Negotiated;
use pkt::Line;
use refs::Refs;
use request::{Command, Fetch};

/// Which of git's wire protocols a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireProtocol {
    /// The first one; libgit2 and git before 2.26.
    V0,
    /// What git has spoken by default since 2.26.
    V2,
}

impl WireProtocol {
    /// Of the header `Git-Protocol` (`version=2`, parts separated by `:`). Version 1 is answered as 0, as
    /// gitprotocol-v2 allows.
    pub fn of_header(header: Option<&str>) -> Self {
        let parts = header.unwrap_or_default().split(':');
        match parts.map(str::trim).any(|part| part == "version=2") {
            true => Self::V2,
            false => Self::V0,
        }
    }
}

/// Takes the answer piece by piece; `false` when the client is gone.
pub(crate) type Out<'a> = dyn FnMut(Vec<u8>) -> bool + 'a;

impl Repo {
    /// The answer to `GET …/info/refs?service=git-upload-pack`. Refs below a prefix of `hidden` are not shown.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn upload_pack_advertise(
        &self,
        protocol: WireProtocol,
        hidden: &[&str],
    ) -> Result<Vec<u8>, WorkspaceError> {
        let mut out = Vec::new();
        match protocol {
            WireProtocol::V2 => refs::capabilities_v2(&mut out),
            WireProtocol::V0 => Refs::read(self, hidden)?.advertise_v0(&mut out),
        }
        Ok(out)
    }

    /// The answer to `POST …/git-upload-pack` with `body`. What is wrong with the request is said in git's own
    /// way (`ERR`), so that the person at the client reads it.
    ///
    /// # Errors
    /// A repository that cannot be read. Pieces may be out already; the client sees a cut-off answer.
    pub fn upload_pack(
        &self,
        protocol: WireProtocol,
        hidden: &[&str],
        body: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), WorkspaceError> {
        match self.answer(protocol, hidden, body, out) {
            Err(WorkspaceError::Protocol { message }) => {
                let mut line = Vec::new();
                pkt::text(&mut line, &format!("ERR {message}\n"));
                out(line);
                Ok(())
            }
            answered => answered,
        }
    }

    fn answer(
        &self,
        protocol: WireProtocol,
        hidden: &[&str],
        body: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), WorkspaceError> {
        let lines = pkt::lines(body)?;
        let command = match protocol {
            WireProtocol::V0 => request::read_v0(&lines)?.map(Command::Fetch),
            WireProtocol::V2 => request::read_v2(&lines)?,
        };
        match command {
            // A client that has all it wants says nothing but a flush.
            None => Ok(()),
            Some(Command::LsRefs(wanted)) => {
                let mut listed = Vec::new();
                Refs::read(self, hidden)?.list_v2(&wanted, &mut listed);
                out(listed);
                Ok(())
            }
            Some(Command::Fetch(fetch)) => self.fetch(protocol, hidden, &fetch, out),
        }
    }

    fn fetch(
        &self,
        protocol: WireProtocol,
        hidden: &[&str],
        fetch: &Fetch,
        out: &mut Out<'_>,
    ) -> Result<(), WorkspaceError> {
        let repo = self.raw()?;
        let refs = Refs::read(self, hidden)?;
        let mut history = History::new(&repo, fetch.shallow.iter().copied());
        refs.wants_check(&fetch.wants, &mut history)?;
        let tips = refs.commits_of(&repo, &fetch.wants)?;
        let depth = Depth::of(fetch, &refs)?;
        let cut = history.cut(&tips, depth)?;
        let negotiated = Negotiated::of(&repo, &mut history, &tips, &fetch.haves)?;

        let mut head = Vec::new();
        let goes_on = match protocol {
            WireProtocol::V0 => {
                if fetch.deepens() {
                    cut.tell(&fetch.shallow, &mut head);
                    pkt::flush(&mut head);
                }
                negotiated.tell_v0(fetch, &mut head)
            }
            WireProtocol::V2 => {
                let goes_on = negotiated.tell_v2(fetch, &mut head);
                if goes_on && fetch.deepens() {
                    pkt::text(&mut head, "shallow-info\n");
                    cut.tell(&fetch.shallow, &mut head);
                    pkt::delimiter(&mut head);
                }
                if goes_on {
                    pkt::text(&mut head, "packfile\n");
                }
                goes_on
            }
        };
        if !out(head) || !goes_on {
            return Ok(());
        }
        let commits = history.needed(&tips, &cut, &negotiated.common)?;
        pack::send(&repo, &refs, fetch, protocol, &commits, out)
    }
}

/// Something that the client said and that is not understood, for the person there.
fn protocol_error(message: impl Into<String>) -> WorkspaceError {
    WorkspaceError::Protocol {
        message: message.into(),
    }
}

/// The text of a data line, without its line break.
fn text_of<'a>(line: &Line<'a>) -> Option<&'a str> {
    match line {
        Line::Data(bytes) => std::str::from_utf8(bytes)
            .ok()
            .map(|text| text.strip_suffix('\n').unwrap_or(text)),
        Line::Flush | Line::Delimiter => None,
    }
}
