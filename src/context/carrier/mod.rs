//! Carriers: one file a way to hand the context on.
