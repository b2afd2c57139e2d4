//! Says what one fenced block is, and which source gives its path.

use sluice_path::RelPath;

use crate::comment::{PathComment, path_comment};
use crate::edit::{edit_kind, named_path};
use crate::info::Info;
use crate::label::label;
use crate::language::{Kind, ends_in, is_markdown, is_script, kind};
use crate::pathlike::says_deleted;
use crate::scan::Fence;
use crate::stray;
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
        source: Option<Source>,
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

/// What a source says about a block's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) source: Source,
    /// As written, without quotes and notes.
    pub(crate) path: String,
    /// Whether this source may name this block.
    pub(crate) counts: bool,
}

/// Everything around and in a block that may name it.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) info: Info,
    labelled: Option<String>,
    comment: Option<PathComment>,
}

impl Sources {
    pub(crate) fn of(fence: &Fence<'_>) -> Sources {
        let info = Info::read(fence.opener.info);
        let comment = path_comment(&info.language, &fence.content);
        let labelled = fence.before.and_then(label).map(|(path, _)| path);
        Sources {
            info,
            labelled,
            comment,
        }
    }

    /// The path that stands outside of the block.
    fn named(&self) -> Option<(Source, &str)> {
        let info = self.info.paths.first();
        let said = info.map(|(source, path)| (*source, path.as_str()));
        said.or(self.labelled.as_deref().map(|path| (Source::Label, path)))
    }

    /// What they say, the strongest first.
    pub(crate) fn heard(&self, fence: &Fence<'_>) -> Vec<Heard> {
        let label = self.labelled.iter().map(|path| (Source::Label, path));
        let comment = self.comment.iter().map(|c| (Source::Comment, &c.path));
        let info = self.info.paths.iter().map(|(source, path)| (*source, path));
        let comment_said = self.comment.as_ref();
        info.chain(label)
            .chain(comment)
            .map(|(source, path)| Heard {
                source,
                path: path.clone(),
                counts: may_name(source, path, &self.info.language, fence, comment_said),
            })
            .collect()
    }
}

/// Reads one block; `language` comes from its info string.
pub(crate) fn read(fence: &Fence<'_>, warnings: &mut Vec<Warning>) -> (Block, String) {
    let line = fence.lines.0;
    let sources = Sources::of(fence);
    let Sources { info, .. } = &sources;
    let language = info.language.clone();
    if info.citation {
        let message = "the info string cites lines of a file, so the block is no file: to write it, use `language:path`";
        warnings.push(Warning::new(Code::NoPath, line, None, message));
        return (Block::Nothing, language);
    }
    if language == "delete"
        && info
            .paths
            .first()
            .is_some_and(|(source, _)| *source == Source::InfoString)
    {
        return (deletion(fence, info, warnings), language);
    }
    if is_meant_as_deletion(fence.opener.info, info) {
        let message = "this block seems to delete a file, and nothing is done: to delete one, use an empty block with `delete:path`";
        let path = sources
            .named()
            .and_then(|(_, path)| RelPath::parse(path).ok());
        let path = path.as_ref().map(RelPath::as_str);
        warnings.push(Warning::new(Code::NoPath, line, path, message));
        return (Block::Nothing, language);
    }
    let named = sources.named();
    if let Some(edit) = edit_kind(&language, named.map(|(_, path)| path), &fence.content) {
        let block = edit_block(fence, edit, named, warnings);
        return (block, language);
    }
    let mut heard = sources.heard(fence);
    heard.retain(|heard| heard.counts);
    let Some(Heard { source, path, .. }) = heard.first() else {
        if let Some(warning) = stray::call_in(&fence.content, line) {
            warnings.push(warning);
            return (Block::Nothing, language);
        }
        return (without_path(&language, line, warnings), language);
    };
    let Some(path) = accept(path, line, warnings) else {
        return (Block::Nothing, language);
    };
    if let Some(message) = disagreement(&path, *source, &heard[1..]) {
        let path = Some(path.as_str());
        warnings.push(Warning::new(Code::PathDisagreement, line, path, message));
    }
    let source = *source;
    let marker = sources
        .comment
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

/// What to say of the first source that names another path than the one that counts.
fn disagreement(path: &RelPath, source: Source, others: &[Heard]) -> Option<String> {
    others.iter().find_map(|other| {
        let said = match RelPath::parse(&other.path) {
            Ok(said) if agree(path.as_str(), said.as_str()) => return None,
            Ok(said) => format!("`{said}`"),
            // As it is written it may not be safe to print.
            Err(refusal) => format!("a path that would be refused ({})", refusal.reason),
        };
        Some(format!(
            "the {} says `{path}`, the {} says {said}: the first one counts; name one path only",
            source.as_str(),
            other.source.as_str()
        ))
    })
}

/// Whether the block is how somebody would delete a file who does not know `delete:path`: what is in it would
/// be written over the file that is to go away.
fn is_meant_as_deletion(written: &str, info: &Info) -> bool {
    let verb = matches!(
        info.language.as_str(),
        "delete" | "deleted" | "del" | "remove" | "removed" | "rm"
    );
    verb || (says_deleted(written) && !info.paths.is_empty())
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
        Kind::Code if source > Source::InfoWord && is_session(&fence.content) => false,
        Kind::Code if source == Source::Label && is_sample(path, language) => false,
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
    !language.is_empty() && is_program(path)
}

/// Data below a program's name is what goes in or out of it; code below a document's name is an example.
fn is_sample(path: &str, language: &str) -> bool {
    match language {
        "json" | "csv" | "http" => is_program(path),
        _ => is_markdown(path) && !is_plain(language),
    }
}

fn is_program(path: &str) -> bool {
    const PROGRAMS: &[&str] = &[
        "c", "cpp", "cs", "go", "java", "js", "jsx", "kt", "php", "py", "rb", "rs", "swift", "ts",
        "tsx", "vue", "svelte",
    ];
    ends_in(path, PROGRAMS)
}

/// Whether the text is a drawing of folders and files.
fn is_tree(content: &str) -> bool {
    content.contains("├─")
        || content.contains("└─")
        || content.contains("|-- ")
        || content.contains("`-- ")
}

/// Whether the text starts as what a terminal shows: a prompt and a command.
fn is_session(content: &str) -> bool {
    let line = content.trim_start();
    ["$ ", ">>> ", "PS C:\\", "C:\\>"]
        .iter()
        .any(|prompt| line.starts_with(prompt))
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
    named: Option<(Source, &str)>,
    warnings: &mut Vec<Warning>,
) -> Block {
    let line = fence.lines.0;
    let raw = match named {
        Some((_, path)) => Some(path.to_owned()),
        None => named_path(kind, &fence.content),
    };
    let path = match raw {
        Some(raw) => match accept(&raw, line, warnings) {
            Some(path) => Some(path),
            None => return Block::Nothing,
        },
        None => None,
    };
    let code = match kind {
        EditKind::Diff => Code::DiffSkipped,
        EditKind::SearchReplace => Code::EditBlockSkipped,
    };
    let what = kind.as_words();
    let message = format!(
        "{what} edits a file that is not at hand here: send the whole file, or apply it to a base"
    );
    warnings.push(Warning::new(
        code,
        line,
        path.as_ref().map(|path| path.as_str()),
        message,
    ));
    let source = named.map(|(source, _)| source);
    Block::Edit { path, source, kind }
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
