//! REST over the factory; knows HTTP, nothing else does.
