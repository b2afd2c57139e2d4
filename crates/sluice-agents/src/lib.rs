//! Asks an agent and hands back its reply.
