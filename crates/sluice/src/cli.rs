//! The command line: one binary, its commands and their options.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A build factory with proof: turns an agent's replies into checked, approved, signed software.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 done; 1 the work itself failed; 2 wrong usage or configuration; 3 the \
                        machine lacks something."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print one JSON document on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole passage, G0 to G9, on the built-in project and recorded replies.
    Demo(Demo),
    /// Run the daemon: REST, gate machine.
    Serve(Serve),
    /// Read a reply and say which files it holds; writes nothing.
    Parse(Parse),
    /// Write the files of a reply into a git repository, as one commit.
    Apply(Apply),
    /// Find the toolchain of a folder and run its checks in sandboxes.
    Check(Check),
    /// Verify every gate proof in a repository, offline.
    Verify(Verify),
    /// Copy a daemon's data into a new folder, while it runs.
    Backup(Backup),
    /// Make a data directory from a backup.
    Restore(Restore),
    /// List the images that checks run in, build them, or make the base that they stand on.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Say what this machine has, and for each thing that is missing how to get it.
    Doctor,
    /// Print the OpenAPI document of the REST API.
    Openapi,
    /// Look at and decide gates of a running daemon.
    #[command(subcommand)]
    Gate(GateCommand),
    /// Make, list and remove projects of a running daemon.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Look at and decide edits that a running daemon holds.
    #[command(subcommand)]
    Edit(EditCommand),
    /// Look at and answer escalations of a running daemon.
    #[command(subcommand)]
    Escalation(EscalationCommand),
    /// Print the audit log of a running daemon, a row a line; `sluice verify --audit` checks it.
    Audit(Audit),
    /// Make, list and revoke tokens of a running daemon.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Run one job in a sandbox, with this process's standard input and output (used by the daemon).
    #[command(hide = true)]
    SandboxExec {
        /// The job, as JSON.
        #[arg(long)]
        job: PathBuf,
    },
}

/// Which engine runs the sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// A reachable container engine, else native.
    Auto,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// Namespaces on the host's own toolchains.
    Native,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Which engine runs the sandboxes.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineChoice>,
    /// Keep the data directory here (git data in `DIR/git/*.git`).
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The database; SQLite in the data directory by default.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Which engine runs the sandboxes.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineChoice>,
}

/// Options of `parse`.
#[derive(Debug, Args)]
pub(crate) struct Parse {
    /// The reply; `-` or nothing for standard input.
    pub(crate) file: Option<PathBuf>,
    /// Add the content of each file.
    #[arg(long)]
    pub(crate) contents: bool,
    /// Say for every block what it became, and why.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Read as it comes, and say what is known at once: one JSON event on each line.
    #[arg(long, conflicts_with_all = ["contents", "explain"])]
    pub(crate) stream: bool,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The reply; `-` for standard input.
    pub(crate) file: PathBuf,
    /// The git repository to write into; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// Write the files that are accepted although others are refused.
    #[arg(long)]
    pub(crate) partial: bool,
    /// The revision whose files the reply's edits relate to; HEAD by default. A file that changed
    /// since then is a conflict.
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The folder; the current one by default.
    pub(crate) dir: Option<PathBuf>,
    /// Only these checks, such as `build,test`; the installation is always done.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// Which engine runs the sandboxes.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineChoice>,
    /// Run everything again.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Run everything again but installations, and compare with what is remembered.
    #[arg(long, conflicts_with = "no_cache")]
    pub(crate) verify_cache: bool,
    /// End the other checks when one is red; they are `unknown` then.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Show what the checks print, on standard error, with the check's name and the seconds since it started.
    #[arg(long)]
    pub(crate) follow: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The repository; the current folder by default.
    pub(crate) repo: Option<PathBuf>,
    /// Whom to trust, in OpenSSH's `allowed_signers` format; without it, the repository's own first
    /// signer.
    #[arg(long, value_name = "FILE")]
    pub(crate) signers: Option<PathBuf>,
    /// The audit log to check too: what `sluice audit` printed, or pages of `GET /audit`.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Fail on warnings too, such as a waiver that is past its end.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Options of `audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only rows of this project.
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// Only rows of this kind, such as `gate.decided`.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only rows of this person or program.
    #[arg(long)]
    pub(crate) who: Option<String>,
    /// How the daemon is reached.
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder to make; it must not be there.
    pub(crate) to: PathBuf,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The database; SQLite in the data directory by default.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Leave the signing key out: a daemon that is restored from it signs with a new one.
    #[arg(long)]
    pub(crate) without_key: bool,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) from: PathBuf,
    /// The data directory to make; it must not be there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The database, which must be empty; SQLite in the data directory by default.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// Images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Say which images there are, and which are still to be built.
    List {
        /// Which container engine.
        #[command(flatten)]
        engine: ContainerEngine,
    },
    /// Build our images, or pull those that the configuration names; without this it is done on first use.
    Build {
        /// Which; all by default.
        #[arg(value_name = "TOOLCHAIN", value_parser = ["node", "python", "rust", "go"])]
        toolchains: Vec<String>,
        /// Build also what is there, with the newest versions that the registries have.
        #[arg(long)]
        fresh: bool,
        /// Which container engine.
        #[command(flatten)]
        engine: ContainerEngine,
    },
    /// Make the Debian that our images stand on, where no registry of images answers; needs mmdebstrap.
    Bootstrap {
        /// Which container engine.
        #[command(flatten)]
        engine: ContainerEngine,
    },
}

/// A container engine.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ContainerEngine {
    /// Which container engine; the first that answers by default.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<ContainerChoice>,
}

/// Which container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContainerChoice {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// How a running daemon is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    /// The daemon's address.
    #[arg(
        long,
        env = "SLUICE_URL",
        default_value = "http://127.0.0.1:7700",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// The token.
    #[arg(
        long,
        env = "SLUICE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(crate) token: Option<String>,
}

/// A gate of a project.
#[derive(Debug, Clone, Args)]
pub(crate) struct GateOf {
    /// The project.
    pub(crate) project: String,
    /// The gate, `g0` to `g9`.
    pub(crate) gate: String,
    /// How the daemon is reached.
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// What a decision carries.
#[derive(Debug, Clone, Args)]
pub(crate) struct Decide {
    /// The subject digest that was looked at; `gate show` prints it. Without it, the present one is taken.
    #[arg(long, value_name = "SHA256")]
    pub(crate) digest: Option<String>,
    /// Why.
    #[arg(long, short = 'm', default_value = "")]
    pub(crate) comment: String,
    /// What the gate asks to fill in, as `name=value`.
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<String>,
}

/// Gates.
#[derive(Debug, Subcommand)]
pub(crate) enum GateCommand {
    /// List the gates of a project.
    List {
        /// The project.
        project: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one gate: state, subject, proofs, what it waits for.
    Show(GateOf),
    /// Start a gate.
    Start {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// Ask the agent also where the gate was passed before and what is there could be checked first.
        #[arg(long)]
        ask: bool,
    },
    /// Hand in an agent's reply for the gate that waits for one.
    Reply {
        /// The project.
        project: String,
        /// The reply; `-` for standard input.
        file: PathBuf,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Approve the subject of a gate.
    Approve {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// The decision.
        #[command(flatten)]
        decide: Decide,
    },
    /// Reject the subject of a gate.
    Reject {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// Send the work back to this gate, one before it.
        #[arg(long, value_name = "GATE")]
        to: Option<String>,
        /// The decision.
        #[command(flatten)]
        decide: Decide,
    },
    /// Allow or refuse an attempt that is held because it moves what it is measured by.
    Rule {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// Refuse it; without this it is allowed.
        #[arg(long)]
        refuse: bool,
        /// Why.
        #[arg(long, short = 'm', default_value = "")]
        comment: String,
    },
    /// End the run of a gate.
    Cancel {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// Why.
        #[arg(long, short = 'm', default_value = "")]
        comment: String,
    },
    /// List the attempts of a gate, or show one whole with what the agent was told.
    Attempts {
        /// Which gate.
        #[command(flatten)]
        gate: GateOf,
        /// Show this attempt.
        #[arg(long)]
        attempt: Option<u16>,
    },
}

/// Projects.
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Make a project.
    Create {
        /// Its name, `[a-z0-9][a-z0-9-]{0,62}`.
        name: String,
        /// The template.
        #[arg(long, default_value = "blank")]
        template: String,
        /// `web`, `service`, `library` or `ai`.
        #[arg(long, default_value = "service")]
        kind: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// List the projects.
    List {
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one project.
    Show {
        /// Its name.
        name: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove a project; its git data is moved aside, not destroyed.
    Delete {
        /// Its name.
        name: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
}

/// An edit of a project.
#[derive(Debug, Clone, Args)]
pub(crate) struct EditOf {
    /// The project.
    pub(crate) project: String,
    /// The edit's number.
    pub(crate) edit: u64,
    /// How the daemon is reached.
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Edits that people made while a run was open.
#[derive(Debug, Subcommand)]
pub(crate) enum EditCommand {
    /// List the edits that were held.
    List {
        /// The project.
        project: String,
        /// `open`, `held`, `conflict`, `applied`, `resolved` or `dropped`; all by default.
        #[arg(long)]
        state: Option<String>,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one with both sides of each file.
    Show(EditOf),
    /// Say what holds of an edit that is in conflict; it becomes a commit of yours.
    Resolve {
        /// Which edit.
        #[command(flatten)]
        edit: EditOf,
        /// Of the files that are not named, the person's side holds.
        #[arg(long, visible_alias = "ours", conflicts_with = "theirs")]
        mine: bool,
        /// Of the files that are not named, what `work` has holds.
        #[arg(long)]
        theirs: bool,
        /// Of the file PATH, what the local FILE has holds.
        #[arg(long = "file", value_name = "PATH=FILE")]
        files: Vec<String>,
    },
    /// Give an edit up; what was written stays in git.
    Drop(EditOf),
}

/// Escalations.
#[derive(Debug, Subcommand)]
pub(crate) enum EscalationCommand {
    /// List the open ones.
    List {
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one: what failed, what was tried, the smallest command that shows it.
    Show {
        /// Its id.
        id: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Answer one.
    Answer {
        /// Its id.
        id: String,
        /// `retry`, `waive`, `reject` or `abort`.
        #[arg(long)]
        action: String,
        /// What the agent is told, or why.
        #[arg(long, short = 'm', default_value = "")]
        guidance: String,
        /// What the escalation asks to fill in, as `name=value`; `until=2027-01-31` ends a waiver.
        #[arg(long = "field", value_name = "NAME=VALUE")]
        fields: Vec<String>,
        /// With `reject`: the gate before that the work is sent back to.
        #[arg(long, value_name = "GATE")]
        to: Option<String>,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
}

/// Tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; its secret is shown once.
    Create {
        /// Whose it is.
        name: String,
        /// `viewer`, `operator`, `approver` or `admin`.
        #[arg(long, default_value = "viewer")]
        role: String,
        /// `person` or `agent`; an agent's token can never approve.
        #[arg(long, default_value = "person")]
        kind: String,
        /// A project that it is for; repeatable. Without it, it is for all.
        #[arg(long = "project", value_name = "PROJECT")]
        projects: Vec<String>,
        /// From when on it is refused, as in 2027-01-31T12:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// List the tokens.
    List {
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
    /// Revoke a token.
    Revoke {
        /// Its id.
        id: String,
        /// How the daemon is reached.
        #[command(flatten)]
        remote: Remote,
    },
}
