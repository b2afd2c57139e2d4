//! What the program carries with it: roles, prices, the demo project's replies.

/// The roles' files.
pub(crate) const ROLES: [(&str, &str); 9] = [
    (
        "orchestrator.md",
        include_str!("../../../templates/agents/orchestrator.md"),
    ),
    (
        "product-manager.md",
        include_str!("../../../templates/agents/product-manager.md"),
    ),
    (
        "architect.md",
        include_str!("../../../templates/agents/architect.md"),
    ),
    (
        "designer.md",
        include_str!("../../../templates/agents/designer.md"),
    ),
    (
        "frontend.md",
        include_str!("../../../templates/agents/frontend.md"),
    ),
    (
        "backend.md",
        include_str!("../../../templates/agents/backend.md"),
    ),
    ("qa.md", include_str!("../../../templates/agents/qa.md")),
    (
        "security.md",
        include_str!("../../../templates/agents/security.md"),
    ),
    (
        "devops.md",
        include_str!("../../../templates/agents/devops.md"),
    ),
];

/// What models cost.
pub(crate) const PRICES: &str = include_str!("../../../templates/prices.toml");

/// The demo project's replies, by gate and attempt.
pub(crate) const DEMO_REPLIES: [(&str, &str); 15] = [
    (
        "g0/0.md",
        include_str!("../../../templates/demo/replies/g0/0.md"),
    ),
    (
        "g1/0.md",
        include_str!("../../../templates/demo/replies/g1/0.md"),
    ),
    (
        "g2/0.md",
        include_str!("../../../templates/demo/replies/g2/0.md"),
    ),
    (
        "g3/0.md",
        include_str!("../../../templates/demo/replies/g3/0.md"),
    ),
    (
        "g4/0.md",
        include_str!("../../../templates/demo/replies/g4/0.md"),
    ),
    (
        "g5/0.md",
        include_str!("../../../templates/demo/replies/g5/0.md"),
    ),
    (
        "g5/1.md",
        include_str!("../../../templates/demo/replies/g5/1.md"),
    ),
    (
        "g6/0.md",
        include_str!("../../../templates/demo/replies/g6/0.md"),
    ),
    (
        "g6/1.md",
        include_str!("../../../templates/demo/replies/g6/1.md"),
    ),
    (
        "g6/2.md",
        include_str!("../../../templates/demo/replies/g6/2.md"),
    ),
    (
        "g6/3.md",
        include_str!("../../../templates/demo/replies/g6/3.md"),
    ),
    (
        "g6/4.md",
        include_str!("../../../templates/demo/replies/g6/4.md"),
    ),
    (
        "g7/0.md",
        include_str!("../../../templates/demo/replies/g7/0.md"),
    ),
    (
        "g8/0.md",
        include_str!("../../../templates/demo/replies/g8/0.md"),
    ),
    (
        "g9/0.md",
        include_str!("../../../templates/demo/replies/g9/0.md"),
    ),
];

/// The demo project: its name and kind.
pub(crate) const DEMO_PROJECT: &str = include_str!("../../../templates/demo/project.toml");

/// What the demo's person says at gates that ask for more than a yes.
pub(crate) const DEMO_APPROVALS: [(&str, &str); 3] = [
    (
        "g4",
        include_str!("../../../templates/demo/approvals/g4.toml"),
    ),
    (
        "g7",
        include_str!("../../../templates/demo/approvals/g7.toml"),
    ),
    (
        "g9",
        include_str!("../../../templates/demo/approvals/g9.toml"),
    ),
];

/// What the demo's person answers to escalations.
pub(crate) const DEMO_ANSWERS: [(&str, &str); 1] =
    [("g6", include_str!("../../../templates/demo/answers/g6.md"))];
