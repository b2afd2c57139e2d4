//! Takes off a Markdown fence that an agent put around its whole reply.

use crate::info::Info;
use crate::language::{Kind, kind};
use crate::lines::Line;
use crate::nesting::is_named;
use crate::scan::scan;

/// The reply without its wrapper, which is blanked so that every place stays the same; `None` when there is
/// no wrapper: one unnamed Markdown block that is the whole text and has a named block inside.
pub(crate) fn unwrapped(text: &str) -> Option<String> {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    let opener = trimmed.lines().next()?;
    let info = Info::read(opener.trim_start_matches(['`', '~']).trim());
    if kind(&info.language) != Kind::Markdown || !info.paths.is_empty() {
        return None;
    }
    let has_named = trimmed.lines().skip(1).any(|line| {
        let line = line.trim_start();
        line.starts_with(['`', '~']) && is_named(line.trim_start_matches(['`', '~']).trim())
    });
    if !has_named {
        return None;
    }
    let scan = scan(text, true);
    let [fence] = scan.fences.as_slice() else {
        return None;
    };
    let is_whole = fence.closed && text[fence.body.end..].trim_end().lines().count() == 1;
    if !is_whole {
        return None;
    }
    let mut bare = text.to_owned();
    let opener = Line::above(text, fence.body.start);
    let closer = Line::at(text, fence.body.end);
    for place in opener.into_iter().chain(closer) {
        let blanks = " ".repeat(place.end - place.start);
        bare.replace_range(place.start..place.end, &blanks);
    }
    Some(bare)
}
