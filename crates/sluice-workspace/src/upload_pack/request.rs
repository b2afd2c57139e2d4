//! What a client asks: the refs, or the objects below some of them.

use std::collections::HashSet;

use super::pkt::Line;
use super::{protocol_error, text_of};
use crate::{Oid, WorkspaceError};

/// More wants or haves than this are refused: no honest client sends them in one request.
const MOST_OIDS: usize = 100_000;

/// What is asked.
#[derive(Debug)]
pub(super) enum Command {
    LsRefs(Wanted),
    Fetch(Fetch),
}

/// How refs are to be listed.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) peel: bool,
    pub(super) symrefs: bool,
    pub(super) unborn: bool,
    /// Only names that begin with one of these; all when empty.
    pub(super) prefixes: Vec<String>,
}

/// Which objects are to be sent.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    pub(super) wants: Vec<Oid>,
    pub(super) haves: Vec<Oid>,
    /// The client's commits whose parents it does not have.
    pub(super) shallow: HashSet<Oid>,
    /// At most so many commits deep; the wants are 1 deep.
    pub(super) depth: Option<u32>,
    /// Count the depth from where the client's history ends.
    pub(super) depth_is_relative: bool,
    /// No commits older than this, seconds since 1970.
    pub(super) since: Option<i64>,
    /// No commits that these refs reach.
    pub(super) not: Vec<String>,
    pub(super) done: bool,
    /// Protocol 0: something follows the wants. A client that only asks where its history would be cut ends there.
    pub(super) negotiates: bool,
    pub(super) no_progress: bool,
    pub(super) include_tag: bool,
    /// Protocol 0: the client understands `ACK … common`.
    pub(super) multi_ack_detailed: bool,
    /// Bytes of pack data a line, when it is sent in a side band.
    pub(super) side_band: Option<usize>,
}

impl Fetch {
    /// Whether the answer says where the history is cut.
    pub(super) fn deepens(&self) -> bool {
        self.depth.is_some() || self.since.is_some() || !self.not.is_empty()
    }

    /// Takes one argument; `false` when it is none that both protocols have.
    fn take(&mut self, text: &str) -> Result<bool, WorkspaceError> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "want" => push(&mut self.wants, rest)?,
            "have" => push(&mut self.haves, rest)?,
            "shallow" => {
                self.shallow.insert(oid(rest)?);
                few(self.shallow.len())?;
            }
            "deepen" => {
                let depth = number(rest, "deepen")?;
                // Git's word for "all of it" is the largest number; 0 takes the request back.
                self.depth = (depth > 0).then_some(depth);
            }
            "deepen-since" => self.since = Some(number(rest, "deepen-since")?),
            "deepen-not" => self.not.push(rest.to_owned()),
            "done" => self.done = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A request of protocol 0; `None` when nothing is wanted.
pub(super) fn read_v0(lines: &[Line<'_>]) -> Result<Option<Fetch>, WorkspaceError> {
    let first_flush = lines.iter().position(|line| *line == Line::Flush);
    let mut fetch = Fetch {
        negotiates: first_flush.is_some_and(|at| at + 1 < lines.len()),
        ..Fetch::default()
    };
    for line in lines {
        let Some(mut text) = text_of(line) else {
            continue;
        };
        if text.starts_with("want ") && fetch.wants.is_empty() && text.len() > 45 {
            let (want, words) = text.split_at_checked(45).unwrap_or((text, ""));
            for word in words.split(' ').filter(|word| !word.is_empty()) {
                match word {
                    "multi_ack_detailed" => fetch.multi_ack_detailed = true,
                    "side-band-64k" => fetch.side_band = Some(65_515),
                    "side-band" => fetch.side_band = fetch.side_band.or(Some(995)),
                    "no-progress" => fetch.no_progress = true,
                    "include-tag" => fetch.include_tag = true,
                    "deepen-relative" => fetch.depth_is_relative = true,
                    // `ofs-delta`, `agent=…` and the like ask for nothing that is not so anyway.
                    _ => {}
                }
            }
            text = want;
        }
        if !fetch.take(text)? {
            return Err(unknown(text));
        }
    }
    Ok((!fetch.wants.is_empty()).then_some(fetch))
}

/// A request of protocol 2; `None` when it is only a flush.
pub(super) fn read_v2(lines: &[Line<'_>]) -> Result<Option<Command>, WorkspaceError> {
    let mut lines = lines.iter();
    let Some(first) = lines.next().and_then(text_of) else {
        return Ok(None);
    };
    // Capabilities up to the delimiter: only the object format can be wrong.
    let mut arguments = Vec::new();
    let mut is_argument = false;
    for line in lines {
        match (line, text_of(line)) {
            (Line::Delimiter, _) => is_argument = true,
            (_, Some(text)) if is_argument => arguments.push(text),
            (_, Some(text)) => {
                if text
                    .strip_prefix("object-format=")
                    .is_some_and(|format| format != "sha1")
                {
                    return Err(protocol_error("the object format here is sha1"));
                }
            }
            (Line::Flush, _) => break,
            (Line::Data(_), None) => return Err(protocol_error("an argument is not UTF-8")),
        }
    }
    match first {
        "command=ls-refs" => {
            let mut wanted = Wanted::default();
            for argument in arguments {
                match argument.split_once(' ').unwrap_or((argument, "")) {
                    ("peel", "") => wanted.peel = true,
                    ("symrefs", "") => wanted.symrefs = true,
                    ("unborn", "") => wanted.unborn = true,
                    ("ref-prefix", prefix) => wanted.prefixes.push(prefix.to_owned()),
                    _ => return Err(unknown(argument)),
                }
                few(wanted.prefixes.len())?;
            }
            Ok(Some(Command::LsRefs(wanted)))
        }
        "command=fetch" => {
            let mut fetch = Fetch {
                side_band: Some(65_515),
                ..Fetch::default()
            };
            for argument in arguments {
                match argument {
                    "thin-pack" | "ofs-delta" => {}
                    "no-progress" => fetch.no_progress = true,
                    "include-tag" => fetch.include_tag = true,
                    "deepen-relative" => fetch.depth_is_relative = true,
                    other if fetch.take(other)? => {}
                    other => return Err(unknown(other)),
                }
            }
            if fetch.wants.is_empty() {
                return Err(protocol_error("fetch wants nothing"));
            }
            Ok(Some(Command::Fetch(fetch)))
        }
        other => Err(unknown(other)),
    }
}

fn unknown(text: &str) -> WorkspaceError {
    let shown: String = text.chars().take(60).collect();
    protocol_error(format!("{shown:?} is not understood here"))
}

fn oid(text: &str) -> Result<Oid, WorkspaceError> {
    text.parse()
        .map_err(|_| protocol_error("an object id has 40 hexadecimal digits"))
}

fn push(oids: &mut Vec<Oid>, text: &str) -> Result<(), WorkspaceError> {
    oids.push(oid(text)?);
    few(oids.len())
}

fn few(count: usize) -> Result<(), WorkspaceError> {
    match count > MOST_OIDS {
        true => Err(protocol_error("the request names too many objects")),
        false => Ok(()),
    }
}

fn number<T: std::str::FromStr>(text: &str, word: &str) -> Result<T, WorkspaceError> {
    text.parse()
        .map_err(|_| protocol_error(format!("{word} needs a number")))
}
