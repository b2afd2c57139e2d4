//! Says what one fenced block is, and which source gives its path.

use sluice_path::RelPath;

use crate::comment::{PathComment, path_comment};
use crate::edit::{edit_kind, named_path};
use crate::info::Info;
use crate::label::label;
use crate::language::{Kind, extension, is_script, kind};
use crate::scan::Fence;
use crate::{Code, EditKind, Source, Warning};

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A whole file. The bytes `marker` of its text are a marker line and not content.
    File {
        path: RelPath,
        source: Source,
        marker: Option<std::ops::Range<usize>>,
    },
    Edit {
        path: Option<RelPath>,
        kind: EditKind,
    },
    Deletion {
        path: RelPath,
    },
    /// Code without a path, which inference may still find.
    Unlabelled,
    /// Not a file, and already warned about.
    Nothing,
}

/// Reads one block; `language` comes from its info string.
pub(crate) fn read(fence: &Fence<'_>, warnings: &mut Vec<Warning>) -> (Block, String) {
    let line = fence.lines.0;
    let info = Info::read(fence.opener.info);
    let language = info.language.clone();
    if info.citation {
        let message = "the info string cites lines of a file, so the block is no file: to write it, use `language:path`";
        warnings.push(Warning::new(Code::NoPath, line, None, message));
        return (Block::Nothing, language);
    }
    let labelled = fence.before.and_then(label).map(|(path, _)| path);
    let named = info
        .paths
        .first()
        .map(|(_, path)| path.as_str())
        .or(labelled.as_deref());
    if language == "delete"
        && info
            .paths
            .first()
            .is_some_and(|(source, _)| *source == Source::InfoString)
    {
        return (deletion(fence, &info, warnings), language);
    }
    if let Some(edit) = edit_kind(&language, named, &fence.content) {
        let block = edit_block(fence, edit, named, warnings);
        return (block, language);
    }
    let comment = path_comment(&language, &fence.content);
    let mut sources: Vec<(Source, String)> = info.paths.clone();
    sources.extend(labelled.map(|path| (Source::Label, path)));
    sources.extend(
        comment
            .as_ref()
            .map(|comment| (Source::Comment, comment.path.clone())),
    );
    sources.retain(|(source, path)| may_name(*source, path, &language, fence, comment.as_ref()));
    let Some((source, raw)) = sources.first().cloned() else {
        return (without_path(&language, line, warnings), language);
    };
    let Some(path) = accept(&raw, line, warnings) else {
        return (Block::Nothing, language);
    };
    for (other, raw) in &sources[1..] {
        if let Ok(said) = RelPath::parse(raw)
            && !agree(path.as_str(), said.as_str())
        {
            let message = format!(
                "the {} says `{path}`, the {} says `{said}`: the first one counts",
                source.as_str(),
                other.as_str()
            );
            warnings.push(Warning::new(
                Code::PathDisagreement,
                line,
                Some(path.as_str()),
                message,
            ));
            break;
        }
    }
    let marker = comment
        .filter(|comment| source == Source::Comment && comment.marker)
        .map(|comment| comment.line);
    (
        Block::File {
            path,
            source,
            marker,
        },
        language,
    )
}

/// Whether a source may name a block of this language: commands, output and pictures are files only when
/// somebody says so in the block itself.
fn may_name(
    source: Source,
    path: &str,
    language: &str,
    fence: &Fence<'_>,
    comment: Option<&PathComment>,
) -> bool {
    let explicit = matches!(source, Source::InfoString | Source::Attribute);
    let marked = source == Source::Comment && comment.is_some_and(|comment| comment.marker);
    let shebang = source == Source::Comment && fence.content.starts_with("#!");
    match kind(language) {
        Kind::Shell => {
            explicit || marked || (is_script(path) && (source == Source::InfoWord || shebang))
        }
        Kind::Output => explicit,
        Kind::Diagram => explicit || source == Source::InfoWord || marked,
        Kind::Diff | Kind::Markdown => true,
        Kind::Code if source > Source::InfoWord && is_plain(language) => {
            !is_tree(&fence.content) && (marked || !is_output(path, language))
        }
        Kind::Code => true,
    }
}

fn is_plain(language: &str) -> bool {
    matches!(
        language,
        "" | "text" | "txt" | "plain" | "plaintext" | "none"
    )
}

/// Plain text below a program's name is what the program printed.
fn is_output(path: &str, language: &str) -> bool {
    const PROGRAMS: &[&str] = &[
        "c", "cpp", "cs", "go", "java", "js", "jsx", "kt", "php", "py", "rb", "rs", "swift", "ts",
        "tsx", "vue", "svelte",
    ];
    !language.is_empty()
        && extension(path).is_some_and(|extension| PROGRAMS.contains(&extension.as_str()))
}

/// Whether the text is a drawing of folders and files.
fn is_tree(content: &str) -> bool {
    content.contains("├─")
        || content.contains("└─")
        || content.contains("|-- ")
        || content.contains("`-- ")
}

/// Whether two paths may mean one file: one of them may leave out leading folders.
fn agree(one: &str, other: &str) -> bool {
    let (long, short) = if one.len() >= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.strip_suffix(short)
        .is_some_and(|folders| folders.is_empty() || folders.ends_with('/'))
}

fn without_path(language: &str, line: usize, warnings: &mut Vec<Warning>) -> Block {
    let (code, message) = match kind(language) {
        Kind::Code | Kind::Markdown | Kind::Diff => return Block::Unlabelled,
        Kind::Shell => (
            Code::ShellSkipped,
            "commands are not executed and are no file: a script needs `sh:path` in its info string",
        ),
        Kind::Output => (
            Code::NoPath,
            "output is no file: a file needs `language:path` in its info string",
        ),
        Kind::Diagram => (
            Code::NoPath,
            "a diagram is no file: a file needs `language:path` in its info string",
        ),
    };
    warnings.push(Warning::new(code, line, None, message));
    Block::Nothing
}

fn deletion(fence: &Fence<'_>, info: &Info, warnings: &mut Vec<Warning>) -> Block {
    let line = fence.lines.0;
    let Some(path) = accept(&info.paths[0].1, line, warnings) else {
        return Block::Nothing;
    };
    if !fence.closed {
        let message = "the block that deletes this file was never closed: the file stays";
        warnings.push(Warning::new(
            Code::Truncated,
            line,
            Some(path.as_str()),
            message,
        ));
        return Block::Nothing;
    }
    if !fence.content.trim().is_empty() {
        let message = "a block that deletes a file must be empty: the file stays";
        warnings.push(Warning::new(
            Code::NoPath,
            line,
            Some(path.as_str()),
            message,
        ));
        return Block::Nothing;
    }
    Block::Deletion { path }
}

fn edit_block(
    fence: &Fence<'_>,
    kind: EditKind,
    named: Option<&str>,
    warnings: &mut Vec<Warning>,
) -> Block {
    let line = fence.lines.0;
    let raw = named.or_else(|| named_path(kind, &fence.content));
    let path = match raw {
        Some(raw) => match accept(raw, line, warnings) {
            Some(path) => Some(path),
            None => return Block::Nothing,
        },
        None => None,
    };
    let (code, what) = match kind {
        EditKind::Diff => (Code::DiffSkipped, "a diff"),
        EditKind::SearchReplace => (Code::EditBlockSkipped, "a SEARCH/REPLACE block"),
    };
    let message = format!(
        "{what} edits a file that is not at hand here: send the whole file, or apply it to a base"
    );
    warnings.push(Warning::new(
        code,
        line,
        path.as_ref().map(|path| path.as_str()),
        message,
    ));
    Block::Edit { path, kind }
}

/// Asks the path rules; a refusal is warned about with the path as written.
pub(crate) fn accept(raw: &str, line: usize, warnings: &mut Vec<Warning>) -> Option<RelPath> {
    match RelPath::parse(raw) {
        Ok(path) => Some(path),
        Err(refusal) => {
            let shown: String = raw.chars().take(200).collect();
            warnings.push(Warning {
                code: Code::PathRejected,
                message: refusal.message,
                line,
                path: Some(shown),
                reason: Some(refusal.reason),
            });
            None
        }
    }
}
