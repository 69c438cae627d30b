//! askonce: callers say it once. An IVR and call-flow engine for SIP.
//!
//! The map, as a staircase: a room imports itself and lower floors only (tests/house.rs holds it).

// 0  values
pub mod codec;
pub mod key;
pub mod random;
pub mod secret;
pub mod time;

// 1  protocols and sound; none of these knows another
pub mod audio;
pub mod rtp;

// 2  what a call carries
pub mod context;
pub mod media;

// 7  the shell: clock, sockets, threads
pub mod server;
