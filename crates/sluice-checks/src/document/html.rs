//! HTML: a complete page with something on it.

use super::Faults;

pub(super) fn inspect(text: &str, faults: &mut Faults) {
    let lower = text.to_ascii_lowercase();
    if !lower.trim_start().starts_with("<!doctype html") {
        faults.add("html", "the page must start with <!DOCTYPE html>", 1);
    }
    for tag in ["html", "head", "body"] {
        let open = lower
            .find(&format!("<{tag}>"))
            .or_else(|| lower.find(&format!("<{tag} ")));
        let close = lower.rfind(&format!("</{tag}>"));
        if !matches!((open, close), (Some(open), Some(close)) if open < close) {
            faults.add(
                "html",
                format!("the page has no complete <{tag}> element; it may be cut off"),
                0,
            );
        }
    }
    match between(&lower, "title") {
        Some(title) if !title.trim().is_empty() => {}
        _ => faults.add("html", "the page has no title", 0),
    }
    let body = lower
        .split_once("<body")
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or("", |(_, body)| body);
    if visible(body).is_empty() {
        faults.add("html", "nothing can be read on the page", 0);
    }
    if lower.contains("lorem ipsum") {
        faults.add(
            "placeholder",
            "\"lorem ipsum\" is a placeholder; write the text",
            0,
        );
    }
}

fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}"))?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

/// The text outside of tags, scripts and styles.
fn visible(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let skipped = ["script", "style", "!--"]
            .into_iter()
            .find(|name| tag.starts_with(name));
        let end = match skipped {
            Some("!--") => "-->".to_owned(),
            Some(name) => format!("</{name}>"),
            None => ">".to_owned(),
        };
        rest = tag.split_once(&end).map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.trim().to_owned()
}
