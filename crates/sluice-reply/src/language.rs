//! What the language of a block says about what is in it.

use memchr::memrchr2;

/// What a block of some language can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands for a person to type, or a script when a path says so.
    Shell,
    /// A session or a program's output; a file only when its path stands in the info string.
    Output,
    /// A picture in words.
    Diagram,
    /// An edit of existing files.
    Diff,
    /// Text that holds fences of its own.
    Markdown,
    /// Anything else.
    Code,
}

/// The kind of a language, which is in lower case.
pub(crate) fn kind(language: &str) -> Kind {
    match language {
        "bash" | "sh" | "shell" | "zsh" | "fish" | "ksh" | "csh" | "ash" | "dash"
        | "powershell" | "pwsh" | "ps1" | "ps" | "bat" | "batch" | "cmd" | "dos" | "nu"
        | "nushell" | "commandline" | "cli" | "command" => Kind::Shell,
        "console" | "shell-session" | "shellsession" | "sh-session" | "bash-session"
        | "terminal" | "term" | "output" | "stdout" | "stderr" | "log" | "logs" | "ansi"
        | "pycon" | "python-console" | "pytb" | "result" | "results" | "session" | "tree"
        | "prompt" => Kind::Output,
        "mermaid" | "plantuml" | "puml" | "uml" | "dot" | "graphviz" | "gv" | "d2" | "ditaa"
        | "ascii" | "asciiart" | "flow" | "sequence" | "wavedrom" | "nomnoml" | "svgbob"
        | "math" | "latex-math" => Kind::Diagram,
        "diff" | "patch" | "udiff" | "git-diff" | "gitdiff" | "unified-diff" => Kind::Diff,
        "markdown" | "md" | "mdx" | "mkd" | "mdown" | "rmd" | "qmd" => Kind::Markdown,
        _ => Kind::Code,
    }
}

/// Whether a path ends like a shell script.
pub(crate) fn is_script(path: &str) -> bool {
    const SCRIPTS: [&str; 10] = [
        "sh", "bash", "zsh", "fish", "ksh", "ps1", "psm1", "bat", "cmd", "nu",
    ];
    ends_in(path, &SCRIPTS)
}

/// Whether a path ends like Markdown.
pub(crate) fn is_markdown(path: &str) -> bool {
    ends_in(
        path,
        &["md", "mdx", "markdown", "mkd", "mdown", "rmd", "qmd"],
    )
}

/// Whether a path ends like a patch, so that a diff in it is its content and not an edit.
pub(crate) fn is_patch(path: &str) -> bool {
    ends_in(path, &["patch", "diff"])
}

/// Whether the extension of a path's last component is one of these, which are in lower case.
pub(crate) fn ends_in(path: &str, extensions: &[&str]) -> bool {
    let is = |extension: &str| extensions.iter().any(|e| extension.eq_ignore_ascii_case(e));
    raw_extension(path).is_some_and(is)
}

/// The extension of a path's last component, in lower case.
pub(crate) fn extension(path: &str) -> Option<String> {
    raw_extension(path).map(str::to_ascii_lowercase)
}

fn raw_extension(path: &str) -> Option<&str> {
    let folders = memrchr2(b'/', b'\\', path.as_bytes()).map_or(0, |slash| slash + 1);
    let (stem, extension) = path[folders..].rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}
