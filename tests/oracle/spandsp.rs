//! The few functions of libspandsp that we ask, by its header spandsp/dtmf.h (0.0.6).
#![allow(unsafe_code, reason = "a C library")]

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};
use std::ptr::{NonNull, null_mut};

#[repr(C)]
struct Opaque {
    nothing: [u8; 0],
    neither_send_nor_unpin: PhantomData<(*mut u8, PhantomPinned)>,
}

type Callback = Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_int)>;

#[link(name = "spandsp")]
unsafe extern "C" {
    fn dtmf_rx_init(state: *mut Opaque, told: Callback, user: *mut c_void) -> *mut Opaque;
    fn dtmf_rx_parms(state: *mut Opaque, dial_tone: c_int, twist: c_int, reverse_twist: c_int, threshold: c_int);
    fn dtmf_rx(state: *mut Opaque, samples: *const i16, count: c_int) -> c_int;
    fn dtmf_rx_get(state: *mut Opaque, digits: *mut c_char, most: c_int) -> usize;
    fn dtmf_rx_free(state: *mut Opaque) -> c_int;
    fn dtmf_tx_init(state: *mut Opaque) -> *mut Opaque;
    fn dtmf_tx_set_level(state: *mut Opaque, level: c_int, twist: c_int);
    fn dtmf_tx_set_timing(state: *mut Opaque, on: c_int, off: c_int);
    fn dtmf_tx_put(state: *mut Opaque, digits: *const c_char, length: c_int) -> c_int;
    fn dtmf_tx(state: *mut Opaque, samples: *mut i16, most: c_int) -> c_int;
    fn dtmf_tx_free(state: *mut Opaque) -> c_int;
}

/// Keys that its detector keeps for us, and that its generator takes.
const MOST: usize = 128;

/// What its detector hears, with the limits of ours: twist 8 and 4 dB, -42 dBm0.
pub fn heard(samples: &[i16]) -> String {
    // SAFETY: a null state asks the library for a new one, which is ours until it is freed.
    let state = NonNull::new(unsafe { dtmf_rx_init(null_mut(), None, null_mut()) }).expect("a detector").as_ptr();
    let mut keys = String::new();
    // SAFETY: the state lives; counts are those of the slices; the buffer has a byte more than it is told.
    unsafe {
        dtmf_rx_parms(state, 0, 8, 4, -42);
        for chunk in samples.chunks(1600) {
            dtmf_rx(state, chunk.as_ptr(), chunk.len() as c_int);
            let mut digits = [0 as c_char; MOST + 1];
            let count = dtmf_rx_get(state, digits.as_mut_ptr(), MOST as c_int);
            keys.extend(digits[..count].iter().map(|&digit| char::from(digit as u8)));
        }
        dtmf_rx_free(state);
    }
    keys
}

/// Keys (128 at most) as its generator makes them: levels in dBm0, `twist` of the column above the row in dB, times in
/// milliseconds.
pub fn keys(keys: &str, level: i32, twist: i32, on: i32, off: i32) -> Vec<i16> {
    assert!(keys.len() <= MOST);
    // SAFETY: a null state asks the library for a new one, which is ours until it is freed.
    let state = NonNull::new(unsafe { dtmf_tx_init(null_mut()) }).expect("a generator").as_ptr();
    let mut samples = vec![0; keys.len() * (on + off) as usize * 8 + 800];
    // SAFETY: the state lives; lengths are those of the slices.
    let made = unsafe {
        dtmf_tx_set_level(state, level, twist);
        dtmf_tx_set_timing(state, on, off);
        dtmf_tx_put(state, keys.as_ptr().cast(), keys.len() as c_int);
        let made = dtmf_tx(state, samples.as_mut_ptr(), samples.len() as c_int);
        dtmf_tx_free(state);
        made
    };
    assert!(made > 0, "it made nothing");
    samples
}
