//! The lines of a file that come nearest to what an edit looked for and did not find.

use serde::{Deserialize, Serialize};

use super::text::{Level, Numbers, Text};

/// Lines shown at most.
const SHOWN: usize = 12;
/// Characters shown of one line at most.
const CHARS: usize = 160;
/// Places at which one line is looked up at most.
const PLACES: usize = 64;

/// Lines of a file that resemble what was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nearest {
    /// The number of the first of them, from 1.
    pub line: usize,
    /// The lines as the file has them, cut where they are long.
    pub lines: Vec<String>,
    /// The first line, from 1, that is not what was looked for.
    pub differs: usize,
    /// What was looked for there, cut where it is long.
    pub wanted: String,
}

/// The nearest lines; `None` in an empty file, or where nothing is alike.
pub(crate) fn nearest(text: &Text, old: &[&str], numbers: &Numbers) -> Option<Nearest> {
    let start = by_equal_lines(text, old, numbers).or_else(|| by_alike_line(text, old))?;
    let same = |at: usize, old: &&str| {
        text.lines
            .get(at)
            .is_some_and(|line| Level::Trailing.key(&line.raw) == Level::Trailing.key(old))
    };
    let differs = old
        .iter()
        .enumerate()
        .position(|(i, old)| !same(start + i, old))
        .unwrap_or(0);
    // Long ones are shown from shortly before the first difference.
    let from = match old.len() > SHOWN {
        true => start + differs.saturating_sub(3),
        false => start,
    };
    let from = from.min(text.lines.len().saturating_sub(1));
    let until = (start + old.len())
        .clamp(from + 1, from + SHOWN)
        .min(text.lines.len());
    Some(Nearest {
        line: from + 1,
        lines: text.lines[from..until]
            .iter()
            .map(|line| shown(&line.raw))
            .collect(),
        differs: start + differs + 1,
        wanted: old.get(differs).map(|line| shown(line)).unwrap_or_default(),
    })
}

/// The start for which the most lines stand where they should, counted by their length: short ones are everywhere.
fn by_equal_lines(text: &Text, old: &[&str], numbers: &Numbers) -> Option<usize> {
    let mut wanted: std::collections::HashMap<u32, Vec<usize>> = std::collections::HashMap::new();
    for (i, line) in old.iter().enumerate() {
        let number = numbers.known(Level::Indent.key(line));
        let is_word = line.trim().len() > 2;
        if number != Numbers::NONE && is_word {
            let at = wanted.entry(number).or_default();
            if at.len() < PLACES {
                at.push(i);
            }
        }
    }
    let mut votes: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    let mut seen: std::collections::HashMap<u32, usize> = std::collections::HashMap::new();
    for (at, line) in text.lines.iter().enumerate() {
        let number = line.number(Level::Indent);
        let Some(places) = wanted.get(&number) else {
            continue;
        };
        let times = seen.entry(number).or_default();
        *times += 1;
        if *times > PLACES {
            continue;
        }
        for i in places {
            if let Some(start) = at.checked_sub(*i) {
                *votes.entry(start).or_default() += line.raw.trim().len().min(80);
            }
        }
    }
    let best = votes
        .into_iter()
        .max_by_key(|(start, votes)| (*votes, usize::MAX - start));
    best.map(|(start, _)| start)
}

/// The start at which the longest line that was looked for meets the line that shares the most pairs of characters
/// with it.
fn by_alike_line(text: &Text, old: &[&str]) -> Option<usize> {
    let (i, longest) = old
        .iter()
        .enumerate()
        .max_by_key(|(i, line)| (line.trim().len(), usize::MAX - i))?;
    let wanted = pairs(longest);
    let alike = text
        .lines
        .iter()
        .enumerate()
        .map(|(at, line)| (share(&pairs(&line.raw), &wanted), at));
    let (share, at) = alike.max_by_key(|(share, at)| (*share, usize::MAX - at))?;
    (share >= 300).then(|| at.saturating_sub(i))
}

/// The pairs of neighbouring bytes of a line, as a set of 256.
fn pairs(line: &str) -> [u64; 4] {
    let mut set = [0; 4];
    let line = line.trim().as_bytes();
    for pair in line[..line.len().min(200)].windows(2) {
        let hash = u32::from(pair[0])
            .wrapping_mul(31)
            .wrapping_add(u32::from(pair[1]))
            & 255;
        set[hash as usize / 64] |= 1 << (hash % 64);
    }
    set
}

/// How much of two sets is in both, in thousandths.
fn share(one: &[u64; 4], other: &[u64; 4]) -> u32 {
    let count = |set: [u64; 4]| set.iter().map(|part| part.count_ones()).sum::<u32>();
    let both = count(std::array::from_fn(|i| one[i] & other[i]));
    let any = count(std::array::from_fn(|i| one[i] | other[i]));
    both * 1000 / any.max(1)
}

fn shown(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    match line.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Paths of a base that resemble one that it does not have, the most alike first; at most three.
pub(crate) fn paths(path: &str, all: &[String]) -> Vec<String> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let (wanted, wanted_name) = (pairs(&path.to_lowercase()), name(path));
    let mut alike: Vec<(u32, &String)> = all
        .iter()
        .filter_map(|other| {
            let alike = share(&pairs(&other.to_lowercase()), &wanted);
            let share = alike + if name(other) == wanted_name { 1000 } else { 0 };
            (share >= 450).then_some((share, other))
        })
        .collect();
    alike.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    alike
        .into_iter()
        .take(3)
        .map(|(_, path)| path.clone())
        .collect()
}
