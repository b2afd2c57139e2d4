//! Sentences that name the file that follows: `Create x`, `Here is the updated x:`, `Code for x:`.
//!
//! The whole file is replaced by the block, so a sentence counts only when it is about the whole file: not
//! "add this import to x", not "the tests for x".

use super::is_bracketed;
use super::words::{
    NOISE, TITLES, changes, creates, is_about_use, is_about_what_was, is_fragment, is_place,
    is_topic, leads,
};
use crate::pathlike::{clean, is_path_like};

/// The one file that the sentence says the block is.
pub(super) fn told(text: &str) -> Option<String> {
    let text = text.replace("**", "");
    if text.ends_with(['.', '!', '?']) {
        return None;
    }
    let mut before = Vec::new();
    let mut after = Vec::new();
    let mut path: Option<&str> = None;
    for (raw, word) in text.split_whitespace().zip(words(&text)) {
        if is_path_like(word) {
            if path.replace(word).is_some() {
                return None;
            }
            continue;
        }
        let low = raw
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        if !low.is_empty() {
            if path.is_none() {
                &mut before
            } else {
                &mut after
            }
            .push(low);
        }
    }
    let path = path?;
    let colon = text.trim_end_matches(['*', ' ']).ends_with(':');
    let said = is_order(&before, &after)
        || is_shown(&before, &after, colon)
        || (colon && after.is_empty() && is_place_alone(&before))
        || is_title(&text, path, &before)
        || (colon
            && before.len() <= 4
            && is_bracketed(&text, path)
            && !before.iter().any(|word| is_about_use(word)));
    said.then(|| path.to_owned())
}

/// Words without the punctuation and quotes around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| {
        let word = word.trim_matches(['`', '"', '\'', '*', ',', ';', ':', '“', '”']);
        let bare = word
            .strip_prefix('(')
            .and_then(|w| w.strip_suffix(')'))
            .unwrap_or(word);
        clean(bare.trim_matches('`'))
    })
}

fn is_noise(word: &str) -> bool {
    NOISE.contains(&word) || word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// `Now create a new file x with this content`, `Update x`, `Add x`, `Save this as x`.
fn is_order(before: &[String], after: &[String]) -> bool {
    let Some(at) = before.iter().position(|word| !leads(word)) else {
        return false;
    };
    let verb = before[at].as_str();
    let object = &before[at + 1..];
    let none = |words: &[String], wrong: fn(&str) -> bool| !words.iter().any(|word| wrong(word));
    let whole = none(object, is_fragment) && none(object, is_about_use);
    if creates(verb) {
        return whole && none(object, is_topic);
    }
    let placed = object.iter().any(|word| is_place(word) || is_topic(word));
    if verb == "add" || verb == "adding" || verb == "added" {
        return whole && !placed;
    }
    changes(verb)
        && whole
        && none(after, is_fragment)
        && (!placed || object.iter().all(|word| is_noise(word) || is_place(word)))
}

/// `Here is the updated x:`, `The contents of x:`, `Then x:`.
fn is_shown(before: &[String], after: &[String], colon: bool) -> bool {
    let here = before
        .iter()
        .position(|word| word == "here" || word == "here's");
    let words = &before[here.map_or(0, |at| at + 1)..];
    let topic = words.iter().any(|word| is_topic(word) || is_place(word));
    let file = words.iter().any(|word| word == "file") && !topic;
    let fine = |word: &String| {
        is_noise(word)
            || (here.is_none() && leads(word))
            || (file && TITLES.contains(&word.as_str()))
    };
    let tail = |word: &String| {
        is_noise(word)
            || matches!(
                word.as_str(),
                "as" | "be"
                    | "below"
                    | "changes"
                    | "component"
                    | "follows"
                    | "like"
                    | "look"
                    | "looks"
                    | "module"
                    | "should"
                    | "with"
            )
    };
    if here.is_some() {
        let about = words
            .iter()
            .any(|word| is_about_use(word) || is_fragment(word));
        return !about
            && (!topic || words.iter().all(fine))
            && !after.iter().any(|word| is_about_use(word));
    }
    let names = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "complete" | "content" | "contents" | "file" | "full" | "new" | "updated"
        )
    });
    let adds = words.iter().any(|word| word.starts_with("add")) && topic;
    !adds && (colon || names) && words.iter().all(fine) && after.iter().all(tail)
}

/// `In x:`, `In the file x:`, which stand for themselves.
fn is_place_alone(before: &[String]) -> bool {
    let mut words = before.iter().skip_while(|word| leads(word));
    words
        .next()
        .is_some_and(|word| word == "in" || word == "inside")
        && words.all(|word| matches!(word.as_str(), "the" | "file" | "your" | "new"))
}

/// `Implementation: x`, `Datei: x`.
fn is_title(text: &str, path: &str, before: &[String]) -> bool {
    let Some((_, rest)) = text.split_once(": ").or_else(|| text.split_once(':')) else {
        return false;
    };
    clean(rest.trim_matches(['`', '*', ' ', '"'])) == path
        && !before.is_empty()
        && before.len() <= 4
        && !before.iter().any(|word| is_about_what_was(word))
        && before
            .iter()
            .all(|word| TITLES.contains(&word.as_str()) || is_noise(word))
}
