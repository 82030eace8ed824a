//! Keywords for media addresses and ports.

use crate::state::MediaKind;

use super::super::{KeywordDef, KeywordForm, Scope};
use super::address::{ip_version, write_ip};
use super::write_decimal;

pub(in crate::lang) const MEDIA_IP: KeywordDef = KeywordDef {
    name: "media_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_ip(settings.media_ip, out)),
    doc: "The media address of -mi, without brackets.",
};

pub(in crate::lang) const MEDIA_IP_TYPE: KeywordDef = KeywordDef {
    name: "media_ip_type",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.push(ip_version(settings.media_ip))),
    doc: "4 or 6.",
};

pub(in crate::lang) const MEDIA_PORT: KeywordDef = KeywordDef {
    name: "media_port",
    args: "+N",
    vanishes: false,
    // Not constant: the call notes the port.
    form: KeywordForm::Plain(|scope, offset, out| {
        write_media_port(i64::from(scope.settings.media_port) + offset, scope, out);
    }),
    doc: "The media port.",
};

pub(in crate::lang) const AUTO_MEDIA_PORT: KeywordDef = KeywordDef {
    name: "auto_media_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(auto_media_port),
    doc: "The media port plus 4 for each call before, modulo 10000.",
};

fn auto_media_port(scope: &mut Scope<'_>, offset: i64, out: &mut Vec<u8>) {
    let calls_before = scope.call.number.0.saturating_sub(1);
    let step = (calls_before.wrapping_mul(4) % 10_000) as i64;
    write_media_port(i64::from(scope.settings.media_port) + step + offset, scope, out);
}

/// Appends a port; on a line that names a kind of media it becomes the port the call's captures come from.
fn write_media_port(port: i64, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
    if let (Some(media), Ok(port)) = (&mut scope.call.media, u16::try_from(port)) {
        let line = &out[memchr::memrchr(b'\n', out).map_or(0, |end| end + 1)..];
        for kind in MediaKind::ALL {
            if memchr::memmem::find(line, kind.word().as_bytes()).is_some() {
                media.line_mut(kind).local_port = port;
            }
        }
    }
    write_decimal(port, out);
}

pub(in crate::lang) const RTPSTREAM_AUDIO_PORT: KeywordDef = KeywordDef {
    name: "rtpstream_audio_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| write_stream_port(scope, MediaKind::Audio, offset, out)),
    doc: "The call's own port for rtp_stream audio, chosen when first used; +1 is for RTCP.",
};

pub(in crate::lang) const RTPSTREAM_VIDEO_PORT: KeywordDef = KeywordDef {
    name: "rtpstream_video_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| write_stream_port(scope, MediaKind::Video, offset, out)),
    doc: "The call's own port for rtp_stream video, chosen when first used; +1 is for RTCP.",
};

fn write_stream_port(scope: &mut Scope<'_>, kind: MediaKind, offset: i64, out: &mut Vec<u8>) {
    let own = usize::from(kind == MediaKind::Video);
    let known = scope.call.media.as_ref().map_or(0, |media| media.stream_ports[own]);
    let port = if known == 0 { take_stream_port(scope) } else { known };
    scope.call.media.get_or_insert_default().stream_ports[own] = port;
    write_decimal(i64::from(port) + offset, out);
}

/// A port of the call's own. When none is left it shares the media port, with a warning.
fn take_stream_port(scope: &mut Scope<'_>) -> u16 {
    let ports = scope.settings.media_ports();
    scope.world.next_stream_port(ports.clone()).unwrap_or_else(|| {
        let (first, last) = (ports.start(), ports.end());
        let (id, shared) = (String::from_utf8_lossy(&scope.call.id).into_owned(), scope.settings.media_port);
        scope.warn(format!(
            "Call-Id: {id}, all media ports from {first} to {last} are in use, the call shares port {shared} (widen \
             the range with -min_rtp_port and -max_rtp_port)"
        ));
        shared
    })
}
