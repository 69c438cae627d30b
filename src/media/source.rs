//! Whom a stream believes: the address of the SDP, or the first source that the signalling vouches for.
//! Once latched it is that source only, until a re-INVITE names another address (RTP bleed, CVE-2025-53399).

use super::Open;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Debug)]
pub struct Source {
    remote: SocketAddr,
    signalling: IpAddr,
    media_from: Vec<IpNet>,
    latched: Option<SocketAddr>,
}

impl Source {
    pub fn new(open: &Open) -> Self {
        Self {
            remote: open.session.remote,
            signalling: open.signalling,
            media_from: open.media_from.clone(),
            latched: None,
        }
    }

    pub fn trusts(&self, source: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => source == latched,
            None => {
                let ip = source.ip();
                source == self.remote
                    || ip == self.signalling
                    || self.media_from.iter().any(|network| network.contains(&ip))
            }
        }
    }

    /// Latches a source that is trusted; `true` if it was not latched before.
    pub fn latch(&mut self, source: SocketAddr) -> bool {
        self.latched.replace(source).is_none()
    }

    /// The far end's SDP as it stands now; `true` if it moved, so that the source has to be latched anew.
    pub fn retarget(&mut self, remote: SocketAddr) -> bool {
        if self.remote == remote {
            return false;
        }
        self.remote = remote;
        self.latched = None;
        true
    }

    /// Where to send: where packets come from (symmetric RTP, RFC 4961), until then where the SDP says.
    pub fn destination(&self) -> SocketAddr {
        self.latched.unwrap_or(self.remote)
    }
}
