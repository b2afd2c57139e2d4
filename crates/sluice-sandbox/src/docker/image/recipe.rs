//! The recipes of our own images, carried in the program.

use sha2::{Digest, Sha256};

/// What every recipe finds beside it: see `templates/images/trust.sh`.
pub(super) const TRUST: &str = include_str!("../../../../../templates/images/trust.sh");

/// How one image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The toolchain that is in it, as jobs name it.
    pub(super) toolchain: &'static str,
    /// What the image is called.
    pub(super) name: &'static str,
    /// Its Dockerfile.
    pub(super) dockerfile: &'static str,
}

/// All of them; the first is the one for jobs that name no toolchain.
pub(super) const RECIPES: [Recipe; 4] = [
    Recipe {
        toolchain: "node",
        name: "sluice/node:22",
        dockerfile: include_str!("../../../../../templates/images/node/Dockerfile"),
    },
    Recipe {
        toolchain: "python",
        name: "sluice/python:3.11",
        dockerfile: include_str!("../../../../../templates/images/python/Dockerfile"),
    },
    Recipe {
        toolchain: "rust",
        name: "sluice/rust:stable",
        dockerfile: include_str!("../../../../../templates/images/rust/Dockerfile"),
    },
    Recipe {
        toolchain: "go",
        name: "sluice/go:1.27",
        dockerfile: include_str!("../../../../../templates/images/go/Dockerfile"),
    },
];

/// The recipe for a toolchain.
pub(super) fn of(toolchain: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.toolchain == toolchain)
}

/// The recipe whose image has this name.
pub(super) fn named(image: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.name == image)
}

impl Recipe {
    /// The same for the same recipe on a base of the same name: the label by which an image is known that
    /// need not be built again. Versions that registries offer are not in it: what is there stays in use.
    pub(super) fn digest(&self, base: &str) -> String {
        let mut digest = Sha256::new();
        for part in [base, self.dockerfile, TRUST] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        hex::encode(digest.finalize())
    }
}
