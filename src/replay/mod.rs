//! What is done with recorded calls around their running again: a made-up world to perform told ones in, and words to tell
//! them with.

pub mod answer;
pub mod capture;
pub mod case;
pub mod coverage;
pub mod debug;
pub mod explore;
pub mod groups;
pub mod junit;
pub mod over;
pub mod page;
pub mod quote;
pub mod review;
pub mod stage;
pub mod talk;
pub mod tell;
