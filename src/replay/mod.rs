//! What is done with recorded calls around their running again: a made-up world to perform told ones in, and words to tell
//! them with.

pub mod capture;
pub mod stage;
pub mod talk;
pub mod tell;
pub mod world;
