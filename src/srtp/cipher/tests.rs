//! The test vectors of RFC 3711 appendix B and RFC 7714 sections 16 and 17, given in hexadecimal as they stand there.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().expect("the right length")
}

/// RFC 3711 appendix B.2.
#[test]
fn the_keystream_of_aes_in_counter_mode() {
    let cm =
        Cm::new(&array("2B7E151628AED2A6ABF7158809CF4F3C"), array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), &[0; 20], TAG_80);
    let mut stream = vec![0; 1_044_512];
    cm.crypt(0, 0, &mut stream);
    let blocks = |at: usize| stream[at * 16..(at + 3) * 16].to_vec();
    assert_eq!(
        blocks(0),
        bytes("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
    );
    assert_eq!(
        blocks(0xfeff),
        bytes("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44")
    );
}

/// RFC 3711 appendix B.3.
#[test]
fn the_derivation_of_session_keys() {
    let master = bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let master = Master::new(Suite::Cm80, &master).expect("a key");
    let derived = |label, length| {
        let mut out = vec![0xee; length];
        derive(&master, label, &mut out);
        out
    };
    assert_eq!(derived(0, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    let auth = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098
        6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
    assert_eq!(derived(1, 94), bytes(auth));
}

fn gcm() -> Cipher {
    let (key, salt) = (array("000102030405060708090a0b0c0d0e0f"), array("51756964 2070726f 2071756f"));
    Cipher::Gcm(Gcm::new(&key, salt))
}

/// RFC 7714 section 16.1: rollover counter 0.
#[test]
fn srtp_by_gcm() {
    let header = "8040f17b 8041f8d3 5501a0b2";
    let plain = bytes(&format!(
        "{header} 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"
    ));
    let sealed = bytes(&format!(
        "{header} f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833 \
         899d7f27 beb16a91 52cf765e e4390cce"
    ));
    let mut packet = plain.clone();
    packet.extend([0; TAG_GCM]);
    assert_eq!(gcm().seal(&mut packet, 12, plain.len(), 0x5501_a0b2, 0xf17b), Ok(sealed.len()));
    assert_eq!(packet, sealed);
    assert_eq!(gcm().open(&mut packet, 12, 0x5501_a0b2, 0xf17b), Ok(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
}

/// RFC 7714 section 17.1: index 0x5d4.
#[test]
fn srtcp_by_gcm() {
    let header = "81c8000d 4d617273";
    let plain = bytes(&format!(
        "{header} 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef"
    ));
    let sealed = bytes(&format!(
        "{header} 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b \
         c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"
    ));
    let mut packet = plain.clone();
    packet.extend([0; TAG_GCM + WORD]);
    assert_eq!(gcm().seal_rtcp(&mut packet, plain.len(), 0x4d61_7273, 0x5d4), Ok(sealed.len()));
    assert_eq!(packet, sealed);
    assert_eq!(gcm().rtcp_word(&packet), Ok(ENCRYPTED | 0x5d4));
    assert_eq!(gcm().open_rtcp(&mut packet, 0x4d61_7273, ENCRYPTED | 0x5d4), Ok(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
}
