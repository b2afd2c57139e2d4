//! Words that decide whether a line labels a block or only speaks of a file.

/// Whether the word says that the code is old, wrong or to go away, so that the file must not become it.
pub(super) fn is_about_what_was(word: &str) -> bool {
    matches!(
        word,
        "avoid"
            | "bad"
            | "before"
            | "current"
            | "currently"
            | "delete"
            | "deleted"
            | "deleting"
            | "don't"
            | "incorrect"
            | "instead"
            | "move"
            | "moved"
            | "never"
            | "not"
            | "old"
            | "original"
            | "previous"
            | "previously"
            | "remove"
            | "removed"
            | "removing"
            | "rename"
            | "renamed"
            | "wrong"
    )
}

/// Whether the word alone in front of a path speaks of something that happens with the file.
pub(super) fn is_alone_no_title(word: &str) -> bool {
    matches!(
        word,
        "after"
            | "bug"
            | "error"
            | "errors"
            | "issue"
            | "log"
            | "logs"
            | "note"
            | "output"
            | "problem"
            | "reference"
            | "result"
            | "run"
            | "running"
            | "see"
            | "trace"
            | "usage"
            | "using"
    )
}

/// Whether the word names a piece of a file, so that the block may be only that.
pub(super) fn is_fragment(word: &str) -> bool {
    matches!(
        word,
        "after"
            | "beginning"
            | "block"
            | "bottom"
            | "constant"
            | "dependencies"
            | "dependency"
            | "end"
            | "entry"
            | "export"
            | "field"
            | "function"
            | "import"
            | "imports"
            | "line"
            | "lines"
            | "method"
            | "methods"
            | "part"
            | "property"
            | "section"
            | "snippet"
            | "statement"
            | "top"
            | "variable"
    )
}

/// Whether a sentence with this word shows what is done with a file, and not the file.
pub(super) fn is_about_use(word: &str) -> bool {
    is_about_what_was(word)
        || is_alone_no_title(word)
        || matches!(
            word,
            "call" | "calls" | "fails" | "how" | "imports" | "use" | "uses" | "used" | "why"
        )
}

/// Words before the verb: `Now let's`, `Next,`, `2.`.
pub(super) fn leads(word: &str) -> bool {
    matches!(
        word,
        "also"
            | "and"
            | "by"
            | "finally"
            | "first"
            | "i"
            | "i'll"
            | "i've"
            | "last"
            | "lastly"
            | "let"
            | "let's"
            | "lets"
            | "next"
            | "now"
            | "please"
            | "second"
            | "start"
            | "starting"
            | "step"
            | "then"
            | "third"
            | "to"
            | "us"
            | "we"
            | "we'll"
            | "will"
            | "with"
            | "you"
    ) || word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Verbs whose object is a whole new file.
pub(super) fn creates(word: &str) -> bool {
    matches!(
        word,
        "create"
            | "creates"
            | "created"
            | "creating"
            | "generate"
            | "generating"
            | "make"
            | "new"
            | "overwrite"
            | "place"
            | "put"
            | "rewrite"
            | "save"
            | "write"
            | "writing"
    )
}

/// Verbs whose object is a file that is there.
pub(super) fn changes(word: &str) -> bool {
    matches!(
        word,
        "change"
            | "edit"
            | "editing"
            | "fix"
            | "fixing"
            | "modify"
            | "modifying"
            | "refactor"
            | "replace"
            | "update"
            | "updated"
            | "updating"
    )
}

/// Prepositions that make the path the place and not the object.
pub(super) fn is_place(word: &str) -> bool {
    matches!(
        word,
        "as" | "at" | "in" | "inside" | "into" | "to" | "under" | "within"
    )
}

/// Prepositions that make the path what something else is about.
pub(super) fn is_topic(word: &str) -> bool {
    matches!(word, "about" | "for" | "from" | "of" | "on" | "with")
}

/// What stands before a colon and a path: `Implementation: src/a.ts`, `Datei: src/a.ts`.
pub(super) const TITLES: &[&str] = &[
    "archivo",
    "arquivo",
    "backend",
    "bestand",
    "class",
    "client",
    "component",
    "config",
    "configuration",
    "css",
    "datei",
    "dateiname",
    "entry",
    "fichero",
    "fichier",
    "file",
    "filename",
    "frontend",
    "html",
    "implementation",
    "javascript",
    "main",
    "module",
    "plik",
    "point",
    "python",
    "script",
    "server",
    "style",
    "styles",
    "test",
    "tests",
    "typescript",
    "unit",
    "файл",
    "ファイル",
    "文件",
    "文件名",
    "파일",
];

/// Words of a title that say nothing against its path.
pub(super) const NOISE: &[&str] = &[
    "a",
    "add",
    "added",
    "adding",
    "an",
    "and",
    "code",
    "complete",
    "content",
    "contents",
    "corrected",
    "create",
    "created",
    "creating",
    "edit",
    "edited",
    "entire",
    "file",
    "final",
    "fixed",
    "following",
    "for",
    "full",
    "here",
    "here's",
    "implementation",
    "is",
    "modified",
    "modify",
    "named",
    "new",
    "now",
    "of",
    "part",
    "path",
    "refactored",
    "replace",
    "revised",
    "s",
    "save",
    "source",
    "step",
    "the",
    "then",
    "this",
    "to",
    "update",
    "updated",
    "updating",
    "version",
    "whole",
    "write",
    "your",
];
