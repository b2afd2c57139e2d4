//! Turns an agent's Markdown into changes and warnings; hostile input, never fails. Pure.
