//! askonce: callers say it once. An IVR and call-flow engine for SIP.
//!
//! The map, as a staircase: a room imports itself and lower floors only (tests/house.rs holds it).

// 0  values
pub mod codec;
pub mod key;
pub mod keying;
pub mod random;
pub mod secret;
pub mod time;

// 1  protocols, sound and text; none of these knows another
pub mod audio;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod srtp;
pub mod yaml;

// 2  what a call carries
pub mod context;
pub mod media;

// 3  the language, the place it is bound to, the record
pub mod config;
pub mod flow;
pub mod record;

// 4  one call; a flow as a picture
pub mod call;
pub mod graph;

// 5  a recorded call again; lines that we hold
pub mod acd;
pub mod rerun;

// 6  all calls
pub mod engine;

// 7  the operating system
pub mod os;

// 8  phones
pub mod peer;

// 9  the shells
pub mod replay;
pub mod server;

// 10  the command line
pub mod cli;
