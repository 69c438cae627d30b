//! What is done with recorded calls around their running again: a made-up world to perform told ones in, captures to make
//! them of, words to tell them with, and the layers beneath their events: sound and packets.

pub mod audio;
pub mod capture;
pub mod case;
pub mod layers;
pub mod pressed;
pub mod stage;
pub mod talk;
pub mod tell;
pub mod world;
