//! Socket addresses in the kernel's form.

use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A socket address as the kernel writes it, IPv4 or IPv6.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Name {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Name {
    /// No address.
    pub(super) fn unset() -> Name {
        // SAFETY: all-zero is a valid value of every variant (AF_UNSPEC).
        unsafe { zeroed() }
    }

    /// The address, when it is one of IP.
    pub(super) fn addr(&self) -> Option<SocketAddr> {
        // SAFETY: every byte of the union is always initialised (it starts all-zero) and every bit pattern is
        // valid for these integer structs; the family says which one the kernel wrote.
        unsafe {
            match libc::c_int::from(self.family) {
                libc::AF_INET => Some(SocketAddr::V4(SocketAddrV4::new(
                    Ipv4Addr::from(u32::from_be(self.v4.sin_addr.s_addr)),
                    u16::from_be(self.v4.sin_port),
                ))),
                libc::AF_INET6 => Some(SocketAddr::V6(SocketAddrV6::new(
                    Ipv6Addr::from(self.v6.sin6_addr.s6_addr),
                    u16::from_be(self.v6.sin6_port),
                    u32::from_be(self.v6.sin6_flowinfo),
                    self.v6.sin6_scope_id,
                ))),
                _ => None,
            }
        }
    }

    /// The kernel's form of an address, and how many bytes of it count.
    pub(super) fn from_addr(addr: SocketAddr) -> (Name, libc::socklen_t) {
        let mut name = Name::unset();
        match addr {
            SocketAddr::V4(addr) => {
                name.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: addr.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from(*addr.ip()).to_be() },
                    sin_zero: [0; 8],
                };
                (name, size_of::<libc::sockaddr_in>() as libc::socklen_t)
            }
            SocketAddr::V6(addr) => {
                name.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: addr.port().to_be(),
                    sin6_flowinfo: addr.flowinfo().to_be(),
                    sin6_addr: libc::in6_addr { s6_addr: addr.ip().octets() },
                    sin6_scope_id: addr.scope_id(),
                };
                (name, NAME_LEN)
            }
        }
    }
}

/// Room for an address of either kind.
pub(super) const NAME_LEN: libc::socklen_t = size_of::<libc::sockaddr_in6>() as libc::socklen_t;

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, SocketAddrV6};

    use super::Name;

    #[test]
    fn addresses_survive_the_kernel_form() {
        let scoped = SocketAddrV6::new("fe80::1".parse().expect("an address"), 5060, 7, 3);
        for addr in ["192.0.2.1:5060".parse().expect("an address"), SocketAddr::V6(scoped)] {
            assert_eq!(Name::from_addr(addr).0.addr(), Some(addr));
        }
        assert_eq!(Name::unset().addr(), None);
    }
}
