//! What is done with recorded calls around their running again: a made-up world to perform told ones in, captures to make
//! them of, words to tell them with, and the layers beneath their events: sound and packets.

pub mod answer;
pub mod audio;
pub mod capture;
pub mod case;
pub mod coverage;
pub mod debug;
pub mod explore;
pub mod groups;
pub mod junit;
pub mod layers;
pub mod over;
pub mod page;
pub mod pressed;
pub mod quote;
pub mod review;
pub mod stage;
pub mod talk;
pub mod tell;
pub mod world;
